//! A Postgres of one test's own, which it may stop, crash and start again under everybody who is connected.

use std::{net::TcpListener, time::Duration};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use standalone::postgres::{Options, Server};
use uuid::Uuid;

use crate::{
    Database,
    scratch::Scratch,
    server::{self, Address, START_LIMIT},
    waiting,
};

/// How long an orderly stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The server, running or not. Its data stays where it is, and so does its address.
#[derive(Debug)]
pub struct PrivateServer {
    running: Option<Server>,
    options: Options,
    address: Address,
    /// Last, so that the server has gone when its directory does.
    _scratch: Scratch,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// `pg_ctl stop -m fast`: clients are disconnected, everything is written down.
    Fast,
    /// `pg_ctl stop -m immediate`: a crash in all but name, repaired at the next start.
    Immediate,
    /// kill -9 of the server's first process; the others notice and follow.
    Killed,
}

impl PrivateServer {
    /// Starts one with nothing in it.
    ///
    /// # Errors
    /// It can't be started.
    pub async fn start() -> Result<Self> {
        let scratch = Scratch::new()?;
        let mut options = server::options(scratch.path());
        options.settings.push(("port".to_owned(), quiet_port()?.to_string()));
        let starting = Server::start(options.clone());
        let running = waiting::within(START_LIMIT, "a Postgres of the test's own", starting).await??;
        Ok(Self { address: Address::of(&running), running: Some(running), options, _scratch: scratch })
    }

    /// A fresh database, its schema up to date, its log never led.
    ///
    /// # Errors
    /// The server is away.
    pub async fn create_database(&self) -> Result<Database> {
        Database::migrated_on(self.address.clone()).await
    }

    /// Ends it; returns when it has gone.
    ///
    /// # Errors
    /// It doesn't run, or doesn't end.
    pub async fn stop(&mut self, how: Outage) -> Result<()> {
        let server = self.running.take().context("the server doesn't run")?;
        let signal = match how {
            Outage::Fast => return Ok(server.stop(STOP_LIMIT).await?),
            Outage::Immediate => Signal::QUIT,
            Outage::Killed => Signal::KILL,
        };
        let process = Pid::from_raw(server.process_id().try_into()?).context("the server has no process")?;
        kill_process(process, signal)?;
        waiting::within(STOP_LIMIT, "Postgres to end", server.exited()).await.map(drop)
    }

    /// Starts it where it was: the same data, the same address.
    ///
    /// # Errors
    /// It runs already, or can't be started.
    pub async fn start_again(&mut self) -> Result<()> {
        anyhow::ensure!(self.running.is_none(), "the server runs");
        let starting = Server::start(self.options.clone());
        self.running = Some(waiting::within(START_LIMIT, "Postgres to be back", starting).await??);
        Ok(())
    }
}

/// A free port below those that the system gives to outgoing connections: while the server is away, nobody gets it by
/// accident, not even a client of ours that tries to connect to it and would be connected to itself.
fn quiet_port() -> Result<u16> {
    let free = |_| {
        let [high, low, ..] = Uuid::new_v4().into_bytes();
        let port = 20_000 + u16::from_be_bytes([high, low]) % 12_000;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    };
    (0..100).find_map(free).context("no port is free")
}
