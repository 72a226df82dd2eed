//! A running Kafka and a running database, and the nodes that tests take away from them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::repository;

/// Where the brokers and the database nodes are.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Brokers, host:port separated by commas.
    pub kafka: String,
    /// Database nodes, host:port separated by commas.
    pub cql: String,
    /// Copies that the database keeps of each row.
    pub copies: u8,
}

/// A node that was stopped, and is started again when this is dropped.
#[must_use]
pub struct Missing {
    folder: PathBuf,
    part: &'static str,
    number: String,
}

/// Nodes of a test's own, stopped when this is dropped.
#[must_use]
pub struct Own {
    folder: PathBuf,
    /// Where they are.
    pub parts: Parts,
}

impl Parts {
    /// The parts that `make test` has started.
    pub fn running() -> Result<Parts> {
        let named = |name: &str| {
            std::env::var(name).with_context(|| {
                format!("{name} is not set: this test needs Kafka and Cassandra, as `make test` starts them")
            })
        };
        Ok(Parts {
            kafka: named("FOLDLINE_TEST_KAFKA")?,
            cql: named("FOLDLINE_TEST_CQL")?,
            copies: 1,
        })
    }

    /// A folder below the one that `make test` cleans up.
    pub(crate) fn folder(name: &str) -> Result<PathBuf> {
        let all = std::env::var("FOLDLINE_TEST_PARTS")
            .context("FOLDLINE_TEST_PARTS is not set: `make test` names the folder of the parts")?;
        Ok(Path::new(&all).join(name))
    }

    /// Drops a keyspace: a node has memory for some hundred tables.
    pub(crate) fn drop_keyspace(&self, keyspace: &str) -> Result<()> {
        let node = self.cql.split(',').next().unwrap_or_default();
        call(&Parts::folder("main")?, &["drop", node, keyspace])
    }

    /// Kills a broker, as a power cut does.
    pub fn kill_broker(number: u8) -> Result<Missing> {
        Missing::kill(Parts::folder("main")?, "kafka", number)
    }

    /// Starts a database of three nodes beside the one that runs.
    pub fn three_nodes() -> Result<Own> {
        let (folder, port) = (Parts::folder("three")?, 29_242);
        let nodes = ["--kafka", "0", "--cassandra", "3", "--cassandra-port", &port.to_string()];
        call(&folder, &[&["up", "--fresh"], &nodes[..]].concat())?;
        let cql = (1..=3).map(|n| format!("127.0.0.{n}:{port}")).collect::<Vec<_>>().join(",");
        Ok(Own { folder, parts: Parts { cql, copies: 3, ..Parts::running()? } })
    }

    /// Starts one broker and one database node beside those that run, as `make up` does.
    pub fn one_of_each() -> Result<Own> {
        let (folder, kafka, cql) = (Parts::folder("one")?, 29_442, 29_542);
        let ports = ["--kafka-port", &kafka.to_string(), "--cassandra-port", &cql.to_string()];
        call(&folder, &[&["up", "--fresh"], &ports[..]].concat())?;
        let parts = Parts {
            kafka: format!("127.0.0.1:{kafka}"),
            cql: format!("127.0.0.1:{cql}"),
            copies: 1,
        };
        Ok(Own { folder, parts })
    }
}

impl Own {
    /// Kills a broker, as a power cut does.
    pub fn kill_broker(&self, number: u8) -> Result<Missing> {
        Missing::kill(self.folder.clone(), "kafka", number)
    }

    /// Kills a database node, as a power cut does.
    pub fn kill_database_node(&self, number: u8) -> Result<Missing> {
        Missing::kill(self.folder.clone(), "cassandra", number)
    }
}

impl Missing {
    fn kill(folder: PathBuf, part: &'static str, number: u8) -> Result<Missing> {
        let number = number.to_string();
        call(&folder, &["stop", part, &number, "--kill"])?;
        Ok(Missing { folder, part, number })
    }

    /// Starts it again, and waits until it serves.
    pub fn come_back(self) -> Result<()> {
        call(&self.folder, &["start", self.part, &self.number])
    }
}

impl Drop for Missing {
    fn drop(&mut self) {
        // A test that failed says why; the next one needs the node all the same.
        let _ = call(&self.folder, &["start", self.part, &self.number]);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Who runs the tests stops what is left.
        let _ = call(&self.folder, &["down"]);
    }
}

fn call(folder: &Path, arguments: &[&str]) -> Result<()> {
    let program = repository("infra/native/parts.sh");
    let output = Command::new(program).arg("--dir").arg(folder).args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "parts.sh {arguments:?}: {said}");
    Ok(())
}
