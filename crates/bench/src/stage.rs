//! What is measured, set up on loopback: an embedded Postgres with its default settings in a directory that vanishes,
//! and the services as processes of their own.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use standalone::postgres::{Options, Server};
use testkit::Scratch;
use tokio_postgres::{Client, NoTls};

use crate::{
    binaries,
    report::say,
    service_process::{ServiceProcess, free_address},
};

/// The database that the services use.
pub(crate) const STOCKWIRE: &str = "stockwire";

/// Known to everybody who can read this, and good for loopback only.
const INTERNAL_SECRET: &str = "the internal secret of a bench";
const TOKEN_SECRET: &str = "the token secret of a bench, which nobody uses";

/// What a hub that is measured is told besides where the others are. Every client of a bench comes from one machine,
/// so limits that tell machines apart, or hold back a crowd, belong here.
const HUB_SETTINGS: &[(&str, &str)] = &[
    // All clients come from loopback, and thousands at once.
    ("STOCKWIRE__HUB__MAX_SOCKETS_PER_ADDRESS", "0"),
    ("STOCKWIRE__HUB__MAX_HANDSHAKES_PER_SECOND", "0"),
];

/// How long the first changes may take to get their place in the log.
const SEQUENCED_LIMIT: Duration = Duration::from_secs(30);

/// A service that can be started, and started again at the same place.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    name: &'static str,
    address: SocketAddr,
    settings: Vec<(&'static str, String)>,
}

/// Postgres, and where everything lies. Fields are dropped in this order.
#[derive(Debug)]
pub(crate) struct Stage {
    server: Server,
    binaries: PathBuf,
    scratch: Scratch,
}

impl Stage {
    /// Starts Postgres.
    pub(crate) async fn set_up() -> Result<Self> {
        let binaries = binaries::folder()?;
        let scratch = Scratch::new()?;
        let mut options = Options::new(scratch.path().join("postgres"), std::env::vars_os());
        options.fallback_directory = scratch.path().join("elsewhere");
        // Where there is no Postgres, one is fetched for all runs, and for the tests.
        options.fetched_binaries = binaries.parent().map(|target| target.join("tmp/postgres-binaries"));
        let server = Server::start(options).await?;
        let stage = Self { server, binaries, scratch };
        let client = stage.connect("postgres").await?;
        let fsync: String = client.query_one("show fsync", &[]).await?.try_get(0)?;
        ensure!(fsync == "on", "fsync is off, so nothing that is measured here would be true");
        let (version, directory) = (stage.server.version(), stage.server.directory().display());
        say(format!("PostgreSQL {version} with its default settings, fsync {fsync}, in {directory}"));
        Ok(stage)
    }

    /// A database with the schema, and items to write to.
    pub(crate) async fn create_database(&self, name: &str, items: u32) -> Result<()> {
        let options = self.store_options(name, 1);
        store::create_database_if_missing(&options).await?;
        store::migrate(&options).await?;
        let fill = format!(
            "insert into items (tenant_id, sku, name, quantity, unit, price, reorder_point, attributes)
             select 1, 'SKU-' || number, 'Hex bolt M8 × ' || number || ', zinc-plated', 1000, 'box of 100', 12.5, 20,
               '{{\"bin\": \"A-07-3\", \"supplier\": \"Nordfix\"}}'
             from generate_series(1, {items}) as number"
        );
        self.connect(name).await?.batch_execute(&fill).await?;
        Ok(())
    }

    fn store_options(&self, database: &str, connections: usize) -> store::Options {
        store::Options {
            url: self.server.url(database),
            password: String::new(),
            pool_size: connections,
            pool_wait: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(60),
            application_name: "bench".to_owned(),
        }
    }

    /// Queries as the services run them.
    pub(crate) fn store(&self, database: &str, connections: usize) -> Result<store::Store> {
        Ok(store::Store::new(&self.store_options(database, connections))?)
    }

    /// A plain connection, as `psql` makes it.
    pub(crate) async fn connect(&self, database: &str) -> Result<Client> {
        let url = self.server.url(database);
        let connecting = tokio_postgres::connect(&url, NoTls);
        let (client, connection) =
            connecting.await.with_context(|| format!("can't connect to {database}"))?;
        // Its end shows in the client's next call.
        tokio::spawn(connection);
        Ok(client)
    }

