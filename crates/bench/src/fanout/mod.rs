//! One change to many: processor time of the server for each delivered frame, and how long a change takes to the
//! clients, for the hub and, where it is installed, for nginx with nchan in the same run. The two take turns, so that
//! what the machine does meanwhile hits both.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    audience::{Audience, Invitation},
    fanout::outcome::{Outcome, judge, table},
    latencies::Latencies,
    nchan::{HOW_TO_INSTALL, Nchan},
    publisher::{Publication, Publisher},
    report::{Report, say},
    stage::{STOCKWIRE, Stage},
    usage,
};

mod outcome;

/// Items that change.
const ITEMS: u64 = 200;
/// Changes a second that one connection makes without falling behind.
const RATE_OF_ONE: f64 = 50.0;
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long the last frames may take.
const LAST_FRAMES: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Subscribers; with this or a rate, that is all that is measured, instead of the design's loads.
    #[arg(long)]
    subscribers: Option<usize>,
    /// Changes a second.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Threads of the hub; 0 means one for each core. With one for each, the load gets no core before all is sent.
    #[arg(long, default_value_t = 0)]
    hub_workers: usize,
    /// Rounds of each server and load.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// So many subscribers, so many changes a second.
#[derive(Debug, Clone, Copy)]
struct Load {
    subscribers: usize,
    rate: f64,
    time: Duration,
}

/// The two that are compared.
enum Server<'a> {
    Hub { stage: &'a Stage, invitation: Invitation, process: u32 },
    Nchan(&'a Nchan),
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(options.rounds > 0, "there must be rounds");
    let loads = loads(options)?;
    let most = loads.iter().map(|load| load.subscribers).max().unwrap_or(0);
    usage::allow_open_files(2 * most as u64 + 1000)?;
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, u32::try_from(ITEMS)?).await?;
    let notifier = stage.notifier().await?;
    let mut plan = stage.hub_plan(notifier.address(), None)?;
    plan.set("STOCKWIRE__HUB__WORKERS", options.hub_workers.to_string());
    let hub = stage.start(&plan).await?;
    let nchan = Nchan::start(stage.scratch().path()).await?;
    if nchan.is_none() {
        say(HOW_TO_INSTALL);
    }
    let ours =
        Server::Hub { stage: &stage, invitation: Invitation::to_hub(hub.address()), process: hub.id() };
    let theirs = nchan.as_ref().map(Server::Nchan);
    let mut figures = Vec::new();
    for load in loads {
        let mut outcome = Outcome::default();
        let mut other = theirs.as_ref().map(|_| Outcome::default());
        for round in 1..=options.rounds {
            let Load { subscribers, rate, .. } = load;
            say(format!(
                "round {round} of {}: {subscribers} subscribers, {rate} changes a second",
                options.rounds
            ));
            outcome.add(one_round(&ours, load).await?);
            if let (Some(server), Some(other)) = (&theirs, &mut other) {
                other.add(one_round(server, load).await?);
            }
        }
        table(load, options.rounds, &outcome, other.as_ref()).print();
        figures.extend(judge(load, &outcome, other.as_ref()));
    }
    Ok(Report::new(figures))
}

fn loads(options: &Options) -> Result<Vec<Load>> {
    let time = Duration::from_secs(options.seconds.max(1));
    let load = |subscribers, rate| Load { subscribers, rate, time };
    let asked = match (options.subscribers, options.rate) {
        (None, None) => vec![load(1000, 20.0), load(5000, 20.0), load(500, 500.0)],
        (subscribers, rate) => vec![load(subscribers.unwrap_or(1000), rate.unwrap_or(20.0))],
    };
    let possible = |load: &Load| load.subscribers > 0 && load.rate.is_finite() && load.rate > 0.0;
    ensure!(asked.iter().all(possible), "there must be subscribers and changes");
    Ok(asked)
}

async fn one_round(server: &Server<'_>, load: Load) -> Result<Outcome> {
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
    let counts = audience.counts().since(before);
    let wanted = (made.len() * load.subscribers) as u64;
    Ok(Outcome {
        cpu,
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
            Self::Hub { process, .. } => vec![*process],
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
