//! What goes wrong beside the network: processes pause, die and come back, groups are shared out
//! anew.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::PartitionId;

use super::chance::{below, percent, trace};
use super::client::Callers;
use super::instance::{Ground, Instance, Life};

/// Does its work for about this many simulated milliseconds.
pub async fn run(ground: &Ground, callers: &Callers, partitions: &[PartitionId], until_ms: u64) {
    let mut next = callers.fleet.borrow().instances.len() as u64;
    while super::chance::elapsed_ms() < until_ms {
        tokio::time::sleep(Duration::from_millis(200 + below(2_500))).await;
        match below(9) {
            0 | 1 => ground.skies.change(),
            2..=4 => pause(callers),
            5 => {
                replace(ground, callers, next);
                next += 1;
                share(ground, callers, partitions);
            }
            _ => share(ground, callers, partitions),
        }
    }
    ground.skies.calm();
    for instance in &callers.fleet.borrow().instances {
        instance.set(Life::Running);
    }
    share(ground, callers, partitions);
}

/// Shares all partitions out among those who live.
pub fn share(ground: &Ground, callers: &Callers, partitions: &[PartitionId]) {
    let fleet = callers.fleet.borrow();
    for group in [&ground.projectors, &ground.owners] {
        let mut owners = BTreeMap::new();
        for partition in partitions {
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

fn pause(callers: &Callers) {
    let fleet = callers.fleet.borrow();
    let chosen = below(fleet.instances.len() as u64) as usize;
    let instance = &fleet.instances[chosen];
    let length = if percent(70) { below(1_500) } else { 2_000 + below(9_000) };
    trace(format_args!("instance {} stands still for {length} ms", instance.number));
    instance.set(Life::Paused);
    let waker = instance.waker();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(length)).await;
        waker();
    });
}

fn replace(ground: &Ground, callers: &Callers, number: u64) {
    let mut fleet = callers.fleet.borrow_mut();
    let chosen = below(fleet.instances.len() as u64) as usize;
    trace(format_args!("instance {} dies", fleet.instances[chosen].number));
    fleet.instances[chosen].kill();
    fleet.instances[chosen] = Instance::start(ground, number);
}
