//! How the log and the server are, for whoever watches: asked every few seconds by the leading notifier, not by each
//! process.

use std::time::Duration;

use crate::{Error, Store};

/// Committed changes that have no position yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// How many; 100,000 stands for that many or more.
    pub changes: u32,
    /// How long ago the oldest of them was written; zero if there is none.
    pub oldest: Duration,
}

/// What a database server says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerVitals {
    /// How full the queue of notifications is, from 0 to 1. A session that listens and never reads fills it; once it is
    /// full, whoever notifies fails at commit.
    pub notification_queue: f64,
    /// How long the oldest transaction in this database has been open; zero if there is none. It holds back vacuum, not
    /// the log. Sessions of other roles count only for a role that is a member of `pg_read_all_stats`.
    pub oldest_transaction: Duration,
    /// Client sessions on the server, in all databases.
    pub connections: u32,
    /// The most that it takes, those kept for superusers included.
    pub max_connections: u32,
    /// Bytes on disk of the tables that grow with the log, with their indexes.
    pub tables: Vec<(String, u64)>,
}

impl Store {
    /// What has been committed and not been placed yet.
    ///
    /// # Errors
    /// The database is away.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        // The planner can't know how little lies behind a snapshot that is read inside the statement, and would read the
        // whole table.
        const PLAN: &str = "/* store::backlog */
            set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off";
        const BACKLOG: &str = "/* store::backlog */
            with state as materialized (select seen from sequencer)
            select count(*)::bigint as changes,
              coalesce(extract(epoch from clock_timestamp() - min(at)), 0)::float8 as seconds
            from (
              select at from changes where xid >= (select pg_snapshot_xmax(seen) from state)
              union all
              select at from changes where xid = any (array(select pg_snapshot_xip(seen) from state))
              limit 100000
            ) as unplaced";
        let mut client = self.client().await?;
        // Dropped on an error, it is rolled back: a connection never goes back to the pool inside a transaction.
        let transaction = client.transaction().await?;
        transaction.batch_execute(PLAN).await?;
        let statement = transaction.prepare_cached(BACKLOG).await?;
        let row = transaction.query_one(&statement, &[]).await?;
        transaction.commit().await?;
        let changes: i64 = row.try_get("changes")?;
        Ok(Backlog {
            changes: u32::try_from(changes).unwrap_or(u32::MAX),
            oldest: seconds(row.try_get("seconds")?),
        })
    }

    /// How the server is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn server_vitals(&self) -> Result<ServerVitals, Error> {
        const VITALS: &str = "/* store::server_vitals */
            select pg_notification_queue_usage() as notification_queue,
              coalesce(extract(epoch from clock_timestamp() - (
                select min(xact_start) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()
                  and backend_type is distinct from 'autovacuum worker')), 0)::float8 as oldest_transaction,
              (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
              current_setting('max_connections')::bigint as max_connections,
              pg_total_relation_size('changes') as changes, pg_total_relation_size('change_log') as change_log,
              pg_total_relation_size('items') as items";
        let row = self.client().await?.row(VITALS, &[]).await?;
        let count =
            |column| Ok::<_, Error>(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX));
        let bytes = |table: &str| {
            Ok::<_, Error>((table.to_owned(), row.try_get::<_, i64>(table)?.max(0).unsigned_abs()))
        };
        Ok(ServerVitals {
            notification_queue: row.try_get("notification_queue")?,
            oldest_transaction: seconds(row.try_get("oldest_transaction")?),
            connections: count("connections")?,
            max_connections: count("max_connections")?,
            tables: vec![bytes("changes")?, bytes("change_log")?, bytes("items")?],
        })
    }
}

/// A clock that was set back makes an age negative.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}
