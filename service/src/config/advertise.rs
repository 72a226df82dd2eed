//! Where other instances reach this one.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};

use super::ConfigError;

/// A base URL as a setting gives it.
pub(super) fn url(text: &str) -> Result<String, String> {
    let bare = text.trim_end_matches('/');
    let host = bare.strip_prefix("http://").unwrap_or_default();
    match host.is_empty() || host.contains(['/', '?', '#', ' ']) {
        true => Err("write it as http://host:port".to_owned()),
        false => Ok(bare.to_owned()),
    }
}

/// The URL of an address that is listened on. Where that is every address of the machine, it is
/// the one from which the machine reaches the brokers: whoever shares them is reached there too.
pub(super) fn made_from(listen: &str, brokers: &str) -> Result<String, ConfigError> {
    let Ok(address) = listen.parse::<SocketAddr>() else { return Ok(format!("http://{listen}")) };
    if !address.ip().is_unspecified() {
        return Ok(format!("http://{address}"));
    }
    let ip = way_to(brokers).ok_or_else(|| ConfigError::Unknown(listen.to_owned()))?;
    Ok(format!("http://{}", SocketAddr::new(ip, address.port())))
}

/// The own address on the way to the first broker that has one. Nothing is sent.
fn way_to(brokers: &str) -> Option<IpAddr> {
    let addresses = brokers.split(',').filter_map(|broker| broker.trim().to_socket_addrs().ok());
    addresses.flatten().find_map(|broker| {
        let any = if broker.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(broker).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ones_own_is_told_as_it_is() {
        assert_eq!(made_from("127.0.0.1:8080", ""), Ok("http://127.0.0.1:8080".to_owned()));
        assert_eq!(made_from("[::1]:80", ""), Ok("http://[::1]:80".to_owned()));
        assert_eq!(made_from("db.local:80", ""), Ok("http://db.local:80".to_owned()));
    }

    #[test]
    fn every_address_is_told_as_the_one_that_reaches_the_brokers() {
        let url = made_from("0.0.0.0:8080", "127.0.0.1:9092");
        assert_eq!(url, Ok("http://127.0.0.1:8080".to_owned()));
        assert!(made_from("0.0.0.0:8080", "").is_err());
    }

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        assert_eq!(url("http://a:1/"), Ok("http://a:1".to_owned()));
        for wrong in ["a:1", "https://a:1", "http://", "http://a/b", "http://a b"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
