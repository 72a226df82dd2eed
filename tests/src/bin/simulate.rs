//! `simulate --seeds N` runs many seeds and looks for the planted faults, or for one of them
//! (`--fault NAME`); `simulate --seed S` runs one, with a fault or without, and tells what happens.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is read by people")]

use std::process::ExitCode;

use anyhow::Context;
use foldline_tests::simulate::{FAULTS, Fault, Models, campaign, run};

fn main() -> anyhow::Result<ExitCode> {
    let models = Models::load()?;
    let seed = number("--seed")?;
    if let Some(seed) = seed {
        let outcome = run(&models, seed, fault()?, true);
        let found = outcome.violations.len();
        println!("seed {seed}: {found} violations, fingerprint {:016x}", outcome.fingerprint);
        return Ok(ExitCode::from(u8::from(found > 0)));
    }
    // A fault may break what it is planted in; the run says so, and nobody needs the panic's text.
    std::panic::set_hook(Box::new(|_| {}));
    let seeds = number("--seeds")?.unwrap_or(1_000);
    let faults: Vec<&Fault> = match fault()? {
        Some(fault) => vec![fault],
        None => FAULTS.iter().collect(),
    };
    let summary = campaign(&models, seeds, &faults, &|line| eprintln!("{line}"));
    for (name, seed) in &summary.found {
        println!("{name}: found by seed {seed}");
    }
    println!("{summary}");
    Ok(ExitCode::from(u8::from(!summary.is_good())))
}

fn fault() -> anyhow::Result<Option<&'static Fault>> {
    let Some(name) = argument("--fault") else { return Ok(None) };
    let known = FAULTS.iter().find(|fault| fault.name == name);
    known.map(Some).with_context(|| {
        let names: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
        format!("there is no fault {name}; there are {}", names.join(", "))
    })
}

fn number(name: &str) -> anyhow::Result<Option<u64>> {
    let Some(text) = argument(name) else { return Ok(None) };
    text.parse().map(Some).with_context(|| format!("{name} takes a number, not {text:?}"))
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
