//! The fire drill: the whole stack in containers, as `docker compose up` starts it, broken in every way that an
//! operator will see, while clients watch through the gateway and writers go on. In the end every client must know what
//! the table says, and the log must hold each change once.
//!
//! ```text
//! cargo run -p drill
//! ```
//!
//! | module | noun |
//! |---|---|
//! | `compose` | the stack, under a project name and a port of its own |
//! | `database` | what the database says, and who leads, through `psql` in its container |
//! | `writers` | who writes all the time, over REST and in `psql`, and remembers what was acknowledged |
//! | `watchers` | who watches: sockets, event streams and long polls, all of which come back by themselves |
//! | `page` | the dashboard, as the images have it |
//! | `pauses` | how long nothing was written or seen |
//! | `devices` | two devices of one user, on two hubs: the second ends the first |
//! | `monitors` | what monitors raised meanwhile, beside what the log says they had to |
//! | `accidents` | what is broken, and how it comes back |
//! | `verdict` | the laws that must hold in the end |
//!
//! It fails when a client was told something wrong or an acknowledged write is missing, never because something took
//! long: times are printed for people to read. It needs a Docker engine, and ends by removing everything that it made.

mod accidents;
mod compose;
mod database;
mod devices;
mod monitors;
mod page;
mod pauses;
mod verdict;
mod watchers;
mod writers;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::{signal::unix::SignalKind, time::Instant};

use crate::{compose::Compose, pauses::Chronicle, watchers::Watchers, writers::Writers};

/// Breaks the whole stack in every way and checks that nobody was told anything wrong.
#[derive(Debug, Parser)]
#[command(name = "drill", version)]
struct Arguments {
    /// The folder with docker-compose.yml
    #[arg(long, default_value = ".")]
    directory: PathBuf,
    /// Use the images that are there
    #[arg(long)]
    no_build: bool,
    /// Leave the stack running in the end
    #[arg(long)]
    keep: bool,
    /// WebSocket clients; a tenth as many follow event streams, and as many poll
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(3..=2000))]
    clients: u16,
    /// Seconds of calm before, between and after the accidents
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=600))]
    calm: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drill: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let compose = Compose::find(&arguments.directory).await?;
    if !arguments.no_build {
        println!("building the images");
        compose.build().await?;
    }
    compose.print_images().await?;
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let outcome = tokio::select! {
        outcome = drill(arguments, &compose) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    };
    if outcome.is_err() {
        compose.print_last_words().await;
    }
    if arguments.keep {
        println!("left running: {}", compose.how_to_remove());
        return outcome;
    }
    let removed = compose.down().await;
    outcome.and(removed)
}

/// Looks until there is something, with a breath in between: each look is a process of its own.
async fn patiently<T>(
    limit: Duration,
    awaited: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<(T, Duration)> {
    let with_breath = async || match look().await? {
        Some(found) => Ok(Some(found)),
        None => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok(None)
        }
    };
    testkit::waiting::until(limit, awaited, with_breath).await
}

async fn drill(arguments: &Arguments, compose: &Compose) -> Result<()> {
    let started = Instant::now();
    let up = compose.up_in_background(&[("hub", 3), ("inventory-api", 2), ("notifier", 2)])?;
    let first =
        watchers::first_change(compose.gateway(), started).await.context("waiting for the first change")?;
    println!(
        "from up to the first answer {:.1} s, to the first change seen by a client {:.1} s",
        first.answered.as_secs_f64(),
        first.seen.as_secs_f64()
    );
    up.finished().await?;
    compose.all_healthy().await?;
    page::is_there(compose).await?;

    let chronicle = Chronicle::default();
    monitors::make(compose).await?;
    let writers = Writers::start(compose, &chronicle).await?;
    let watchers = Watchers::gather(compose.gateway(), arguments.clients.into(), &chronicle).await?;
    println!("{} clients are live, on hubs: {}", watchers.len(), compose.sockets_by_hub().await?);
    devices::second_sign_in(compose).await?;
    let calm = Duration::from_secs(arguments.calm);
    accidents::all(compose, &chronicle, calm).await?;

    println!("the writers stop");
    let written = writers.stop().await?;
    verdict::reach(compose, written, watchers, &chronicle).await
}
