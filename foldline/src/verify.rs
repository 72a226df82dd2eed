//! `foldline verify`: recomputes states, views and rollups from the log and compares.

use projector::verify::{Report, VerifyError};
use serde_json::json;

use crate::cli::{Failure, System, say};

/// Compares, and prints what differs.
pub async fn verify(system: &System, as_json: bool) -> Result<(), Failure> {
    let report = projector::verify::verify(&system.model, &system.log, &system.reader).await;
    let report = report.map_err(|error| match error {
        VerifyError::Unknown(_) => Failure::Input(error.to_string()),
        other => Failure::Unreachable(other.to_string()),
    })?;
    say(&if as_json { to_json(&report) } else { to_text(&report) });
    if report.agrees() { Ok(()) } else { Err(Failure::No(String::new())) }
}

fn to_json(report: &Report) -> String {
    let differences = report.differences.iter().map(
        |d| json!({ "table": d.table, "key": d.key, "expected": d.expected, "found": d.found }),
    );
    crate::check::pretty(&json!({
        "events": report.events,
        "aggregates": report.aggregates,
        "rows": report.rows,
        "different": report.different,
        "unsettled": report.unsettled,
        "differences": differences.collect::<Vec<_>>(),
    }))
}

fn to_text(report: &Report) -> String {
    let mut lines: Vec<String> = Vec::new();
    for d in &report.differences {
        lines.push(format!("{} [{}]", d.table, d.key));
        lines.push(format!("  the log says   {}", d.expected));
        lines.push(format!("  the table says {}", d.found));
    }
    if report.unsettled > 0 {
        lines
            .push(format!("{} keys changed all the while and were not compared", report.unsettled));
    }
    lines.push(format!(
        "{} events, {} aggregates and {} rows compared: {} differences",
        report.events, report.aggregates, report.rows, report.different
    ));
    lines.join("\n")
}
