//! The way from one instance to the cluster: delays, losses, repeats, pauses and death.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

/// Random numbers of the run.
pub type Random = fn() -> u64;

/// Lets an instance pass while its process runs; waits while it is paused, for good once it is
/// dead.
pub type Gate = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// How bad the network is, in calls of ten thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Never arrive.
    pub lost: u64,
    /// Arrive after the caller has given up.
    pub late: u64,
    /// Arrive, and once more later.
    pub twice: u64,
    /// Arrive, but the answer does not come back.
    pub unanswered: u64,
    /// Take long.
    pub slow: u64,
    /// The brokers lose a leader, for each record.
    pub leader_lost: u64,
}

/// The network between one instance and all that is outside of it.
#[derive(Clone)]
pub struct Link {
    /// Of the run.
    pub random: Random,
    /// Of the instance.
    pub gate: Gate,
    /// How bad it is at this moment.
    pub weather: Arc<dyn Fn() -> Weather + Send + Sync>,
}

/// The call was not answered in time; it may have arrived, or still arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unanswered;

/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

impl Link {
    /// Calls the cluster, which the call may reach never, late or twice.
    pub(super) async fn call<T, F>(&self, reach: F) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: Fn() -> T + Send + Sync + 'static,
    {
        (self.gate)().await;
        let weather = (self.weather)();
        let dice = (self.random)() % 10_000;
        let mut bound = weather.lost;
        if dice < bound {
            return self.give_up().await;
        }
        bound += weather.late;
        if dice < bound {
            self.later(reach);
            return self.give_up().await;
        }
        bound += weather.unanswered;
        if dice < bound {
            tokio::time::sleep(self.hop(0)).await;
            reach();
            return self.give_up().await;
        }
        tokio::time::sleep(self.hop(weather.slow)).await;
        let answer = reach();
        bound += weather.twice;
        if dice < bound {
            self.later(reach);
        }
        tokio::time::sleep(self.hop(weather.slow)).await;
        (self.gate)().await;
        Ok(answer)
    }

    /// A number below `bound`.
    pub(super) fn below(&self, bound: u64) -> u64 {
        (self.random)() % bound
    }

    async fn give_up<T>(&self) -> Result<T, Unanswered> {
        tokio::time::sleep(PATIENCE).await;
        (self.gate)().await;
        Err(Unanswered)
    }

    /// What is on the wire arrives, whatever becomes of its sender.
    fn later<T, F>(&self, reach: F)
    where
        T: Send + 'static,
        F: Fn() -> T + Send + Sync + 'static,
    {
        let delay = match self.below(3) {
            0 => self.below(20),
            1 => self.below(500),
            _ => 1_000 + self.below(6_000),
        };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            reach();
        });
    }

    fn hop(&self, slow: u64) -> Duration {
        let dice = (self.random)();
        if dice % 10_000 < slow {
            return Duration::from_millis(10 + (dice >> 16) % 600);
        }
        Duration::from_millis(1 + (dice >> 16) % 3)
    }
}
