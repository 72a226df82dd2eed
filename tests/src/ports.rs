//! Ports for processes that must be told where to listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};

/// Below the range from which the system gives out ports of its own.
const FIRST: u16 = 20_000;
const COUNT: u16 = 4_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of this machine on which nobody listens, not given out before by this test program.
pub(crate) fn free() -> Result<SocketAddr> {
    // Programs that run side by side have ids side by side, and begin at places far apart.
    let offset = (std::process::id().wrapping_mul(97) % u32::from(COUNT)) as u16;
    (0..COUNT)
        .map(|_| FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .context("all ports are taken")
}
