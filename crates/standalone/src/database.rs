//! The database of this process: the one that is set, or the embedded Postgres.

use std::time::Duration;

use anyhow::{Context as _, bail};
use inventory_api::{open_store, store_options};
use service::{Fatal, Settings, settings::Secret};
use store::Store;

use crate::postgres::{self, Server};

/// What the database is called, and what we call ourselves there.
const NAME: &str = "stockwire";
/// The embedded Postgres gets this long to stop.
pub(crate) const POSTGRES_STOP: Duration = Duration::from_secs(4);
/// A command doesn't wait for ever until somebody else has made the schema.
const SCHEMA_PATIENCE: Duration = Duration::from_secs(15);

/// Starts the embedded Postgres, unless a server is given.
pub(crate) async fn ensure_postgres(settings: &mut Settings) -> Result<Option<Server>, Fatal> {
    if !settings.database.url.is_empty() {
        return Ok(None);
    }
    let server = start(settings).await.context("no Postgres; STOCKWIRE__DATABASE__URL names one")?;
    use_url(settings, server.url(NAME));
    Ok(Some(server))
}

/// Does something with an up-to-date database and ends. While a stockwire serves from the same directory, its Postgres is
/// the one that is used.
pub(crate) async fn with_store<T>(
    settings: Settings,
    act: impl AsyncFnOnce(&Store, &Settings) -> Result<T, Fatal>,
) -> Result<T, Fatal> {
    let mut settings = settings;
    let server = if settings.database.url.is_empty() { start_or_join(&mut settings).await? } else { None };
    let options = store_options(&settings, NAME);
    let ensured = store::ensure_schema(&options, settings.database.migrate);
    match tokio::time::timeout(SCHEMA_PATIENCE, ensured).await {
        Ok(ensured) => ensured?,
        Err(_) => {
            bail!("the database is away, or its schema is not up to date: `stockwire migrate` does that")
        }
    }
    let store = open_store(&settings, &options)?;
    let done = act(&store, &settings).await;
    drop(store);
    if let Some(server) = server {
        server.stop(POSTGRES_STOP).await?;
    }
    done
}

async fn start_or_join(settings: &mut Settings) -> Result<Option<Server>, Fatal> {
    match start(settings).await {
        Ok(server) => {
            use_url(settings, server.url(NAME));
            Ok(Some(server))
        }
        Err(postgres::Error::InUse { directory, holder }) => {
            let Some(url) = postgres::running_url(&directory, NAME) else {
                let in_use = postgres::Error::InUse { directory, holder };
                return Err(
                    Fatal::from(in_use).context("the stockwire that runs has no Postgres yet, or not yours")
                );
            };
            use_url(settings, url);
            Ok(None)
        }
        Err(error) => Err(Fatal::from(error).context("no Postgres; STOCKWIRE__DATABASE__URL names one")),
    }
}

async fn start(settings: &Settings) -> Result<Server, postgres::Error> {
    let mut options = postgres::Options::new(&settings.postgres.directory, std::env::vars_os());
    options.binaries = settings.postgres.binaries.clone();
    Server::start(options).await
}

fn use_url(settings: &mut Settings, url: String) {
    settings.database.url = Secret::new(url);
    // Nobody else gets at it while it runs: to wait until someone has done it would be to wait for ever.
    settings.database.migrate = true;
}
