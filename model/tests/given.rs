//! The tests that stand beside the example domains, run as `foldline test` runs them.

use std::path::Path;

use foldline_model::{Model, given};

fn failures(folder: &Path) -> Vec<String> {
    let model = Model::load(folder).unwrap_or_else(|errors| panic!("{errors}"));
    let outcomes = given::run(&model, folder).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(!outcomes.is_empty(), "{} has no tests", folder.display());
    let failed = outcomes.into_iter().filter_map(|o| {
        Some(format!("{}:{} {}\n{}", o.file.display(), o.line, o.name, o.failure?))
    });
    failed.collect()
}

fn assert_passes(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let failures = failures(&folder);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_example_domains_pass_their_own_tests() {
    assert_passes("../schemas");
}

#[test]
fn the_test_domains_pass_their_own_tests() {
    assert_passes("tests/domains");
}
