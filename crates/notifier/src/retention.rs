//! Deletes old entries, if the settings say so and this notifier leads: a small batch, a pause that is no shorter than
//! the batch took, the next batch. Nothing here is on the way of a change: batches use the pool, not the sequencer's
//! connection, and lock rows that neither writers nor the step touch. A batch is one transaction, so it may be cut off at
//! any moment, and goes on under the next leader.

use std::{sync::Arc, time::Duration};

use service::Settings;
use store::{Error, Store, TrimEnd, TrimRules, Trimmed};
use tokio::{sync::watch, time::Instant};

/// How often it looks whether something has become too old.
const LOOK: Duration = Duration::from_secs(5);
/// The same where something just was.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often the log's age is measured.
const MEASURE: Duration = Duration::from_secs(5);
/// A hub that holds up deleting for less is not worth a word.
const WORTH_A_WORD: Duration = Duration::from_secs(60);
/// Over so long it must show whether deleting keeps up: history is uneven, and a bulk may take minutes.
const JUDGE: Duration = Duration::from_secs(600);

/// The task that deletes; every notifier has one, and only the leader's does more than measure.
pub(crate) struct Retention {
    store: Store,
    settings: Arc<Settings>,
    leading: watch::Receiver<bool>,
    patience: Patience,
    progress: Progress,
    measure_at: Instant,
    judge_at: Instant,
}

impl Retention {
    pub(crate) fn new(store: Store, settings: Arc<Settings>, leading: watch::Receiver<bool>) -> Self {
        describe_metrics();
        let patience = Patience::new(settings.retention.longest_hold());
        let (progress, now) = (Progress::default(), Instant::now());
        Self { store, settings, leading, patience, progress, measure_at: now, judge_at: now }
    }

    /// Never ends; it is dropped when the service stops.
    pub(crate) async fn run(mut self) {
        loop {
            let rest = self.look().await.unwrap_or_else(|error| {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(source, "old entries can't be deleted, trying again");
                LOOK
            });
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                changed = self.leading.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Measures if it is time, deletes a batch if there is one, and says how long to rest.
    async fn look(&mut self) -> Result<Duration, Error> {
        if Instant::now() >= self.measure_at {
            self.measure_at = Instant::now() + MEASURE;
            self.measure().await?;
        }
        let leading = *self.leading.borrow_and_update();
        let Some(rules) = self.rules().filter(|_| leading) else {
            self.patience.rest();
            self.show_held();
            return Ok(MEASURE);
        };
        let begun = Instant::now();
        let trimmed = self.store.trim_log(&rules).await?;
        let took = begun.elapsed();
        metrics::counter!("stockwire_retention_deleted_total").increment(trimmed.deleted);
        metrics::histogram!("stockwire_retention_batch_seconds").record(took.as_secs_f64());
        self.progress.after(trimmed.end);
        self.tell_of_holds(&trimmed);
        Ok(match trimmed.end {
            TrimEnd::Full => self.settings.retention.pause().max(took),
            TrimEnd::Unseen => LOOK_AGAIN,
            _ if trimmed.deleted > 0 => LOOK_AGAIN,
            _ => LOOK,
        })
    }

    /// What may be deleted now, if anything may.
    fn rules(&self) -> Option<TrimRules> {
        let Settings { retention, hub, notifier, .. } = &*self.settings;
        let needed = hub.backfill_entries.max(notifier.window_entries);
        Some(TrimRules {
            older_than: retention.older_than()?,
            least_entries: retention.least_entries.max(u32::try_from(needed).unwrap_or(u32::MAX)),
            batch: retention.batch_entries,
            heed_holds: self.patience.heeds_holds(Instant::now()),
        })
    }

    fn tell_of_holds(&mut self, trimmed: &Trimmed) {
        let news = self.patience.after(trimmed.end, Instant::now());
        self.show_held();
        let first = trimmed.first;
        match news {
            Some(News::Held) => {
                tracing::warn!(log.first = %first, "a hub still reads old entries, they are not deleted");
            }
            Some(News::HeldTooLong) => tracing::warn!(
                log.first = %first,
                "a hub still reads old entries, they are deleted all the same: it has held them for too long"
            ),
            None => {}
        }
    }

    fn show_held(&self) {
        metrics::gauge!("stockwire_retention_held_seconds").set(self.patience.held());
    }

    async fn measure(&mut self) -> Result<(), Error> {
        let age = self.store.log_age().await?.unwrap_or_default();
        metrics::gauge!("stockwire_log_oldest_age_seconds").set(age.as_secs_f64());
        let Some(older_than) = self.settings.retention.older_than() else { return Ok(()) };
        if Instant::now() < self.judge_at {
            return Ok(());
        }
        self.judge_at = Instant::now() + JUDGE;
        let overdue = age.saturating_sub(older_than);
        if self.progress.falls_behind(overdue) {
            tracing::warn!(
                retention.overdue_seconds = overdue.as_secs(),
                "more becomes old than is deleted: raise retention.batch_entries, or shorten retention.pause_ms"
            );
        }
        Ok(())
    }
}

fn describe_metrics() {
    metrics::describe_counter!(
        "stockwire_retention_deleted_total",
        "Entries of the log that this notifier deleted, with their changes."
    );
    metrics::describe_gauge!("stockwire_log_first_position", "The oldest position that is kept.");
    metrics::describe_gauge!(
        "stockwire_log_oldest_age_seconds",
        "How long ago the oldest kept change was made."
    );
    metrics::describe_gauge!(
        "stockwire_retention_held_seconds",
        "For how long deleting has been held up by a hub that still reads old entries."
    );
    metrics::describe_histogram!("stockwire_retention_batch_seconds", "What a batch of deletions took.");
    metrics::counter!("stockwire_retention_deleted_total").increment(0);
    metrics::gauge!("stockwire_retention_held_seconds").set(0.0);
}

/// How long to wait for hubs: from the first batch that one cut short until everything old is gone. Past the bound, holds
/// are not heeded until then.
#[derive(Debug)]
struct Patience {
    longest: Duration,
    /// When a hold first cut a batch short, and when that was last so.
    held: Option<(Instant, Instant)>,
    told: Option<News>,
}

/// What has not been told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Held,
    HeldTooLong,
}

impl Patience {
    const fn new(longest: Duration) -> Self {
        Self { longest, held: None, told: None }
    }

