//! The pull feed: a tenant's changes of items in the order of the log, from any depth.

use domain::{Change, Cursor, Position, TenantId};

use crate::{
    Error, Store,
    history::{missing_sequencer, read_change},
    row,
};

/// A page of a tenant's changes.
#[derive(Debug)]
pub struct ChangePage {
    /// In the order of the log.
    pub changes: Vec<Change>,
    /// Whether more are there already.
    pub has_more: bool,
    /// The log's newest position when the page was read.
    pub as_of: Cursor,
    /// The oldest position that is still kept; one past the newest if none is.
    pub first: Position,
}

impl Store {
    /// A page of at most `limit` changes of a tenant, behind a position. If what lies right behind it was deleted, they
    /// begin where the log does: see [`ChangePage::first`].
    ///
    /// # Errors
    /// The database is away.
    pub async fn changes(&self, tenant: TenantId, after: Position, limit: u16) -> Result<ChangePage, Error> {
        const CHANGES: &str = "/* store::changes */
            select sequencer.epoch, sequencer.last, log_start.first, page.*
            from sequencer cross join log_start left join lateral (
              select change_log.position, changes.id as change_id, changes.resource, changes.resource_id, changes.op,
                changes.version, changes.at, changes.actor, changes.reason, changes.request_id,
                changes.data::text as data, changes.previous::text as previous
              from change_log join changes on changes.id = change_log.change_id
              where change_log.position > $2 and change_log.position >= log_start.first and changes.tenant_id = $1
                and changes.resource = 'item'
              order by change_log.position limit $3
            ) as page on true
            order by page.position";
        let client = self.client().await?;
        let rows = i64::from(limit) + 1;
        let rows = client.rows(CHANGES, &[&tenant.get(), &after.get(), &rows]).await?;
        let Some(any) = rows.first() else { return Err(missing_sequencer()) };
        let as_of = row::head(any)?;
        let first = row::position("log_start", "first", any.try_get("first")?)?;
        let limit = usize::from(limit);
        let mut changes = Vec::with_capacity(limit.min(rows.len()));
        for row in rows.iter().take(limit) {
            let Some(change_id) = row.try_get::<_, Option<i64>>("change_id")? else { break };
            changes.push(read_change(row, change_id)?);
        }
        Ok(ChangePage { changes, has_more: rows.len() > limit, as_of, first })
    }
}
