//! What is counted of data sources: all series are there from the start.

use std::time::Duration;

use domain::SourceReport;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const RUNS: &str = "stockwire_source_runs_total";
const ROWS: &str = "stockwire_source_rows_total";
const SECONDS: &str = "stockwire_source_run_seconds";
const RUNNING: &str = "stockwire_source_runs_in_progress";

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Applied,
    NotModified,
    Failed,
    TakenAway,
}

impl Ended {
    const ALL: [Self; 4] = [Self::Applied, Self::NotModified, Self::Failed, Self::TakenAway];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NotModified => "not_modified",
            Self::Failed => "failed",
            Self::TakenAway => "taken_away",
        }
    }
}

pub(super) fn describe() {
    let text = "Runs of data sources, by how they ended: applied, not_modified (nothing new), failed, or taken_away \
        (stopped, changed or deleted in the middle).";
    describe_counter!(RUNS, Unit::Count, text);
    for ended in Ended::ALL {
        counter!(RUNS, "outcome" => ended.as_str()).increment(0);
    }
    describe_counter!(ROWS, Unit::Count, "Rows that data sources gave in runs, by what became of them.");
    count_rows(&SourceReport::default());
    describe_histogram!(SECONDS, Unit::Seconds, "From the beginning of a data source's run to its end.");
    describe_gauge!(RUNNING, Unit::Count, "Runs of data sources that are under way in this process.");
    gauge!(RUNNING).set(0.0);
}

/// A run under way.
pub(super) struct Running(());

impl Running {
    pub(super) fn begin() -> Self {
        gauge!(RUNNING).increment(1.0);
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!(RUNNING).decrement(1.0);
    }
}

pub(super) fn ended(ended: Ended, took: Duration) {
    counter!(RUNS, "outcome" => ended.as_str()).increment(1);
    histogram!(SECONDS).record(took);
}

pub(super) fn count_rows(report: &SourceReport) {
    for (outcome, rows) in [
        ("applied", report.applied),
        ("unchanged", report.unchanged),
        ("unknown_item", report.unknown_items),
        ("invalid", report.invalid),
        ("implausible", report.implausible),
        ("shadowed", report.shadowed),
    ] {
        counter!(ROWS, "outcome" => outcome).increment(rows);
    }
}
