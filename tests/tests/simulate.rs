//! A small part of what `make simulate` runs.

use foldline_tests::simulate::{FAULTS, Models, judged, run};

/// Of owner, projector and store: what does not take long to find.
const SOON_FOUND: &[&str] = &[
    "claim-skipped",
    "stale-member",
    "states-kept-after-an-error",
    "purge-forgets-keys",
    "nulls-left-out",
    "parked-views-forgotten",
    "mark-before-rows",
    "states-before-rows",
    "cell-cache-kept",
    "read-at-one",
];

#[test]
fn nothing_is_violated_whatever_goes_wrong() {
    let models = Models::load().expect("the simulated domains load");
    for seed in 1..=60 {
        let outcome = judged(&models, seed, None);
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
        assert!(outcome.calls > 0, "seed {seed} asked nothing");
    }
}

#[test]
fn a_seed_is_one_run_step_by_step() {
    let models = Models::load().expect("the simulated domains load");
    for seed in 1..=10 {
        let (one, two) = (run(&models, seed, None, false), run(&models, seed, None, false));
        assert_eq!(one, two, "seed {seed}");
    }
}

#[test]
fn planted_faults_are_found() {
    let models = Models::load().expect("the simulated domains load");
    for name in SOON_FOUND {
        let fault = FAULTS.iter().find(|fault| fault.name == *name).expect("it is in the list");
        let bites = |seed| !judged(&models, seed, Some(fault)).violations.is_empty();
        assert!((1..=100).any(bites), "{name} was not found");
    }
}
