//! Settings that contradict each other or ask for what is not there. Callers exit with code 2.

use std::net::{IpAddr, SocketAddr};

/// A setting that can't be used, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Strangers could call, and nobody asks who they are.
    #[error(
        "listening on {0} would let anyone who reaches this machine call, since authentication is \
         off: listen on 127.0.0.1, or say --insecure (FOLDLINE_INSECURE=true) where a gateway in \
         front asks who calls"
    )]
    Exposed(String),
    /// Nothing that could be listened on.
    #[error("`{0}` is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080")]
    NoAddress(String),
    /// A part that was left out of the build.
    #[error("{flag}: this binary was built without {part}; build it with --features {feature}")]
    NotBuilt {
        /// What is missing.
        part: &'static str,
        /// The flag that asks for it.
        flag: &'static str,
        /// The Cargo feature that adds it.
        feature: &'static str,
    },
    /// The real parts come together.
    #[error("{given} needs {missing} beside it: the log and the read store come together")]
    Missing {
        /// The flag that is there.
        given: &'static str,
        /// The flag that is not.
        missing: &'static str,
    },
    /// Nobody could tell others where this instance is.
    #[error(
        "can't tell at which address other instances reach {0}: say it with --advertise \
         (FOLDLINE_ADVERTISE), such as http://10.0.0.7:8080"
    )]
    Unknown(String),
    /// A secret's file that can't be read.
    #[error("{variable}_FILE: cannot read {path}: {cause}")]
    SecretFile {
        /// The variable without `_FILE`.
        variable: String,
        /// The file.
        path: String,
        /// What the system says.
        cause: String,
    },
    /// A secret that is given twice.
    #[error("{0} and {0}_FILE are both set: keep one")]
    SecretTwice(String),
}

/// Whether an address is one, and only reachable from this machine; names other than localhost are
/// taken as reachable, since what they resolve to may change.
pub(super) fn stays_home(listen: &str, insecure: bool) -> Result<(), ConfigError> {
    if listen.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        return Err(ConfigError::NoAddress(listen.to_owned()));
    }
    let home = match listen.parse::<SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => {
            let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost")
                || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    if home || insecure { Ok(()) } else { Err(ConfigError::Exposed(listen.to_owned())) }
}

pub(super) fn is_built(
    missing: bool,
    part: &'static str,
    flag: &'static str,
    feature: &'static str,
) -> Result<(), ConfigError> {
    if missing { Err(ConfigError::NotBuilt { part, flag, feature }) } else { Ok(()) }
}

/// A secret from `<variable>`, or from the file that `<variable>_FILE` names (one trailing newline
/// is not part of it). Pure over the look-up of variables.
pub fn secret(
    variable: &str,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, ConfigError> {
    let file = lookup(&format!("{variable}_FILE"));
    match (lookup(variable), file) {
        (Some(_), Some(_)) => Err(ConfigError::SecretTwice(variable.to_owned())),
        (given, None) => Ok(given),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())),
            Err(cause) => Err(ConfigError::SecretFile {
                variable: variable.to_owned(),
                path,
                cause: cause.to_string(),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on_without_being_told() {
        for home in ["127.0.0.1:8080", "localhost:0", "[::1]:8080", "127.9.9.9:1"] {
            assert_eq!(stays_home(home, false), Ok(()), "{home}");
        }
        for away in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", "example.com:80", ":8080"] {
            assert!(stays_home(away, false).is_err(), "{away}");
            assert_eq!(stays_home(away, true), Ok(()), "{away}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_apart_from_what_is_exposed() {
        for typo in ["8080", "localhost", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", ""] {
            for insecure in [false, true] {
                let told = stays_home(typo, insecure);
                assert_eq!(told, Err(ConfigError::NoAddress(typo.to_owned())), "{typo}");
            }
        }
    }

    #[test]
    fn a_part_that_is_missing_names_its_feature() {
        let error = is_built(true, "Kafka", "--kafka", "kafka").unwrap_err();
        assert!(error.to_string().ends_with("build it with --features kafka"));
    }

    #[test]
    fn a_secret_is_given_once() {
        let both = |_: &str| Some("x".to_owned());
        assert_eq!(secret("KEY", both), Err(ConfigError::SecretTwice("KEY".to_owned())));
        let plain = |name: &str| (name == "KEY").then(|| "x".to_owned());
        assert_eq!(secret("KEY", plain), Ok(Some("x".to_owned())));
        let file = |name: &str| (name == "KEY_FILE").then(|| "/nowhere/at/all".to_owned());
        assert!(secret("KEY", file).is_err());
    }
}
