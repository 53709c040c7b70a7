//! How long a change takes to a client on an idle system, whoever made it; and how many writes a second the API takes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    audience::{Audience, Invitation},
    distribution::milliseconds,
    latencies::Latencies,
    publisher::Publisher,
    report::{Figure, Report, Table, say, thousands},
    stage::{STOCKWIRE, Stage},
};

/// Items that change.
const ITEMS: u64 = 1000;
/// Between two changes: so long that the system is idle again.
const PAUSE: Duration = Duration::from_millis(40);
/// Changes before the first that counts.
const WARM_UP: usize = 20;
/// How long the last frames may take.
const LAST_FRAMES: Duration = Duration::from_secs(5);
/// Commit to client, half of them and 99 of 100.
const MOST_P50: Duration = Duration::from_millis(3);
const MOST_P99: Duration = Duration::from_millis(10);
/// Writes a second of a FastAPI, SQLAlchemy and asyncpg service with 16 connections, on the machine of the design.
const REFERENCE_WRITES: f64 = 360.0;
const LEAST_RATIO: f64 = 12.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Changes of each kind of writer, one by one.
    #[arg(long, default_value_t = 300)]
    changes: usize,
    /// Clients that listen.
    #[arg(long, default_value_t = 10)]
    subscribers: usize,
    /// Keep-alive connections that write through REST as fast as they can.
    #[arg(long, default_value_t = 16)]
    connections: u64,
    /// Seconds of that.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(
        options.changes > 0 && options.subscribers > 0 && options.connections > 0,
        "there must be changes, subscribers and connections"
    );
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, u32::try_from(ITEMS)?).await?;
    let notifier = stage.notifier().await?;
    let hub = stage.hub(notifier.address()).await?;
    let api = stage.api().await?;
    let audience = Audience::assemble(Invitation::to_hub(hub.address()), options.subscribers).await?;

    let mut table = Table::new(
        format!("commit to client: {} subscribers, one change after the other", options.subscribers),
        &[
            "writer",
            "deliveries",
            "commit to client p50 / p99, ms",
            "max, ms",
            "sent to client p50 / p99, ms",
        ],
    );
    let mut figures = Vec::new();
    for name in ["SQL", "REST"] {
        // Connected only now: the API doesn't wait for ever for a request.
        let publisher = match name {
            "SQL" => Publisher::sql(&stage, 0, 1, ITEMS).await?,
            _ => Publisher::rest(api.address(), 0, 1, ITEMS).await?,
        };
        say(format!("{} changes through {name}, one every {} ms", options.changes, PAUSE.as_millis()));
        let latencies = one_by_one(&audience, publisher, options.changes).await?;
        table.row([
            name.to_owned(),
            latencies.since_done().len().to_string(),
            latencies.since_done().p50_and_p99(),
            milliseconds(latencies.since_done().percentile(100)),
            latencies.since_sent().p50_and_p99(),
        ]);
        figures.push(judge(name, options.subscribers, &latencies));
    }
    table.print();
    say(format!("{} connections write through REST for {} s", options.connections, options.seconds));
    let written = rest_writes(api.address(), options).await?;
    figures.push(Figure::new(
        format!("REST writes a second, {} connections", options.connections),
        format!("{} ({:.1} × the reference)", thousands(written), written / REFERENCE_WRITES),
        format!("≥ {LEAST_RATIO:.0} × {REFERENCE_WRITES:.0} (FastAPI, from the design document, not measured in this run)"),
        written >= LEAST_RATIO * REFERENCE_WRITES,
    ));
    Ok(Report::new(figures))
}

async fn one_by_one(audience: &Audience, mut publisher: Publisher, changes: usize) -> Result<Latencies> {
    for _ in 0..WARM_UP {
        publisher.publish().await?;
        tokio::time::sleep(PAUSE).await;
    }
    audience.take_deliveries();
    let before = audience.counts();
    let mut made = Vec::with_capacity(changes);
    for _ in 0..changes {
        made.push(publisher.publish().await?);
        tokio::time::sleep(PAUSE).await;
    }
    ensure!(audience.received(before, changes, LAST_FRAMES).await, "not every change reached every client");
    audience.is_content()?;
    Ok(Latencies::of(&made, &audience.take_deliveries()))
}

fn judge(writer: &str, subscribers: usize, latencies: &Latencies) -> Figure {
    let times = latencies.since_done();
    Figure::new(
        format!("commit to client, {subscribers} subscribers, idle system, {writer} writer: p50 / p99"),
        format!("{} ms", times.p50_and_p99()),
        format!("≤ {} / {} ms", MOST_P50.as_millis(), MOST_P99.as_millis()),
        times.percentile(50) <= MOST_P50 && times.percentile(99) <= MOST_P99,
    )
}

/// Writes a second, with everything running: the notifier orders them and the hub delivers them meanwhile.
async fn rest_writes(api: std::net::SocketAddr, options: &Options) -> Result<f64> {
    let begun = Instant::now();
    let end = begun + Duration::from_secs(options.seconds.max(1));
    let mut tasks = Vec::new();
    for number in 0..options.connections {
        let mut publisher = Publisher::rest(api, number, options.connections, ITEMS).await?;
        tasks.push(tokio::spawn(async move {
            let mut written = 0_u32;
            while Instant::now() < end {
                publisher.publish().await?;
                written += 1;
            }
            anyhow::Ok(written)
        }));
    }
    let mut written = 0.0;
    for task in tasks {
        written += f64::from(task.await??);
    }
    Ok(written / begun.elapsed().as_secs_f64())
}
