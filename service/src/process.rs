//! What the programs of the services have in common: how their command line is read, how they end.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use crate::config::ConfigError;
use crate::serve::CannotListen;
use crate::telemetry::TelemetryError;

/// Why a program could not do its work; each has its exit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The input is wrong (2).
    #[error("{0}")]
    Input(String),
    /// A part could not be reached (3).
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    /// Wrong input.
    pub fn input(error: impl Display) -> Failure {
        Failure::Input(error.to_string())
    }

    /// A part that can't be reached.
    pub fn unreachable(error: impl Display) -> Failure {
        Failure::Unreachable(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::input(error)
    }
}

impl From<TelemetryError> for Failure {
    fn from(error: TelemetryError) -> Failure {
        Failure::input(error)
    }
}

impl From<CannotListen> for Failure {
    fn from(error: CannotListen) -> Failure {
        let hint = "free the address, or choose others with --listen and --admin";
        Failure::Unreachable(format!("{error}: {hint}"))
    }
}

/// What a program sets differently from the groups of settings that it shares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Differs {
    /// Settings that must be given, with their meaning here.
    pub required: &'static [(&'static str, &'static str)],
    /// Other defaults.
    pub defaults: &'static [(&'static str, &'static str)],
}

/// Reads the command line and the variables; ends the process where they are wrong.
pub fn settings<S: Parser>(differs: Differs) -> S {
    let mut command = command::<S>(differs);
    let matches = command.clone().get_matches();
    S::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// The command line as [`settings`] reads it.
pub fn command<S: CommandFactory>(differs: Differs) -> clap::Command {
    let mut command = S::command();
    for (name, meaning) in differs.required {
        command = command.mut_arg(*name, |arg| arg.required(true).help(*meaning));
    }
    for (name, value) in differs.defaults {
        command = command.mut_arg(*name, |arg| arg.default_value(*value));
    }
    command
}

/// Says why a program ends, and with which code.
pub fn exit(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    note(&format!("{program}: {failure}"));
    ExitCode::from(match failure {
        Failure::Input(_) => 2,
        Failure::Unreachable(_) => 3,
    })
}

/// Lets a process end in order, but for no longer than this.
pub async fn within(deadline: Duration, ending: impl Future<Output = ()>) {
    if tokio::time::timeout(deadline, ending).await.is_err() {
        tracing::warn!(deadline_ms = deadline.as_millis() as u64, "not all could be ended in time");
    }
}

/// The longest that ending in order may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// What is not the answer of a program goes to standard error.
pub fn note(text: &str) {
    use std::io::Write;
    // Nobody may be there to read it, and then nobody misses it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::config::{KafkaArgs, ListenArgs};

    #[derive(Parser, Debug)]
    struct Settings {
        #[command(flatten)]
        kafka: KafkaArgs,
        #[command(flatten)]
        listen: ListenArgs,
    }

    const DIFFERS: Differs = Differs {
        required: &[("brokers", "Kafka brokers")],
        defaults: &[("listen", "127.0.0.1:8081")],
    };

    fn read(args: &[&str]) -> Result<Settings, clap::Error> {
        let mut matches = command::<Settings>(DIFFERS).try_get_matches_from(args)?;
        Settings::from_arg_matches_mut(&mut matches)
    }

    #[test]
    fn a_program_has_its_own_defaults_and_requirements() {
        assert!(read(&["x"]).is_err());
        let settings = read(&["x", "--kafka", "a:1"]).expect("all that is required is there");
        assert_eq!(settings.kafka.brokers.as_deref(), Some("a:1"));
        assert_eq!(settings.listen.listen, "127.0.0.1:8081");
    }
}
