//! Deciding one question on a warm aggregate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use event_log::{NewCommand, planted};
use model::Aggregate;
use model::decide::{Call, Decision, Rejection};
use model::expr::Env;
use uuid::Uuid;

use super::Owner;
use super::batch::{Outcome, Pending};
use super::cache::Entry;
use super::keys::{Keys, Place, Remembered};
use crate::ask::{Ask, Done, Refusal, Success};

/// Fresh ids for `new_id()`.
struct Ids {
    now: i64,
    random: fn() -> u64,
}

impl Env for Ids {
    fn new_id(&mut self) -> Arc<str> {
        fresh_id(self.now, self.random)
    }
}

/// A UUID of version 7.
pub(crate) fn fresh_id(now: i64, random: fn() -> u64) -> Arc<str> {
    let [_, _, _, _, _, _, a, b] = random().to_be_bytes();
    let [c, d, e, f, g, h, i, j] = random().to_be_bytes();
    let random = [a, b, c, d, e, f, g, h, i, j];
    let id = uuid::Builder::from_unix_timestamp_millis(now.max(0) as u64, &random).into_uuid();
    let mut text = Uuid::encode_buffer();
    Arc::from(&*id.hyphenated().encode_lower(&mut text))
}

impl Owner {
    /// Decides a question, or sets it aside until its aggregate is there.
    pub(super) fn admit(&mut self, ask: Ask) {
        let model = self.model.aggregates[ask.aggregate].clone();
        if !self.allows_early(&model, &ask) {
            let rejection = Rejection::Forbidden;
            return ask.answer(Err(Refusal::Rejected { rejection, values: None }));
        }
        let Some(ask) = self.loads.join(ask) else { return };
        let full = self.cache.is_full();
        match self.cache.get(ask.aggregate, &ask.id) {
            Some(entry) if entry.keys_complete || ask.key.is_none() => self.judge(&model, ask),
            // Ids that were just made too: what is refused must not grow what is full.
            None if full => ask.answer(Err(Refusal::Overloaded)),
            None if ask.fresh => {
                self.cache.insert(ask.aggregate, ask.id.clone(), Entry::blank(), 0);
                self.judge(&model, ask);
            }
            None | Some(_) => self.loads.wait(ask),
        }
    }

    fn allows_early(&mut self, model: &Aggregate, ask: &Ask) -> bool {
        let command = &model.commands[ask.command];
        if command.allow.is_none() || !ask.actor.checked {
            return true;
        }
        let now = self.now();
        let mut ids = self.ids(now);
        guarded(|| model.allows_early(command, &mut call(ask, now, &mut ids))).unwrap_or(false)
    }

    /// Decides on an aggregate that is warm.
    fn judge(&mut self, model: &Aggregate, ask: Ask) {
        let now = self.now();
        let mut ids = self.ids(now);
        let full = self.cache.is_full();
        let Some(entry) = self.cache.get(ask.aggregate, &ask.id) else { return };
        let found = ask.key.as_ref().and_then(|key| entry.keys.find(key));
        let forgotten = |found: &&Remembered| {
            planted::is("twins-decided-twice") && found.place.offset().is_none()
        };
        if let Some(found) = found.filter(|found| !forgotten(found)) {
            let outcome = replay(found, &ask);
            return match outcome {
                // It was durable before this call, so nothing has to be waited for.
                Outcome::Settled(Ok(_)) => self.reply_now(ask, outcome),
                outcome => self.pend(ask, outcome),
            };
        }
        if full && !ask.dry_run {
            return ask.answer(Err(Refusal::Overloaded));
        }
        let command = &model.commands[ask.command];
        let mut call = call(&ask, now, &mut ids);
        let decided = guarded(|| model.decide(command, &entry.snapshot, &mut call));
        match decided {
            None => self.pend(ask, Outcome::Settled(Err(Refusal::Internal))),
            Some(Err(rejection)) => {
                let refusal = rejected(model, &ask, entry, rejection);
                self.pend(ask, Outcome::Settled(Err(refusal)));
            }
            Some(Ok(decision)) if ask.dry_run => {
                let dry = dry(decision, entry.snapshot.version);
                self.pend(ask, Outcome::Settled(Ok(dry)));
            }
            Some(Ok(decision)) if decision.events.is_empty() => {
                let first_version = entry.snapshot.version;
                let done = Done {
                    first_version,
                    events: Vec::new(),
                    began: false,
                    offset: -1,
                    replayed: false,
                };
                self.pend(ask, Outcome::Settled(Ok(Success::Done(done))));
            }
            Some(Ok(decision)) => self.accept(model, ask, decision, now),
        }
    }

