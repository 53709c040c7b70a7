//! Many clients lose their hub at once and come back to the next one, while somebody writes: how long it takes until
//! every copy is right again, and what that costs those behind the hub.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use testkit::SeededNumbers;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    checker::truth::{Truth, all_is_placed},
    crowd::{
        Crowd,
        habit::Habit,
        tally::Counts,
        verdict::{Verdict, consistent_after},
    },
    distribution::Distribution,
    hub_metrics::HubMetrics,
    publisher::Publisher,
    report::{Figure, Report, Table, say, thousands},
    service_process::ServiceProcess,
    stage::{Plan, STOCKWIRE, Stage},
    usage,
};

/// All clients must be right again within this.
const MOST: Duration = Duration::from_secs(10);
/// What a hub may ask inventory-api for, however many clients it has. One snapshot is shared for a second, and must be
/// no older than the hub's own beginning.
const MOST_SNAPSHOTS: f64 = 15.0;
/// Everybody must be there before it begins.
const ASSEMBLED: Duration = Duration::from_secs(120);
/// How long it is looked at after the hub is back, at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// A hub that is asked to end has this long.
const DRAINED: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Clients, each with a copy of all items.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Items.
    #[arg(long, default_value_t = 200)]
    items: u64,
    /// Changes a second, all the time.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// Milliseconds between the hub's end and the start of the next one.
    #[arg(long, default_value_t = 0)]
    down_ms: u64,
    /// Ask the hub to end instead of killing it.
    #[arg(long)]
    graceful: bool,
    /// Repeats what was random.
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// For a run of everything.
    pub(crate) const fn gracefully(self) -> Self {
        Self { graceful: true, ..self }
    }
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(
        options.clients > 0 && options.items > 0 && options.rate > 0.0,
        "there must be clients, items, changes"
    );
    // The hub inherits the limit, and has as many open as we.
    usage::allow_open_files(options.clients as u64 + 1000)?;
    let seed = options.seed.unwrap_or_else(SeededNumbers::fresh_seed);
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, u32::try_from(options.items)?).await?;
    let notifier = stage.notifier().await?;
    let api = stage.api().await?;
    let plan = stage.hub_plan(notifier.address(), Some(api.address()))?;
    let mut hub = stage.start(&plan).await?;

    say(format!("{} clients come (seed {seed})", thousands(options.clients as f64)));
    let crowd = Crowd::gather(plan.address(), vec![Habit::Prompt; options.clients], seed)?;
    crowd.all_live(ASSEMBLED).await?;
    let stop = CancellationToken::new();
    let publisher = Publisher::sql(&stage, 0, 1, options.items).await?;
    let writing = tokio::spawn(write_until(publisher, options.rate, stop.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;

    let before = crowd.counts();
    let since = Instant::now();
    replace(&stage, &plan, &mut hub, options).await?;
    // Not earlier: those whom a draining hub hasn't closed yet still look live.
    let back = since.elapsed();
    crowd.wait_for(1, PATIENCE).await;
    let all_live = since.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let counts = crowd.counts().since(&before);
    let metrics = HubMetrics::read(plan.address()).await?;
    let snapshots = metrics.sum("stockwire_hub_snapshots_fetched_total", "");
    say(format!(
        "the hub was back after {:.1} s, everybody live after {:.1} s",
        back.as_secs_f64(),
        all_live.as_secs_f64()
    ));

    stop_writing(stop, writing).await?;
    let last = all_is_placed(&stage).await?;
    let there = crowd.wait_for(last, PATIENCE).await;
    say(format!("{there} of {} clients have everything", options.clients));
    let truth = Truth::read(&stage).await?;
    let mut ended = crowd.disperse()?;
    let (times, never) = consistent_after(&ended, &truth, since);
    let verdict = Verdict::of(&mut ended, &truth);
    let what = if options.graceful { "herd after SIGTERM" } else { "herd after kill -9" };
    table(what, &times, never, &counts, snapshots).print();
    let mut figures = figures(what, options.clients, &times, never, snapshots);
    figures.extend(verdict.figures(what));
    Ok(Report::new(figures))
}

async fn replace(stage: &Stage, plan: &Plan, hub: &mut ServiceProcess, options: &Options) -> Result<()> {
    if options.graceful {
        say("the hub is asked to end");
        hub.end(DRAINED).await?;
    } else {
        say("the hub is killed");
        hub.kill()?;
    }
    tokio::time::sleep(Duration::from_millis(options.down_ms)).await;
    *hub = stage.start(plan).await?;
    Ok(())
}

/// Writes at an even pace, without making up for what is late, until it is told to stop.
async fn write_until(mut publisher: Publisher, rate: f64, stop: CancellationToken) -> Result<u64> {
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut written = 0;
    while stop.run_until_cancelled(pace.tick()).await.is_some() {
        publisher.publish().await?;
        written += 1;
    }
    Ok(written)
}

async fn stop_writing(stop: CancellationToken, writing: JoinHandle<Result<u64>>) -> Result<()> {
    stop.cancel();
    let written = writing.await??;
    ensure!(written > 0, "nothing was written meanwhile");
    say(format!("{} changes were made", thousands(written as f64)));
    Ok(())
}

fn seconds(times: &Distribution, percent: usize) -> String {
    format!("{:.2}", times.percentile(percent).as_secs_f64())
}

fn table(what: &str, times: &Distribution, never: usize, counts: &Counts, snapshots: f64) -> Table {
    let mut table = Table::new(format!("{what}: until live with a copy that equals the table"), &["", ""]);
    table.row(["p50, s".to_owned(), seconds(times, 50)]);
    table.row(["p99, s".to_owned(), seconds(times, 99)]);
    table.row(["all, s".to_owned(), seconds(times, 100)]);
    table.row(["never".to_owned(), never.to_string()]);
    table.row(["handshakes".to_owned(), thousands(counts.handshakes as f64)]);
    table.row(["handshakes refused".to_owned(), thousands(counts.refused as f64)]);
    table.row(["connections that failed".to_owned(), thousands(counts.unreachable as f64)]);
    table.row(["resumed from the ring".to_owned(), thousands(counts.from_ring as f64)]);
    table.row(["began with a snapshot".to_owned(), thousands(counts.from_snapshot as f64)]);
    table.row(["snapshots behind what the client had".to_owned(), thousands(counts.snapshots_behind as f64)]);
    table.row(["told to read anew".to_owned(), thousands(counts.resyncs as f64)]);
    table.row(["error frames".to_owned(), thousands(counts.errors as f64)]);
    table.row(["connections ended without a close".to_owned(), thousands(counts.hung_up as f64)]);
    table.row(["closes by code".to_owned(), counts.closes()]);
    table.row(["snapshots that the hub fetched".to_owned(), thousands(snapshots)]);
    table
}

fn figures(what: &str, clients: usize, times: &Distribution, never: usize, snapshots: f64) -> Vec<Figure> {
    let in_time = never == 0 && times.percentile(100) <= MOST;
    let shown = format!("{} / {} / {} s", seconds(times, 50), seconds(times, 99), seconds(times, 100));
    let never = if never > 0 { format!(", {never} never") } else { String::new() };
    let clients = thousands(clients as f64);
    vec![
        Figure::new(
            format!("{what}, {clients} clients consistent: p50 / p99 / all"),
            format!("{shown}{never}"),
            format!("all ≤ {} s", MOST.as_secs()),
            in_time,
        ),
        Figure::new(
            format!("{what}, {clients} clients: snapshots fetched"),
            thousands(snapshots),
            format!("constant, ≤ {}", thousands(MOST_SNAPSHOTS)),
            snapshots <= MOST_SNAPSHOTS,
        ),
    ]
}
