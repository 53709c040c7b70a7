//! Numbers that look random: SplitMix64 (public domain, by Sebastiano Vigna). Good enough for a demo's customers, and
//! nothing for secrets.

/// A row of numbers that its seed determines.
#[derive(Debug, Clone)]
pub(crate) struct RandomNumbers {
    state: u64,
}

impl RandomNumbers {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `least` to `most`, both included.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        let numbers = most.abs_diff(least).saturating_add(1);
        least.saturating_add_unsigned(self.next() % numbers)
    }

    /// A place in something with `length` places, the front far more often than the back: the first hundredth gets
    /// about a fifth of all.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a catalogue's length is small, and the product is at least 0 and below it"
    )]
    pub(super) fn favourite(&mut self, length: usize) -> usize {
        let place = self.fraction().powi(3) * length as f64;
        (place as usize).min(length.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_included_and_kept() {
        let mut numbers = RandomNumbers::new(1);
        let drawn: std::collections::BTreeSet<i64> = (0..200).map(|_| numbers.between(-1, 2)).collect();
        assert!(drawn.into_iter().eq([-1, 0, 1, 2]));
        assert_eq!(numbers.between(7, 7), 7);
    }

    #[test]
    fn favourites_are_at_the_front() {
        let mut numbers = RandomNumbers::new(2);
        let drawn: Vec<usize> = (0..10_000).map(|_| numbers.favourite(100)).collect();
        let front = drawn.iter().filter(|place| **place == 0).count();
        assert!((1500..3000).contains(&front), "{front}");
        assert!(drawn.iter().all(|place| *place < 100));
        assert_eq!(numbers.favourite(0), 0);
    }
}
