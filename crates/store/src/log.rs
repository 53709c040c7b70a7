//! The log as the notifier reads it: all tenants, in order, nothing left out.

use domain::{Cursor, Operation, Position, TenantId, Version};
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio_postgres::Row;

use crate::{
    Error, Store,
    history::{missing_sequencer, read_document, read_operation},
    row,
};

/// One entry of the log with its change.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Its place.
    pub position: Position,
    /// Whose row changed.
    pub tenant: TenantId,
    /// What kind of row, such as `item`.
    pub resource: String,
    /// Which row.
    pub resource_id: i64,
    /// What happened.
    pub op: Operation,
    /// The version that this change made.
    pub version: Version,
    /// When the change was made.
    pub at: Timestamp,
    /// Who made it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The document after the change.
    pub data: Option<Box<RawValue>>,
    /// The old values of the fields that changed.
    pub previous: Option<Box<RawValue>>,
}

/// How far the log reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// The log's identity and its newest position.
    pub cursor: Cursor,
    /// The oldest position that is still kept; one past the newest if none is.
    pub first: Position,
}

/// The columns of an entry, for the statements that read some.
pub(crate) const ENTRY_COLUMNS: &str = "changes.id as change_id, changes.tenant_id, changes.resource,
    changes.resource_id, changes.op, changes.version, changes.at, changes.actor, changes.reason,
    changes.data::text as data, changes.previous::text as previous";

pub(crate) fn read_entry(row: &Row) -> Result<LogEntry, Error> {
    let change_id: i64 = row.try_get("change_id")?;
    Ok(LogEntry {
        position: row::position("change_log", "position", row.try_get("position")?)?,
        tenant: TenantId::new(row.try_get("tenant_id")?),
        resource: row.try_get("resource")?,
        resource_id: row.try_get("resource_id")?,
        op: read_operation(row, change_id)?,
        version: Version::new(row.try_get("version")?),
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        reason: row.try_get("reason")?,
        data: read_document(row, "data", change_id)?,
        previous: read_document(row, "previous", change_id)?,
    })
}

impl Store {
    /// How far the log reaches.
    ///
    /// # Errors
    /// The database is away.
    pub async fn log_head(&self) -> Result<LogHead, Error> {
        const HEAD: &str = "/* store::log_head */
            select sequencer.epoch, sequencer.last, log_start.first from sequencer cross join log_start";
        let client = self.client().await?;
        let row = client.row_if_any(HEAD, &[]).await?.ok_or_else(missing_sequencer)?;
        let first = row::position("log_start", "first", row.try_get("first")?)?;
        Ok(LogHead { cursor: row::head(&row)?, first })
    }

    /// Tells those who follow the log, in this and other processes, that it has grown. Not a part of the ordering step,
    /// and not on its connection: notifying waits while other transactions that notify commit.
    ///
    /// # Errors
    /// The database is away.
    pub async fn announce_log(&self) -> Result<(), Error> {
        const ANNOUNCE: &str = "/* store::announce_log */ select pg_notify('stockwire_log', '')";
        let client = self.client().await?;
        client.run(ANNOUNCE).await?;
        Ok(())
    }

    /// At most `limit` entries behind a position, in order. If what lies right behind it was deleted, they begin where
    /// the log does.
    ///
    /// # Errors
    /// The database is away.
    pub async fn log_entries(&self, after: Position, limit: u16) -> Result<Vec<LogEntry>, Error> {
        let entries = format!(
            "/* store::log_entries */
            select change_log.position, {ENTRY_COLUMNS}
            from change_log join changes on changes.id = change_log.change_id
            where change_log.position > $1 and change_log.position >= (select first from log_start)
            order by change_log.position limit $2"
        );
        let client = self.client().await?;
        let rows = client.rows(&entries, &[&after.get(), &i64::from(limit)]).await?;
        rows.iter().map(read_entry).collect()
    }
}
