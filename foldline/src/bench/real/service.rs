//! One of the service programs as a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::super::client::Connection;
use super::super::scenarios::get;

/// How long a service may take until it is ready.
const STARTS: Duration = Duration::from_secs(90);
/// How long one may take to end when it is asked to.
const ENDS: Duration = Duration::from_secs(30);
/// How long a question to the admin port may take.
const ANSWERS: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

/// A service; ended when dropped.
pub struct Service {
    program: &'static str,
    child: Child,
    /// Where it listens, if it has an API.
    pub address: SocketAddr,
    admin: SocketAddr,
}

impl Service {
    /// Starts a program that lies beside this one, and waits until it is ready.
    pub async fn start(program: &'static str, settings: &[(&str, String)]) -> Result<Service> {
        let mut service = Service::launch(program, settings)?;
        service.ready().await?;
        Ok(service)
    }

    fn launch(program: &'static str, settings: &[(&str, String)]) -> Result<Service> {
        let path = beside(program)?;
        let (address, admin) = (free_port()?, free_port()?);
        let child = Command::new(&path)
            .env("FOLDLINE_LISTEN", address.to_string())
            .env("FOLDLINE_ADMIN_LISTEN", admin.to_string())
            .env("FOLDLINE_LOG", "error")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("can't start {}", path.display()))?;
        Ok(Service { program, child, address, admin })
    }

    async fn ready(&mut self) -> Result<()> {
        let program = self.program;
        let deadline = Instant::now() + STARTS;
        loop {
            if self.ask("/readyz").await.is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{program} ended before it was ready ({status}): it says why above");
            }
            if Instant::now() > deadline {
                bail!("{program} was not ready within {} s", STARTS.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A metric, summed over its labels; 0 where it was never counted.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = self.ask("/metrics").await.context("can't read metrics")?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&self) -> Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().context("no `kill`")?;
        if status.success() { Ok(()) } else { bail!("can't send a signal to {}", self.program) }
    }

    /// Waits until it has ended, and makes it end where that takes too long.
    pub async fn ended(&mut self) -> Result<()> {
        let deadline = Instant::now() + ENDS;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return self.kill();
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn ask(&self, path: &str) -> Result<(u16, String)> {
        let asked = async {
            let mut connection = Connection::open(self.admin).await?;
            let mut request = Vec::new();
            get(path, "", &mut request);
            let answer = connection.call(&request).await?;
            Ok((answer.status, String::from_utf8_lossy(answer.body).into_owned()))
        };
        tokio::time::timeout(ANSWERS, asked).await.context("no answer from the admin port")?
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only where the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn beside(program: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(program);
    if !path.exists() {
        bail!(
            "{} is missing: `make bench` builds it (cargo build --release -p foldline-{program})",
            path.display()
        );
    }
    Ok(path)
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
