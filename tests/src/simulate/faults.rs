//! The faults that can be planted. One that no run finds is a hole in the simulation.

/// A fault on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// By which the code that has it knows it.
    pub name: &'static str,
    /// What is wrong.
    pub wrong: &'static str,
    /// Some seeds that find it.
    pub seeds: &'static [u64],
}

const fn fault(name: &'static str, seeds: &'static [u64], wrong: &'static str) -> Fault {
    Fault { name, wrong, seeds }
}

/// All of them.
pub const FAULTS: &[Fault] = &[
    fault("acknowledged-before-read-back", &[], "success is answered once the commit is"),
    fault(
        "offsets-after-data",
        &[],
        "a data transaction ends with offsets, and its commit is trusted",
    ),
    fault("acknowledged-by-the-leader", &[], "records count before followers have them"),
    fault("claim-skipped", &[], "a new owner goes on under the claim that stands there"),
    fault("refused-from-memory", &[], "refusals are answered without a proof of freshness"),
    fault("empty-proof", &[], "the proof of freshness is a transaction of nothing"),
    fault("late-proof", &[], "an answer to an earlier proof counts for a later one"),
    fault("fenced-means-nothing", &[], "a batch that was half sent is said not to be written"),
    fault("ends-are-certain", &[], "a commit without an answer is said to be none"),
    fault("mark-before-rows", &[], "the mark is written first"),
    fault("states-before-rows", &[], "states are written before the rows that follow from them"),
    fault("nulls-left-out", &[], "a column that became null is not written"),
    fault("cell-cache-kept", &[], "sums in memory outlive the task of a partition"),
    fault("timestamp-left-out", &[], "writes carry the time of day"),
    fault("read-at-one", &[], "one replica is asked"),
    fault("written-at-one", &[], "one replica is enough"),
];
