//! What Stockwire costs and how fast it is, measured on this machine and put beside the targets of the design.
//!
//! ```text
//! cargo run --release -p bench -- writes | fanout | memory | latency | herd | soak | slow | comments | accounts | monitors | all
//! ```
//!
//! | module | noun |
//! |---|---|
//! | `writes` | writes a second with the log on, against the same table without triggers and with a notifying one |
//! | `fanout` | CPU and latency of one change to many clients, next to nginx with nchan in the same run |
//! | `memory` | what an idle, subscribed socket takes in the hub: memory and processor time |
//! | `latency` | commit to client on an idle system, and REST writes a second |
//! | `herd` | ten thousand clients that lose their hub, and when all of them are right again |
//! | `soak` | minutes of stalls, cuts, kills and writers of all kinds, and nobody may be wrong in the end |
//! | `slow` | what clients that don't read cost those who do |
//! | `comments` | what it costs that statements say for which request they run |
//! | `accounts` | what it costs to know who asks: a request, a handshake, a sign-in |
//! | `monitors` | what monitors cost writers and the notifier, and how long a notification takes |
//! | `stage`, `service_process`, `binaries`, `nchan` | what is measured: Postgres and real processes on loopback |
//! | `audience`, `websocket`, `publisher`, `http_connection` | who loads it, as cheaply as can be |
//! | `crowd`, `checker` | clients that keep a copy and come back, and whether they were told the truth |
//! | `usage`, `hub_metrics`, `latencies`, `distribution`, `report` | what processes used, how long things took, and how that is told |
//!
//! Where others use the machine, run it as `nice -n -15 target/release/bench …`, which needs root; what it starts
//! inherits that. A change passes about six threads between a writer and a client; beside compilers each was seen to
//! wait up to 20 ms for a core, and the p99 for 1,000 subscribers was 19 to 30 ms instead of 10 to 15.
//!
//! Everything runs on loopback, ends by itself and cleans up. The load runs on the same cores as what it loads, so
//! figures are comparable within a run on one machine, and nowhere else. Deliberately not here: anything that fails
//! when a target is missed. A measurement that stops a build on a busy machine gets switched off. What fails a run is
//! a client that was told something wrong: that is no matter of speed.

mod accounts;
mod audience;
mod binaries;
mod checker;
mod comments;
mod crowd;
mod distribution;
mod fanout;
mod herd;
mod http_connection;
mod hub_metrics;
mod latencies;
mod latency;
mod memory;
mod monitors;
mod nchan;
mod publisher;
mod report;
mod service_process;
mod shared_buffer;
mod slow;
mod soak;
mod stage;
mod usage;
mod websocket;
mod writes;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    report::{Figure, Report},
    usage::MachineUse,
};

/// Measures Stockwire on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Debug, Subcommand)]
enum Measurement {
    /// Writes a second with the log on, against a plain table and a notifying row trigger (about 2 minutes).
    Writes(writes::Options),
    /// CPU and latency of a change to many subscribers, next to nginx with nchan (about 2 minutes).
    Fanout(fanout::Options),
    /// Memory and processor time of idle sockets in the hub (about 2 minutes).
    Memory(memory::Options),
    /// Commit to client on an idle system, and REST writes a second (about 40 seconds).
    Latency(latency::Options),
    /// Ten thousand clients lose their hub and come back (about 1 minute).
    Herd(herd::Options),
    /// Everything at once, with kills, and every client checked (about 4 minutes).
    Soak(soak::Options),
    /// What clients that don't read cost those who do (about 2 minutes).
    Slow(slow::Options),
    /// What it costs that statements say for which request they run (about 20 seconds).
    Comments(comments::Options),
    /// What it costs to know who asks: for a request, a handshake, a sign-in (about 40 seconds).
    Accounts(accounts::Options),
    /// Writes with none, 100 and 10,000 monitors (about 2 minutes).
    Monitors(monitors::Options),
    /// All of them, shorter where that is enough (about 14 minutes).
    All,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(unless_interrupted(measure(arguments.measurement))));
    match ended {
        Ok(report) => {
            report.print_figures();
            if report.is_wrong() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(measurement: Measurement) -> Result<Report> {
    report::print_surroundings();
    let before = MachineUse::now()?;
    let mut report = run(measurement).await?;
    let others = MachineUse::now()?.percent_used_by_others_since(before);
    let busy = format!("{others:.0} % of the machine");
    report.add(Report::new(vec![Figure::for_information("used by others meanwhile", busy)]));
    Ok(report)
}

async fn run(measurement: Measurement) -> Result<Report> {
    match measurement {
        Measurement::Writes(options) => writes::run(&options).await,
        Measurement::Fanout(options) => fanout::run(&options).await,
        Measurement::Memory(options) => memory::run(&options).await,
        Measurement::Latency(options) => latency::run(&options).await,
        Measurement::Herd(options) => herd::run(&options).await,
        Measurement::Soak(options) => soak::run(&options).await,
        Measurement::Slow(options) => slow::run(&options).await,
        Measurement::Comments(options) => comments::run(&options).await,
        Measurement::Accounts(options) => accounts::run(&options).await,
        Measurement::Monitors(options) => monitors::run(&options).await,
        Measurement::All => {
            let mut report = writes::run(&default_options()?).await?;
            report.add(latency::run(&default_options()?).await?);
            report.add(fanout::run(&default_options()?).await?);
            report.add(memory::run(&default_options()?).await?);
            report.add(herd::run(&default_options()?).await?);
            report.add(herd::run(&default_options::<herd::Options>()?.gracefully()).await?);
            report.add(soak::run(&default_options::<soak::Options>()?.briefly()).await?);
            report.add(slow::run(&default_options()?).await?);
            report.add(comments::run(&default_options()?).await?);
            report.add(accounts::run(&default_options()?).await?);
            report.add(monitors::run(&default_options()?).await?);
            Ok(report)
        }
    }
}

/// What the command line says when it says nothing, so that defaults are written down once.
fn default_options<T: clap::Args>() -> Result<T> {
    let command = T::augment_args(clap::Command::new("bench"));
    Ok(T::from_arg_matches(&command.try_get_matches_from(["bench"])?)?)
}

/// Dropped halfway, a measurement stops the processes it started.
async fn unless_interrupted(measurement: impl Future<Output = Result<Report>>) -> Result<Report> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = measurement => ended,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    }
}
