//! What all calls need, and how a call becomes a question for an owner.

use std::sync::Arc;

use event_log::{KeyedCommand, Log};
use model::decide::{Actor, Expected};
use model::{Aggregate, Command, Model, Value};
use read_store::Position;
use read_store::position::PartitionKey;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::ask::{Ask, Verdict};
use crate::config::Config;
use crate::forward::Forwarder;
use crate::owner::{Ground, fresh_id};
use crate::place::Places;
use crate::route::Named;

/// Namespace of ids that are made from an idempotency key.
const MADE_IDS: Uuid = Uuid::from_u128(0x6f3c_1c1e_52a0_4d0b_9a57_70d6_27c1_85e4);

/// How many ids are made to find one of a partition that is owned here.
const MOST_MADE: usize = 16;

/// What calls need, streams of commands included.
pub(crate) struct Shared {
    pub model: Arc<Model>,
    pub log: Arc<dyn Log>,
    pub config: Config,
    pub stream: Uuid,
    pub places: Places,
    pub forwarder: Forwarder,
    pub ground: Arc<Ground>,
    pub anonymous: Arc<Actor>,
}

/// A call that the owner was asked to decide.
pub(crate) struct Asked {
    pub aggregate: usize,
    pub command: usize,
    pub id: Arc<str>,
    pub dry_run: bool,
    pub verdict: oneshot::Receiver<Verdict>,
}

/// A call, parsed, for one of the owners.
#[derive(Clone)]
pub(crate) struct Call {
    /// Index into the model's aggregates.
    pub aggregate: usize,
    /// Index into its commands.
    pub command: usize,
    pub input: Value,
    pub key: Option<Arc<str>>,
    pub expected: Option<Expected>,
    pub traceparent: Option<Arc<str>>,
    pub dry_run: bool,
}

impl Shared {
    /// The id that a call is about, and whether it was just made at random. Such an id is chosen so
    /// that this instance owns its partition, where it owns any.
    pub fn id_of(
        &self,
        named: &Named<'_>,
        given: Option<Arc<str>>,
        key: Option<&str>,
    ) -> (Arc<str>, bool) {
        let aggregate = &self.model.aggregates[named.aggregate];
        if let Some(id) = given {
            return (id, false);
        }
        if let Some(key) = key {
            let command = &aggregate.commands[named.command];
            return (made_id(aggregate, command, &self.anonymous, key), false);
        }
        let make = || fresh_id((self.config.clock)(), self.config.random);
        let mut id = make();
        for _ in 0..MOST_MADE {
            if self.places.is_here(self.number(named.aggregate, &id)) {
                break;
            }
            id = make();
        }
        (id, true)
    }

    /// Makes the question.
    pub fn prepare(&self, call: Call, id: Arc<str>, fresh: bool) -> (Ask, Asked) {
        let Call { aggregate, command, input, key, expected, traceparent, dry_run } = call;
        let declared = &self.model.aggregates[aggregate].commands[command];
        let actor = self.anonymous.clone();
        let key = key.map(|key| KeyedCommand {
            key,
            caller: actor.sub.clone(),
            hash: hash(declared, &input),
        });
        let (reply, verdict) = oneshot::channel();
        let asked = Asked { aggregate, command, id: id.clone(), dry_run, verdict };
        let ask = Ask {
            aggregate,
            command,
            id,
            fresh,
            input,
            actor,
            expected,
            key,
            dry_run,
            traceparent,
            reply,
        };
        (ask, asked)
    }

    /// Extends a position by what a partition's answer covers.
    pub fn cover(&self, position: &mut Position, at: usize, offset: i64) {
        if offset >= 0 {
            position.cover(&self.key_of(at), offset);
        }
    }

    /// A partition as positions name it.
    pub fn key_of(&self, at: usize) -> PartitionKey {
        let partition = self.places.partition(at);
        (partition.topic.clone(), partition.number)
    }
}

/// Made from the key, so that a retry meets the same aggregate.
fn made_id(aggregate: &Aggregate, command: &Command, actor: &Actor, key: &str) -> Arc<str> {
    let name = [&*aggregate.plural, &*command.name, &*actor.sub, key].join("\n");
    let id = Uuid::new_v5(&MADE_IDS, name.as_bytes());
    let mut text = Uuid::encode_buffer();
    Arc::from(&*id.hyphenated().encode_lower(&mut text))
}

fn hash(command: &Command, input: &Value) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(command.name.as_bytes());
    bytes.push(0);
    command.input_shape.encode(input, &mut bytes);
    Sha256::digest(&bytes).into()
}
