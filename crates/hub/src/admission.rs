//! Who is let in, by number: sockets in all, from one address, and handshakes a second. Whoever is over a limit is told
//! when to come back; nobody who is in is put out for someone new.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_http::header::HeaderMap;
use service::{
    client_address::{InvalidNetwork, Proxies, household},
    http::Refusal,
    settings::Hub,
};
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
    proxies: Proxies,
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
    pub(crate) fn new(settings: &Hub) -> Result<Self, InvalidNetwork> {
        Ok(Self {
            most_sockets: settings.max_sockets,
            most_per_address: settings.max_sockets_per_address,
            handshakes_per_second: settings.max_handshakes_per_second,
            proxies: Proxies::read("hub.trusted_proxies", &settings.trusted_proxies)?,
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
        let address = peer.map(|peer| household(self.client(peer, headers)));
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

    /// Where a client is, behind proxies of ours.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.proxies.client(peer, headers)
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
}
