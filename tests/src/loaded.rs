//! What most faults are tried on: two instances of command-api under load, and what must hold after it.

use anyhow::Result;

use crate::{Load, Parts, Service, System};

const CLIENTS: usize = 6;

/// A system that works.
pub struct Loaded {
    /// Its instances.
    pub system: System,
    /// The two instances of command-api.
    pub owners: [usize; 2],
    load: Load,
}

impl Loaded {
    /// Starts it on the parts that run, and waits until it takes commands.
    pub async fn start() -> Result<Loaded> {
        Loaded::start_on(Parts::running()?).await
    }

    /// The same on parts of the caller's.
    pub async fn start_on(parts: Parts) -> Result<Loaded> {
        let mut system = System::of_orders(parts).await?;
        let second = system.add(Service::CommandApi).await?;
        Loaded::with(system, [0, second]).await
    }

    /// Puts a system under load by these two.
    pub async fn with(system: System, owners: [usize; 2]) -> Result<Loaded> {
        let servers = owners.map(|number| system.url(number));
        let load = Load::start(system.client(), &servers, CLIENTS);
        let loaded = Loaded { system, owners, load };
        loaded.flows(50).await?;
        Ok(loaded)
    }

    /// Waits until so many more orders are done: commands flow, whatever has happened.
    pub async fn flows(&self, orders: u64) -> Result<()> {
        self.load.flows(orders).await
    }

    /// Ends the load. Every acknowledged command must be in the log once, no other may be there, reads
    /// must cover what was acknowledged, and the tables must say what the log says.
    pub async fn all_is_well(self) -> Result<System> {
        let seen = self.load.stop().await?;
        let events = self.system.events()?;
        let orders: Vec<_> =
            events.into_iter().filter(|event| event["aggregate"] == "order").collect();
        seen.once_each(&orders)?;
        self.system.shows(&seen).await?;
        self.system.verify()?;
        Ok(self.system)
    }
}
