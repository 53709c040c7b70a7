//! One run of a source: asks, reads, applies, and writes down how it ended. While it lasts, it says every few seconds that
//! it is alive; once the source isn't its own any more, it ends.

use std::time::{Duration, Instant};

use domain::SourceReport;
use store::{AnswerTags, FAILURES_TO_OPEN, RunEnd, SourceWriter, Store, TakenSource};
use uuid::Uuid;

use super::{
    ApplyError, FetchError, Fetched, HeaderSeal, ReadError,
    apply::{Giver, apply},
    fetch, read,
    series::{self, Ended},
};
use crate::Outgoing;

/// A process that says nothing for so long has lost its sources.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// How often it says that it is alive.
const ALIVE: Duration = Duration::from_secs(3);
/// After the first failure it is tried again after this, or after its interval if that is shorter; then after twice as
/// long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What runs need.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) store: Store,
    pub(super) outgoing: Outgoing,
    pub(super) seal: HeaderSeal,
    /// What this process calls itself.
    pub(super) holder: Uuid,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the answer can't be used: {0}")]
    Read(#[from] ReadError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("the header can't be opened: the key of access tokens was replaced; set the header anew")]
    Header,
    #[error("it took longer than {0} s")]
    TimedOut(u32),
    #[error("the answer broke its reader")]
    Broken,
}

/// How a run went well.
enum Done {
    NotModified,
    Applied(Box<(SourceReport, AnswerTags)>),
}

impl Workshop {
    /// Runs a source that this process has taken.
    pub(super) async fn run(&self, source: &TakenSource) {
        let _running = series::Running::begin();
        let begun = Instant::now();
        let patience = Duration::from_secs(source.definition.timeout_seconds.into());
        let work = async {
            let done = tokio::time::timeout(patience, self.work(source)).await;
            done.unwrap_or(Err(RunError::TimedOut(source.definition.timeout_seconds)))
        };
        let done = tokio::select! {
            done = work => done,
            () = self.lost(source) => Err(RunError::Apply(ApplyError::TakenAway)),
        };
        let ended = match &done {
            Ok(Done::NotModified) => Ended::NotModified,
            Ok(Done::Applied(_)) => Ended::Applied,
            Err(RunError::Apply(ApplyError::TakenAway)) => Ended::TakenAway,
            Err(_) => Ended::Failed,
        };
        series::ended(ended, begun.elapsed());
        if let Err(error) = self.write_down(source, &done).await {
            // Its lease runs out, and somebody tries again.
            let source_error = &error as &dyn std::error::Error;
            tracing::warn!(
                source = source_error,
                source.id = source.id,
                "the end of a run can't be written down"
            );
        }
    }

    async fn work(&self, source: &TakenSource) -> Result<Done, RunError> {
        let definition = &source.definition;
        let header = source.header.as_ref().map(|sealed| self.seal.open(source.tenant, sealed)).transpose();
        let header = header.map_err(|_| RunError::Header)?;
        let fetched = fetch(&self.outgoing, definition, header.as_ref(), source.known.as_ref()).await?;
        let Fetched::Rows { body, tags } = fetched else { return Ok(Done::NotModified) };
        let (format, mapping) = (definition.format, definition.mapping.clone());
        let rows = tokio::task::spawn_blocking(move || read(format, &mapping, &body)).await;
        let rows = rows.map_err(|_| RunError::Broken)??;
        let giver = Giver { tenant: source.tenant, id: source.id, definition };
        let report = apply(&self.store, giver, rows, SourceWriter::Run(self.holder, LEASE), None).await?;
        Ok(Done::Applied(Box::new((report, tags))))
    }

    /// Says again and again that this process is alive; returns once the source isn't its own.
    async fn lost(&self, source: &TakenSource) {
        loop {
            tokio::time::sleep(ALIVE).await;
            match self.store.keep_source(source.tenant, source.id, self.holder, LEASE).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::debug!(source = &error as &dyn std::error::Error, "a lease can't be renewed");
                }
            }
        }
    }

    async fn write_down(
        &self,
        source: &TakenSource,
        done: &Result<Done, RunError>,
    ) -> Result<(), store::Error> {
        let TakenSource { id, tenant, failures, .. } = *source;
        match done {
            Ok(done) => {
                match done {
                    Done::NotModified => self.store.source_unchanged(tenant, id, self.holder).await?,
                    Done::Applied(applied) => {
                        let (report, tags) = applied.as_ref();
                        series::count_rows(report);
                        let end = RunEnd { report, tags, newest_item: source.newest_item };
                        self.store.source_succeeded(tenant, id, self.holder, &end).await?;
                    }
                }
                if failures > 0 {
                    tracing::info!(source.id = id, source.failures = failures, "a data source is back");
                }
            }
            Err(RunError::Apply(ApplyError::TakenAway)) => {
                tracing::debug!(source.id = id, "a data source was taken away in the middle of a run");
            }
            Err(error) => {
                let pause = pause(source.definition.interval_seconds, failures, chance());
                let text = error.to_string();
                let failures = self.store.source_failed(tenant, id, self.holder, &text, pause).await?;
                if failures == 1 {
                    tracing::warn!(source.id = id, source.error = text, "a data source has failed");
                } else if failures == FAILURES_TO_OPEN {
                    tracing::warn!(source.id = id, source.error = text, "a data source keeps failing");
                }
            }
        }
        Ok(())
    }
}

/// How long a source is left alone after so many failures before this one: a quarter more or less, so that those of one
/// place that was away don't come back at once.
fn pause(interval_seconds: Option<u32>, failures: i32, chance: f64) -> Duration {
    let interval = interval_seconds.map_or(FIRST_PAUSE, |seconds| Duration::from_secs(seconds.into()));
    let doubled = 1_u32 << u32::try_from(failures).unwrap_or(0).min(20);
    let pause = FIRST_PAUSE.min(interval).saturating_mul(doubled).min(LONGEST_PAUSE);
    pause.mul_f64(0.75 + chance / 2.0).min(LONGEST_PAUSE)
}

/// From 0 to 1. Without randomness, which no system lacks, all come back at once.
pub(super) fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_begin_no_longer_than_the_interval() {
        let seconds = |interval, failures, chance| pause(Some(interval), failures, chance).as_secs_f64();
        let grow: Vec<f64> = (0..5).map(|failures| seconds(60, failures, 0.5)).collect();
        assert_eq!(grow, [10.0, 20.0, 40.0, 80.0, 160.0]);
        assert!((seconds(2, 0, 0.0) - 1.5).abs() < 1e-9);
        for failures in [9, 20, 40, i32::MAX] {
            for chance in [0.0, 1.0] {
                assert!((2700.0..=3600.0).contains(&seconds(604_800, failures, chance)), "{failures}");
            }
        }
    }
}
