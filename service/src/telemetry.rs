//! Telemetry: log lines to stderr, metrics for Prometheus.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogArgs, LogFormat};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `FOLDLINE_LOG` is no filter.
    #[error("FOLDLINE_LOG: {0}; write a level such as `info`, or `info,foldline_query_api=debug`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// A word of `FOLDLINE_LOG` that stands alone and is no level.
    #[error(
        "FOLDLINE_LOG: `{0}` is no level: write error, warn, info, debug, trace or off, or \
         `info,foldline_query_api=debug`"
    )]
    Level(String),
    /// Set up twice.
    #[error("{0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// What libraries say of each thread and connection is for who asks: a later directive wins. The
/// database driver warns of its own `USE` at every start.
const QUIET: &str = "actix_server=warn,scylla=warn,scylla::network::connection=error";

/// Sends log lines to stderr: text on a terminal, else JSON, unless told.
pub fn log(args: &LogArgs) -> Result<(), TelemetryError> {
    if let Some(word) = no_level(&args.log) {
        return Err(TelemetryError::Level(word.to_owned()));
    }
    let filter = EnvFilter::try_new(format!("{QUIET},{}", args.log))?;
    let text = match args.log_format {
        Some(format) => format == LogFormat::Text,
        None => stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    if text {
        let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        lines.with_ansi(colour).finish().try_init()?;
    } else {
        lines.json().flatten_event(true).finish().try_init()?;
    }
    Ok(())
}

/// The first word that stands alone and is no level. The filter would take it for the name of a
/// module, and a misspelt level would silence everything.
fn no_level(filter: &str) -> Option<&str> {
    let mut words = filter.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.find(|word| !word.contains(['=', '[']) && word.parse::<LevelFilter>().is_err())
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Buckets of every duration, in seconds.
const SECONDS: [f64; 12] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 10.0];

impl Metrics {
    /// Makes this process record metrics; before anything asks for a handle of one. A second call
    /// gets a recorder of its own that nothing reports to (tests in one process).
    pub fn install() -> Result<Metrics, BuildError> {
        let durations = Matcher::Suffix("_seconds".to_owned());
        let recorder =
            PrometheusBuilder::new().set_buckets_for_metric(durations, &SECONDS)?.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("metrics are already recorded elsewhere in this process");
        }
        Ok(Metrics(handle))
    }

    /// All metrics as Prometheus text.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds samples into buckets now and then; without it they would pile up between scrapes.
    pub(crate) fn keep(&self) -> JoinHandle<()> {
        let handle = self.0.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(1));
            loop {
                tick.tick().await;
                handle.run_upkeep();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_module() {
        for fine in ["info", "WARN", "off", "info,foldline_query_api=debug", "[span]", ""] {
            assert_eq!(no_level(fine), None, "{fine}");
        }
        assert_eq!(no_level("inof"), Some("inof"));
        assert_eq!(no_level("foldline_model=debug, warm"), Some("warm"));
    }
}
