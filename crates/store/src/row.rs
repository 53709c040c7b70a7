//! Reading rows into domain types, with errors that name table, column and id.

use domain::{Cursor, Epoch, Item, Position};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Error;

/// Reads an item from the document that `item_document` wrote.
pub(crate) fn item(document: &str) -> Result<Item, Error> {
    serde_json::from_str(document).map_err(|error| {
        let id = serde_json::from_str::<serde_json::Value>(document)
            .ok()
            .and_then(|document| document.get("id")?.as_i64())
            .unwrap_or_default();
        Error::Corrupt { table: "items", column: "item_document", id, detail: error.to_string() }
    })
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
