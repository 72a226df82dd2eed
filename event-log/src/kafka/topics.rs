//! The topics: made where they are missing, and doctored: nothing starts on settings that could
//! lose what was acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

use super::config::{KafkaConfig, MAX_MESSAGE_BYTES};
use super::error::OpenError;
use super::voice::Voice;

const PATIENCE: Duration = Duration::from_secs(15);
/// How long a broker may take to say what the cluster is.
const ANSWERS: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);
const REPLICATION: usize = 3;
const MIN_ISR: usize = 2;

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It holds the truth: nothing may ever leave it.
    Kept,
    /// Its last record of each key matters.
    Compacted,
}

/// A topic as it should be.
struct Wanted {
    name: String,
    partitions: u32,
    kind: Kind,
}

/// A topic as it is: the replicas of each partition.
type Found = BTreeMap<String, Vec<usize>>;

struct Cluster {
    brokers: Vec<i32>,
    topics: Found,
}

/// Whether topics that are missing are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// They are made.
    Make,
    /// They are an error.
    Refuse,
}

/// Checks all topics.
pub(super) async fn prepare(config: &KafkaConfig, when: Missing) -> Result<(), OpenError> {
    let wanted = wanted(config);
    let mut cluster = look(config).await?;
    let missing: Vec<&Wanted> =
        wanted.iter().filter(|topic| !cluster.topics.contains_key(&topic.name)).collect();
    if let (Some(topic), Missing::Refuse) = (missing.first(), when) {
        return Err(OpenError::Absent(topic.name.clone()));
    }
    if !missing.is_empty() {
        let brokers = cluster.brokers.len();
        if let Some(weak) = too_few(brokers, config.dev) {
            return Err(OpenError::Weak(vec![weak]));
        }
        create(config, &missing, brokers).await?;
        cluster = appear(config, &wanted).await?;
    }
    for topic in &wanted {
        let found = cluster.topics.get(&topic.name).map_or(0, Vec::len);
        if found != topic.partitions as usize {
            let (topic, wanted) = (topic.name.clone(), topic.partitions);
            return Err(OpenError::Partitions { topic, found, wanted });
        }
    }
    if config.dev {
        return Ok(());
    }
    let weak = weaknesses(config, &wanted, &cluster).await.map_err(|e| unreachable(config, &e))?;
    if weak.is_empty() { Ok(()) } else { Err(OpenError::Weak(weak)) }
}

/// What is weak about so many brokers.
fn too_few(brokers: usize, dev: bool) -> Option<String> {
    (!dev && brokers < REPLICATION)
        .then(|| format!("brokers: {brokers}, which must be {REPLICATION} at least"))
}

pub(super) fn unreachable(config: &KafkaConfig, error: &KafkaError) -> OpenError {
    let detail = match error.rdkafka_error_code().map_or("", hint) {
        "" => error.to_string(),
        hint => format!("{hint} ({error})"),
    };
    OpenError::Unreachable { brokers: config.brokers.clone(), detail }
}

/// What may be behind a code that says little.
fn hint(code: RDKafkaErrorCode) -> &'static str {
    match code {
        RDKafkaErrorCode::BrokerTransportFailure
        | RDKafkaErrorCode::AllBrokersDown
        | RDKafkaErrorCode::OperationTimedOut => {
            "no broker answers as Kafka does. Something else may listen there; it may ask for TLS \
             or a login, which are not built in; or the addresses that the brokers advertise \
             can't be reached from here"
        }
        RDKafkaErrorCode::Resolve => "the brokers advertise names that this machine does not know",
        _ => "",
    }
}

fn wanted(config: &KafkaConfig) -> Vec<Wanted> {
    let events = config.aggregates.iter().map(|aggregate| Wanted {
        name: config.topic(aggregate),
        partitions: config.partitions,
        kind: Kind::Kept,
    });
    let stream = Wanted { name: config.stream_topic(), partitions: 1, kind: Kind::Kept };
    let owners = Wanted { name: config.owners_topic(), partitions: 1, kind: Kind::Compacted };
    events.chain([stream, owners]).collect()
}

/// The settings that a topic of ours is made with and must have.
fn settings(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Kept => &[
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("retention.bytes", "-1"),
            ("message.timestamp.type", "LogAppendTime"),
            ("unclean.leader.election.enable", "false"),
        ],
        Kind::Compacted => {
            &[("cleanup.policy", "compact"), ("unclean.leader.election.enable", "false")]
        }
    }
}

async fn look(config: &KafkaConfig) -> Result<Cluster, OpenError> {
    let (settings, at) = (config.reader(), config.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer<Voice> = settings.create_with_context(Voice)?;
        let metadata = consumer.fetch_metadata(None, ANSWERS)?;
        let brokers = metadata.brokers().iter().map(|broker| broker.id()).collect();
        let topics = metadata.topics().iter().map(|topic| {
            let replicas = topic.partitions().iter().map(|p| p.replicas().len()).collect();
            (topic.name().to_owned(), replicas)
        });
        Ok(Cluster { brokers, topics: topics.collect() })
    });
    let result = asked.await.unwrap_or(Err(KafkaError::Canceled));
    result.map_err(|error| unreachable(&at, &error))
}

