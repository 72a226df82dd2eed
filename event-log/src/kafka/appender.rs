//! The right to append to one partition: a thread that owns the producer, and a handle on it.
//!
//! The calls of a transactional producer block, and so does dropping one: neither ever happens on
//! an async thread. The thread ends with its handle, or after the first error, for then only a new
//! claim can go on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::message::OwnedHeaders;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::claim::{self, ClaimRecord};
use super::config::KafkaConfig;
use super::pace::Pace;
use super::readback::{Readback, Unseen};
use super::recent::Recent;
use super::transaction::{Broken, Transactions};
use super::wire::Envelope;
use crate::log::{AppendError, Appended, Appender, ClaimError, NewCommand, Turn};
use crate::record::{Claim, ClaimId, Offset, PartitionId};

/// How long the own claim may take to appear; a transaction that nobody ends holds it back.
const CLAIM_APPEARS: Duration = Duration::from_secs(10);
/// How long committed records may take to appear.
const RECORDS_APPEAR: Duration = Duration::from_secs(10);
/// How long the thread may take for one job. The client library may wait much longer for a broker
/// that has died with what it knew of a transaction; a new claim waits for nobody.
const JOB: Duration = Duration::from_secs(15);
/// The same for becoming the owner, which has to wait for an older one's open transaction.
const CLAIMING: Duration = Duration::from_secs(40);

/// What a claim is made with.
pub(super) struct Wanted {
    pub config: KafkaConfig,
    pub stream: Uuid,
    pub partition: PartitionId,
    pub owner: Arc<str>,
    pub recent: Arc<Recent>,
    pub stalls: Arc<AtomicU64>,
    pub pace: Arc<Pace>,
    /// Lives as long as the thread: whoever closes the log waits for all of these.
    pub alive: Arc<()>,
}

enum Job {
    Append { batch: Vec<NewCommand>, reply: oneshot::Sender<Result<Appended, AppendError>> },
    Confirm { reply: oneshot::Sender<Result<(), AppendError>> },
}

/// The handle that an owner holds.
pub(super) struct KafkaAppender {
    claim: ClaimId,
    claimed_at: Offset,
    jobs: Sender<Job>,
    pace: Arc<Pace>,
}

/// Claims the partition, on a thread of its own.
pub(super) async fn claim(wanted: Wanted) -> Result<KafkaAppender, ClaimError> {
    let (reply, answer) = oneshot::channel();
    let unavailable = ClaimError::Unavailable;
    std::thread::Builder::new()
        .name(format!("log-{}", wanted.partition))
        .spawn(move || run(wanted, reply))
        .map_err(|error| unavailable(format!("no thread for the log: {error}")))?;
    match tokio::time::timeout(CLAIMING, answer).await {
        Ok(Ok(claimed)) => claimed,
        Ok(Err(_)) => Err(unavailable("the claim was broken off".to_owned())),
        Err(_) => Err(unavailable("the brokers took too long to take the claim".to_owned())),
    }
}

fn run(wanted: Wanted, reply: oneshot::Sender<Result<KafkaAppender, ClaimError>>) {
    let (jobs, queue) = channel();
    let (recent, pace) = (Arc::clone(&wanted.recent), Arc::clone(&wanted.pace));
    match Owning::begin(wanted) {
        Ok(mut owning) => {
            let (claim, claimed_at) = (owning.claim, owning.claimed_at);
            let given = reply.send(Ok(KafkaAppender { claim, claimed_at, jobs, pace }));
            if given.is_ok() {
                owning.serve(&queue);
            }
            recent.detach(&owning.readback);
        }
        Err(refused) => drop(reply.send(Err(refused))),
    }
}

/// The thread's own things.
struct Owning {
    transactions: Transactions,
    envelope: Envelope,
    readback: Arc<Readback>,
    claim: ClaimId,
    claimed_at: Offset,
    seq: u64,
    pace: Arc<Pace>,
    /// Offset after the last record that was read back.
    end: i64,
    _alive: Arc<()>,
}

impl Owning {
    fn begin(wanted: Wanted) -> Result<Owning, ClaimError> {
        let Wanted { config, stream, partition, owner, recent, stalls, pace, alive } = wanted;
        let unavailable = ClaimError::Unavailable;
        let topic = config.topic(&partition.topic);
        let transactions = Transactions::begin(&config, &topic, partition.number, stalls)
            .map_err(|error| unavailable(format!("can't become the only producer: {error}")))?;
        let id = ClaimId(Uuid::now_v7());
        let readback = Arc::new(Readback::new(id));
        recent.attach(Arc::clone(&readback));
        let claim = Claim { id, stream, owner };
        let datum = claim::encode(&ClaimRecord { claim, partitions: config.partitions });
        let claimed_at = transactions
            .write([(None, datum.as_slice(), OwnedHeaders::new())])
            .map_err(|broken| unavailable(format!("the claim was not written: {broken:?}")))
            .and_then(|offset| appears(&partition, &readback, offset));
        let claimed_at = claimed_at.inspect_err(|_| recent.detach(&readback))?;
        Ok(Owning {
            envelope: Envelope::new(id, &config.prefix, &partition.topic),
            transactions,
            readback,
            claim: id,
            seq: 0,
            pace,
            end: claimed_at.0 + 1,
            claimed_at,
            _alive: alive,
        })
    }

