//! Minutes of everything at once: clients that stall and clients that go away, writers of all kinds, a hub and a
//! notifier that are killed. Nothing is timed; everything is checked.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use testkit::SeededNumbers;
use tokio_util::sync::CancellationToken;

use crate::{
    checker::truth::{Truth, all_is_placed},
    crowd::{Crowd, habit::Habit, tally::Counts, verdict::Verdict},
    report::{Report, Table, say, thousands},
    service_process::ServiceProcess,
    soak::writers::{Writer, Written},
    stage::{Plan, STOCKWIRE, Stage},
    usage,
};

mod writers;

/// Everybody must be there before it begins, and must have everything after it ended.
const ASSEMBLED: Duration = Duration::from_secs(60);
const CAUGHT_UP: Duration = Duration::from_secs(60);
/// Between the end of a killed process and the start of the next one.
const DOWN: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long it lasts.
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// Clients, each with a copy of all items.
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// Of a hundred clients, so many stop reading now and then.
    #[arg(long, default_value_t = 1)]
    stalling: u64,
    /// Of a hundred clients, so many go away without a goodbye now and then.
    #[arg(long, default_value_t = 10)]
    flapping: u64,
    /// Items at the beginning.
    #[arg(long, default_value_t = 200)]
    items: u64,
    /// Connections that write.
    #[arg(long, default_value_t = 4)]
    writers: u64,
    /// Transactions a second of all of them; a transaction makes about three changes.
    #[arg(long, default_value_t = 40.0)]
    rate: f64,
    /// Kill neither the hub nor the notifier.
    #[arg(long)]
    no_kills: bool,
    /// Repeats what was random.
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// For a run of everything.
    pub(crate) const fn briefly(self) -> Self {
        Self { minutes: 1.0, ..self }
    }
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(
        options.clients > 0 && options.items > 0 && options.writers > 0 && options.rate > 0.0,
        "there must be clients, items, writers and transactions"
    );
    let time = Duration::try_from_secs_f64(options.minutes * 60.0)?;
    usage::allow_open_files(options.clients as u64 + 1000)?;
    let seed = options.seed.unwrap_or_else(SeededNumbers::fresh_seed);
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, u32::try_from(options.items)?).await?;
    let notifier_plan = stage.notifier_plan()?;
    let notifier = stage.start(&notifier_plan).await?;
    stage.log_is_complete().await?;
    let api = stage.api().await?;
    let hub_plan = stage.hub_plan(notifier.address(), Some(api.address()))?;
    let hub = stage.start(&hub_plan).await?;

    let habits = habits(options, &mut SeededNumbers::new(seed));
    say(format!("{} clients come (seed {seed})", thousands(options.clients as f64)));
    let crowd = Crowd::gather(hub_plan.address(), habits, seed)?;
    crowd.wait_for(0, ASSEMBLED).await;
    let before = crowd.counts();
    say(format!("{} minutes of changes", options.minutes));
    let stop = CancellationToken::new();
    let writing = write(&stage, options, seed, &stop).await?;
    disturb(&stage, (hub_plan, hub), (notifier_plan, notifier), time, !options.no_kills, || async {
        stop.cancel();
        let mut written = Written::default();
        for writer in writing {
            written = written.and(writer.await??);
        }
        crowd.calm_down();
        let last = all_is_placed(&stage).await?;
        let there = crowd.wait_for(last, CAUGHT_UP).await;
        say(format!("{there} of {} clients have everything up to {last}", options.clients));
        let truth = Truth::read(&stage).await?;
        table(options, written, &crowd.counts().since(&before), last).print();
        let verdict = Verdict::of(&mut crowd.disperse()?, &truth);
        Ok(Report::new(verdict.figures("soak")))
    })
    .await
}

/// Whoever is neither stalling nor flapping reads at once.
fn habits(options: &Options, chance: &mut SeededNumbers) -> Vec<Habit> {
    let habit = |_| match chance.below(100) {
        draw if draw < options.stalling => Habit::Stalling,
        draw if draw < options.stalling + options.flapping => Habit::Flapping,
        _ => Habit::Prompt,
    };
    (0..options.clients).map(habit).collect()
}

async fn write(
    stage: &Stage,
    options: &Options,
    seed: u64,
    stop: &CancellationToken,
) -> Result<Vec<tokio::task::JoinHandle<Result<Written>>>> {
    let each = options.rate / options.writers as f64;
    let mut writing = Vec::new();
    for number in 0..options.writers {
        let writer = Writer::new(stage, number, options.items, seed).await?;
        writing.push(tokio::spawn(writer.write(each, stop.clone())));
    }
    Ok(writing)
}

/// Lets time pass, with one kill of each, and does what comes then while both still run.
async fn disturb<F: Future<Output = Result<Report>>>(
    stage: &Stage,
    (hub_plan, mut hub): (Plan, ServiceProcess),
    (notifier_plan, mut notifier): (Plan, ServiceProcess),
    time: Duration,
    kills: bool,
    then: impl FnOnce() -> F,
) -> Result<Report> {
    let begun = Instant::now();
    let until =
        async |part: f64| tokio::time::sleep(time.mul_f64(part).saturating_sub(begun.elapsed())).await;
    if kills {
        until(0.4).await;
        say("the hub is killed");
        restart(stage, &hub_plan, &mut hub).await?;
        until(0.65).await;
        say("the notifier is killed");
        restart(stage, &notifier_plan, &mut notifier).await?;
    }
    until(1.0).await;
    then().await
}

async fn restart(stage: &Stage, plan: &Plan, process: &mut ServiceProcess) -> Result<()> {
    process.kill()?;
    tokio::time::sleep(DOWN).await;
    *process = stage.start(plan).await?;
    Ok(())
}

fn table(options: &Options, written: Written, counts: &Counts, last: i64) -> Table {
    let mut table = Table::new(format!("soak: {} minutes", options.minutes), &["", ""]);
    let mut row = |what: &str, count: u64| table.row([what.to_owned(), thousands(count as f64)]);
    row("transactions committed", written.committed);
    row("rolled back", written.rolled_back);
    row("ended by a deadlock", written.deadlocked);
    row("positions in the log", last.unsigned_abs());
    row("changes delivered", counts.changes);
    row("changes left out and announced", counts.skipped);
    row("times that was announced", counts.notices);
    row("handshakes", counts.handshakes);
    row("handshakes refused", counts.refused);
    row("connections that failed", counts.unreachable);
    row("resumed from the ring", counts.from_ring);
    row("began with a snapshot", counts.from_snapshot);
    row("snapshots behind what the client had", counts.snapshots_behind);
    row("told to read anew", counts.resyncs);
    row("error frames", counts.errors);
    row("connections cut by clients", counts.cuts);
    row("connections ended without a close", counts.hung_up);
    table.row(["closes by code".to_owned(), counts.closes()]);
    table
}