    /// Makes a decision part of the batch and of the aggregate's state.
    fn accept(&mut self, model: &Aggregate, ask: Ask, decision: Decision, now: i64) {
        let index = self.batch.commands.len();
        let Some(entry) = self.cache.get(ask.aggregate, &ask.id) else { return };
        let first_version = entry.snapshot.version + 1;
        let began = entry.snapshot.state.is_none();
        let names: Vec<Arc<str>> =
            decision.events.iter().map(|e| model.events[e.event].name.clone()).collect();
        entry.snapshot = decision.after;
        entry.batch = self.number;
        if let Some(command) = &ask.key {
            entry.keyed += 1;
            let place = Place::open();
            self.batch.places.push((index, place.clone()));
            entry.keys.push(Remembered {
                number: entry.keyed,
                command: command.clone(),
                first_version,
                events: names.clone(),
                began,
                place,
            });
        }
        if planted::is("purge-forgets-keys") && entry.snapshot.state.is_none() {
            entry.keys = Keys::default();
        }
        self.cache.resize(ask.aggregate, &ask.id, decision.state_bytes);
        self.last_time = now;
        let events: Vec<_> =
            names.iter().cloned().zip(decision.events.into_iter().map(|e| e.wire)).collect();
        self.batch.bytes += events.iter().map(|(_, wire)| wire.len()).sum::<usize>();
        self.batch.commands.push(NewCommand {
            aggregate: model.name.clone(),
            id: ask.id.clone(),
            time: now,
            first_version,
            events,
            command: ask.key.clone(),
            traceparent: ask.traceparent.clone(),
        });
        let done = Done { first_version, events: names, began, offset: -1, replayed: false };
        self.pend(ask, Outcome::Written { index, done });
    }

    /// Milliseconds since 1970, never before the partition's last event.
    fn now(&self) -> i64 {
        self.clock().max(self.last_time)
    }

    pub(super) fn clock(&self) -> i64 {
        (self.ground.limits.clock)()
    }

    fn ids(&self, now: i64) -> Ids {
        Ids { now, random: self.ground.limits.random }
    }

    fn pend(&mut self, ask: Ask, outcome: Outcome) {
        if matches!(outcome, Outcome::Settled(_)) {
            if planted::is("refused-from-memory") {
                return self.reply_now(ask, outcome);
            }
            if planted::is("late-proof")
                && let Some(flight) = &mut self.flight
            {
                return flight.batch.pending.push(Pending { reply: ask.reply, outcome });
            }
        }
        self.batch.pending.push(Pending { reply: ask.reply, outcome });
    }

    fn reply_now(&self, ask: Ask, outcome: Outcome) {
        if let Outcome::Settled(verdict) = outcome {
            ask.answer(verdict);
        }
    }
}

fn call<'a>(ask: &'a Ask, now: i64, env: &'a mut Ids) -> Call<'a> {
    Call { id: &ask.id, input: &ask.input, actor: &ask.actor, expected: ask.expected, now, env }
}

/// The answer to a used key.
fn replay(found: &Remembered, ask: &Ask) -> Outcome {
    let same = ask.key.as_ref().is_some_and(|key| key.hash == found.command.hash);
    if !same {
        return Outcome::Settled(Err(Refusal::KeyReused));
    }
    match found.place.offset() {
        Some(_) => Outcome::Settled(Ok(Success::Done(found.done()))),
        None => Outcome::Twin { done: found.done(), place: found.place.clone() },
    }
}

fn rejected(model: &Aggregate, ask: &Ask, entry: &Entry, rejection: Rejection) -> Refusal {
    let readable = ask.dry_run
        && entry
            .snapshot
            .state
            .as_ref()
            .is_none_or(|state| model.may_read(&ask.id, state, &ask.actor));
    let values = match &rejection {
        Rejection::Rule { values, .. } if readable => Some(values.clone()),
        _ => None,
    };
    Refusal::Rejected { rejection, values }
}

fn dry(decision: Decision, before: u64) -> Success {
    let events = decision
        .events
        .into_iter()
        .zip(before + 1..)
        .map(|(event, version)| (event.event, version, event.data))
        .collect();
    Success::Dry { version: decision.after.version, events }
}

/// A decision that breaks must not take the whole partition down.
pub(super) fn guarded<T>(decide: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decide)).ok()
}
