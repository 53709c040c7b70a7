//! What clients that don't read cost those who do: the same load with and without them, on a fresh hub each.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use testkit::SeededNumbers;

use crate::{
    audience::{Audience, Invitation},
    checker::truth::{Truth, all_is_placed},
    crowd::{Crowd, habit::Habit, tally::Counts, verdict::Verdict},
    hub_metrics::HubMetrics,
    latencies::Latencies,
    publisher::{Publication, Publisher},
    report::{Figure, Report, Table, percent, say, thousands},
    stage::{Plan, STOCKWIRE, Stage},
    usage,
};

/// Items that change, each with a document of about a kilobyte.
const ITEMS: u64 = 200;
const PADDING: usize = 600;
/// Changes a second that one connection makes without falling behind.
const RATE_OF_ONE: f64 = 50.0;
/// A trickle: so many bytes, then a pause.
const TRICKLE: Habit = Habit::Trickle { bytes: 1024, pause: Duration::from_millis(100) };
/// How much worse those who read may fare.
const MOST_RATIO: f64 = 1.5;
/// What a slow client may take in the hub's own memory: an outbox holds one part of a batch, or one piece of a
/// catch-up, behind the frames that were being written.
const MOST_BYTES: f64 = 512.0 * 1024.0;
const LAST_FRAMES: Duration = Duration::from_secs(10);
const CAUGHT_UP: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Clients that read at once.
    #[arg(long, default_value_t = 500)]
    prompt: usize,
    /// Clients that never read.
    #[arg(long, default_value_t = 5)]
    deaf: usize,
    /// Clients that read 1 KiB every 100 ms.
    #[arg(long, default_value_t = 5)]
    trickling: usize,
    /// Changes a second.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Seconds of changes in each round.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Rounds, each without and with the slow clients: what the machine does meanwhile hits both.
    #[arg(long, default_value_t = 2)]
    rounds: u32,
}

/// Rounds of one kind, as far as the prompt clients and the hub are concerned.
#[derive(Default)]
struct Run {
    latencies: Latencies,
    cpu: Duration,
    /// At the end of the last round.
    resident: u64,
    kernel: u64,
    missing: u64,
}

/// What became of the slow clients in the last round.
struct Slow {
    verdict: Verdict,
    trickled: Counts,
    closed: f64,
    metrics: HubMetrics,
}

impl Run {
    fn add(&mut self, round: Self) {
        self.latencies.add(round.latencies);
        self.cpu += round.cpu;
        (self.resident, self.kernel) = (round.resident, round.kernel);
        self.missing += round.missing;
    }
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(
        options.prompt > 0 && options.rate > 0.0 && options.rounds > 0,
        "there must be prompt clients, changes and rounds"
    );
    usage::allow_open_files((options.prompt + options.deaf + options.trickling) as u64 + 1000)?;
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, u32::try_from(ITEMS)?).await?;
    let pad = format!("update items set attributes = jsonb_build_object('padding', repeat('x', {PADDING}))");
    stage.connect(STOCKWIRE).await?.batch_execute(&pad).await?;
    let notifier = stage.notifier().await?;
    let api = stage.api().await?;
    let plan = stage.hub_plan(notifier.address(), Some(api.address()))?;

    let (mut alone, mut together, mut slow) = (Run::default(), Run::default(), None);
    for round in 1..=options.rounds {
        say(format!("round {round} of {}: prompt clients only", options.rounds));
        let hub = stage.start(&plan).await?;
        alone.add(measure(&stage, &plan, hub.id(), options).await?);
        drop(hub);
        say("the same with slow ones");
        let hub = stage.start(&plan).await?;
        let is_last = round == options.rounds;
        let (run, last) = measure_with_slow_ones(&stage, &plan, hub.id(), is_last, options).await?;
        together.add(run);
        slow = last;
    }
    let Some(slow) = slow else { bail!("there was no last round") };
    table(options, &alone, &together, &slow).print();
    let mut figures = figures(options, &alone, &together, slow.closed);
    figures.extend(slow.verdict.figures("trickling clients"));
    Ok(Report::new(figures))
}

async fn measure_with_slow_ones(
    stage: &Stage,
    plan: &Plan,
    hub: u32,
    is_last: bool,
    options: &Options,
) -> Result<(Run, Option<Slow>)> {
    let seed = SeededNumbers::fresh_seed();
    let deaf = Crowd::gather(plan.address(), vec![Habit::Deaf; options.deaf], seed)?;
    let trickling = Crowd::gather(plan.address(), vec![TRICKLE; options.trickling], seed)?;
    deaf.all_live(LAST_FRAMES).await?;
    trickling.all_live(LAST_FRAMES).await?;
    let run = measure(stage, plan, hub, options).await?;
    if !is_last {
        return Ok((run, None));
    }
    let last = all_is_placed(stage).await?;
    say("waiting for the hub to close those who never read");
    let closed = closed_as_too_slow(plan, options.deaf as f64).await?;
    trickling.calm_down();
    let there = trickling.wait_for(last, CAUGHT_UP).await;
    say(format!("{there} of {} that trickled have everything", options.trickling));
    let truth = Truth::read(stage).await?;
    let trickled = trickling.counts();
    let verdict = Verdict::of(&mut trickling.disperse()?, &truth);
    let metrics = HubMetrics::read(plan.address()).await?;
    Ok((run, Some(Slow { verdict, trickled, closed, metrics })))
}

