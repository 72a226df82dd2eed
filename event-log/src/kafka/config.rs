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

/// The largest record that topics and clients take.
pub(super) const MAX_MESSAGE_BYTES: usize = 8 << 20;

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

    /// The group that shares out an aggregate type's partitions.
    pub(super) fn group(&self, group: Group, aggregate: &str) -> String {
        match group {
            Group::Owners => format!("{}.owners.{aggregate}", self.prefix),
            Group::Projectors => format!("{}.projectors.{aggregate}", self.prefix),
        }
    }

    /// The topic that holds the stream's id.
    pub(super) fn stream_topic(&self) -> String {
        format!("{}.stream.v1", self.prefix)
    }

    /// The topic that says who owns what.
    pub(super) fn owners_topic(&self) -> String {
        format!("{}.owners.v1", self.prefix)
    }

    /// What every client of the process has in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("allow.auto.create.topics", "false");
        client
    }

    /// A consumer that is told what to read and from where, and sees what is committed. It names a
    /// group, for a consumer must, and never joins it.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", format!("{}.readers", self.prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("check.crcs", "true")
            // A partition that is added waits for the fetch that is under way to return.
            .set("fetch.wait.max.ms", "100")
            // The defaults of half a second and more would show as pauses.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.error.backoff.ms", "50")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "4096");
        client
    }

    /// A member of a group. One that died is missed after the session's time; that one has left, the
    /// others hear with their next heartbeat.
    pub(super) fn member(&self, group: Group, aggregate: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", self.group(group, aggregate))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "150")
            .set("socket.timeout.ms", "10000")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("queued.min.messages", "1")
            .set("queued.max.messages.kbytes", "64");
        client
    }

    /// A producer for what is not an event.
    pub(super) fn plain_producer(&self) -> ClientConfig {
        let mut client = self.client();
        client.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
        client
    }

    /// The one producer of a partition.
    pub(super) fn appender(&self, transactional_id: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("transactional.id", transactional_id)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("transaction.timeout.ms", "10000")
            .set("message.timeout.ms", "10000")
            .set("socket.timeout.ms", "10000")
            .set("retry.backoff.ms", "10")
            // A batch is handed over whole: nothing is won by waiting for more.
            .set("linger.ms", "0")
            .set("compression.type", "lz4")
            .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
            .set("queue.buffering.max.messages", "1000000");
        client
    }
}
