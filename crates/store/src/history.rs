//! The history of one item: every change of it, of a deleted item too.

use domain::{Change, Cursor, ItemId, Operation, TenantId, Version};
use serde_json::value::RawValue;
use tokio_postgres::Row;

use crate::{Error, Store, row};

/// A page of an item's history, oldest first.
#[derive(Debug)]
pub struct HistoryPage {
    /// In the order in which they happened.
    pub changes: Vec<Change>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
    /// The moment of the log that the page shows.
    pub as_of: Cursor,
    /// Whether the item's first change is still kept.
    pub complete: bool,
    /// Whether there is an item with this id now.
    pub exists: bool,
}

impl Store {
    /// A page of at most `limit` changes of an item, behind the one with id `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn item_history(
        &self,
        tenant: TenantId,
        id: ItemId,
        after: i64,
        limit: u16,
    ) -> Result<HistoryPage, Error> {
        const HISTORY: &str = "/* store::item_history */
            select sequencer.epoch, sequencer.last,
              exists (select from items where items.tenant_id = $1 and items.id = $2) as exists,
              coalesce((
                select oldest.op = 'create' and oldest.version = 1 from changes as oldest
                where oldest.tenant_id = $1 and oldest.resource = 'item' and oldest.resource_id = $2
                order by oldest.id limit 1
              ), false) as complete,
              page.*
            from sequencer left join lateral (
              select changes.id as change_id, change_log.position, changes.resource, changes.resource_id, changes.op,
                changes.version, changes.at, changes.actor, changes.reason, changes.request_id,
                changes.data::text as data, changes.previous::text as previous
              from changes left join change_log on change_log.change_id = changes.id
              where changes.tenant_id = $1 and changes.resource = 'item' and changes.resource_id = $2
                and changes.id > $3
              order by changes.id limit $4
            ) as page on true
            order by page.change_id";
        let client = self.client().await?;
        let rows = i64::from(limit) + 1;
        let rows = client.rows(HISTORY, &[&tenant.get(), &id.get(), &after, &rows]).await?;
        let limit = usize::from(limit);
        let Some(any) = rows.first() else { return Err(missing_sequencer()) };
        let (as_of, complete, exists) = (row::head(any)?, any.try_get("complete")?, any.try_get("exists")?);
        let mut changes = Vec::new();
        let mut last = after;
        for row in rows.iter().take(limit) {
            let Some(change_id) = row.try_get::<_, Option<i64>>("change_id")? else { break };
            changes.push(read_change(row, change_id)?);
            last = change_id;
        }
        let next = (rows.len() > limit).then_some(last);
        Ok(HistoryPage { changes, next, as_of, complete, exists })
    }
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
