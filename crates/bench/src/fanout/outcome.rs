//! What a server did under a load, and how that compares.

use std::time::Duration;

use crate::{
    audience::Counts,
    fanout::Load,
    latencies::Latencies,
    report::{Figure, Table, percent, thousands},
};

/// From this many changes a second on, several are ready at once and can share a write.
const BUSY: f64 = 100.0;
/// What nchan took for a frame when the design was written, in microseconds, for machines that have none.
const REFERENCE_CPU: f64 = 10.7;
/// The same for publish to client, half of them and 99 of 100, in milliseconds.
const REFERENCE_P50: Duration = Duration::from_millis(9);
const REFERENCE_P99: Duration = Duration::from_millis(19);

/// All rounds of one server under one load.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) cpu: Duration,
    pub(super) latencies: Latencies,
    pub(super) made: usize,
    pub(super) counts: Counts,
    pub(super) missing: u64,
}

impl Outcome {
    pub(super) fn add(&mut self, round: Self) {
        self.cpu += round.cpu;
        self.latencies.add(round.latencies);
        self.made += round.made;
        self.counts = self.counts.and(round.counts);
        self.missing += round.missing;
    }

    /// In microseconds.
    fn cpu_of_a_frame(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.counts.changes.max(1) as f64
    }
}

pub(super) fn table(load: Load, rounds: u32, ours: &Outcome, theirs: Option<&Outcome>) -> Table {
    let Load { subscribers, rate, time } = load;
    let seconds = time.as_secs();
    let title =
        format!("fan-out: {subscribers} subscribers, {rate} changes a second, {rounds} × {seconds} s");
    let mut table = Table::new(title, &["", "hub", "nchan"]);
    let mut row = |what: &str, cell: &dyn Fn(&Outcome) -> String| {
        table.row([what.to_owned(), cell(ours), theirs.map_or_else(|| "-".to_owned(), cell)]);
    };
    let frames = |outcome: &Outcome| outcome.counts.changes.max(1) as f64;
    row("changes made", &|outcome| thousands(outcome.made as f64));
    row("frames delivered", &|outcome| thousands(outcome.counts.changes as f64));
    row("frames missing", &|outcome| thousands(outcome.missing as f64));
    row("times a client was told of left out changes", &|outcome| thousands(outcome.counts.notices as f64));
    row("bytes a frame", &|outcome| thousands(outcome.counts.bytes as f64 / frames(outcome)));
    row("frames a read", &|outcome| format!("{:.1}", frames(outcome) / outcome.counts.reads.max(1) as f64));
    row("server CPU a delivered frame, µs", &|outcome| format!("{:.2}", outcome.cpu_of_a_frame()));
    row("made to client p50 / p99, ms", &|outcome| outcome.latencies.since_done().p50_and_p99());
    row("made to the first client p50 / p99, ms", &|outcome| outcome.latencies.done_to_first().p50_and_p99());
    row("first client to each p50 / p99, ms", &|outcome| outcome.latencies.since_first().p50_and_p99());
    row("sent to client p50 / p99, ms", &|outcome| outcome.latencies.since_sent().p50_and_p99());
    table
}

/// The design's two loads have targets, others are judged by the nearer one.
pub(super) fn judge(load: Load, ours: &Outcome, theirs: Option<&Outcome>) -> Vec<Figure> {
    let name = format!("{} subscribers, {} changes/s", load.subscribers, load.rate);
    let mut figures = vec![cpu(&name, load, ours, theirs), latency(&name, load, ours, theirs)];
    if ours.missing > 0 {
        let missing = thousands(ours.missing as f64);
        figures.push(Figure::new(format!("{name}: frames missing"), missing, "none", false));
    }
    figures
}

fn cpu(name: &str, load: Load, ours: &Outcome, theirs: Option<&Outcome>) -> Figure {
    let compared = theirs.map_or(REFERENCE_CPU, Outcome::cpu_of_a_frame);
    let (share, most) = if load.rate < BUSY { ("", compared) } else { ("half of ", compared / 2.0) };
    let source = source(theirs);
    let own = ours.cpu_of_a_frame();
    Figure::new(
        format!("{name}: server CPU a delivered frame"),
        format!("{own:.2} µs, {} of nchan's", percent(own, compared)),
        format!("≤ {most:.2} µs ({share}{source})"),
        own <= most,
    )
}

fn latency(name: &str, load: Load, ours: &Outcome, theirs: Option<&Outcome>) -> Figure {
    let what = format!("{name}: commit to client p50 / p99");
    let own = ours.latencies.since_done();
    let measured = format!("{} ms", own.p50_and_p99());
    if load.rate >= BUSY {
        return Figure::for_information(what, measured);
    }
    // nchan's clock starts when the publisher sends: its answer comes only after the fan-out has begun.
    let (target, p50, p99) = match theirs.map(|theirs| theirs.latencies.since_sent()) {
        Some(other) => (other.p50_and_p99(), other.percentile(50), other.percentile(99)),
        None => ("9 / 19".to_owned(), REFERENCE_P50, REFERENCE_P99),
    };
    let reached = own.percentile(50) <= p50 && own.percentile(99) <= p99;
    Figure::new(what, measured, format!("≤ {target} ms ({})", source(theirs)), reached)
}

const fn source(theirs: Option<&Outcome>) -> &'static str {
    if theirs.is_some() {
        "nchan in this run"
    } else {
        "nchan in the design document, not measured in this run"
    }
}