async fn measure(stage: &Stage, plan: &Plan, hub: u32, options: &Options) -> Result<Run> {
    let audience = Audience::assemble(Invitation::to_hub(plan.address()), options.prompt).await?;
    let (before, cpu) = (audience.counts(), usage::cpu(hub)?);
    let made = publish(stage, options).await?;
    let complete = audience.received(before, made.len(), LAST_FRAMES).await;
    let cpu = usage::cpu(hub)?.saturating_sub(cpu);
    audience.is_content()?;
    let wanted = (made.len() * options.prompt) as u64;
    let got = audience.counts().since(before).changes;
    Ok(Run {
        latencies: Latencies::of(&made, &audience.take_deliveries()),
        cpu,
        resident: usage::resident_bytes(hub)?,
        kernel: usage::socket_bytes()?,
        missing: if complete { 0 } else { wanted.saturating_sub(got) },
    })
}

async fn publish(stage: &Stage, options: &Options) -> Result<Vec<Publication>> {
    let count = (options.rate / RATE_OF_ONE).ceil().clamp(1.0, 16.0) as u64;
    let mut tasks = Vec::new();
    for number in 0..count {
        let publisher = Publisher::sql(stage, number, count, ITEMS).await?;
        let delay = Duration::from_secs_f64(number as f64 / options.rate);
        let time = Duration::from_secs(options.seconds.max(1));
        tasks.push(tokio::spawn(publisher.publish_at(options.rate / count as f64, delay, time)));
    }
    let mut made = Vec::new();
    for task in tasks {
        made.extend(task.await??.1);
    }
    Ok(made)
}

/// Clients that take nothing are closed after the stall time-out, which may end only now.
async fn closed_as_too_slow(plan: &Plan, wanted: f64) -> Result<f64> {
    const LIMIT: Duration = Duration::from_secs(40);
    let begun = std::time::Instant::now();
    loop {
        let metrics = HubMetrics::read(plan.address()).await?;
        let closed = metrics.sum("stockwire_hub_closes_total", "too_slow");
        if closed >= wanted || begun.elapsed() > LIMIT {
            return Ok(closed);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Bytes for each slow client.
fn growth(options: &Options, alone: u64, together: u64) -> f64 {
    let slow = (options.deaf + options.trickling).max(1) as f64;
    together.saturating_sub(alone) as f64 / slow
}

fn table(options: &Options, alone: &Run, together: &Run, slow: &Slow) -> Table {
    let Slow { trickled, closed, metrics, .. } = slow;
    let title = format!(
        "slow clients: {} prompt ones, {} changes a second, {} × {} s",
        options.prompt, options.rate, options.rounds, options.seconds
    );
    let mut table = Table::new(title, &["", "alone", "with slow ones"]);
    let mut row =
        |what: &str, cell: &dyn Fn(&Run) -> String| table.row([what, &cell(alone), &cell(together)]);
    row("commit to prompt client p50 / p99, ms", &|run| run.latencies.since_done().p50_and_p99());
    row("frames missing", &|run| thousands(run.missing as f64));
    row("CPU of the hub, s", &|run| format!("{:.2}", run.cpu.as_secs_f64()));
    row("resident memory of the hub, KiB", &|run| thousands(run.resident as f64 / 1024.0));
    row("kernel memory of all sockets, KiB", &|run| thousands(run.kernel as f64 / 1024.0));
    let mut more = |what: &str, value: String| table.row([what, "", &value]);
    more("closed with 4008", thousands(*closed));
    more(
        "changes left out, by the hub's count",
        thousands(metrics.sum("stockwire_hub_conflated_changes_total", "")),
    );
    more("those that trickled: times told of left out changes", thousands(trickled.notices as f64));
    more("those that trickled: changes left out", thousands(trickled.skipped as f64));
    more("those that trickled: closes by code", trickled.closes());
    table
}

fn figures(options: &Options, alone: &Run, together: &Run, closed: f64) -> Vec<Figure> {
    let ratio = |percent: usize| {
        let time = |run: &Run| run.latencies.since_done().percentile(percent).as_secs_f64();
        time(together) / time(alone).max(f64::EPSILON)
    };
    let cpu = (together.cpu.as_secs_f64(), alone.cpu.as_secs_f64());
    let bytes = growth(options, alone.resident, together.resident);
    let kernel = growth(options, alone.kernel, together.kernel);
    let target = format!("≤ {MOST_RATIO} ×");
    vec![
        Figure::new(
            "prompt clients beside slow ones: latency p50 / p99",
            format!("{:.2} × / {:.2} × without them", ratio(50), ratio(99)),
            target.clone(),
            ratio(50) <= MOST_RATIO && ratio(99) <= MOST_RATIO,
        ),
        Figure::new(
            "hub CPU beside slow clients",
            format!("{} of without them", percent(cpu.0, cpu.1)),
            target,
            cpu.0 <= cpu.1 * MOST_RATIO,
        ),
        Figure::new(
            "resident memory a slow client takes in the hub",
            format!(
                "{} KiB, and {} KiB in the kernel",
                thousands(bytes / 1024.0),
                thousands(kernel / 1024.0)
            ),
            format!("≤ {} KiB", thousands(MOST_BYTES / 1024.0)),
            bytes <= MOST_BYTES,
        ),
        Figure::new(
            "clients that never read closed with 4008",
            thousands(closed),
            options.deaf.to_string(),
            closed >= options.deaf as f64,
        ),
        Figure::must_be_none(
            "prompt clients beside slow ones: frames missing",
            alone.missing + together.missing,
        ),
    ]
}
