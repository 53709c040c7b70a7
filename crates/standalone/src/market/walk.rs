//! A price that wanders about: small steps all the time, back towards where it belongs, and now and then a jump.

use crate::demo::RandomNumbers;

/// The part of the distance that a step takes back.
const PULL: f64 = 0.03;
/// How far a step usually goes: one percent.
const STEP: f64 = 0.01;
/// One step in so many is a jump, of at most this.
const JUMPS: f64 = 1.0 / 150.0;
const JUMP: f64 = 0.2;
/// Whoever hasn't been looked at for longer may be anywhere.
const MOST_STEPS: u64 = 1000;

/// A price on its walk.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// Where it belongs, in cents.
    base: f64,
    /// How far from there it is, as a logarithm.
    away: f64,
    steps: u64,
    numbers: RandomNumbers,
}

impl Walk {
    /// A walk around a price, which begins at this step.
    pub(super) const fn around(cents: f64, seed: u64, step: u64) -> Self {
        Self { base: cents, away: 0.0, steps: step, numbers: RandomNumbers::new(seed) }
    }

    /// Where it is at a step, as a price with two places.
    pub(super) fn at(&mut self, step: u64) -> String {
        for _ in 0..step.saturating_sub(self.steps).min(MOST_STEPS) {
            self.step();
        }
        self.steps = self.steps.max(step);
        let price = (self.base * self.away.exp() / 100.0).max(0.01);
        format!("{price:.2}")
    }

    fn step(&mut self) {
        // Twelve dice, nearly normal.
        let dice: f64 = (0..12).map(|_| self.numbers.fraction()).sum::<f64>() - 6.0;
        let jump =
            if self.numbers.fraction() < JUMPS { (self.numbers.fraction() * 2.0 - 1.0) * JUMP } else { 0.0 };
        self.away += dice * STEP + jump - self.away * PULL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_the_same_again_and_stays_near_where_it_belongs() {
        let prices = |seed| {
            let mut walk = Walk::around(1000.0, seed, 5);
            (5..2005).map(|step| walk.at(step)).collect::<Vec<_>>()
        };
        assert_eq!(prices(1), prices(1));
        assert_ne!(prices(1), prices(2));
        let walked: Vec<f64> = prices(1).iter().map(|price| price.parse().unwrap()).collect();
        assert_eq!(walked[0].total_cmp(&10.0), std::cmp::Ordering::Equal);
        let mean = walked.iter().sum::<f64>() / 2000.0;
        assert!((8.0..12.5).contains(&mean), "{mean}");
        assert!(walked.iter().all(|price| (3.0..30.0).contains(price)));
        let moved = walked.windows(2).filter(|pair| pair[0].total_cmp(&pair[1]).is_ne()).count();
        assert!(moved > 1500, "{moved}");
    }
}
