//! The schema: numbered migrations from the top-level `sql/`, embedded, applied under an advisory lock so that
//! services which start together don't trip over each other.

use std::time::Duration;

use tokio_postgres::{Config, NoTls, error::SqlState};

use crate::{ConnectError, Options, connection::server_config, error::is_unavailable};

mod embedded {
    refinery::embed_migrations!("../../sql");
}

/// The advisory lock that a migrating process holds.
const MIGRATION_LOCK: i64 = 0x5354_4f43_4b4d_4947;

/// Why the schema can't be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The URL can't be read.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Postgres is away or refuses us.
    #[error("the database can't be reached or refused a statement")]
    Database(#[from] tokio_postgres::Error),
    /// The database was used by a newer Stockwire.
    #[error("the schema is at version {found}, this program knows only up to {known}: use a newer one")]
    Newer {
        /// The schema's version.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// The schema was made by another migration than the one that this program knows under the same number.
    #[error("migration {version} of the schema is not the one that this program knows")]
    Foreign {
        /// Its number.
        version: i64,
    },
    /// A migration failed, or differs from the one that was applied.
    #[error("a migration failed")]
    Migration(#[from] refinery::Error),
}

/// Creates the database if it is missing, brings its schema up to date, and says how many migrations that took. Tries
/// again for as long as Postgres is away. Drop the future to give up.
///
/// # Errors
/// What no waiting helps against: a schema newer than this program, a migration that fails, a role that may not.
pub async fn prepare_database(options: &Options) -> Result<usize, MigrateError> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);
    let mut pause = SHORTEST;
    loop {
        let error = match prepare_once(options).await {
            Ok(applied) => {
                tracing::info!(migrations.applied = applied, "the schema is up to date");
                return Ok(applied);
            }
            Err(MigrateError::Database(error)) if is_unavailable(&error) => error,
            Err(lasting) => return Err(lasting),
        };
        let source = &error as &dyn std::error::Error;
        tracing::warn!(source, retry_ms = pause.as_millis(), "waiting for the database");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

async fn prepare_once(options: &Options) -> Result<usize, MigrateError> {
    if create_database_if_missing(options).await? {
        tracing::info!("created the database");
    }
    migrate(options).await
}

/// Brings the schema up to date and says how many migrations that took.
///
/// # Errors
/// See [`MigrateError`]. A migration that fails leaves nothing behind.
pub async fn migrate(options: &Options) -> Result<usize, MigrateError> {
    let mut config = server_config(options)?;
    // A migration may take its time, and waits for the lock as long as another one runs.
    config.options("-c statement_timeout=0 -c lock_timeout=0 -c TimeZone=UTC");
    let (mut client, connection) = config.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    client.execute("/* store::migrate */ select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    refuse_newer(&client).await?;
    let runner = embedded::migrations::runner().set_abort_divergent(true).set_abort_missing(true);
    let report = runner.run_async(&mut client).await?;
    drop(client);
    // The lock ends with the session; nobody needs to see how.
    let _ = tokio::time::timeout(Duration::from_secs(5), driver).await;
    Ok(report.applied_migrations().len())
}

async fn refuse_newer(client: &tokio_postgres::Client) -> Result<(), MigrateError> {
    const APPLIED: &str = "/* store::migrate */ select max(version)::bigint from refinery_schema_history";
    let known = known();
    let found = match client.query_one(APPLIED, &[]).await {
        Ok(row) => row.try_get::<_, Option<i64>>(0)?.unwrap_or(0),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => 0,
        Err(error) => return Err(error.into()),
    };
    if found > known { Err(MigrateError::Newer { found, known }) } else { Ok(()) }
}

/// The newest migration of this program.
pub(crate) fn known() -> i64 {
    let runner = embedded::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// What tells a migration of this program from others with its number, as the schema's history has it.
pub(crate) fn checksum(version: i64) -> Option<String> {
    let runner = embedded::migrations::runner();
    let migration = runner.get_migrations().iter().find(|known| i64::from(known.version()) == version);
    migration.map(|migration| migration.checksum().to_string())
}

/// Creates the database that the URL names, if the server has none of that name and the role may. Says whether
/// it did.
///
/// # Errors
/// The server is away, or the database is missing and the role may not create it.
pub async fn create_database_if_missing(options: &Options) -> Result<bool, MigrateError> {
    let config = server_config(options)?;
    match config.connect(NoTls).await {
        Ok((_client, _connection)) => return Ok(false),
        Err(error) if error.code() == Some(&SqlState::INVALID_CATALOG_NAME) => {}
        Err(error) => return Err(error.into()),
    }
    let Some(database) = config.get_dbname().map(ToOwned::to_owned) else { return Ok(false) };
    let mut maintenance: Config = config.clone();
    maintenance.dbname("postgres");
    let (client, connection) = maintenance.connect(NoTls).await?;
    tokio::spawn(connection);
    let quoted = database.replace('"', "\"\"");
    let create = format!("/* store::create_database_if_missing */ create database \"{quoted}\"");
    match client.batch_execute(&create).await {
        Ok(()) => Ok(true),
        // Another service that starts at the same moment was faster.
        Err(error)
            if matches!(error.code(), Some(&(SqlState::DUPLICATE_DATABASE | SqlState::UNIQUE_VIOLATION))) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