    fn heeds_holds(&self, now: Instant) -> bool {
        self.held.is_none_or(|(since, _)| now.saturating_duration_since(since) < self.longest)
    }

    fn held(&self) -> Duration {
        self.held.map_or(Duration::ZERO, |(since, last)| last.saturating_duration_since(since))
    }

    /// Nothing is deleted here for now, so nothing is held up.
    const fn rest(&mut self) {
        (self.held, self.told) = (None, None);
    }

    fn after(&mut self, end: TrimEnd, now: Instant) -> Option<News> {
        let heeded = self.heeds_holds(now);
        match end {
            TrimEnd::Age | TrimEnd::LeastEntries => {
                self.rest();
                return None;
            }
            TrimEnd::Full | TrimEnd::Unseen => {}
            TrimEnd::Held(_) => self.held = Some((self.held.map_or(now, |(since, _)| since), now)),
        }
        let news = match self.held {
            Some(_) if !heeded => News::HeldTooLong,
            Some((since, _)) if now.saturating_duration_since(since) >= WORTH_A_WORD => News::Held,
            _ => return None,
        };
        (self.told.replace(news) != Some(news)).then_some(news)
    }
}

/// Whether deleting keeps up with what becomes old.
#[derive(Debug, Default)]
struct Progress {
    /// How long the oldest entry has been overdue when that was last measured.
    overdue: Duration,
    /// Every batch since then was full.
    flat_out: bool,
}

impl Progress {
    fn after(&mut self, end: TrimEnd) {
        self.flat_out &= end == TrimEnd::Full;
    }

    /// Takes a measurement, and says whether the oldest entry is overdue for longer although nothing but full batches
    /// were deleted meanwhile.
    fn falls_behind(&mut self, overdue: Duration) -> bool {
        let falls = self.flat_out && self.overdue > Duration::ZERO && overdue > self.overdue;
        (self.overdue, self.flat_out) = (overdue, true);
        falls
    }
}

#[cfg(test)]
mod tests {
    use domain::Position;

    use super::*;

    const HELD: TrimEnd = TrimEnd::Held(Position::START);

    #[test]
    fn a_hub_holds_up_deleting_for_so_long_and_no_longer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut patience = Patience::new(Duration::from_secs(100));
        assert_eq!(patience.after(HELD, at(0)), None);
        // That it moves on now and then doesn't begin anew.
        assert_eq!(patience.after(TrimEnd::Full, at(30)), None);
        assert_eq!(patience.after(HELD, at(60)), Some(News::Held));
        assert_eq!(patience.after(HELD, at(99)), None);
        assert_eq!((patience.heeds_holds(at(99)), patience.held()), (true, Duration::from_secs(99)));
        assert!(!patience.heeds_holds(at(100)));
        assert_eq!(patience.after(TrimEnd::Full, at(101)), Some(News::HeldTooLong));
        assert_eq!(patience.after(TrimEnd::Full, at(102)), None);
        assert!(!patience.heeds_holds(at(102)), "until everything old is gone");
        assert_eq!(patience.after(TrimEnd::Age, at(103)), None);
        assert!(patience.heeds_holds(at(103)));
        assert_eq!((patience.after(HELD, at(104)), patience.after(HELD, at(164))), (None, Some(News::Held)));
    }

    #[test]
    fn whoever_deletes_flat_out_and_still_gets_further_behind_is_told() {
        let seconds = Duration::from_secs;
        let mut progress = Progress::default();
        assert!(!progress.falls_behind(seconds(100)), "nothing to compare with");
        assert!(progress.falls_behind(seconds(101)));
        assert!(!progress.falls_behind(seconds(90)), "it catches up");
        progress.after(TrimEnd::LeastEntries);
        assert!(!progress.falls_behind(seconds(150)), "these stay on purpose");
        assert!(progress.falls_behind(seconds(210)));
        assert!(!progress.falls_behind(Duration::ZERO));
        assert!(!progress.falls_behind(seconds(1)), "they were not overdue before");
    }
}
