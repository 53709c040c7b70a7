//! The values that an item had within a window: only those that can still be its least or its greatest.

use std::time::Duration;

use domain::Amount;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, ser::SerializeSeq};

/// Values, each with the time until which it held, in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Samples(Vec<(Timestamp, Amount)>);

/// A window in which more values than this are outdone by none behind them forgets the oldest of those early.
const MOST: usize = 256;

impl Samples {
    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A value held until this time.
    pub(crate) fn add(&mut self, until: Timestamp, value: Amount) {
        // Clocks of two writers may differ; the log's order counts.
        let until = self.0.last().map_or(until, |(last, _)| until.max(*last));
        self.0.push((until, value));
        // A window always reaches up to now. Its extremes are values that none behind them outdoes.
        let (mut least, mut greatest) = (value, value);
        let mut kept = vec![(until, value)];
        for (at, value) in self.0.iter().rev().skip(1) {
            if *value < least || *value > greatest {
                (least, greatest) = (least.min(*value), greatest.max(*value));
                kept.push((*at, *value));
            }
        }
        kept.truncate(MOST);
        kept.reverse();
        self.0 = kept;
    }

    /// Forgets what ended before the window does.
    pub(crate) fn forget_before(&mut self, moment: Timestamp, window: Duration) {
        let Ok(start) = moment.checked_sub(window) else { return };
        self.0.retain(|(until, _)| *until >= start);
    }

    /// The least and the greatest.
    pub(crate) fn extremes(&self) -> Option<(Amount, Amount)> {
        let values = || self.0.iter().map(|(_, value)| *value);
        values().min().zip(values().max())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Serialize for Samples {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (until, value) in &self.0 {
            list.serialize_element(&(until, value.to_string()))?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    proptest! {
        #[test]
        fn the_extremes_are_those_of_all_values_in_the_window(
            values in prop::collection::vec((0_i64..5, -20_i64..20), 1..60),
            window in 0_u64..30,
        ) {
            let (mut samples, mut all, mut now) = (Samples::default(), Vec::new(), 0);
            for (pause, value) in values {
                now += pause;
                samples.add(at(now), Amount::whole(value));
                all.push((now, Amount::whole(value)));
                samples.forget_before(at(now), Duration::from_secs(window));
                let inside = || all.iter().filter(|(until, _)| *until >= now - window as i64).map(|(_, value)| *value);
                prop_assert_eq!(samples.extremes(), inside().min().zip(inside().max()));
                let json = serde_json::to_string(&samples).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Samples>(&json).unwrap(), &samples);
            }
        }
    }
}
