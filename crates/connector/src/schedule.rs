//! When a delivery that failed is tried again.

use std::time::Duration;

/// The pauses before the second try, the third, and so on; the last one is for all that come after.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(6 * 3600),
    LONGEST,
];

/// No pause is longer, whatever the other side asks for, but for chance.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// How long to wait after this try, the first of which is 1. The other side may ask for more, never for less, up to the
/// longest pause. `chance`, from 0 to 1, spreads what failed together: a fifth more or less.
pub(crate) fn pause(attempt: i32, quiet: Option<Duration>, chance: f64) -> Duration {
    let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or_default();
    let pause = PAUSES.get(place).copied().unwrap_or(LONGEST).mul_f64(0.8 + 0.4 * chance);
    pause.max(quiet.unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_spread() {
        let middle = |attempt| pause(attempt, None, 0.5).as_secs_f64().round();
        assert_eq!([0, 1, 2, 3].map(middle), [5.0, 5.0, 30.0, 120.0]);
        assert_eq!([8, 9, 100, i32::MAX].map(middle), [43_200.0; 4]);
        assert!((1..8).all(|attempt| pause(attempt, None, 1.0) < pause(attempt + 1, None, 0.0)));
        assert_eq!(pause(1, None, 0.0), Duration::from_secs(4));
        assert_eq!(pause(1, None, 1.0), Duration::from_secs(6));
    }

    #[test]
    fn the_other_side_may_ask_for_more_quiet_within_bounds() {
        let asked = |seconds| pause(1, Some(Duration::from_secs(seconds)), 0.5).as_secs();
        assert_eq!([0, 1, 60, 1_000_000].map(asked), [5, 5, 60, 43_200]);
    }
}
