//! A small part of what `make simulate` runs.

use foldline_tests::simulate::{FAULTS, Models, judged, run};

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
    for seed in 1..=5 {
        let (one, two) = (run(&models, seed, None, false), run(&models, seed, None, false));
        assert_eq!(one, two, "seed {seed}");
    }
}

#[test]
fn every_planted_fault_is_found() {
    let models = Models::load().expect("the simulated domains load");
    for fault in FAULTS {
        let bites = |seed| !judged(&models, seed, Some(fault)).violations.is_empty();
        assert!(fault.seeds.iter().copied().any(bites), "{} was not found", fault.name);
    }
}
