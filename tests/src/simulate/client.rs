//! A caller: asks one thing after the other, and tries again with the same key.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use command_api::{Question, Reply};
use event_log::Log;
use event_log::adversary::{AdversaryLog, Group};
use model::decide::{Expected, Rejection};

use super::chance::{below, percent};
use super::domain::Act;
use super::history::History;
use super::instance::Instance;

/// The instances that live.
pub struct Fleet {
    pub instances: Vec<Instance>,
    pub commands: Vec<Arc<str>>,
    pub stopping: bool,
}

/// All that callers share.
#[derive(Clone)]
pub struct Callers {
    pub fleet: Rc<RefCell<Fleet>>,
    pub history: History,
    pub accounts: u64,
    /// Whether they hardly wait between two calls, so that batch follows batch.
    pub hurry: bool,
    pub owners: Arc<Group>,
    pub log: Arc<AdversaryLog>,
}

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(12);
const CITIES: [&str; 3] = ["Bern", "Kyiv", "Oslo"];
const TAGS: [&str; 3] = ["a", "b", "c"];

impl Callers {
    /// One caller, until it has asked `calls` things or the run ends.
    pub async fn run(self, number: u64, calls: u64) {
        let mut known = None;
        let mut used: Option<(Arc<str>, Arc<str>)> = None;
        let mut missed: Option<Arc<str>> = None;
        for nth in 0..calls {
            if self.fleet.borrow().stopping {
                return;
            }
            tokio::time::sleep(Duration::from_millis(self.pause())).await;
            let (id, act) = match missed.take_if(|_| percent(60)) {
                Some(id) => (id, Act::Open(text(&CITIES))),
                None => (format!("account-{}", below(self.accounts)).into(), any_act()),
            };
            if let Some((id, key)) = used.take_if(|_| percent(5)) {
                // Most likely for something else than at first.
                self.ask(&id, &act, Some(&key), None).await;
                continue;
            }
            let key = percent(50).then(|| Arc::from(format!("key-{number}-{nth}")));
            let expected = expected(&known);
            let reply = self.insist(&id, &act, key.as_ref(), expected).await;
            match &reply {
                Reply::Done { before, events, .. } => known = Some(before + events.len() as u64),
                Reply::Rejected(Rejection::NotFound) => missed = Some(id.clone()),
                _ => {}
            }
            used = key.map(|key| (id, key)).or(used);
        }
    }

    /// Asks, and asks again with the same key where it is not known what became of it.
    async fn insist(
        &self,
        id: &Arc<str>,
        act: &Act,
        key: Option<&Arc<str>>,
        expected: Option<Expected>,
    ) -> Reply {
        let mut reply = match key.is_some() && percent(8) {
            false => self.ask(id, act, key, expected).await,
            true => {
                let twin = || self.ask(id, act, key, expected);
                futures::future::join(twin(), twin()).await.1
            }
        };
        let mut attempts = if key.is_some() { 3 } else { 0 };
        while attempts > 0 && matches!(reply, Reply::OutcomeUnknown | Reply::NothingWritten(_)) {
            attempts -= 1;
            tokio::time::sleep(Duration::from_millis(20 + below(700))).await;
            reply = self.ask(id, act, key, expected).await;
        }
        if key.is_some() && percent(15) {
            tokio::time::sleep(Duration::from_millis(below(2_000))).await;
            reply = self.ask(id, act, key, expected).await;
        }
        reply
    }

    fn pause(&self) -> u64 {
        match (self.hurry, percent(80)) {
            (true, true) => below(12),
            (true, false) => below(1_500),
            (false, true) => below(150),
            (false, false) => below(2_000),
        }
    }

    /// Whom to ask: mostly the owner of the day.
    fn choose(&self, fleet: &Fleet, id: &str) -> usize {
        let any = below(fleet.instances.len() as u64) as usize;
        let owner = self.owners.owner(&self.log.route("account", id));
        let place = fleet.instances.iter().position(|instance| Some(instance.number) == owner);
        place.filter(|_| percent(85)).unwrap_or(any)
    }

    /// Asks once.
    pub async fn ask(
        &self,
        id: &Arc<str>,
        act: &Act,
        key: Option<&Arc<str>>,
        expected: Option<Expected>,
    ) -> Reply {
        let (place, name) = self.history.call(id, act, key, expected);
        let asked = {
            let fleet = self.fleet.borrow();
            let chosen = self.choose(&fleet, id);
            let command = fleet.commands.iter().position(|known| **known == *act.name());
            fleet.instances[chosen].ask(Question {
                aggregate: 0,
                command: command.unwrap_or_default(),
                id: id.clone(),
                input: act.input(),
                key: key.cloned(),
                expected,
                traceparent: Some(name),
            })
        };
        let reply = tokio::time::timeout(PATIENCE, asked).await;
        let reply = reply.unwrap_or(Reply::OutcomeUnknown);
        self.history.answer(place, reply.clone());
        reply
    }
}

fn text(from: &[&str]) -> String {
    from[below(from.len() as u64) as usize].to_owned()
}

fn any_act() -> Act {
    match below(100) {
        0..18 => Act::Open(text(&CITIES)),
        18..40 => Act::Deposit(below(6) as i64),
        40..64 => Act::Withdraw(1 + below(8) as i64),
        64..74 => Act::Label(percent(60).then(|| text(&TAGS))),
        74..84 => Act::Move(text(&CITIES)),
        84..95 => Act::Tag((0..below(3)).map(|_| text(&TAGS)).collect()),
        _ => Act::Close,
    }
}

fn expected(known: &Option<u64>) -> Option<Expected> {
    match below(12) {
        0 => known.map(Expected::Version),
        1 => Some(Expected::Version(below(5))),
        _ => None,
    }
}
