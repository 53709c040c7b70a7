//! One Postgres for all tests of a process, and the template that their databases are copied from.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use standalone::postgres::{Options, Server};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::{scratch::Scratch, waiting};

/// The database that tests copy.
pub(crate) const TEMPLATE: &str = "stockwire_template";

/// Speed instead of safety: the data lives as long as the process. What a server has written before it is stopped or
/// killed is kept all the same, because the machine goes on.
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
pub(crate) const START_LIMIT: Duration = Duration::from_secs(180);

/// The running server with the directory it lives in.
#[derive(Debug)]
pub(crate) struct SharedServer {
    address: Address,
    _server: Server,
    _scratch: Scratch,
}

/// Where a server is and how to get in; that it runs is somebody else's business.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    url_before_database: String,
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
    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }
}

impl Address {
    pub(crate) fn of(server: &Server) -> Self {
        Self { url_before_database: server.url("") }
    }

    /// Names of tests' databases need no encoding.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}{database}", self.url_before_database)
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
        password: String::new(),
        pool_size: 8,
        pool_wait: Duration::from_secs(2),
        statement_timeout: Duration::from_secs(10),
        lock_timeout: Duration::from_secs(5),
        application_name: "stockwire test".to_owned(),
    }
}

/// A server's options, with its data below a directory.
pub(crate) fn options(directory: &Path) -> Options {
    let mut options = Options::new(directory.join("postgres"), std::env::vars_os());
    options.fallback_directory = directory.join("elsewhere");
    options.fetched_binaries = fetched_binaries();
    options.settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    options
}

async fn start() -> Result<SharedServer> {
    let scratch = Scratch::new()?;
    let server = Server::start(options(scratch.path())).await?;
    let address = Address::of(&server);
    let template = store_options(address.url(TEMPLATE));
    store::create_database_if_missing(&template).await?;
    store::migrate(&template).await?;
    let close = format!("alter database {TEMPLATE} with is_template true allow_connections false");
    address.maintenance().await?.batch_execute(&close).await.context("the template can't be closed")?;
    Ok(SharedServer { address, _server: server, _scratch: scratch })
}

/// Where cargo keeps what tests leave: a machine without Postgres fetches it once for all of them.
fn fetched_binaries() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let target = test.ancestors().find(|above| above.join("CACHEDIR.TAG").exists())?;
    Some(target.join("tmp").join("postgres-binaries"))
}
