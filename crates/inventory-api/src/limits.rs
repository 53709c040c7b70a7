//! How often one client may ask: a bucket of requests for each login, and for each address that shows none. It is refilled
//! at a steady rate, and what it holds may be used at once. Each process counts for itself: with three of them behind a
//! gateway, a client may ask up to three times as often.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use domain::Login;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};
use service::{client_address::household, settings};

/// Once in so many requests, buckets that are full again are forgotten: so there are never many more of them than
/// clients that were here since.
const FORGET_EVERY: u32 = 16_384;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Whose bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Of a session or a key, wherever it comes from.
    Login(Login),
    /// Of everybody at an address who shows no login.
    Address(IpAddr),
}

impl Client {
    /// Who asks.
    pub(crate) fn of(login: Option<Login>, address: Option<IpAddr>) -> Self {
        // Only a request that came over no network has no address.
        let address = || household(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
        login.map_or_else(|| Self::Address(address()), Self::Login)
    }
}

/// Buckets of one size, for whatever has one each.
pub(crate) struct Buckets<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    limiter: RateLimiter<K, HashMapStateStore<K>, C, StateInformationMiddleware>,
    counted: AtomicU32,
    holds: NonZeroU32,
    forget_every: u32,
}

/// What was left after a request was counted, or how long there is nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It may pass, and so many more at once.
    Passes {
        /// How many.
        remaining: u32,
    },
    /// It may pass in so long at the earliest.
    Waits(Duration),
}

impl<K: Hash + Eq + Clone, C: Clock> Buckets<K, C> {
    /// Each takes what the quota says; `clock` tells how time passes.
    pub(crate) fn new(quota: Quota, forget_every: u32, clock: C) -> Self {
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), clock);
        Self { limiter, counted: AtomicU32::new(0), holds: quota.burst_size(), forget_every }
    }

    /// Counts something that weighs so much; no bucket is too small for anything.
    pub(crate) fn count(&self, key: &K, weight: NonZeroU32) -> Counted {
        if self.counted.fetch_add(1, Ordering::Relaxed) % self.forget_every == self.forget_every - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key_n(key, weight.min(self.holds)) {
            Ok(Ok(state)) => Counted::Passes { remaining: state.remaining_burst_capacity() },
            Ok(Err(not_until)) => Counted::Waits(not_until.wait_time_from(self.limiter.clock().now())),
            // Never: nothing weighs more than a bucket holds.
            Err(_) => Counted::Waits(Duration::ZERO),
        }
    }
}

/// The limits of this process.
pub(crate) struct Limits {
    buckets: Buckets<Client>,
    quota: Quota,
    policy: HeaderValue,
}

impl Limits {
    /// None if there are none.
    pub(crate) fn read(settings: &settings::Limits) -> Option<Self> {
        let rate = NonZeroU32::new(settings.requests_per_second)?;
        let quota = Quota::per_second(rate).allow_burst(NonZeroU32::new(settings.burst).unwrap_or(rate));
        let policy = format!(
            "\"default\";q={};w={}",
            quota.burst_size(),
            seconds_for(quota, quota.burst_size().get())
        );
        let policy = HeaderValue::try_from(policy).ok()?;
        Some(Self { buckets: Buckets::new(quota, FORGET_EVERY, DefaultClock::default()), quota, policy })
    }

    /// Counts a request.
    pub(crate) fn count(&self, client: Client, weight: NonZeroU32) -> Counted {
        self.buckets.count(&client, weight)
    }

    /// Tells the client how it stands (draft-ietf-httpapi-ratelimit-headers-10): what a whole bucket holds and how long
    /// filling it takes; what is left, and when the bucket is full again, or when asking is worth while if nothing is.
    pub(crate) fn tell(&self, counted: Counted, headers: &mut HeaderMap) {
        let (remaining, seconds) = match counted {
            Counted::Passes { remaining } => {
                (remaining, seconds_for(self.quota, self.quota.burst_size().get().saturating_sub(remaining)))
            }
            Counted::Waits(wait) => (0, u64::from(retry_after(wait))),
        };
        headers.insert(POLICY, self.policy.clone());
        if let Ok(state) = HeaderValue::try_from(format!("\"default\";r={remaining};t={seconds}")) {
            headers.insert(STATE, state);
        }
    }
}

