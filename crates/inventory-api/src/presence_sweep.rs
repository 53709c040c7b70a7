//! Sweeps up who was with hubs that are gone without a word. Every inventory-api does it, so that somebody does.
//!
//! A hub is gone when it hasn't reported for some time. But if nobody could take its reports for so long, because
//! Postgres or all of us were away, that says nothing: everybody would leave at once, and come back a moment later. So
//! nobody is swept up before hubs have had as much time again since this process began, and since it last couldn't reach
//! the database, or was held up itself, as on a machine that was asleep.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use service::Context;
use store::Store;
use tokio::time::MissedTickBehavior;

/// Begins to sweep, until the service stops.
pub(crate) fn start(context: &Context, store: Store) {
    let lasts = Duration::from_millis(u64::from(context.settings.hub.presence_lasts_ms.max(100)));
    let stop = context.stop.clone();
    context.spawn_essential("presence sweep", async move {
        stop.run_until_cancelled(sweep(&store, lasts)).await;
    });
}

async fn sweep(store: &Store, lasts: Duration) {
    let mut ticks = tokio::time::interval(lasts / 3);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut respite = Respite::new(lasts, Timestamp::now());
    loop {
        ticks.tick().await;
        // First: a database that was away and comes back must not begin with the sweep.
        let answered = store.ping().await;
        if !respite.is_over(Timestamp::now(), answered.is_ok()) {
            if let Err(error) = answered {
                tracing::debug!(source = &error as &dyn std::error::Error, "presence can't be swept");
            }
            continue;
        }
        match store.sweep_presence().await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(presence.gone = gone, "people of hubs that are gone have left"),
            Err(error) => {
                respite.begin(Timestamp::now());
                tracing::debug!(source = &error as &dyn std::error::Error, "presence can't be swept");
            }
        }
    }
}

/// The time that hubs are given to report. By the wall clock, which goes on while a machine sleeps, as that of the
/// database does, by which reports run out.
#[derive(Debug)]
struct Respite {
    lasts: SignedDuration,
    looked_at: Timestamp,
    ends_at: Timestamp,
}

impl Respite {
    fn new(lasts: Duration, now: Timestamp) -> Self {
        let lasts = SignedDuration::try_from(lasts).unwrap_or(SignedDuration::MAX);
        let mut respite = Self { lasts, looked_at: now, ends_at: now };
        respite.begin(now);
        respite
    }

    fn begin(&mut self, now: Timestamp) {
        self.ends_at = self.end_from(now);
    }

    fn end_from(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.lasts).unwrap_or(Timestamp::MAX)
    }

    /// Whether hubs that are silent may be taken for gone, after the database was asked something. Asked three times as
    /// often as reports last, so it was held up if that took twice as long.
    fn is_over(&mut self, now: Timestamp, answered: bool) -> bool {
        let held_up = now.duration_since(self.looked_at) > self.lasts / 3 * 2;
        self.looked_at = now;
        if held_up || !answered {
            self.begin(now);
        }
        // A clock that was set back makes it no longer.
        self.ends_at = self.ends_at.min(self.end_from(now));
        now >= self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at these seconds, with an answer of the database or none: when silent hubs were taken for gone.
    fn swept(looks: &[(i64, bool)]) -> Vec<i64> {
        let at = |second| Timestamp::from_second(1_000_000 + second).unwrap();
        let mut respite = Respite::new(Duration::from_secs(15), at(0));
        let looks = looks.iter().filter(|(second, answered)| respite.is_over(at(*second), *answered));
        looks.map(|(second, _)| *second).collect()
    }

    #[test]
    fn hubs_have_time_to_report_after_whatever_kept_them_from_it() {
        let every_5_s = |from: i64, to: i64| (from..to).step_by(5).map(|second| (second, true));
        let quiet: Vec<_> = every_5_s(0, 30).collect();
        assert_eq!(swept(&quiet), [15, 20, 25]);
        let away: Vec<_> = every_5_s(0, 20).chain([(20, false)]).chain(every_5_s(25, 45)).collect();
        assert_eq!(swept(&away), [15, 35, 40]);
        // The machine slept, this process was stopped, or the database took its time to answer.
        let asleep: Vec<_> = every_5_s(0, 20).chain(every_5_s(1000, 1025)).collect();
        assert_eq!(swept(&asleep), [15, 1015, 1020]);
        let set_back: Vec<_> = every_5_s(500, 530).chain(every_5_s(0, 20)).collect();
        assert_eq!(swept(&set_back), [515, 520, 525, 15]);
    }
}
