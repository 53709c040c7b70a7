//! When the sequencer looks next, and whether writers shall ring: a pure machine, fed with what each step found.
//!
//! With little to do it sleeps and writers ring the bell. When productive steps follow each other closely it tells
//! the writers to be silent and looks by itself, with pauses as long as its steps take, so that it never uses more
//! than half of a connection's time. When nothing has come for a while it lets them ring again.

use std::time::Duration;

use tokio::time::Instant;

/// Productive steps closer together than this count as busy.
const CLOSE: Duration = Duration::from_millis(10);
/// So many changes placed by such steps in a row silence the writers.
const MANY: i64 = 16;
/// The bounds of the pause between two looks while writers are silent.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);
/// Nothing found for so long lets writers ring again.
const QUIET: Duration = Duration::from_millis(30);

/// Whether writers wake the sequencer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// It sleeps: a writer notifies.
    Ring,
    /// It is busy and looks by itself: a writer does nothing.
    StaySilent,
}

/// What to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Sleep until the bell rings, or the poll interval ends.
    AwaitBell,
    /// Look again after this pause.
    LookAfter(Duration),
    /// Tell writers, then look again at once.
    Tell(Writers),
}

/// Keeps the pace.
#[derive(Debug)]
pub(crate) struct Pace {
    writers: Writers,
    close_changes: i64,
    last_productive: Option<Instant>,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { writers: Writers::Ring, close_changes: 0, last_productive: None }
    }

    /// What to do after a step that began at `started`, ended at `now` and placed this many changes.
    pub(crate) fn after_step(&mut self, placed: i64, started: Instant, now: Instant) -> Next {
        let since = self.last_productive.map(|last| started.saturating_duration_since(last));
        if placed > 0 {
            let close = since.is_some_and(|since| since < CLOSE);
            self.close_changes = if close { self.close_changes.saturating_add(placed) } else { 0 };
            self.last_productive = Some(now);
        }
        match self.writers {
            Writers::Ring if placed > 0 && self.close_changes >= MANY => self.tell(Writers::StaySilent),
            Writers::Ring => Next::AwaitBell,
            Writers::StaySilent if placed == 0 && since.is_none_or(|since| since > QUIET) => {
                self.tell(Writers::Ring)
            }
            Writers::StaySilent => {
                let step = now.saturating_duration_since(started);
                Next::LookAfter(step.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
            }
        }
    }

    /// The writers couldn't be told.
    pub(crate) const fn not_told(&mut self) {
        self.writers = Writers::Ring;
    }

    fn tell(&mut self, writers: Writers) -> Next {
        self.writers = writers;
        self.close_changes = 0;
        Next::Tell(writers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    /// Steps that each take 1 ms, a pause before each, and what the pace says after each.
    fn play(pace: &mut Pace, now: &mut Instant, pause_ms: u64, placed: i64, steps: usize) -> Vec<Next> {
        (0..steps)
            .map(|_| {
                let started = *now + Duration::from_millis(pause_ms);
                *now = started + STEP;
                pace.after_step(placed, started, *now)
            })
            .collect()
    }

    #[test]
    fn a_slow_trickle_is_left_to_the_bell() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        let said = play(&mut pace, &mut now, 50, 1, 100);
        assert!(said.iter().all(|next| *next == Next::AwaitBell), "{said:?}");
    }

    #[test]
    fn a_flood_silences_the_writers_and_quiet_lets_them_ring_again() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        let flood = play(&mut pace, &mut now, 1, 5, 40);
        let silenced = flood.iter().filter(|next| **next == Next::Tell(Writers::StaySilent)).count();
        assert_eq!(silenced, 1, "{flood:?}");
        assert_eq!(flood.last(), Some(&Next::LookAfter(SHORTEST_PAUSE)));
        let quiet = play(&mut pace, &mut now, 2, 0, 40);
        let ringing = quiet.iter().filter(|next| **next == Next::Tell(Writers::Ring)).count();
        assert_eq!(ringing, 1, "{quiet:?}");
        assert_eq!(quiet.last(), Some(&Next::AwaitBell));
    }

    #[test]
    fn the_pause_follows_the_step_within_its_bounds() {
        let mut pace = Pace { writers: Writers::StaySilent, ..Pace::new() };
        let started = Instant::now();
        for (step_ms, pause_ms) in [(0, 2), (5, 5), (500, 10)] {
            let now = started + Duration::from_millis(step_ms);
            assert_eq!(pace.after_step(1, started, now), Next::LookAfter(Duration::from_millis(pause_ms)));
        }
    }
}
