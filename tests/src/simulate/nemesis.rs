//! What goes wrong beside the network: processes pause, die and come back, groups are shared out
//! anew, a changed model is deployed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_log::PartitionId;
use model::Model;

use super::chance::{below, percent, trace};
use super::client::Callers;
use super::instance::{Ground, Instance, Life};

/// What the nemesis does it to.
pub struct Nemesis<'a> {
    pub ground: &'a Ground,
    pub callers: &'a Callers,
    pub partitions: &'a [PartitionId],
    /// What is deployed at some time.
    pub later: Option<Arc<Model>>,
}

impl Nemesis<'_> {
    /// Does its work for about this many simulated milliseconds.
    pub async fn run(mut self, until_ms: u64) {
        let mut next = self.callers.fleet.borrow().instances.len() as u64;
        let mut rolling = false;
        while super::chance::elapsed_ms() < until_ms {
            tokio::time::sleep(Duration::from_millis(200 + below(2_500))).await;
            if percent(15)
                && let Some(later) = self.later.take()
            {
                trace("another model is deployed");
                self.ground.model.replace(later);
                rolling = true;
            }
            if rolling && percent(50) {
                rolling = self.roll(&mut next);
                self.share();
            }
            match below(12) {
                0 | 1 => self.ground.skies.change(),
                2..=4 => self.pause(),
                5 | 6 => self.depose().await,
                7 => {
                    self.replace(below(self.count()) as usize, next);
                    next += 1;
                    self.share();
                }
                _ => self.share(),
            }
        }
        self.ground.skies.calm();
        if let Some(later) = self.later.take() {
            self.ground.model.replace(later);
        }
        while self.roll(&mut next) {}
        for instance in &self.callers.fleet.borrow().instances {
            instance.set(Life::Running);
        }
        self.share();
    }

    /// Shares all partitions out among those who live.
    pub fn share(&self) {
        let fleet = self.callers.fleet.borrow();
        for group in [&self.ground.projectors, &self.ground.owners] {
            let mut owners = BTreeMap::new();
            for partition in self.partitions {
                let chosen = below(fleet.instances.len() as u64) as usize;
                let now = group.owner(partition);
                let stays = fleet.instances.iter().any(|i| Some(i.number) == now) && percent(40);
                let owner = now.filter(|_| stays).unwrap_or(fleet.instances[chosen].number);
                owners.insert(partition.clone(), owner);
            }
            trace(format_args!("shared out {:?}", owners.values().collect::<Vec<_>>()));
            group.rebalance(owners);
        }
    }

    fn count(&self) -> u64 {
        self.callers.fleet.borrow().instances.len() as u64
    }

    fn pause(&self) {
        let length = if percent(70) { below(1_500) } else { 2_000 + below(9_000) };
        self.halt(below(self.count()) as usize, length);
    }

    fn halt(&self, place: usize, length: u64) {
        let fleet = self.callers.fleet.borrow();
        let instance = &fleet.instances[place];
        trace(format_args!("instance {} stands still for {length} ms", instance.number));
        instance.set(Life::Paused);
        let waker = instance.waker();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(length)).await;
            waker();
        });
    }

    /// Halts who has a partition, and gives it to another before the first goes on.
    async fn depose(&self) {
        let partition = &self.partitions[below(self.partitions.len() as u64) as usize];
        let groups = [&self.ground.projectors, &self.ground.owners];
        let of_the_day = groups[below(2) as usize].owner(partition);
        let other = {
            let fleet = self.callers.fleet.borrow();
            let mut places = 0..fleet.instances.len();
            let place = places.find(|at| Some(fleet.instances[*at].number) == of_the_day);
            let Some(place) = place else { return };
            let step = 1 + below(fleet.instances.len() as u64 - 1) as usize;
            self.halt(place, 400 + below(4_000));
            fleet.instances[(place + step) % fleet.instances.len()].number
        };
        tokio::time::sleep(Duration::from_millis(below(300))).await;
        trace(format_args!("{partition} is given to {other}"));
        for group in groups {
            group.rebalance(BTreeMap::from([(partition.clone(), other)]));
        }
    }

    fn replace(&self, place: usize, number: u64) {
        let mut fleet = self.callers.fleet.borrow_mut();
        trace(format_args!("instance {} dies", fleet.instances[place].number));
        fleet.instances[place].kill();
        fleet.instances[place] = Instance::start(self.ground, number);
    }

    /// Replaces one instance that has an older model; whether there may be more.
    fn roll(&self, next: &mut u64) -> bool {
        let model = self.ground.model.borrow().clone();
        let old = |instance: &Instance| !Arc::ptr_eq(&instance.model, &model);
        let place = self.callers.fleet.borrow().instances.iter().position(old);
        let Some(place) = place else { return false };
        self.replace(place, *next);
        *next += 1;
        true
    }
}
