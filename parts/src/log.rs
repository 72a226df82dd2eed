//! The log on Kafka, from settings and the aggregate types of a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::kafka::{KafkaConfig, KafkaLog, OpenError, Remembered};
use event_log::{ClaimId, Offset, PartitionId};
use model::Model;
use read_store::{Mark, Reader};
use service::config::KafkaArgs;
use service::process::Failure;
use service::retry::{self, retry};
use uuid::Uuid;

use crate::STARTING;
use crate::reach::Part;

/// Opens the log of a model; `advertise` is told to those who look for the owner of a partition,
/// and is empty where no commands are taken.
pub async fn open_log(
    args: &KafkaArgs,
    model: &Model,
    dev: bool,
    advertise: &str,
) -> Result<Arc<KafkaLog>, Failure> {
    let config = kafka_config(args, model, dev, advertise);
    part(args).wait().await?;
    let opened = retry(STARTING, async || {
        KafkaLog::open(config.clone()).await.map_err(|error| match error {
            OpenError::Unreachable { .. } => {
                tracing::warn!(%error, "the log is not ready yet: trying again");
                retry::Failure::Passing(error)
            }
            lasting => retry::Failure::Lasting(lasting),
        })
    });
    opened.await.map_err(log_failure)
}

/// Opens a log that is there, to be read beside the services; makes nothing and waits for nobody.
pub async fn existing_log(
    args: &KafkaArgs,
    model: &Model,
    dev: bool,
) -> Result<Arc<KafkaLog>, Failure> {
    let config = kafka_config(args, model, dev, "");
    part(args).look().await.map_err(Failure::unreachable)?;
    KafkaLog::open_existing(config).await.map_err(|error| match error {
        OpenError::Absent(_) => {
            let brokers = args.brokers.as_deref().unwrap_or_default();
            Failure::unreachable(format!("no system to read on Kafka at {brokers}: {error}"))
        }
        other => log_failure(other),
    })
}

fn part(args: &KafkaArgs) -> Part<'_> {
    let brokers = args.brokers.as_deref().unwrap_or_default().split(',');
    let addresses = brokers.filter(|address| !address.is_empty()).collect();
    Part { name: "Kafka", setting: "--kafka (FOLDLINE_KAFKA_BROKERS)", port: 9092, addresses }
}

fn kafka_config(args: &KafkaArgs, model: &Model, dev: bool, advertise: &str) -> KafkaConfig {
    KafkaConfig {
        brokers: args.brokers.clone().unwrap_or_default(),
        prefix: args.topic_prefix.clone(),
        partitions: args.partitions,
        dev,
        aggregates: model.aggregates.iter().map(|aggregate| aggregate.name.clone()).collect(),
        advertise: advertise.into(),
        client_id: format!("foldline-{}", std::process::id()),
    }
}

/// Refuses a log that tells another history than the one that the store was filled from.
pub async fn same_history(log: &KafkaLog, reader: &Arc<dyn Reader>) -> Result<(), Failure> {
    let catalog = reader.catalog().await.map_err(Failure::unreachable)?;
    let marks = reader.marks().await.map_err(Failure::unreachable)?;
    log.compare(catalog.stream, &remembered(&marks)).await.map_err(log_failure)
}

/// The highest mark of each partition.
fn remembered(marks: &[Mark]) -> Vec<Remembered> {
    let mut highest: BTreeMap<_, &Mark> = BTreeMap::new();
    for mark in marks.iter().filter(|mark| mark.offset >= 0) {
        let known = highest.entry(&mark.partition).or_insert(mark);
        if known.offset < mark.offset {
            *known = mark;
        }
    }
    let one = |mark: &Mark| Remembered {
        partition: PartitionId { topic: mark.partition.0.clone(), number: mark.partition.1 },
        offset: Offset(mark.offset),
        claim: mark.claim.map(|claim| ClaimId(Uuid::from_bytes(claim))),
        seq: mark.seq,
    };
    highest.into_values().map(one).collect()
}

fn log_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Unreachable { .. } => Failure::unreachable(error),
        refused => Failure::input(refused),
    }
}
