//! How long changes took to reach those clients that were timed, and where that time went: until the first of them had
//! a change, and from there to each.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    audience::{ChangeKey, Delivery},
    distribution::Distribution,
    publisher::Publication,
};

/// Times of deliveries, all of them.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    since_done: Vec<Duration>,
    since_sent: Vec<Duration>,
    done_to_first: Vec<Duration>,
    since_first: Vec<Duration>,
}

impl Latencies {
    pub(crate) fn of(publications: &[Publication], deliveries: &[Delivery]) -> Self {
        let made: HashMap<ChangeKey, &Publication> =
            publications.iter().map(|publication| (publication.change, publication)).collect();
        let mut first: HashMap<ChangeKey, Instant> = HashMap::new();
        for Delivery { change, at } in deliveries {
            let first = first.entry(*change).or_insert(*at);
            *first = (*first).min(*at);
        }
        let mut latencies = Self::default();
        for Delivery { change, at } in deliveries {
            let (Some(made), Some(first)) = (made.get(change), first.get(change)) else { continue };
            // A client may have a change before its publisher has the answer; that is as good as no time at all.
            latencies.since_done.push(at.saturating_duration_since(made.done));
            latencies.since_sent.push(at.saturating_duration_since(made.sent));
            latencies.since_first.push(at.saturating_duration_since(*first));
        }
        for (change, first) in &first {
            let Some(made) = made.get(change) else { continue };
            latencies.done_to_first.push(first.saturating_duration_since(made.done));
        }
        latencies
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.since_done.extend(other.since_done);
        self.since_sent.extend(other.since_sent);
        self.done_to_first.extend(other.done_to_first);
        self.since_first.extend(other.since_first);
    }

    /// From the moment when the publisher knew that the change was made.
    pub(crate) fn since_done(&self) -> Distribution {
        self.since_done.iter().copied().collect()
    }

    /// From the moment before the publisher sent it.
    pub(crate) fn since_sent(&self) -> Distribution {
        self.since_sent.iter().copied().collect()
    }

    /// From the moment when the publisher knew, to the first client: the way to the server, once for each change.
    pub(crate) fn done_to_first(&self) -> Distribution {
        self.done_to_first.iter().copied().collect()
    }

    /// From the first client to each: the fan-out itself, and the reading.
    pub(crate) fn since_first(&self) -> Distribution {
        self.since_first.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_same_change() {
        let sent = Instant::now();
        let at = |milliseconds| sent + Duration::from_millis(milliseconds);
        let change = |item| ChangeKey { item, version: 1 };
        let made = [Publication { change: change(1), sent, done: at(3) }];
        let heard = [
            Delivery { change: change(1), at: at(5) },
            Delivery { change: change(1), at: at(2) },
            Delivery { change: change(2), at: at(9) },
        ];
        let latencies = Latencies::of(&made, &heard);
        assert_eq!(latencies.since_done().len(), 2);
        assert_eq!(latencies.since_done().percentile(100), Duration::from_millis(2));
        assert_eq!(latencies.since_done().percentile(50), Duration::ZERO);
        assert_eq!(latencies.since_sent().percentile(50), Duration::from_millis(2));
        assert_eq!(latencies.since_first().percentile(100), Duration::from_millis(3));
        assert_eq!(
            (latencies.done_to_first().len(), latencies.done_to_first().percentile(50)),
            (1, Duration::ZERO)
        );
    }
}
