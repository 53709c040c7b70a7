//! What an idle socket takes in the hub: how much memory and where, from an accepted connection to a subscribed one,
//! and how much processor time while nothing happens.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use tokio::net::TcpStream;

use crate::{
    audience::{Audience, Invitation},
    memory::idle::Idle,
    report::{Figure, Report, Table, say, thousands},
    service_process::ServiceProcess,
    stage::{Plan, STOCKWIRE, Stage},
    usage,
};

mod idle;

/// What a socket may take.
const MOST_BYTES: f64 = 4096.0;
/// Before the first look: what only the first sockets make the hub allocate is not theirs.
const WARM_UP_SOCKETS: usize = 100;
/// An HTTP server gives a connection 5 s for its request; a look at connections that say nothing must come earlier.
const SOON: Duration = Duration::from_secs(1);
/// When whatever the HTTP server had for the handshake has timed out as well.
const LATER: Duration = Duration::from_secs(8);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Idle sockets.
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// Seconds to wait before the last look; past 15, every socket has had its first heartbeat.
    #[arg(long, default_value_t = 20)]
    settle: u64,
    /// Seconds over which an idle hub's processor time is taken, with heartbeats and without.
    #[arg(long, default_value_t = 30)]
    idle: u64,
}

/// What the hub, and the kernel for both ends of each connection, had at a moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    hub: u64,
    buffers: u64,
    /// Where the kernel tells.
    objects: Option<u64>,
}

/// Looks at the sockets of a stage, on a hub of its own: an allocator gives little back.
struct Looks {
    name: &'static str,
    empty: Look,
    full: Look,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let sockets = options.sockets;
    ensure!(sockets > 0, "there must be sockets");
    // The hub inherits the limit, and has as many open as we.
    usage::allow_open_files(sockets as u64 + 1000)?;
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, 100).await?;
    let notifier = stage.notifier().await?;
    let plan = stage.hub_plan(notifier.address(), None)?;

    let mut stages = vec![connected(&stage, &plan, sockets).await?];
    stages.extend(greeted(&stage, &plan, sockets).await?);
    let (hub, empty) = warm_hub(&stage, &plan).await?;
    say(format!("{} sockets, subscribed", thousands(sockets as f64)));
    let audience = Audience::assemble(Invitation::to_hub(hub.address()), sockets).await?;
    tokio::time::sleep(SOON).await;
    stages.push(Looks { name: "subscribed", empty, full: Look::at(&hub)? });
    say(format!("waiting {} s", options.settle));
    tokio::time::sleep(Duration::from_secs(options.settle)).await;
    stages.push(Looks { name: "after the first heartbeat", empty, full: Look::at(&hub)? });
    let beating = Idle::watch(hub.id(), options.idle).await?;
    audience.is_content()?;
    drop((audience, hub));

    let mut silent_plan = plan.clone();
    silent_plan.set("STOCKWIRE__HUB__HEARTBEAT_MS", "3600000".to_owned());
    let hub = stage.start(&silent_plan).await?;
    let audience = Audience::assemble(Invitation::to_hub(hub.address()), sockets).await?;
    tokio::time::sleep(SOON).await;
    let silent = Idle::watch(hub.id(), options.idle).await?;
    audience.is_content()?;

    table(sockets, &stages).print();
    idle::table(sockets, beating, silent).print();
    let mut figures: Vec<Figure> = stages.last().map(|last| figure(sockets, last)).into_iter().collect();
    figures.push(idle::figure(sockets, beating, silent));
    Ok(Report::new(figures))
}

/// A fresh hub that has served some sockets already.
async fn warm_hub(stage: &Stage, plan: &Plan) -> Result<(ServiceProcess, Look)> {
    let hub = stage.start(plan).await?;
    drop(Audience::assemble(Invitation::to_hub(hub.address()), WARM_UP_SOCKETS).await?);
    tokio::time::sleep(SOON).await;
    let empty = Look::at(&hub)?;
    Ok((hub, empty))
}

/// Connections that say nothing: the HTTP server waits for a request.
async fn connected(stage: &Stage, plan: &Plan, sockets: usize) -> Result<Looks> {
    let (hub, empty) = warm_hub(stage, plan).await?;
    say(format!("{} connections without a handshake", thousands(sockets as f64)));
    let mut streams = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        streams.push(TcpStream::connect(hub.address()).await?);
    }
    tokio::time::sleep(SOON).await;
    Ok(Looks { name: "connected, no request", empty, full: Look::at(&hub)? })
}

/// Sockets that are greeted and ask for nothing.
async fn greeted(stage: &Stage, plan: &Plan, sockets: usize) -> Result<[Looks; 2]> {
    let (hub, empty) = warm_hub(stage, plan).await?;
    say(format!("{} sockets without a subscription", thousands(sockets as f64)));
    let invitation = Invitation { ask: None, ..Invitation::to_hub(hub.address()) };
    let audience = Audience::assemble(invitation, sockets).await?;
    tokio::time::sleep(SOON).await;
    let first = Looks { name: "greeted", empty, full: Look::at(&hub)? };
    tokio::time::sleep(LATER).await;
    audience.is_content()?;
    Ok([first, Looks { name: "greeted, later", empty, full: Look::at(&hub)? }])
}

impl Look {
    fn at(hub: &ServiceProcess) -> Result<Self> {
        Ok(Self {
            hub: usage::resident_bytes(hub.id())?,
            buffers: usage::socket_bytes()?,
            objects: usage::socket_object_bytes(),
        })
    }
}

impl Looks {
    fn each(before: u64, after: u64, sockets: usize) -> f64 {
        after.saturating_sub(before) as f64 / sockets as f64
    }

    fn hub_bytes(&self, sockets: usize) -> f64 {
        Self::each(self.empty.hub, self.full.hub, sockets)
    }
}

fn table(sockets: usize, stages: &[Looks]) -> Table {
    let mut table = Table::new(
        format!("memory of {} sockets, bytes each", thousands(sockets as f64)),
        &["stage", "hub, resident", "more than before", "kernel: buffers", "kernel: objects of one end"],
    );
    let mut before = 0.0;
    for stage in stages {
        let Looks { name, empty, full } = stage;
        let bytes = stage.hub_bytes(sockets);
        // Both ends are on this machine.
        let objects = match (empty.objects, full.objects) {
            (Some(empty), Some(full)) => thousands(Looks::each(empty, full, sockets) / 2.0),
            _ => "-".to_owned(),
        };
        let buffers = thousands(Looks::each(empty.buffers, full.buffers, sockets));
        table.row([(*name).to_owned(), thousands(bytes), thousands(bytes - before), buffers, objects]);
        before = bytes;
    }
    table
}

fn figure(sockets: usize, last: &Looks) -> Figure {
    let each = last.hub_bytes(sockets);
    Figure::new(
        format!("memory of an idle, subscribed socket ({})", thousands(sockets as f64)),
        format!("{} bytes", thousands(each)),
        format!("≤ {} bytes", thousands(MOST_BYTES)),
        each <= MOST_BYTES,
    )
}
