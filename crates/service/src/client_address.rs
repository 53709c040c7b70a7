//! Which address a request comes from, behind proxies of ours.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_http::header::HeaderMap;
use ipnet::IpNet;

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<IpNet>);

/// A setting that should name proxies doesn't.
#[derive(Debug, thiserror::Error)]
#[error("settings: {key}: {text:?} is neither an address nor a network such as 10.0.0.0/8")]
pub struct InvalidNetwork {
    /// The setting.
    pub key: &'static str,
    /// What it says.
    pub text: String,
}

impl Proxies {
    /// Reads addresses and networks.
    ///
    /// # Errors
    /// One is neither.
    pub fn read(key: &'static str, texts: &[String]) -> Result<Self, InvalidNetwork> {
        let networks = texts
            .iter()
            .map(|text| parse_network(text).ok_or_else(|| InvalidNetwork { key, text: text.clone() }));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// What was read.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.0
    }

    /// The address that counts: the last one in `X-Forwarded-For` that isn't a proxy of ours. The header is believed
    /// only as far as proxies of ours wrote it.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_proxy = |address: &IpAddr| self.0.iter().any(|network| network.contains(address));
        let mut client = peer.to_canonical();
        // What can't be read hides what stands before it.
        let forwarded: Vec<&str> =
            headers.get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default()).collect();
        for text in forwarded.iter().rev().flat_map(|value| value.rsplit(',')) {
            if !is_proxy(&client) {
                break;
            }
            let text = text.trim();
            let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
            let Ok(address) = text.parse::<IpAddr>().or_else(|_| with_port()) else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// A network of 64 bits is one household in IPv6: limits count it as one address.
#[must_use]
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// An address, or a network such as `10.0.0.0/8`.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for".parse().unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let proxies = Proxies::read("x", &["10.0.0.0/8".into(), "::1".into()]).unwrap();
        let client = |peer: &str, values: &[&str]| proxies.client(ip(peer), &forwarded(values));
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), ip("192.0.2.1"));
        assert_eq!(client("10.0.0.1", &["203.0.113.9"]), ip("203.0.113.9"));
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.2.3.4"]), ip("203.0.113.9"));
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "203.0.113.9"]), ip("203.0.113.9"));
        assert_eq!(client("::ffff:10.0.0.1", &["nonsense"]), ip("10.0.0.1"));
        assert_eq!(client("10.0.0.1", &[]), ip("10.0.0.1"));
        assert_eq!(client("10.0.0.1", &["203.0.113.9:4711"]), ip("203.0.113.9"));
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "\u{e9}"]), ip("10.0.0.1"));
    }

    #[test]
    fn a_household_is_one_address() {
        assert_eq!(household(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
    }
}
