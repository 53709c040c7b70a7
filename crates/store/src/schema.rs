//! Whether the schema is the one that this program knows, and waiting until it is: for services that are not to change
//! it themselves.

use std::time::Duration;

use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::{
    MigrateError, Options, connection::server_config, error::is_unavailable, migrations, prepare_database,
};

/// Makes sure of the schema at start: brings it up to date, or waits until somebody else has.
///
/// # Errors
/// See [`prepare_database`] and [`await_schema`].
pub async fn ensure_schema(options: &Options, migrate: bool) -> Result<(), MigrateError> {
    if migrate { prepare_database(options).await.map(drop) } else { await_schema(options).await }
}

/// Waits until the schema is exactly the one that this program knows, without changing anything: for as long as Postgres
/// is away, the database is missing, or its schema is older. Drop the future to give up.
///
/// # Errors
/// What no waiting helps against: a schema that is newer, or was made by other migrations; a role that may not read
/// which ones were applied.
pub async fn await_schema(options: &Options) -> Result<(), MigrateError> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);
    /// A reminder now and then: to wait may be what is meant, or a migration that was forgotten.
    const REMIND: Duration = Duration::from_secs(30);
    let (mut pause, mut said) = (SHORTEST, None::<tokio::time::Instant>);
    loop {
        let reason = match found(options).await {
            Ok(Found::Ours) => return Ok(()),
            Ok(Found::Older(version)) => Waiting::ForMigration(version),
            Err(MigrateError::Database(error)) if is_unavailable(&error) => Waiting::ForDatabase(error),
            Err(lasting) => return Err(lasting),
        };
        if said.is_none_or(|said| said.elapsed() > REMIND) {
            reason.tell();
            said = Some(tokio::time::Instant::now());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// A schema that isn't wrong.
enum Found {
    Ours,
    Older(i64),
}

enum Waiting {
    ForMigration(i64),
    ForDatabase(tokio_postgres::Error),
}

impl Waiting {
    fn tell(&self) {
        match self {
            Self::ForMigration(version) => tracing::warn!(
                schema.version = version,
                schema.known = migrations::known(),
                "waiting for the schema: run `stockwire migrate`, or set database.migrate"
            ),
            Self::ForDatabase(error) => {
                tracing::warn!(source = error as &dyn std::error::Error, "waiting for the database");
            }
        }
    }
}

async fn found(options: &Options) -> Result<Found, MigrateError> {
    let (client, connection) = server_config(options)?.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    let found = compare(&client).await;
    // Whatever it says to its end: the answer is here.
    driver.abort();
    found
}

async fn compare(client: &Client) -> Result<Found, MigrateError> {
    const APPLIED: &str = "/* store::await_schema */
        select version::bigint, checksum from refinery_schema_history order by version";
    let known = migrations::known();
    let rows = match client.query(APPLIED, &[]).await {
        Ok(rows) => rows,
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(Found::Older(0)),
        Err(error) => return Err(error.into()),
    };
    let mut newest = 0;
    for row in rows {
        let (version, checksum): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        newest = version.max(newest);
        if version <= known && migrations::checksum(version).is_none_or(|known| known != checksum) {
            return Err(MigrateError::Foreign { version });
        }
    }
    match newest {
        newest if newest > known => Err(MigrateError::Newer { found: newest, known }),
        newest if newest < known => Ok(Found::Older(newest)),
        _ => Ok(Found::Ours),
    }
}
