//! The table that a benchmark prints.

use serde::Serialize;

use super::drive::Outcome;

/// One measured thing.
#[derive(Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The figure, with its unit.
    pub figure: String,
    /// Median and 99th percentile in milliseconds, where there are latencies.
    pub p50_ms: Option<f64>,
    /// See `p50_ms`.
    pub p99_ms: Option<f64>,
    /// Ratio to what was measured beside it in the same run.
    pub ratio: Option<f64>,
    /// The ratio or figure that is aimed at.
    pub aim: &'static str,
}

impl Row {
    /// A figure without latencies and without a yardstick.
    pub fn plain(what: String, figure: String, aim: &'static str) -> Row {
        Row { what, figure, p50_ms: None, p99_ms: None, ratio: None, aim }
    }

    /// What came of driving a scenario, without a yardstick.
    #[cfg_attr(
        not(all(feature = "kafka", feature = "cql")),
        expect(dead_code, reason = "for the real parts")
    )]
    pub fn of(what: &str, outcome: &Outcome, aim: &'static str) -> Row {
        let refused = match outcome.refused {
            0 => String::new(),
            some => format!(" ({some} put off)"),
        };
        Row {
            what: format!("{what}{refused}"),
            figure: format!("{:.0}/s", outcome.per_second()),
            p50_ms: Some(outcome.percentile_ms(50.0)),
            p99_ms: Some(outcome.percentile_ms(99.0)),
            ratio: None,
            aim,
        }
    }
}

/// All rows of a run.
#[derive(Default, Serialize)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a row and says it at once, since a run takes a while.
    pub fn add(&mut self, row: Row) {
        crate::cli::note(&format!("{}: {}", row.what, row.figure));
        self.rows.push(row);
    }

    /// The rows as an aligned table.
    pub fn table(&self) -> String {
        let mut lines = vec![line("measured", "figure", "p50 ms", "p99 ms", "ratio", "aim")];
        for row in &self.rows {
            lines.push(line(
                &row.what,
                &row.figure,
                &number(row.p50_ms),
                &number(row.p99_ms),
                &number(row.ratio),
                row.aim,
            ));
        }
        lines.join("\n")
    }
}

fn number(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.2}")).unwrap_or_default()
}

fn line(what: &str, figure: &str, p50: &str, p99: &str, ratio: &str, aim: &str) -> String {
    format!("{what:<52} {figure:>16} {p50:>8} {p99:>8} {ratio:>6}  {aim}").trim_end().to_owned()
}
