//! One Postgres for all tests of a process, and the template that their databases are copied from.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use standalone::postgres::{Options, Server};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::{scratch::Scratch, waiting};

/// The database that tests copy.
pub(crate) const TEMPLATE: &str = "stockwire_template";

/// Speed instead of safety: the data lives as long as the process.
const SETTINGS: [(&str, &str); 8] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "64MB"),
    ("max_connections", "300"),
    ("max_wal_size", "512MB"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("deadlock_timeout", "100ms"),
];

/// Fetching the server's programs may be part of the first start.
const START_LIMIT: Duration = Duration::from_secs(180);

/// The running server with the directory it lives in.
#[derive(Debug)]
pub(crate) struct SharedServer {
    server: Server,
    _scratch: Scratch,
}

/// The server of this process, started by whoever asks first.
///
/// # Errors
/// It can't be started, or the schema can't be made.
pub(crate) async fn shared() -> Result<&'static SharedServer> {
    // Never dropped: the server ends with the process, and its directory with it.
    static SERVER: OnceCell<SharedServer> = OnceCell::const_new();
    let started = async || waiting::within(START_LIMIT, "the tests' Postgres to start", start()).await?;
    SERVER.get_or_try_init(started).await
}

impl SharedServer {
    pub(crate) fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// A connection to a database that is always there.
    pub(crate) async fn maintenance(&self) -> Result<Client> {
        connect(&self.url("postgres")).await
    }
}

/// A connection that nothing of ours has configured, as `psql` would make it.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let connecting = tokio_postgres::connect(url, NoTls);
    let (client, connection) =
        waiting::within(waiting::PATIENCE, "a connection to Postgres", connecting).await??;
    // Its end shows in the client's next call.
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) fn store_options(url: String) -> store::Options {
    store::Options {
        url,
        pool_size: 8,
        statement_timeout: Duration::from_secs(10),
        lock_timeout: Duration::from_secs(5),
        application_name: "stockwire test".to_owned(),
    }
}

async fn start() -> Result<SharedServer> {
    let scratch = Scratch::new()?;
    let mut options = Options::new(scratch.path().join("postgres"), std::env::vars_os());
    options.fallback_directory = scratch.path().join("elsewhere");
    options.fetched_binaries = fetched_binaries();
    options.settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = Server::start(options).await?;
    let template = store_options(server.url(TEMPLATE));
    store::create_database_if_missing(&template).await?;
    store::migrate(&template).await?;
    let shared = SharedServer { server, _scratch: scratch };
    let close = format!("alter database {TEMPLATE} with is_template true allow_connections false");
    shared.maintenance().await?.batch_execute(&close).await.context("the template can't be closed")?;
    Ok(shared)
}

/// Where cargo keeps what tests leave: a machine without Postgres fetches it once for all of them.
fn fetched_binaries() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let target = test.ancestors().find(|above| above.join("CACHEDIR.TAG").exists())?;
    Some(target.join("tmp").join("postgres-binaries"))
}
