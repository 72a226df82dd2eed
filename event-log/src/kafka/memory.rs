//! What was remembered of the log, compared with the log at start: a topic that was made anew, or
//! got partitions added, tells another history.

use std::collections::HashMap;

use rdkafka::error::KafkaError;
use uuid::Uuid;

use super::claim::ClaimRecord;
use super::config::KafkaConfig;
use super::error::OpenError;
use super::owners::Remembered as Claimed;
use super::probe::{Probed, probe};
use super::topics::unreachable;
use crate::record::{Body, ClaimId, Offset, PartitionId};

/// A mark: how far a store has taken a partition in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The partition.
    pub partition: PartitionId,
    /// The last record taken in.
    pub offset: Offset,
    /// The latest claim at that record.
    pub claim: Option<ClaimId>,
    /// The last sequence number under it.
    pub seq: u64,
}

/// The first claim of each partition fixes stream and number of partitions, and the latest that
/// the table of owners knows must stand where it stood.
pub(super) fn check_claims(
    config: &KafkaConfig,
    stream: Uuid,
    partitions: &[PartitionId],
    claims: &HashMap<PartitionId, Claimed>,
) -> Result<(), OpenError> {
    let failed = |error: KafkaError| unreachable(config, &error);
    let begins: Vec<_> = partitions.iter().map(|partition| (partition.clone(), 0)).collect();
    for (partition, found) in probe(config, stream, &begins).map_err(failed)? {
        if let Some(claim) = found.and_then(|found| found.claim) {
            first_claim(config, stream, &partition, &claim)?;
        }
    }
    let latest: Vec<_> = partitions
        .iter()
        .filter_map(|partition| Some((partition.clone(), claims.get(partition)?.offset.0)))
        .collect();
    for (partition, found) in probe(config, stream, &latest).map_err(failed)? {
        let stands = claims.get(&partition).is_none_or(|known| {
            let there = found.as_ref().filter(|found| found.offset == known.offset.0);
            there.and_then(|found| found.claim.as_ref()) == Some(&known.claim)
        });
        if !stands {
            return Err(made_anew(config, &partition, "a claim that stood in it is gone"));
        }
    }
    Ok(())
}

/// Whether each mark's record is still the one that the store took in.
pub(super) fn check_marks(
    config: &KafkaConfig,
    stream: Uuid,
    marks: &[Remembered],
) -> Result<(), OpenError> {
    let marks: HashMap<&PartitionId, &Remembered> = marks
        .iter()
        .filter(|mark| mark.offset.0 >= 0 && config.aggregates.contains(&mark.partition.topic))
        .map(|mark| (&mark.partition, mark))
        .collect();
    let places: Vec<_> =
        marks.values().map(|mark| (mark.partition.clone(), mark.offset.0)).collect();
    let probed = probe(config, stream, &places).map_err(|error| unreachable(config, &error))?;
    for (partition, found) in probed {
        let Some(mark) = marks.get(&partition) else { continue };
        if !found.is_some_and(|found| is_at(mark, &found)) {
            let why = format!("the store took in another record at offset {}", mark.offset.0);
            return Err(made_anew(config, &partition, &why));
        }
    }
    Ok(())
}

fn first_claim(
    config: &KafkaConfig,
    stream: Uuid,
    partition: &PartitionId,
    first: &ClaimRecord,
) -> Result<(), OpenError> {
    let topic = config.topic(&partition.topic);
    if first.claim.stream != stream {
        let of = first.claim.stream;
        return Err(OpenError::OtherHistory(format!(
            "topic {topic} belongs to stream {of}, and {} says {stream}: restore the topic that \
             was made anew, or use another prefix",
            config.stream_topic(),
        )));
    }
    if first.partitions != config.partitions {
        let (found, wanted) = (first.partitions as usize, config.partitions);
        return Err(OpenError::Partitions { topic, found, wanted });
    }
    Ok(())
}

/// A record that counts has the claim and number of its mark; of one that does not, nothing is
/// remembered but its place.
fn is_at(mark: &Remembered, found: &Probed) -> bool {
    found.offset == mark.offset.0
        && match &found.body {
            Body::Claim(claim) => mark.claim == Some(claim.id),
            Body::Event(event) if mark.claim == Some(event.claim) => event.seq <= mark.seq.max(1),
            Body::Event(_) => true,
        }
}

fn made_anew(config: &KafkaConfig, partition: &PartitionId, why: &str) -> OpenError {
    let topic = config.topic(&partition.topic);
    let number = partition.number;
    OpenError::OtherHistory(format!(
        "topic {topic} was made anew or cut off: in partition {number} {why}. Restore it, or begin \
         anew with another prefix and an empty store"
    ))
}