async fn create(
    config: &KafkaConfig,
    missing: &[&Wanted],
    brokers: usize,
) -> Result<(), OpenError> {
    let failed = |error: KafkaError| unreachable(config, &error);
    let admin = admin(config).map_err(failed)?;
    let replication = if config.dev { brokers.clamp(1, REPLICATION) } else { REPLICATION };
    let min_isr = replication.saturating_sub(1).max(1).to_string();
    let max_bytes = MAX_MESSAGE_BYTES.to_string();
    let topics = missing.iter().map(|topic| {
        let (count, factor) = (topic.partitions as i32, replication as i32);
        let new = NewTopic::new(&topic.name, count, TopicReplication::Fixed(factor))
            .set("min.insync.replicas", &min_isr)
            .set("max.message.bytes", &max_bytes);
        settings(topic.kind).iter().fold(new, |new, (key, value)| new.set(key, value))
    });
    let topics: Vec<NewTopic<'_>> = topics.collect();
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for result in admin.create_topics(&topics, &options).await.map_err(failed)? {
        match result {
            Ok(topic) => tracing::info!(topic, "topic made"),
            // Another instance was faster.
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => {
                let detail = format!("topic {topic} can't be made: {error}");
                return Err(OpenError::Unreachable { brokers: config.brokers.clone(), detail });
            }
        }
    }
    Ok(())
}

/// Waits until each topic is known with all its partitions.
async fn appear(config: &KafkaConfig, wanted: &[Wanted]) -> Result<Cluster, OpenError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let cluster = look(config).await?;
        let is_there =
            |topic: &Wanted| cluster.topics.get(&topic.name).is_some_and(|found| !found.is_empty());
        if wanted.iter().all(is_there) || Instant::now() > deadline {
            return Ok(cluster);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn admin(config: &KafkaConfig) -> Result<AdminClient<Voice>, KafkaError> {
    config.client().create_with_context(Voice)
}

async fn weaknesses(
    config: &KafkaConfig,
    wanted: &[Wanted],
    cluster: &Cluster,
) -> Result<Vec<String>, KafkaError> {
    let admin = admin(config)?;
    let internal = ["__transaction_state", "__consumer_offsets"];
    let present: Vec<&str> = wanted
        .iter()
        .map(|topic| topic.name.as_str())
        .chain(internal.into_iter().filter(|name| cluster.topics.contains_key(*name)))
        .collect();
    let specifiers: Vec<_> = present.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let found = describe(&admin, &specifiers).await?;
    let mut weak = Vec::new();
    for (name, resource) in present.iter().zip(&found) {
        let kind = wanted.iter().find(|topic| topic.name == *name).map(|topic| topic.kind);
        let replicas = cluster.topics.get(*name).into_iter().flatten().min().copied();
        weak.extend(of_topic(name, kind, replicas.unwrap_or(0), resource));
    }
    let absent: Vec<&str> =
        internal.into_iter().filter(|name| !cluster.topics.contains_key(*name)).collect();
    // A request may name one broker only.
    for id in cluster.brokers.iter().filter(|_| !absent.is_empty()) {
        for resource in describe(&admin, &[ResourceSpecifier::Broker(*id)]).await? {
            weak.extend(absent.iter().flat_map(|name| of_broker(name, &resource)));
        }
    }
    weak.sort();
    weak.dedup();
    Ok(weak)
}

async fn describe<C: ClientContext>(
    admin: &AdminClient<C>,
    of: &[ResourceSpecifier<'_>],
) -> Result<Vec<ConfigResource>, KafkaError> {
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let results = admin.describe_configs(of, &options).await?;
    results.into_iter().map(|result| result.map_err(KafkaError::AdminOp)).collect()
}

/// What is weak about a topic that is there.
fn of_topic(
    name: &str,
    kind: Option<Kind>,
    replicas: usize,
    resource: &ConfigResource,
) -> Vec<String> {
    let value = |key: &str| resource.get(key).and_then(|entry| entry.value.as_deref());
    let due = kind.map_or(&[("unclean.leader.election.enable", "false")][..], settings);
    let differ = due.iter().filter(|(key, due)| value(key).is_some_and(|value| value != *due));
    let mut weak: Vec<String> = differ
        .map(|(key, due)| {
            format!("topic {name} has {key}={}, which must be {due}", value(key).unwrap_or(""))
        })
        .collect();
    if replicas < REPLICATION {
        weak.push(format!("topic {name} has {replicas} replicas, which must be {REPLICATION}"));
    }
    weak.extend(too_low(&format!("topic {name}"), "min.insync.replicas", MIN_ISR, resource));
    weak
}

/// What would be weak about an internal topic that brokers have still to make.
fn of_broker(name: &str, resource: &ConfigResource) -> Vec<String> {
    let settings: &[(&str, usize)] = match name {
        "__transaction_state" => &[
            ("transaction.state.log.replication.factor", REPLICATION),
            ("transaction.state.log.min.isr", MIN_ISR),
        ],
        _ => &[("offsets.topic.replication.factor", REPLICATION), ("min.insync.replicas", MIN_ISR)],
    };
    settings
        .iter()
        .filter_map(|(key, least)| too_low("the brokers", key, *least, resource))
        .collect()
}

fn too_low(of: &str, key: &str, least: usize, resource: &ConfigResource) -> Option<String> {
    let value = resource.get(key)?.value.as_deref()?;
    let low = value.parse::<usize>().is_ok_and(|value| value < least);
    low.then(|| format!("{of} has {key}={value}, which must be {least} at least"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broker_is_for_development_only() {
        assert_eq!(too_few(1, true), None);
        assert_eq!(too_few(3, false), None);
        let why = too_few(1, false).expect("too few");
        assert!(why.contains("brokers: 1") && why.contains('3'), "{why}");
    }
}
