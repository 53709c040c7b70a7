//! One change to many: processor time of the server for each delivered frame, and how long a change takes to the
//! clients, for the hub and, where it is installed, for nginx with nchan in the same run.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    audience::{Audience, Counts, Invitation},
    nchan::{HOW_TO_INSTALL, Nchan},
    publisher::{Latencies, Publication, Publisher},
    report::{Figure, Report, Table, percent, say, thousands},
    stage::{STOCKWIRE, Stage},
    usage,
};

/// Items that change.
const ITEMS: u64 = 200;
/// Changes a second that one connection makes without falling behind.
const RATE_OF_ONE: f64 = 50.0;
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the last frames may take.
const LAST_FRAMES: Duration = Duration::from_secs(5);

/// What nchan needed when the design was written, for machines that have none.
const REFERENCE_CPU_US: f64 = 10.7;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Subscribers; with a rate, that is all that is measured, instead of the design's two loads.
    #[arg(long)]
    subscribers: Option<usize>,
    /// Changes a second.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds of each server, in turns, so that what the machine does meanwhile hits both.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// So many subscribers, so many changes a second.
#[derive(Debug, Clone, Copy)]
struct Load {
    subscribers: usize,
    rate: f64,
    time: Duration,
    rounds: u32,
}

/// What one server did under one load, all rounds together.
#[derive(Debug, Default)]
struct Outcome {
    cpu: Duration,
    made: Vec<Publication>,
    heard: Vec<Delivery>,
    counts: Counts,
    missing: u64,
}

/// The two that are compared.
enum Server<'a> {
    Hub { stage: &'a Stage, invitation: Invitation, processes: Vec<u32> },
    Nchan(&'a Nchan),
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let loads = loads(options)?;
    let most = loads.iter().map(|load| load.subscribers).max().unwrap_or(0);
    usage::allow_open_files(2 * most as u64 + 1000)?;
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, u32::try_from(ITEMS)?).await?;
    let notifier = stage.notifier().await?;
    let hub = stage.hub(notifier.address()).await?;
    let nchan = Nchan::start(stage.scratch().path()).await?;
    if nchan.is_none() {
        say(HOW_TO_INSTALL);
    }
    let mut figures = Vec::new();
    for load in loads {
        say(format!(
            "{} subscribers, {} changes a second, {} s",
            load.subscribers,
            load.rate,
            load.time.as_secs()
        ));
        let server = Server::Hub {
            stage: &stage,
            invitation: Invitation::to_hub(hub.address()),
            processes: vec![hub.id()],
        };
        let before = usage::cpu(notifier.id())?;
        let ours = measure(&server, load).await?;
        let notifiers = usage::cpu(notifier.id())?.saturating_sub(before);
        let theirs = match &nchan {
            Some(nchan) => Some(measure(&Server::Nchan(nchan), load).await?),
            None => None,
        };
        table(load, &ours, theirs.as_ref(), notifiers).print();
        figures.extend(judge(load, &ours, theirs.as_ref()));
    }
    Ok(Report::new(figures))
}

fn loads(options: &Options) -> Result<Vec<Load>> {
    let time = Duration::from_secs(options.seconds.max(1));
    let load = |subscribers, rate| Load { subscribers, rate, time };
    let asked = match (options.subscribers, options.rate) {
        (None, None) => vec![load(1000, 20.0), load(500, 500.0)],
        (subscribers, rate) => vec![load(subscribers.unwrap_or(1000), rate.unwrap_or(20.0))],
    };
    let possible = |load: &Load| load.subscribers > 0 && load.rate.is_finite() && load.rate > 0.0;
    ensure!(asked.iter().all(possible), "there must be subscribers and changes");
    Ok(asked)
}

async fn measure(server: &Server<'_>, load: Load) -> Result<Outcome> {
    let audience = Audience::assemble(server.invitation(), load.subscribers).await?;
    let publishers = server.publishers(load.rate).await?;
    let (publishers, _) = publish(publishers, load.rate, WARM_UP).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    audience.take_deliveries();
    let (before, cpu) = (audience.counts(), usage::cpu_of_all(&server.processes())?);
    let (_, made) = publish(publishers, load.rate, load.time).await?;
    let complete = audience.received(before, made.len(), LAST_FRAMES).await;
    let cpu = usage::cpu_of_all(&server.processes())?.saturating_sub(cpu);
    audience.is_content()?;
    let after = audience.counts();
    let counts = Counts {
        changes: after.changes - before.changes,
        bytes: after.bytes - before.bytes,
        reads: after.reads - before.reads,
        notices: after.notices - before.notices,
    };
    let wanted = (made.len() * load.subscribers) as u64;
    Ok(Outcome {
        cpu_us_per_frame: cpu.as_secs_f64() * 1e6 / (counts.changes.max(1)) as f64,
        latencies: Latencies::of(&made, &audience.take_deliveries()),
        made: made.len(),
        counts,
        missing: if complete { 0 } else { wanted.saturating_sub(counts.changes) },
    })
}

