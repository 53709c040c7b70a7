//! What an idle socket takes in the hub: open, authenticated, subscribed, nothing happening.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    audience::{Audience, Invitation},
    report::{Figure, Report, Table, say, thousands},
    stage::{STOCKWIRE, Stage},
    usage,
};

/// What a socket may take.
const MOST_BYTES: f64 = 4096.0;
/// Before the first look: what only the first sockets make the hub allocate is not theirs.
const WARM_UP_SOCKETS: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Idle sockets.
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// Seconds to wait before the last look; past 15, every socket has had its first heartbeat.
    #[arg(long, default_value_t = 20)]
    settle: u64,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let sockets = options.sockets;
    ensure!(sockets > 0, "there must be sockets");
    // The hub inherits the limit, and has as many open as we.
    usage::allow_open_files(sockets as u64 + 1000)?;
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, 100).await?;
    let notifier = stage.notifier().await?;
    let hub = stage.hub(notifier.address()).await?;
    let invitation = Invitation::to_hub(hub.address());
    drop(Audience::assemble(invitation, WARM_UP_SOCKETS).await?);
    tokio::time::sleep(Duration::from_secs(1)).await;

    let empty = usage::resident_bytes(hub.id())?;
    say(format!("opening {} sockets", thousands(sockets as f64)));
    let audience = Audience::assemble(invitation, sockets).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let opened = usage::resident_bytes(hub.id())?;
    say(format!("waiting {} s", options.settle));
    tokio::time::sleep(Duration::from_secs(options.settle)).await;
    audience.is_content()?;
    let settled = usage::resident_bytes(hub.id())?;

    let each = |bytes: u64| bytes.saturating_sub(empty) as f64 / sockets as f64;
    let mut table = Table::new("memory of the hub (resident)", &["", "KiB", "bytes a socket"]);
    let mut row = |what: String, bytes: u64, each: String| {
        table.row([what, thousands(bytes as f64 / 1024.0), each]);
    };
    row("no sockets".to_owned(), empty, String::new());
    row(format!("{} subscribed", thousands(sockets as f64)), opened, thousands(each(opened)));
    row(format!("{} s later", options.settle), settled, thousands(each(settled)));
    table.print();
    let figure = Figure::new(
        format!("memory of an idle, subscribed socket ({})", thousands(sockets as f64)),
        format!("{} bytes", thousands(each(settled))),
        format!("≤ {} bytes", thousands(MOST_BYTES)),
        each(settled) <= MOST_BYTES,
    );
    Ok(Report::new(vec![figure]))
}
