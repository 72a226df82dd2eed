//! A way to the brokers that can be cut: nothing passes, and nobody is told.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Parts;

/// Brokers listen so many ports above their own for who comes by the detour, and send them to twice
/// that, where this stands.
const BROKER: u16 = 100;

/// Stands between one instance and all brokers.
pub struct Detour {
    brokers: String,
    passable: watch::Sender<bool>,
    ways: Vec<JoinHandle<()>>,
}

impl Detour {
    /// Opens the way.
    pub async fn open(parts: &Parts) -> Result<Detour> {
        let (passable, _) = watch::channel(true);
        let (mut brokers, mut ways) = (Vec::new(), Vec::new());
        for broker in parts.kafka.split(',') {
            let broker: SocketAddr = broker.parse().context("a broker's address")?;
            let at = |more: u16| SocketAddr::new(broker.ip(), broker.port() + more);
            let listener = TcpListener::bind(at(2 * BROKER)).await?;
            ways.push(tokio::spawn(lead(listener, at(BROKER), passable.subscribe())));
            brokers.push(at(2 * BROKER).to_string());
        }
        Ok(Detour { brokers: brokers.join(","), passable, ways })
    }

    /// What the instance is told to be the brokers.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// From now on nothing passes: links stay open, and are silent.
    pub fn cut(&self) {
        self.passable.send_replace(false);
    }

    /// Lets new links through. Those that were cut are closed.
    pub fn mend(&self) {
        self.passable.send_replace(true);
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        self.ways.iter().for_each(JoinHandle::abort);
    }
}

async fn lead(listener: TcpListener, broker: SocketAddr, passable: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(pass(client, broker, passable.clone()));
    }
}

async fn pass(mut client: TcpStream, broker: SocketAddr, mut passable: watch::Receiver<bool>) {
    // An error here is that somebody has gone away.
    if passable.wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(mut link) = TcpStream::connect(broker).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut link) => return,
        _ = until(&mut passable, false) => {}
    }
    // Both ends keep their sockets until the way is mended, and hear nothing.
    until(&mut passable, true).await;
}

/// Waits until the way is open or cut; nobody is left to change it where that fails.
async fn until(passable: &mut watch::Receiver<bool>, open: bool) {
    let _ = passable.wait_for(|is| *is == open).await;
}