/// All publishers at once, evenly spread over time.
async fn publish(
    publishers: Vec<Publisher>,
    rate: f64,
    time: Duration,
) -> Result<(Vec<Publisher>, Vec<Publication>)> {
    let each = rate / publishers.len() as f64;
    let tasks: Vec<_> = publishers
        .into_iter()
        .enumerate()
        .map(|(number, publisher)| {
            let delay = Duration::from_secs_f64(number as f64 / rate);
            tokio::spawn(publisher.publish_at(each, delay, time))
        })
        .collect();
    let (mut publishers, mut made) = (Vec::new(), Vec::new());
    for task in tasks {
        let (publisher, publications) = task.await??;
        publishers.push(publisher);
        made.extend(publications);
    }
    Ok((publishers, made))
}

impl Server<'_> {
    const fn invitation(&self) -> Invitation {
        match self {
            Self::Hub { invitation, .. } => *invitation,
            Self::Nchan(nchan) => nchan.invitation(),
        }
    }

    fn processes(&self) -> Vec<u32> {
        match self {
            Self::Hub { processes, .. } => processes.clone(),
            Self::Nchan(nchan) => nchan.processes(),
        }
    }

    async fn publishers(&self, rate: f64) -> Result<Vec<Publisher>> {
        let count = (rate / RATE_OF_ONE).ceil().clamp(1.0, 16.0) as u64;
        let mut publishers = Vec::new();
        for number in 0..count {
            publishers.push(match self {
                Self::Hub { stage, .. } => Publisher::sql(stage, number, count, ITEMS).await?,
                Self::Nchan(nchan) => Publisher::nchan(nchan.address(), number, count).await?,
            });
        }
        Ok(publishers)
    }
}

fn table(load: Load, ours: &Outcome, theirs: Option<&Outcome>, notifier: Duration) -> Table {
    let title = format!(
        "fan-out: {} subscribers, {} changes a second for {} s",
        load.subscribers,
        load.rate,
        load.time.as_secs()
    );
    let mut table = Table::new(title, &["", "hub", "nchan"]);
    let mut row = |what: &str, cell: &dyn Fn(&Outcome) -> String| {
        table.row([what.to_owned(), cell(ours), theirs.map_or_else(|| "-".to_owned(), cell)]);
    };
    row("changes made", &|outcome| thousands(outcome.made as f64));
    row("frames delivered", &|outcome| thousands(outcome.counts.changes as f64));
    row("frames missing", &|outcome| thousands(outcome.missing as f64));
    row("clients told of left out changes", &|outcome| thousands(outcome.counts.notices as f64));
    row("bytes a frame", &|outcome| {
        thousands(outcome.counts.bytes as f64 / outcome.counts.changes.max(1) as f64)
    });
    row("frames a read", &|outcome| {
        format!("{:.1}", outcome.counts.changes as f64 / outcome.counts.reads.max(1) as f64)
    });
    row("server CPU a delivered frame, µs", &|outcome| format!("{:.2}", outcome.cpu_us_per_frame));
    row("made to client p50 / p99, ms", &|outcome| outcome.latencies.since_done.p50_and_p99());
    row("sent to client p50 / p99, ms", &|outcome| outcome.latencies.since_sent.p50_and_p99());
    let per_change = notifier.as_secs_f64() * 1e6 / ours.made.max(1) as f64;
    table.row([
        "notifier CPU a change, µs (warm-up included)".to_owned(),
        format!("{per_change:.0}"),
        "-".to_owned(),
    ]);
    table
}

/// The design's two loads have targets, others are for information.
fn judge(load: Load, ours: &Outcome, theirs: Option<&Outcome>) -> Vec<Figure> {
    let name = format!("{} subscribers, {} changes/s: ", load.subscribers, load.rate);
    let mut figures = Vec::new();
    if ours.missing > 0 {
        let missing = format!("{} frames", thousands(ours.missing as f64));
        figures.push(Figure::new(format!("{name}frames missing"), missing, "none", false));
    }
    let busy = load.rate >= 100.0;
    let (cpu, compared) = match theirs {
        Some(theirs) => (theirs.cpu_us_per_frame, "nchan in this run"),
        None => (REFERENCE_CPU_US, "nchan in the design, not measured here"),
    };
    let (share, most) = if busy { ("half of ", cpu / 2.0) } else { ("", cpu) };
    figures.push(Figure::new(
        format!("{name}CPU a delivered frame"),
        format!("{:.2} µs ({})", ours.cpu_us_per_frame, percent(ours.cpu_us_per_frame, cpu)),
        format!("≤ {most:.2} µs ({share}{compared})"),
        ours.cpu_us_per_frame <= most,
    ));
    let what = format!("{name}commit to client p50 / p99");
    let measured = format!("{} ms", ours.latencies.since_done.p50_and_p99());
    figures.push(match theirs {
        // nchan's clock starts when the publisher sends: its answer comes only after the fan-out has begun.
        Some(theirs) if !busy => {
            let (mine, other) = (&ours.latencies.since_done, &theirs.latencies.since_sent);
            let reached =
                [50, 99].iter().all(|percent| mine.percentile(*percent) <= other.percentile(*percent));
            Figure::new(what, measured, format!("≤ {} ms (nchan in this run)", other.p50_and_p99()), reached)
        }
        _ => Figure::for_information(what, measured),
    });
    figures
}
