//! Who is let in, by number: sockets in all, from one address, and handshakes a second. Whoever is over a limit is told
//! when to come back; nobody who is in is put out for someone new.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_http::header::HeaderMap;
use ipnet::IpNet;
use service::{http::Refusal, settings::Hub};
use tokio::time::Instant;

use crate::protocol::Allowance;

/// Clients that find no place are spread over so many seconds.
const FULL_SECONDS: usize = 5;
/// The same for those who came in a second with too many others: the next one has places again.
const BUSY_SECONDS: usize = 2;

/// The limits, and what is used of them; one for all shards.
#[derive(Debug)]
pub(crate) struct Admission {
    most_sockets: usize,
    most_per_address: u32,
    handshakes_per_second: u32,
    proxies: Vec<IpNet>,
    started: Instant,
    sockets: AtomicUsize,
    refused: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, u32>>,
    handshakes: Mutex<Allowance<1>>,
}

/// A client that was let in; dropped, its place is free again.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    /// # Errors
    /// A trusted proxy is no address and no network.
    pub(crate) fn new(settings: &Hub) -> Result<Self, InvalidProxy> {
        let proxies = settings.trusted_proxies.iter().map(|text| parse_network(text));
        Ok(Self {
            most_sockets: settings.max_sockets,
            most_per_address: settings.max_sockets_per_address,
            handshakes_per_second: settings.max_handshakes_per_second,
            proxies: proxies.collect::<Result<_, _>>()?,
            started: Instant::now(),
            sockets: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            by_address: Mutex::default(),
            handshakes: Mutex::new(Allowance::full(settings.max_handshakes_per_second, 0)),
        })
    }

    /// Lets a client in, or says when to come back.
    ///
    /// # Errors
    /// A limit is reached.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Result<Admitted, Box<Refusal>> {
        if !self.takes_another_handshake() {
            return Err(self.refuse(
                "handshakes",
                BUSY_SECONDS,
                "The hub takes no more handshakes this second.",
            ));
        }
        let address = peer.map(|peer| group(self.client_behind(peer, headers)));
        if !self.takes_another_from(address) {
            let detail = "There are as many sockets from this address as there may be.";
            return Err(self.refuse("address", FULL_SECONDS, detail));
        }
        let admitted = Admitted { admission: self.clone(), address };
        if self.sockets.fetch_add(1, Ordering::Relaxed) >= self.most_sockets {
            return Err(self.refuse("sockets", FULL_SECONDS, "The hub has as many sockets as it may."));
        }
        Ok(admitted)
    }

    fn takes_another_handshake(&self) -> bool {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut handshakes = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
        self.handshakes_per_second == 0 || handshakes.take(self.handshakes_per_second, now_ms)
    }

    fn takes_another_from(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return true };
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if self.most_per_address > 0 && *count >= self.most_per_address {
            return false;
        }
        *count += 1;
        true
    }

    fn refuse(&self, limit: &'static str, spread_seconds: usize, detail: &'static str) -> Box<Refusal> {
        metrics::counter!("stockwire_hub_refused_total", "limit" => limit).increment(1);
        let place = self.refused.fetch_add(1, Ordering::Relaxed) % spread_seconds;
        Box::new(Refusal::for_now(detail, u32::try_from(place).unwrap_or(0) + 1))
    }

    /// The address that counts: the last one in `X-Forwarded-For` that isn't a proxy of ours. The header is believed
    /// only as far as proxies of ours wrote it.
    fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_proxy = |address: &IpAddr| self.proxies.iter().any(|network| network.contains(address));
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

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.sockets.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.admission.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

/// A network of 64 bits is one household in IPv6.
fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A setting that should name proxies doesn't.
#[derive(Debug, thiserror::Error)]
#[error("settings: hub.trusted_proxies: {0:?} is neither an address nor a network such as 10.0.0.0/8")]
pub(crate) struct InvalidProxy(String);

fn parse_network(text: &str) -> Result<IpNet, InvalidProxy> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| InvalidProxy(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(sockets: usize, per_address: u32, handshakes: u32) -> Arc<Admission> {
        let mut settings = service::Settings::load(None, HashMap::new()).unwrap().hub;
        settings.max_sockets = sockets;
        settings.max_sockets_per_address = per_address;
        settings.max_handshakes_per_second = handshakes;
        settings.trusted_proxies = vec!["10.0.0.0/8".into(), "::1".into()];
        Arc::new(Admission::new(&settings).unwrap())
    }

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
    fn places_are_free_again_when_clients_go() {
        let admission = admission(3, 2, 0);
        let enter = |peer| admission.admit(Some(ip(peer)), &HeaderMap::new());
        let (first, _second) = (enter("192.0.2.1").unwrap(), enter("192.0.2.1").unwrap());
        let refused = enter("192.0.2.1").unwrap_err();
        assert_eq!((refused.problem.status, refused.retry_after), (503, Some(1)));
        let _other = enter("192.0.2.2").unwrap();
        assert!(enter("192.0.2.3").is_err(), "the hub is full");
        drop(first);
        enter("192.0.2.1").unwrap();
        assert_eq!(admission.by_address.lock().unwrap().len(), 2);
    }

    #[test]
    fn handshakes_a_second_are_bounded() {
        let admission = admission(1000, 0, 100);
        let entered = (0..1000).filter(|_| admission.admit(None, &HeaderMap::new()).is_ok()).count();
        assert!((100..150).contains(&entered), "one second's worth at once: {entered}");
        assert_eq!(admission.sockets.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let admission = admission(1, 1, 0);
        let client = |peer: &str, values: &[&str]| admission.client_behind(ip(peer), &forwarded(values));
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
        assert_eq!(group(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
    }
}
