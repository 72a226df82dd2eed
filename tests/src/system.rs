//! The System: instances of the three services on a real broker and a real database, with topics and a
//! keyspace of their own.

use std::fs::File;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::engine::only;
use crate::process::Process;
use crate::world::said_yes;
use crate::{Api, Parts, binary, ports, read};

/// Few, so that a test's topics are made quickly, and several, so that instances share them.
const PARTITIONS: &str = "4";

/// The programs of which a system has instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Takes commands.
    CommandApi,
    /// Fills the tables.
    Projector,
    /// Answers queries.
    QueryApi,
}

/// What all instances share, and the instances by number.
pub struct System {
    parts: Parts,
    schemas: PathBuf,
    // Removed with the system, unless the folder was given.
    own: Option<tempfile::TempDir>,
    scope: String,
    // Kept after the test, until the next run of all.
    logs: PathBuf,
    instances: Vec<Instance>,
    api: Api,
}

struct Instance {
    service: Service,
    // Another way to the brokers than the system's.
    kafka: Option<String>,
    listen: SocketAddr,
    admin: SocketAddr,
    process: Option<Process>,
}

impl Service {
    fn program(self) -> &'static str {
        match self {
            Service::CommandApi => "command-api",
            Service::Projector => "projector",
            Service::QueryApi => "query-api",
        }
    }
}

impl System {
    /// Starts one instance of each service; command-api is 0, projector 1, query-api 2.
    pub async fn start(schemas: impl Into<PathBuf>) -> Result<System> {
        System::start_on(Parts::running()?, schemas).await
    }

    /// The same on these parts, for orders alone: all that instances share is one topic.
    pub async fn of_orders(parts: Parts) -> Result<System> {
        let orders = only("schemas", "orders")?;
        let mut system = System::start_on(parts, orders.path()).await?;
        system.own = Some(orders);
        Ok(system)
    }

    /// The same on parts of the caller's.
    pub async fn start_on(parts: Parts, schemas: impl Into<PathBuf>) -> Result<System> {
        let mut system = System::prepare(parts, schemas)?;
        for number in 0..3 {
            system.launch(number)?;
        }
        for number in 0..3 {
            system.ready(number).await?;
        }
        Ok(system)
    }

    /// A system none of whose three instances runs yet.
    pub fn prepare(parts: Parts, schemas: impl Into<PathBuf>) -> Result<System> {
        let services = [Service::CommandApi, Service::Projector, Service::QueryApi];
        let instances: Vec<_> = services
            .into_iter()
            .map(|service| Instance::new(service, None))
            .collect::<Result<_>>()?;
        let api = Api::new(instances[0].listen, instances[2].listen)?;
        let scope = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let logs = Parts::folder("logs")?.join(&scope);
        std::fs::create_dir_all(&logs)?;
        Ok(System { parts, schemas: schemas.into(), own: None, scope, logs, instances, api })
    }

    /// Adds an instance, and waits until it is ready; answers its number.
    pub async fn add(&mut self, service: Service) -> Result<usize> {
        let number = self.put(service, None)?;
        self.restart(number).await?;
        Ok(number)
    }

    /// Adds an instance that reaches the brokers at another address.
    pub async fn add_through(&mut self, service: Service, kafka: String) -> Result<usize> {
        let number = self.put(service, Some(kafka))?;
        self.restart(number).await?;
        Ok(number)
    }

    /// Starts an instance anew, and waits until it is ready.
    pub async fn restart(&mut self, number: usize) -> Result<()> {
        self.kill(number)?;
        self.launch(number)?;
        self.ready(number).await
    }

