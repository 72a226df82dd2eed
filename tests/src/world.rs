//! The World: a real `foldline run` process on a data folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::Process;
use crate::{Api, binary};

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
    api: Option<Api>,
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
            api: None,
        })
    }

    /// From the next start on, no file of the process may grow beyond so many blocks of the shell's
    /// `ulimit`; `None` lifts that.
    pub fn limit_files(&mut self, blocks: Option<u64>) {
        self.file_blocks = blocks;
    }

    /// Asks the process to stop, as `kill` does.
    pub fn terminate(&self) -> Result<()> {
        self.process.as_ref().context("no process to stop")?.signal("TERM")
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let status = self.process.as_mut().context("no process to wait for")?.ended().await?;
        self.process = None;
        Ok(status)
    }

    /// The process id, while one runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Bytes of memory that the process has taken at most.
    pub fn peak_memory(&self) -> Result<u64> {
        self.process.as_ref().context("no process to look at")?.peak_memory()
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Starts the process on the data that is there (after [`World::kill`]).
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let listen =
            self.api.as_ref().map_or("127.0.0.1:0".to_owned(), |api| api.address().to_string());
        let child = self
            .limited(&["run", "--listen", &listen, "--admin", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("can't start foldline")?;
        let (process, address) = announced(child)?;
        if self.api.is_none() {
            self.api = Some(Api::new(address, address)?);
        }
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

    /// All events of the log, each as the line says.
    pub async fn events(&self) -> Result<Vec<Value>> {
        let text = self.client().get(self.url("/events")).send().await?.text().await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Fails with what differs, unless every table says what the log says.
    pub fn verify(&self) -> Result<()> {
        said_yes(&self.foldline(&["verify"])?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("foldline"));
        command.args(arguments);
        self.set_up(&mut command);
        command
    }

    /// The same, with the limit on files where one is set: a write beyond it fails.
    fn limited(&self, arguments: &[&str]) -> Command {
        let Some(blocks) = self.file_blocks else { return self.command(arguments) };
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(binary("foldline")).args(arguments);
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

impl Deref for World {
    type Target = Api;

    fn deref(&self) -> &Api {
        self.api.as_ref().expect("a world starts with a process")
    }
}

/// Fails with all that a call of the command line said, unless it said yes.
pub(crate) fn said_yes(output: &Output) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stdout);
    let more = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{said}\n{more}");
    Ok(())
}

/// Reads what the process prints until it names its address.
fn announced(mut child: Child) -> Result<(Process, SocketAddr)> {
    let output = child.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    let address = lines.by_ref().map_while(Result::ok).find_map(|line| address_in(&line));
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    match address {
        Some(address) => Ok((Process::new(child), address)),
        None => bail!("foldline ended before it listened: {}", child.wait()?),
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split("http://").nth(1)?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
