//! What a Kafka log is told, and the client settings that follow from it.

use std::sync::Arc;

use rdkafka::ClientConfig;

/// Where the log is and how it is laid out.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Bootstrap servers, `host:port,…`.
    pub brokers: String,
    /// What the names of all topics and groups begin with.
    pub prefix: String,
    /// Partitions per aggregate type: fixed for good by the first start.
    pub partitions: u32,
    /// Whether weak settings (one broker) are accepted.
    pub dev: bool,
    /// The aggregate types, each a topic of its own.
    pub aggregates: Vec<Arc<str>>,
    /// Where others reach this owner (a URL); empty where it takes no forwarded commands.
    pub advertise: Arc<str>,
    /// Name of this process in the brokers' logs.
    pub client_id: String,
}

/// The two groups that share out partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Instances that decide.
    Owners,
    /// Instances that project.
    Projectors,
}

impl KafkaConfig {
    /// The topic of an aggregate type.
    pub fn topic(&self, aggregate: &str) -> String {
        format!("{}.{aggregate}.events.v1", self.prefix)
    }

    pub(super) fn group(&self, group: Group) -> String {
        match group {
            Group::Owners => format!("{}.owners", self.prefix),
            Group::Projectors => format!("{}.projectors", self.prefix),
        }
    }

    /// What every client of the process has in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("socket.nagle.disable", "true")
            .set("allow.auto.create.topics", "false");
        client
    }
}