    /// Ends an instance at once, as `kill -9` does.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        self.instances[number].process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, number: usize, name: &str) -> Result<()> {
        self.instances[number].process.as_ref().context("it does not run")?.signal(name)
    }

    /// Asks an instance to stop, and waits until it has.
    pub async fn terminate(&mut self, number: usize) -> Result<ExitStatus> {
        self.signal(number, "TERM")?;
        self.ended(number).await
    }

    /// Waits until an instance has ended by itself.
    pub async fn ended(&mut self, number: usize) -> Result<ExitStatus> {
        let process = self.instances[number].process.as_mut().context("it does not run")?;
        let status = process.ended().await?;
        self.instances[number].process = None;
        Ok(status)
    }

    /// Starts an instance without waiting for anything.
    pub fn launch(&mut self, number: usize) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log(number))?;
        let instance = &self.instances[number];
        let mut command = Command::new(binary(instance.service.program()));
        self.set_up(&mut command);
        command
            .env("FOLDLINE_LISTEN", instance.listen.to_string())
            .env("FOLDLINE_ADMIN_LISTEN", instance.admin.to_string())
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null());
        if let Some(kafka) = &instance.kafka {
            command.env("FOLDLINE_KAFKA_BROKERS", kafka);
        }
        let process = Process::new(command.spawn().context("can't start a service")?);
        self.instances[number].process = Some(process);
        Ok(())
    }

    /// Where an instance of command-api or query-api listens.
    pub fn url(&self, number: usize) -> String {
        format!("http://{}", self.instances[number].listen)
    }

    /// What comes before the names of the topics; the keyspace has the same name.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Where the broker and the database are.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// All that an instance has said.
    pub fn said(&self, number: usize) -> Result<String> {
        Ok(std::fs::read_to_string(self.log(number))?)
    }

    /// Runs a call of the command line on the same topics and keyspace.
    pub fn foldline(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary("foldline"));
        self.set_up(&mut command);
        Ok(command.args(arguments).output()?)
    }

    /// All events of the log, each as `foldline tail` prints it.
    pub fn events(&self) -> Result<Vec<Value>> {
        let output = self.foldline(&["tail"])?;
        said_yes(&output)?;
        let text = String::from_utf8(output.stdout)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Fails with what differs, unless every table says what the log says.
    pub fn verify(&self) -> Result<()> {
        said_yes(&self.foldline(&["verify"])?)
    }

    fn put(&mut self, service: Service, kafka: Option<String>) -> Result<usize> {
        self.instances.push(Instance::new(service, kafka)?);
        Ok(self.instances.len() - 1)
    }

    /// Waits until an instance says that it is ready.
    async fn ready(&mut self, number: usize) -> Result<()> {
        let url = format!("http://{}/readyz", self.instances[number].admin);
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let answer = read(self.api.client().get(&url)).await;
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            let instance = &mut self.instances[number];
            let process = instance.process.as_mut().context("it does not run")?;
            let end = process.end()?;
            if end.is_some() || Instant::now() > deadline {
                let (name, said) = (instance.service.program(), self.said(number)?);
                bail!("{name} is not ready: {answer:?}, {end:?}\n{said}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self, number: usize) -> PathBuf {
        let name = self.instances[number].service.program();
        self.logs.join(format!("{number}-{name}.log"))
    }

    fn set_up(&self, command: &mut Command) {
        let dev = if self.parts.copies < 3 { "true" } else { "false" };
        command
            .env("FOLDLINE_SCHEMAS", &self.schemas)
            .env("FOLDLINE_KAFKA_BROKERS", &self.parts.kafka)
            .env("FOLDLINE_CQL_NODES", &self.parts.cql)
            .env("FOLDLINE_TOPIC_PREFIX", &self.scope)
            .env("FOLDLINE_PARTITIONS", PARTITIONS)
            .env("FOLDLINE_CQL_KEYSPACE", &self.scope)
            .env("FOLDLINE_CQL_REPLICATION", self.parts.copies.to_string())
            .env("FOLDLINE_DEV", dev)
            .env("FOLDLINE_LOG", "info");
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.instances.clear();
        // Nodes that are stopped need no room.
        let _ = self.parts.drop_keyspace(&self.scope);
    }
}

impl Deref for System {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Instance {
    fn new(service: Service, kafka: Option<String>) -> Result<Instance> {
        let (listen, admin) = (ports::free()?, ports::free()?);
        Ok(Instance { service, kafka, listen, admin, process: None })
    }
}
