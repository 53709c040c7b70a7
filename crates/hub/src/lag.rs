//! How far the hub is behind the log, for its metrics.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use domain::Position;
use jiff::Timestamp;

/// How often the gauges are set. A hub that waits for its shards gets nothing new, and its lag grows all the same.
const INTERVAL: Duration = Duration::from_secs(1);

/// What the feed has said last.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    head: AtomicI64,
    taken: AtomicI64,
    /// When the newest entry that was taken was made, in microseconds since 1970.
    newest_at_us: AtomicI64,
}

impl Lag {
    /// The stream starts, anew perhaps: nothing is known of the age of what lies behind.
    pub(crate) fn started(&self, taken: Position, head: Position) {
        self.newest_at_us.store(Timestamp::now().as_microsecond(), Relaxed);
        self.taken.store(taken.get(), Relaxed);
        self.head.store(head.get(), Relaxed);
    }

    /// Entries came.
    pub(crate) fn took(&self, last: Position, at_us: i64, head: Position) {
        self.newest_at_us.store(at_us, Relaxed);
        self.taken.store(last.get(), Relaxed);
        self.head.store(head.get(), Relaxed);
    }

    /// The log's newest position became known.
    pub(crate) fn heard_of(&self, head: Position) {
        self.head.store(head.get(), Relaxed);
    }

    /// Positions and seconds behind the head; both 0 once the hub has caught up.
    fn measure(&self, now_us: i64) -> (f64, f64) {
        let behind = self.head.load(Relaxed).saturating_sub(self.taken.load(Relaxed));
        if behind <= 0 {
            return (0.0, 0.0);
        }
        let age_us = now_us.saturating_sub(self.newest_at_us.load(Relaxed)).max(0).unsigned_abs();
        let positions = u32::try_from(behind).unwrap_or(u32::MAX);
        (f64::from(positions), Duration::from_micros(age_us).as_secs_f64())
    }

    /// Sets the gauges for ever.
    pub(crate) async fn report(&self) -> Infallible {
        loop {
            let (positions, seconds) = self.measure(Timestamp::now().as_microsecond());
            metrics::gauge!("stockwire_hub_feed_lag_positions").set(positions);
            metrics::gauge!("stockwire_hub_feed_lag_seconds").set(seconds);
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::at;

    #[test]
    fn a_lag_is_positions_and_the_age_of_the_newest_entry() {
        let lag = Lag::default();
        assert_eq!(lag.measure(9_000_000), (0.0, 0.0), "nothing is known yet");
        lag.took(at(7), 2_000_000, at(10));
        assert_eq!(lag.measure(9_500_000), (3.0, 7.5));
        lag.took(at(10), 3_000_000, at(10));
        assert_eq!(lag.measure(9_500_000), (0.0, 0.0));
        lag.heard_of(at(11));
        assert_eq!(lag.measure(3_500_000), (1.0, 0.5));
    }
}
