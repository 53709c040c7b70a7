//! How a client behaves. Everything random comes from a seed, so that a run can be repeated as far as time allows.

use std::time::Duration;

use testkit::SeededNumbers;

/// A way to be a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Reads whatever is there at once.
    Prompt,
    /// Reads nothing once it is live.
    Deaf,
    /// Reads so many bytes, then pauses.
    Trickle { bytes: usize, pause: Duration },
    /// Stops reading now and then; may be cut off when it has begun to read on.
    Stalling,
    /// Goes away without a goodbye now and then.
    Flapping,
}

/// What a client does next, unless the server does something first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Read,
    /// Reads no further for so long.
    Pause(Duration),
    Cut,
}

/// A client's plan for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    habit: Habit,
    /// When it stops reading, or goes away; since the connection's begin.
    at: Duration,
    /// Reads that are left before it goes away, once it is waking up.
    reads_left: Option<u64>,
}

impl Plan {
    pub(crate) fn new(habit: Habit, chance: &mut SeededNumbers) -> Self {
        let at = match habit {
            // Many go in the middle of what the hub sends them first.
            Habit::Flapping if chance.percent(30) => milliseconds(chance, 0, 300),
            Habit::Flapping => milliseconds(chance, 2_000, 20_000),
            Habit::Stalling => milliseconds(chance, 500, 10_000),
            Habit::Prompt | Habit::Deaf | Habit::Trickle { .. } => Duration::ZERO,
        };
        Self { habit, at, reads_left: None }
    }

    /// Decides before each read.
    pub(crate) fn next(&mut self, age: Duration, live: bool, chance: &mut SeededNumbers) -> Next {
        if let Some(left) = &mut self.reads_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Next::Cut;
            }
        }
        match self.habit {
            Habit::Deaf if live => Next::Pause(Duration::MAX),
            Habit::Trickle { pause, .. } if live => Next::Pause(pause),
            Habit::Flapping if age >= self.at => Next::Cut,
            Habit::Stalling if age >= self.at && self.reads_left.is_none() => {
                let pause = milliseconds(chance, 1_000, 40_000);
                self.at = age + pause + milliseconds(chance, 2_000, 15_000);
                self.reads_left = chance.percent(30).then(|| 2 + chance.below(60));
                Next::Pause(pause)
            }
            _ => Next::Read,
        }
    }

    /// How much it reads at once.
    pub(crate) const fn most_bytes(&self, live: bool) -> usize {
        match self.habit {
            Habit::Trickle { bytes, .. } if live => bytes,
            // Small reads, so that a cut comes in the middle of something.
            _ if self.reads_left.is_some() => 16 * 1024,
            _ => usize::MAX,
        }
    }
}

fn milliseconds(chance: &mut SeededNumbers, from: u64, to: u64) -> Duration {
    Duration::from_millis(from + chance.below(to - from + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Duration = Duration::from_secs(60);

    #[test]
    fn a_flapper_goes_and_a_prompt_one_stays() {
        let mut chance = SeededNumbers::new(1);
        let mut flapping = Plan::new(Habit::Flapping, &mut chance);
        assert_eq!(flapping.next(LATE, true, &mut chance), Next::Cut);
        let mut prompt = Plan::new(Habit::Prompt, &mut chance);
        assert_eq!(prompt.next(LATE, true, &mut chance), Next::Read);
    }

    #[test]
    fn who_stalls_reads_on_and_some_are_cut_while_they_do() {
        let (mut cut, mut on) = (0, 0);
        for seed in 0..200 {
            let mut chance = SeededNumbers::new(seed);
            let mut plan = Plan::new(Habit::Stalling, &mut chance);
            assert!(matches!(plan.next(Duration::from_secs(10), true, &mut chance), Next::Pause(_)));
            let ends = (0..70).any(|_| plan.next(Duration::from_secs(11), true, &mut chance) == Next::Cut);
            *(if ends { &mut cut } else { &mut on }) += 1;
        }
        assert!(cut > 20 && on > 100, "{cut} cut, {on} read on");
    }

    #[test]
    fn nobody_is_slow_before_it_is_live() {
        let mut chance = SeededNumbers::new(1);
        let trickle = Habit::Trickle { bytes: 1, pause: LATE };
        for habit in [Habit::Deaf, trickle] {
            let mut plan = Plan::new(habit, &mut chance);
            assert_eq!(plan.next(LATE, false, &mut chance), Next::Read);
            assert!(matches!(plan.next(LATE, true, &mut chance), Next::Pause(_)));
        }
    }
}
