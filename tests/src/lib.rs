//! The World: real `foldline` processes on folders of their own, and what tests ask of them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A data folder and, most of the time, the `foldline run` process on it.
pub struct World {
    schemas: PathBuf,
    data: PathBuf,
    // Removed with the world, unless the folder was given.
    _own: Option<tempfile::TempDir>,
    // Longest file that the process may write, in blocks of the shell's `ulimit`.
    file_blocks: Option<u64>,
    process: Option<Process>,
    // Kept over restarts, so that clients find the service again.
    address: Option<SocketAddr>,
    client: reqwest::Client,
}

struct Process {
    child: Child,
    address: SocketAddr,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; `Null` where it is none.
    pub json: Value,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl World {
    /// Starts `foldline run` with this schemas folder on an empty data folder.
    pub fn start(schemas: impl Into<PathBuf>) -> Result<World> {
        let own = tempfile::tempdir()?;
        let mut world = World::on(schemas, own.path())?;
        world._own = Some(own);
        world.restart()?;
        Ok(world)
    }

    /// A world on a data folder of the caller's; no process runs yet.
    pub fn on(schemas: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Result<World> {
        Ok(World {
            schemas: schemas.into(),
            data: data.into(),
            _own: None,
            file_blocks: None,
            process: None,
            address: None,
            client: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// From the next start on, no file of the process may grow beyond so many blocks of the shell's
    /// `ulimit`; `None` lifts that.
    pub fn limit_files(&mut self, blocks: Option<u64>) {
        self.file_blocks = blocks;
    }

    /// Asks the process to stop, as `kill` does.
    pub fn terminate(&self) -> Result<()> {
        let id = self.pid().context("no process to stop")?.to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status()?;
        anyhow::ensure!(told.success(), "the signal was not sent");
        Ok(())
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("no process to wait for")?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = process.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.process = Some(process);
        bail!("the process runs on half a minute after it was asked to stop")
    }

    /// The process id, while one runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// Bytes of memory that the process has taken at most.
    pub fn peak_memory(&self) -> Result<u64> {
        let id = self.pid().context("no process to look at")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a world starts with a process")
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.child.kill()?;
            process.child.wait()?;
        }
        Ok(())
    }

    /// Starts the process on the data that is there (after [`World::kill`]).
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let listen = self.address.map_or("127.0.0.1:0".to_owned(), |address| address.to_string());
        let child = self
            .limited(&["run", "--listen", &listen, "--admin", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("can't start foldline")?;
        let process = Process::announced(child)?;
        self.address = Some(process.address);
        self.process = Some(process);
        Ok(())
    }

    /// Serves another schemas folder from the next start on.
    pub fn use_schemas(&mut self, schemas: impl Into<PathBuf>) {
        self.schemas = schemas.into();
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Runs another call of the command line on the same folders, beside the process.
    pub fn foldline(&self, arguments: &[&str]) -> Result<Output> {
        Ok(self.command(arguments).output()?)
    }

    /// Where a path is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The HTTP client.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// POSTs a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        read(self.client.post(self.url(path)).json(body)).await
    }

    /// POSTs a JSON body with an idempotency key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        read(self.client.post(self.url(path)).header("Idempotency-Key", key).json(body)).await
    }

    /// All events of the log, each as the line says.
    pub async fn events(&self) -> Result<Vec<Value>> {
        let text = self.client.get(self.url("/events")).send().await?.text().await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Fails with what differs, unless every table says what the log says.
    pub fn verify(&self) -> Result<()> {
        let verified = self.foldline(&["verify"])?;
        let said = String::from_utf8_lossy(&verified.stdout);
        let more = String::from_utf8_lossy(&verified.stderr);
        anyhow::ensure!(verified.status.success(), "{said}\n{more}");
        Ok(())
    }

    /// GETs a path.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        read(self.client.get(self.url(path))).await
    }

    /// GETs a path, no older than a position.
    pub async fn get_at(&self, path: &str, position: &str) -> Result<Answer> {
        let request = self.client.get(self.url(path));
        read(request.header("Foldline-Min-Position", position).header("Prefer", "wait=10")).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments);
        self.set_up(&mut command);
        command
    }

    /// The same, with the limit on files where one is set: a write beyond it fails.
    fn limited(&self, arguments: &[&str]) -> Command {
        let Some(blocks) = self.file_blocks else { return self.command(arguments) };
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(binary()).args(arguments);
        self.set_up(&mut command);
        command
    }

    fn set_up(&self, command: &mut Command) {
        command
            .env("FOLDLINE_SCHEMAS", &self.schemas)
            .env("FOLDLINE_DATA", &self.data)
            .env("FOLDLINE_LOG", "warn");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Nothing is left to be done where this fails: the process has ended by itself.
        let _ = self.kill();
    }
}

impl Process {
    fn announced(mut child: Child) -> Result<Process> {
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| address_in(&line));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        match address {
            Some(address) => Ok(Process { child, address }),
            None => bail!("foldline ended before it listened: {}", child.wait()?),
        }
    }
}

/// The body of an order that costs this much.
pub fn order(price: u64) -> Value {
    serde_json::json!({"customer": "c-1", "lines": [{"sku": "tea", "qty": 1, "price": price}]})
}

/// Sends a request and reads its answer whole.
pub async fn read(request: reqwest::RequestBuilder) -> Result<Answer> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await?;
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Answer { status, headers, json })
}

/// Asks again until the answer is there, for at most half a minute.
pub async fn eventually<T, F: Future<Output = Result<Option<T>>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("it did not come true within 30 seconds");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The `foldline` program, beside the test programs.
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test program knows its own path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let binary = path.join("foldline");
    assert!(binary.exists(), "{} is missing: cargo build -p foldline", binary.display());
    binary
}

/// A folder of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split("http://").nth(1)?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