    /// Does one job after the other until one fails or nobody is left to ask.
    fn serve(&mut self, queue: &Receiver<Job>) {
        let mut sound = true;
        while let Ok(job) = queue.recv() {
            // Whoever asked may be gone: then nobody needs the answer.
            match job {
                Job::Append { batch, reply } if sound => {
                    let result = self.append(batch);
                    sound = result.is_ok();
                    reply.send(result).ok();
                }
                Job::Confirm { reply } if sound => {
                    let result = self.confirm();
                    sound = result.is_ok();
                    reply.send(result).ok();
                }
                Job::Append { reply, .. } => drop(reply.send(Err(spent()))),
                Job::Confirm { reply } => drop(reply.send(Err(spent()))),
            }
        }
    }

    fn append(&mut self, batch: Vec<NewCommand>) -> Result<Appended, AppendError> {
        if self.readback.is_superseded() {
            return Err(AppendError::Fenced);
        }
        let begun = Instant::now();
        let first = self.seq + 1;
        self.seq += batch.len() as u64;
        let records = batch.iter().zip(first..).flat_map(|(command, seq)| {
            let headers = self.envelope.headers(command, seq);
            let events = command.events.iter().zip(headers);
            events.map(|((_, data), headers)| (Some(&*command.id), &**data, headers))
        });
        self.transactions.write(records).map_err(append_error)?;
        let last = self.readback.completed(self.seq, RECORDS_APPEAR).map_err(|unseen| {
            AppendError::OutcomeUnknown(format!("committed records were not read back: {unseen:?}"))
        })?;
        if last.len() != batch.len() {
            let detail = format!("{} of {} commands were read back", last.len(), batch.len());
            return Err(AppendError::OutcomeUnknown(detail));
        }
        self.pace.took(begun.elapsed());
        self.end = last.last().map_or(self.end, |offset| offset.0 + 1);
        Ok(Appended { last })
    }

    fn confirm(&mut self) -> Result<(), AppendError> {
        self.transactions.prove(self.end).map_err(append_error)?;
        if self.readback.is_superseded() { Err(AppendError::Fenced) } else { Ok(()) }
    }
}

fn appears(
    partition: &PartitionId,
    readback: &Readback,
    offset: i64,
) -> Result<Offset, ClaimError> {
    readback.claimed(CLAIM_APPEARS).map_err(|unseen| {
        if unseen == Unseen::Late {
            tracing::error!(%partition, offset, "the own claim can't be read: a transaction that \
                nobody ends may hold the partition back (kafka-transactions.sh find-hanging)");
        }
        let detail = format!("the claim at offset {offset} did not appear: {unseen:?}");
        ClaimError::Unavailable(detail)
    })
}

fn append_error(broken: Broken) -> AppendError {
    match broken {
        Broken::Before(detail) => AppendError::NothingWritten(detail),
        Broken::After(detail) => AppendError::OutcomeUnknown(detail),
        Broken::Fenced => AppendError::Fenced,
    }
}

fn spent() -> AppendError {
    AppendError::NothingWritten("the claim is spent after an error".to_owned())
}

impl Appender for KafkaAppender {
    fn claim(&self) -> ClaimId {
        self.claim
    }

    fn claimed_at(&self) -> Offset {
        self.claimed_at
    }

    fn append(
        &mut self,
        batch: Vec<NewCommand>,
    ) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job::Append { batch, reply });
        async move {
            sent.map_err(|_| spent())?;
            let unknown = |detail: &str| Err(AppendError::OutcomeUnknown(detail.to_owned()));
            match tokio::time::timeout(JOB, answer).await {
                Ok(Ok(appended)) => appended,
                Ok(Err(_)) => unknown("the log's thread ended"),
                Err(_) => unknown("the brokers took too long to commit the records"),
            }
        }
        .boxed()
    }

    fn turn(&self) -> BoxFuture<'static, Turn> {
        self.pace.turn()
    }

    fn confirm(&mut self) -> BoxFuture<'static, Result<(), AppendError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job::Confirm { reply });
        async move {
            sent.map_err(|_| spent())?;
            match tokio::time::timeout(JOB, answer).await {
                Ok(Ok(confirmed)) => confirmed,
                Ok(Err(_)) => Err(spent()),
                // A proof writes nothing.
                Err(_) => Err(AppendError::NothingWritten(
                    "the brokers took too long to say who owns the partition".to_owned(),
                )),
            }
        }
        .boxed()
    }
}
