//! How long things took, all of them.

use std::time::Duration;

/// Times, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Distribution {
    sorted: Vec<Duration>,
}

impl Distribution {
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Duration> {
        self.sorted.iter().copied()
    }

    /// The time that so many percent stay within (nearest rank); zero if there is none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// `0.84 / 2.31`: half and 99 of 100, in milliseconds.
    pub(crate) fn p50_and_p99(&self) -> String {
        format!("{} / {}", milliseconds(self.percentile(50)), milliseconds(self.percentile(99)))
    }
}

impl FromIterator<Duration> for Distribution {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        let mut sorted: Vec<Duration> = times.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

/// With as many digits as are worth reading.
pub(crate) fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 { format!("{milliseconds:.2}") } else { format!("{milliseconds:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Distribution = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(times.percentile(50), Duration::from_millis(100));
        assert_eq!(times.percentile(99), Duration::from_millis(198));
        assert_eq!(times.percentile(100), Duration::from_millis(200));
        assert_eq!(Distribution::default().percentile(99), Duration::ZERO);
        assert_eq!(times.p50_and_p99(), "100.0 / 198.0");
    }
}