/// So many whole seconds a client waits at least.
pub(crate) fn retry_after(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

/// How long so many requests take to come back, in whole seconds.
fn seconds_for(quota: Quota, requests: u32) -> u64 {
    let nanos = quota.replenish_interval().as_nanos() * u128::from(requests);
    u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;
    const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

    fn buckets(burst: u32, forget_every: u32) -> (Buckets<u8, FakeRelativeClock>, FakeRelativeClock) {
        let quota = Quota::per_second(NonZeroU32::new(2).unwrap());
        let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap());
        let clock = FakeRelativeClock::default();
        (Buckets::new(quota, forget_every, clock.clone()), clock)
    }

    #[test]
    fn a_bucket_is_used_up_at_once_and_comes_back_at_the_rate() {
        let (buckets, clock) = buckets(3, 100);
        for remaining in [2, 1, 0] {
            assert_eq!(buckets.count(&1, ONE), Counted::Passes { remaining });
        }
        assert_eq!(buckets.count(&1, ONE), Counted::Waits(Duration::from_millis(500)));
        assert_eq!(buckets.count(&2, ONE), Counted::Passes { remaining: 2 });
        clock.advance(Duration::from_millis(500));
        assert_eq!(buckets.count(&1, ONE), Counted::Passes { remaining: 0 });
    }

    #[test]
    fn what_weighs_more_is_refused_earlier_and_leaves_the_rest_to_others() {
        let (buckets, clock) = buckets(25, 100);
        assert_eq!(buckets.count(&1, TEN), Counted::Passes { remaining: 15 });
        assert_eq!(buckets.count(&1, TEN), Counted::Passes { remaining: 5 });
        assert_eq!(buckets.count(&1, TEN), Counted::Waits(Duration::from_millis(2500)));
        assert_eq!(buckets.count(&1, ONE), Counted::Passes { remaining: 4 });
        clock.advance(Duration::from_secs(3));
        assert_eq!(buckets.count(&1, TEN), Counted::Passes { remaining: 0 });
        // A bucket that is smaller than that takes it when it is full.
        let (small, _) = self::buckets(3, 100);
        assert_eq!(small.count(&1, TEN), Counted::Passes { remaining: 0 });
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (buckets, clock) = buckets(2, 100);
        for key in 0..99 {
            buckets.count(&key, ONE);
        }
        assert_eq!(buckets.limiter.len(), 99);
        clock.advance(Duration::from_secs(2));
        buckets.count(&200, ONE);
        assert_eq!(buckets.limiter.len(), 1);
    }

    #[test]
    fn headers_say_how_a_client_stands() {
        let limits = Limits::read(&settings::Limits { requests_per_second: 200, burst: 1000 }).unwrap();
        let told = |counted| {
            let mut headers = HeaderMap::new();
            limits.tell(counted, &mut headers);
            let text = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
            (text(POLICY), text(STATE))
        };
        let policy = "\"default\";q=1000;w=5".to_owned();
        assert_eq!(
            told(Counted::Passes { remaining: 999 }),
            (policy.clone(), "\"default\";r=999;t=1".into())
        );
        assert_eq!(told(Counted::Passes { remaining: 0 }), (policy.clone(), "\"default\";r=0;t=5".into()));
        let wait = Counted::Waits(Duration::from_millis(1001));
        assert_eq!(told(wait), (policy, "\"default\";r=0;t=2".into()));
        assert!(Limits::read(&settings::Limits { requests_per_second: 0, burst: 1000 }).is_none());
    }

    #[test]
    fn waits_are_whole_seconds_and_never_none() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(retry_after(Duration::from_millis(millis)), seconds);
        }
    }
}
