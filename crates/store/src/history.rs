//! The history of one item: every change of it, of a deleted item too.

use domain::{Change, Cursor, ItemId, Operation, TenantId, Version};
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio_postgres::Row;

use crate::{Error, Store, change_ids::ChangeIds, row};

/// Which of an item's changes are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryFilter {
    /// The newest first, not the oldest.
    pub newest_first: bool,
    /// Only what was changed at or after this time.
    pub since: Option<Timestamp>,
    /// Only what was changed before this time.
    pub until: Option<Timestamp>,
    /// Only what follows the change with this id.
    pub after: Option<i64>,
}

/// A page of an item's history.
#[derive(Debug)]
pub struct HistoryPage {
    /// In the order in which they happened, or the other way round.
    pub changes: Vec<Change>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
    /// The moment of the log that the page shows.
    pub as_of: Cursor,
    /// Whether the item's first change is still kept.
    pub complete: bool,
    /// Whether there is an item with this id now, or some change of one is kept.
    pub known: bool,
}

impl Store {
    /// A page of at most `limit` changes of an item.
    ///
    /// # Errors
    /// The database is away.
    pub async fn item_history(
        &self,
        tenant: TenantId,
        id: ItemId,
        filter: HistoryFilter,
        limit: u16,
    ) -> Result<HistoryPage, Error> {
        let HistoryFilter { newest_first, since, until, after } = filter;
        let client = self.client().await?;
        let mut ids = ChangeIds::between(&client, since, until).await?;
        match after {
            Some(after) if newest_first => ids.to = ids.to.min(after),
            Some(after) => ids.from = ids.from.max(after.saturating_add(1)),
            None => {}
        }
        let rows = i64::from(limit) + 1;
        let rows = client
            .rows(
                &statement(newest_first),
                &[&tenant.get(), &id.get(), &ids.from, &ids.to, &since, &until, &rows],
            )
            .await?;
        let limit = usize::from(limit);
        let Some(any) = rows.first() else { return Err(missing_sequencer()) };
        let (as_of, complete, known) = (row::head(any)?, any.try_get("complete")?, any.try_get("known")?);
        let mut changes = Vec::new();
        let mut last = None;
        for row in rows.iter().take(limit) {
            let Some(change_id) = row.try_get::<_, Option<i64>>("change_id")? else { break };
            changes.push(read_change(row, change_id)?);
            last = Some(change_id);
        }
        let next = last.filter(|_| rows.len() > limit);
        Ok(HistoryPage { changes, next, as_of, complete, known })
    }
}

/// A page's statement in one of the two orders.
fn statement(newest_first: bool) -> String {
    let order = if newest_first { "desc" } else { "asc" };
    format!(
        "/* store::item_history */
        select sequencer.epoch, sequencer.last,
          oldest.op is not null or exists (select from items where items.tenant_id = $1 and items.id = $2) as known,
          coalesce(oldest.op = 'create' and oldest.version = 1, false) as complete,
          page.*
        from sequencer
        left join lateral (
          select first.op, first.version from changes as first
          where first.tenant_id = $1 and first.resource = 'item' and first.resource_id = $2
          order by first.id limit 1
        ) as oldest on true
        left join lateral (
          select changes.id as change_id, change_log.position, changes.resource, changes.resource_id, changes.op,
            changes.version, changes.at, changes.actor, changes.reason, changes.request_id,
            changes.data::text as data, changes.previous::text as previous
          from changes left join change_log on change_log.change_id = changes.id
          where changes.tenant_id = $1 and changes.resource = 'item' and changes.resource_id = $2
            and changes.id >= $3 and changes.id < $4
            and changes.at >= coalesce($5::timestamptz, '-infinity') and changes.at < coalesce($6::timestamptz, 'infinity')
          order by changes.id {order} limit $7
        ) as page on true
        order by page.change_id {order}"
    )
}

pub(crate) fn missing_sequencer() -> Error {
    let detail = "the row is missing".to_owned();
    Error::Corrupt { table: "sequencer", column: "singleton", id: 0, detail }
}

/// Reads the columns of a change, its id aside.
pub(crate) fn read_change(row: &Row, change_id: i64) -> Result<Change, Error> {
    let position: Option<i64> = row.try_get("position")?;
    Ok(Change {
        position: position.map(|value| row::position("change_log", "position", value)).transpose()?,
        resource: row.try_get("resource")?,
        id: row.try_get("resource_id")?,
        op: read_operation(row, change_id)?,
        version: Version::new(row.try_get("version")?),
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        reason: row.try_get("reason")?,
        request_id: row.try_get("request_id")?,
        data: read_document(row, "data", change_id)?,
        previous: read_document(row, "previous", change_id)?,
    })
}

pub(crate) fn read_operation(row: &Row, change_id: i64) -> Result<Operation, Error> {
    let op: &str = row.try_get("op")?;
    Operation::parse(op).ok_or_else(|| Error::Corrupt {
        table: "changes",
        column: "op",
        id: change_id,
        detail: format!("{op:?} is no operation"),
    })
}

pub(crate) fn read_document(
    row: &Row,
    column: &'static str,
    change_id: i64,
) -> Result<Option<Box<RawValue>>, Error> {
    read_document_of("changes", row, column, change_id)
}

/// Reads a column of JSON that is nobody's business here.
pub(crate) fn read_document_of(
    table: &'static str,
    row: &Row,
    column: &'static str,
    id: i64,
) -> Result<Option<Box<RawValue>>, Error> {
    let text: Option<String> = row.try_get(column)?;
    text.map(RawValue::from_string).transpose().map_err(|error| Error::Corrupt {
        table,
        column,
        id,
        detail: error.to_string(),
    })
}
