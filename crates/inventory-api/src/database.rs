//! Postgres at start: the database created where it is missing, the schema brought up to date, and patience
//! while the server is away. How to connect and what to run is `store`'s.

use std::time::Duration;

use service::{Fatal, Settings};
use store::{MigrateError, Options};

/// How a service connects, from the settings.
#[must_use]
pub fn store_options(settings: &Settings, application_name: &str) -> Options {
    let database = &settings.database;
    Options {
        url: database.url.expose().to_owned(),
        pool_size: database.pool_size,
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        lock_timeout: Duration::from_millis(database.lock_timeout_ms),
        application_name: application_name.to_owned(),
    }
}

/// Creates the database if it is missing and brings its schema up to date, trying again for as long as Postgres
/// is away. Drop the future to give up.
///
/// # Errors
/// What no waiting helps against: a schema newer than this program, a migration that fails, a role that may not.
pub async fn prepare_database(options: &Options) -> Result<(), Fatal> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);
    let mut pause = SHORTEST;
    loop {
        let unavailable = match prepare_once(options).await {
            Ok(applied) => {
                tracing::info!(migrations.applied = applied, "the schema is up to date");
                return Ok(());
            }
            Err(MigrateError::Database(error)) => match store::Error::from(error) {
                store::Error::Unavailable(source) => source,
                lasting => return Err(lasting.into()),
            },
            Err(lasting) => return Err(lasting.into()),
        };
        let source = unavailable.as_ref() as &(dyn std::error::Error + 'static);
        tracing::warn!(source, retry_ms = pause.as_millis() as u64, "waiting for the database");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

async fn prepare_once(options: &Options) -> Result<usize, MigrateError> {
    if store::create_database_if_missing(options).await? {
        tracing::info!("created the database");
    }
    store::migrate(options).await
}
