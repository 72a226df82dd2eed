//! Whether anybody is where a part is said to be; and if nobody is, why: in the words of whoever
//! has to mend it, and at once. A client library would try for long, and say that it timed out.

use std::fmt::{self, Display, Formatter};
use std::io::{Error, ErrorKind};
use std::time::Duration;

use service::process::Failure;
use service::retry::{self, Policy, retry};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::STARTING;

/// How long an address may take to be found and to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// As long as a part that is being started too, but once a second, for each look is said.
const WAITING: Policy = Policy {
    first: Duration::from_secs(1),
    most: Duration::from_secs(1),
    deadline: STARTING.deadline,
};

/// A part, as its settings name it.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    pub name: &'static str,
    /// The flag and the variable that say where it is.
    pub setting: &'static str,
    /// Where an address without a port means.
    pub port: u16,
    pub addresses: Vec<&'a str>,
}

/// Nobody takes connections.
#[derive(Debug)]
pub(crate) struct Unreached {
    name: &'static str,
    setting: &'static str,
    why: Vec<(String, Why)>,
}

#[derive(Debug)]
enum Why {
    NoName(Error),
    Refused,
    Late,
    Other(Error),
}

impl Part<'_> {
    /// Waits until one of the addresses takes connections, and says each second why none does.
    pub(crate) async fn wait(&self) -> Result<(), Failure> {
        let reached = retry(WAITING, async || {
            self.look().await.map_err(|unreached| {
                tracing::warn!("{unreached}; trying again");
                retry::Failure::Passing(unreached)
            })
        });
        reached.await.map_err(Failure::unreachable)
    }

    /// Looks once whether one of the addresses takes connections.
    pub(crate) async fn look(&self) -> Result<(), Unreached> {
        let mut why = Vec::new();
        for address in self.addresses.iter().map(|address| self.with_port(address)) {
            match connect(&address).await {
                Ok(()) => return Ok(()),
                Err(reason) => why.push((address, reason)),
            }
        }
        // Where none is named at all, whoever opens the part says so.
        let Part { name, setting, .. } = *self;
        if why.is_empty() { Ok(()) } else { Err(Unreached { name, setting, why }) }
    }

    fn with_port(&self, address: &str) -> String {
        let address = address.trim();
        // Brokers may be named with their protocol.
        let bare = address.split_once("://").map_or(address, |(_, bare)| bare);
        match bare.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => bare.to_owned(),
            _ => format!("{bare}:{}", self.port),
        }
    }
}

async fn connect(address: &str) -> Result<(), Why> {
    let found = timeout(PATIENCE, lookup_host(address)).await.map_err(|_| Why::Late)?;
    let found: Vec<_> = found.map_err(Why::NoName)?.collect();
    match timeout(PATIENCE, TcpStream::connect(&*found)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Why::Refused),
        Ok(Err(error)) => Err(Why::Other(error)),
        Err(_) => Err(Why::Late),
    }
}

impl Display for Unreached {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} can't be reached: ", self.name)?;
        for (at, (address, why)) in self.why.iter().enumerate() {
            let between = if at == 0 { "" } else { ", " };
            write!(f, "{between}{address} {why}")?;
        }
        write!(f, ". Start it, or say where it is with {}", self.setting)
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Why::NoName(error) => write!(f, "is no name that this machine knows ({error})"),
            Why::Refused => write!(f, "refuses connections"),
            Why::Late => write!(f, "does not answer within {} s", PATIENCE.as_secs()),
            Why::Other(error) => write!(f, "takes no connection ({error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn part<'a>(addresses: &[&'a str]) -> Part<'a> {
        let addresses = addresses.to_vec();
        Part { name: "Kafka", setting: "--kafka (FOLDLINE_KAFKA_BROKERS)", port: 9092, addresses }
    }

    /// An address that nobody listens on any more.
    async fn free() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address").to_string()
    }

    #[tokio::test]
    async fn an_address_that_takes_connections_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let open = listener.local_addr().expect("an address").to_string();
        let free = free().await;
        part(&[&free, &format!(" PLAINTEXT://{open}")]).look().await.expect("one is there");
    }

    #[tokio::test]
    async fn who_is_not_there_is_named_with_the_reason_and_the_setting() {
        let free = free().await;
        let addresses = [free.as_str(), "no.such.host.invalid:1"];
        let said = part(&addresses).look().await.expect_err("nobody").to_string();
        assert!(said.contains(&format!("Kafka can't be reached: {free} refuses")), "{said}");
        assert!(said.contains("no.such.host.invalid:1 is no name"), "{said}");
        assert!(said.ends_with("--kafka (FOLDLINE_KAFKA_BROKERS)"), "{said}");
    }

    #[test]
    fn an_address_without_a_port_means_the_usual_one() {
        let with_port = |address| part(&[]).with_port(address);
        assert_eq!(with_port("broker"), "broker:9092");
        assert_eq!(with_port("broker:1"), "broker:1");
        assert_eq!(with_port("[::1]:1"), "[::1]:1");
        assert_eq!(with_port("[::1]"), "[::1]:9092");
    }
}
