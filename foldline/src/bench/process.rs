//! The servers under test: processes of this same program, on ports that the system picks.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A server process; ended when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process until it said where it listens.
    pub started_in: Duration,
}

impl Server {
    /// Starts this program with these arguments and waits for its address.
    pub fn start(arguments: &[&str]) -> Result<Server> {
        Server::start_with(arguments, &[])
    }

    fn start_with(arguments: &[&str], settings: &[(&str, String)]) -> Result<Server> {
        let start = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .env("FOLDLINE_LOG", "warn")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start a server process")?;
        let output = child.stdout.take().context("no output of the server process")?;
        let mut lines = BufReader::new(output).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| address_in(&line))
            .context("the server process ended before it listened")?;
        let started_in = start.elapsed();
        // The rest of its output is read away, so that the pipe never fills up.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Server { child, address, started_in })
    }

    /// `foldline run` on a folder of its own.
    pub fn foldline(schemas: &Path, data: &Path) -> Result<Server> {
        let (schemas, data) = (schemas.to_string_lossy(), data.to_string_lossy());
        Server::start(&[
            "run",
            "--schemas",
            &schemas,
            "--data",
            &data,
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ])
    }

    /// The bare handler.
    pub fn bare() -> Result<Server> {
        Server::start(&["bench", "--serve-bare"])
    }

    /// The bare handler whose GET makes a prepared read of these settings' keyspace.
    #[cfg(all(feature = "kafka", feature = "cql"))]
    pub fn bare_read(settings: &[(&str, String)]) -> Result<Server> {
        Server::start_with(&["bench", "--serve-bare-read"], settings)
    }

    /// Resident memory in MB, from the kernel.
    pub fn resident_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split("http://").nth(1)?;
    let end =
        rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
