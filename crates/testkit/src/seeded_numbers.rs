//! Randomness that can be repeated: SplitMix64 (public domain, by Sebastiano Vigna), and nothing for secrets.

/// A row of numbers that its seed determines.
#[derive(Debug, Clone)]
pub struct SeededNumbers {
    state: u64,
}

impl SeededNumbers {
    /// The row of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A seed that nobody chose; print it, so that a failure can be repeated.
    #[must_use]
    pub fn fresh_seed() -> u64 {
        uuid::Uuid::new_v4().as_u64_pair().1
    }

    /// Another row for each part of a test, so that parts which run side by side don't depend on each other.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self::new(self.next())
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1; 0 where there is none.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// True that many times in a hundred.
    pub const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    ///
    /// # Panics
    /// There is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        &from[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers() {
        let numbers = |seed| {
            std::iter::repeat_with({
                let mut row = SeededNumbers::new(seed);
                move || row.below(1000)
            })
        };
        assert!(numbers(7).take(100).eq(numbers(7).take(100)));
        assert!(!numbers(7).take(100).eq(numbers(8).take(100)));
    }
}