    /// The process whose children serve the connections.
    pub(crate) fn postmaster(&self) -> u32 {
        self.server.process_id()
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// A notifier on an address of its own, to be started as often as is wanted.
    pub(crate) fn notifier_plan(&self) -> Result<Plan> {
        Plan::new("notifier", "STOCKWIRE__NOTIFIER__LISTEN")
    }

    /// A notifier on the database that the services use. What is there already has its place in the log when this
    /// returns, so that nobody hears of it later.
    pub(crate) async fn notifier(&self) -> Result<ServiceProcess> {
        let process = self.start(&self.notifier_plan()?).await?;
        self.log_is_complete().await?;
        Ok(process)
    }

    /// Waits until everything that was written has its place in the log, and the feed knows.
    pub(crate) async fn log_is_complete(&self) -> Result<()> {
        let client = self.connect(STOCKWIRE).await?;
        let complete = "select last >= (select count(*) from changes) from sequencer";
        let begun = Instant::now();
        while !client.query_one(complete, &[]).await?.try_get::<_, bool>(0)? {
            ensure!(begun.elapsed() < SEQUENCED_LIMIT, "the notifier doesn't put the changes in order");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The feed follows the log by itself, at the latest after the poll interval of 250 ms.
        tokio::time::sleep(Duration::from_millis(600)).await;
        Ok(())
    }

    /// A hub that follows a notifier. It serves live changes only: snapshots need an API.
    pub(crate) async fn hub(&self, notifier: SocketAddr) -> Result<ServiceProcess> {
        self.start(&self.hub_plan(notifier, None)?).await
    }

    /// A hub on an address of its own, to be started as often as is wanted.
    pub(crate) fn hub_plan(&self, notifier: SocketAddr, api: Option<SocketAddr>) -> Result<Plan> {
        let mut plan = Plan::new("hub", "STOCKWIRE__HUB__LISTEN")?;
        plan.set("STOCKWIRE__NOTIFIER__URL", format!("ws://{notifier}"));
        if let Some(api) = api {
            plan.set("STOCKWIRE__API__URL", format!("http://{api}"));
        }
        for (key, value) in HUB_SETTINGS {
            plan.set(key, (*value).to_owned());
        }
        Ok(plan)
    }

    pub(crate) async fn api(&self) -> Result<ServiceProcess> {
        self.start(&Plan::new("inventory-api", "STOCKWIRE__HTTP__LISTEN")?).await
    }

    /// Starts a service, and waits until it is ready.
    pub(crate) async fn start(&self, plan: &Plan) -> Result<ServiceProcess> {
        let mut command = Command::new(self.binaries.join(plan.name));
        command
            .env_clear()
            .env("STOCKWIRE__DATABASE__URL", self.server.url(STOCKWIRE))
            .env("STOCKWIRE__INTERNAL__SECRET", INTERNAL_SECRET)
            .env("STOCKWIRE__AUTH__TOKEN_SECRET", TOKEN_SECRET)
            .env("STOCKWIRE__LOG__FILTER", "warn")
            // Most loads name nobody, and all of them come from one machine, as fast as they can.
            .env("STOCKWIRE__AUTH__ANONYMOUS", "loopback")
            .env("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "0")
            .env("STOCKWIRE__AUTH__TRIES_PER_ACCOUNT", "1000000")
            .env("STOCKWIRE__AUTH__TRIES_PER_ADDRESS", "1000000")
            .envs(plan.settings.iter().map(|(key, value)| (key, value)))
            // No settings file of somebody's working directory counts here.
            .current_dir(self.scratch.path());
        let mut process = ServiceProcess::start(plan.name, command, plan.address, self.scratch.path())?;
        process.answers("/ready").await?;
        Ok(process)
    }
}

impl Plan {
    fn new(name: &'static str, listen: &'static str) -> Result<Self> {
        let address = free_address()?;
        Ok(Self { name, address, settings: vec![(listen, address.to_string())] })
    }

    pub(crate) fn set(&mut self, key: &'static str, value: String) {
        self.settings.push((key, value));
    }

    /// Where it listens, running or not.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}
