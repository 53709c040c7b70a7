//! Reading rows into domain types, with errors that name table, column and id.

use domain::{Cursor, Epoch, ItemDocument, MonitorDocument, MonitorId, Position, Version};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Error;

/// Reads the columns `id`, `version` and `document` of an item, the last of them as `item_document` wrote it: that it
/// is JSON is all that is asked of it, and `row_to_json` writes nothing else.
pub(crate) fn item(row: &Row) -> Result<ItemDocument, Error> {
    let id: i64 = row.try_get("id")?;
    let json = RawValue::from_string(row.try_get("document")?).map_err(|error| Error::Corrupt {
        table: "items",
        column: "item_document",
        id,
        detail: error.to_string(),
    })?;
    Ok(ItemDocument::new(id, Version::new(row.try_get("version")?), json))
}

/// The same of a monitor, as `monitor_document` wrote it.
pub(crate) fn monitor(row: &Row) -> Result<MonitorDocument, Error> {
    let id: i64 = row.try_get("id")?;
    let corrupt =
        |column: &'static str, detail: String| Error::Corrupt { table: "monitors", column, id, detail };
    let json = RawValue::from_string(row.try_get("document")?)
        .map_err(|error| corrupt("monitor_document", error.to_string()))?;
    let known = MonitorId::new(id).ok_or_else(|| corrupt("id", "an id is positive".into()))?;
    Ok(MonitorDocument::new(known, Version::new(row.try_get("version")?), json))
}

/// Reads the columns `epoch` and `last` of the table `sequencer`.
pub(crate) fn head(row: &Row) -> Result<Cursor, Error> {
    let epoch: Uuid = row.try_get("epoch")?;
    Ok(Cursor { epoch: Epoch::new(epoch), position: position("sequencer", "last", row.try_get("last")?)? })
}

pub(crate) fn position(table: &'static str, column: &'static str, value: i64) -> Result<Position, Error> {
    Position::new(value).ok_or_else(|| Error::Corrupt {
        table,
        column,
        id: value,
        detail: "a position is never negative".into(),
    })
}
