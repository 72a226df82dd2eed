//! The faults that can be planted. One that no run finds is a hole in the simulation.

/// A fault on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// By which the code that has it knows it.
    pub name: &'static str,
    /// What is wrong.
    pub wrong: &'static str,
}

const fn fault(name: &'static str, wrong: &'static str) -> Fault {
    Fault { name, wrong }
}

/// All of them.
pub const FAULTS: &[Fault] = &[
    // The log's client and what it counts.
    fault("acknowledged-before-read-back", "success is answered once the commit is"),
    fault("offsets-after-data", "a data transaction ends with offsets, and its commit is trusted"),
    fault("claim-skipped", "a new owner goes on under the claim that stands there"),
    fault("empty-proof", "the proof of freshness is a transaction of nothing"),
    fault("old-proof", "the answer to an earlier proof counts for a later one"),
    fault("fenced-means-nothing", "a batch that was half sent is said not to be written"),
    fault("sequence-ignored", "records count whatever their sequence number"),
    // The owner.
    fault("refused-from-memory", "refusals are answered without a proof of freshness"),
    fault("late-proof", "a refusal rides on a proof that was begun before it was decided"),
    fault("stale-member", "a partition is claimed without asking the group"),
    fault(
        "refold-to-the-watermark",
        "a new owner reads to the end that it is shown, not to its own claim",
    ),
    fault("states-kept-after-an-error", "what was decided on top of a lost batch stays in memory"),
    fault("handover-half-done", "states outlive a handover that is taken back"),
    fault("unknown-means-nothing", "a batch without an answer is said not to be written"),
    fault("unprojected-evicted", "states that the tables do not hold yet are let go"),
    fault("twins-decided-twice", "a key is not seen before its command is durable"),
    fault("purge-forgets-keys", "an aggregate that is deleted forgets its keys"),
    fault("keys-of-the-tail-left-out", "keys above the mark are not remembered by a new owner"),
    // The projector.
    fault("coalesced-rollups", "a batch adds to a cell what is in it already"),
    fault("net-differences", "rows that came and went within a batch are not deleted"),
    fault("nulls-left-out", "a column that became null is not written"),
    fault("overtaken-unnoticed", "sums in memory stay where another projector was ahead"),
    fault("parked-row-evicted", "that an aggregate is set aside is only remembered in memory"),
    fault("parked-views-forgotten", "that a view is set aside for an aggregate ends with the task"),
    fault("parked-meanwhile", "views set aside by another projector are fed all the same"),
    fault("mark-inside-a-command", "a mark stands between the events of a command"),
    fault("changed-fold-on-old-states", "a changed fold goes on from states of the fold before"),
    // The store's client.
    fault("cell-cache-kept", "sums in memory outlive the task of a partition"),
    fault("mark-before-rows", "the mark is written first"),
    fault("states-before-rows", "states are written before the rows that follow from them"),
    fault("timestamp-left-out", "writes carry the time of day"),
    fault("read-at-one", "one replica is asked"),
    fault("written-at-one", "one replica is enough"),
];
