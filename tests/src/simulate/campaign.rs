//! Many seeds on all cores, and a search for every planted fault.

use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Fault, Models, Outcome, run};

/// What a campaign came to. Its text is the last line of `make simulate`.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many.
    pub seeds: u64,
    /// In all, without the search for faults.
    pub simulated_ms: u64,
    /// In all.
    pub violations: usize,
    /// Faults that were found, and the first seed that did.
    pub found: Vec<(&'static str, u64)>,
    /// Faults that were not.
    pub missed: Vec<&'static str>,
}

impl Summary {
    /// Whether nothing was violated and every fault was found.
    pub fn is_good(&self) -> bool {
        self.violations == 0 && self.missed.is_empty()
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated_ms as f64 / 3_600_000.0;
        let (found, all) = (self.found.len(), self.found.len() + self.missed.len());
        write!(
            f,
            "{} seeds, {hours:.1} simulated hours, {} violations, {found} of {all} planted bugs found",
            self.seeds, self.violations
        )
    }
}

/// A run, whatever becomes of it.
pub fn judged(models: &Models, seed: u64, fault: Option<&Fault>) -> Outcome {
    let run = || run(models, seed, fault, false);
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violations = vec![format!("a panic: {}", text.unwrap_or_default())];
        Outcome { simulated_ms: 0, fingerprint: 0, violations, calls: 0 }
    })
}

/// Runs the seeds 1 to `seeds`, then looks for every fault within them. `tell` hears of what is
/// worth a line.
pub fn campaign(
    models: &Models,
    seeds: u64,
    faults: &[&'static Fault],
    tell: &(dyn Fn(String) + Sync),
) -> Summary {
    let summary = Mutex::new(Summary { seeds, ..Summary::default() });
    let note = || summary.lock().unwrap_or_else(PoisonError::into_inner);
    spread(seeds, |nth| {
        let seed = nth + 1;
        let outcome = judged(models, seed, None);
        for violation in &outcome.violations {
            tell(format!("seed {seed}: {violation} (again: make simulate SEED={seed})"));
        }
        let mut summary = note();
        summary.simulated_ms += outcome.simulated_ms;
        summary.violations += outcome.violations.len();
    });
    spread(faults.len() as u64, |nth| {
        let fault = faults[nth as usize];
        let bites = |seed: &u64| !judged(models, *seed, Some(fault)).violations.is_empty();
        match (1..=seeds).find(bites) {
            Some(seed) => note().found.push((fault.name, seed)),
            None => {
                tell(format!("{} was not found: {}", fault.name, fault.wrong));
                note().missed.push(fault.name);
            }
        }
    });
    let mut summary = note().clone();
    summary.found.sort_unstable();
    summary
}

/// Does `work` for every number below `count`, on all cores.
fn spread(count: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= count {
                        return;
                    }
                    work(nth);
                }
            });
        }
    });
}
