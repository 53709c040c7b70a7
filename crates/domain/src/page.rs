//! Lists: a page of rows, and the moment of the log that they show.

use serde::{Deserialize, Serialize};

use crate::{Change, Cursor, Epoch, Position};

/// The state contains every change up to this position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AsOf {
    /// The log's identity.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub epoch: Epoch,
    /// The log's newest position when the state was read.
    pub position: Position,
}

impl From<Cursor> for AsOf {
    fn from(cursor: Cursor) -> Self {
        Self { epoch: cursor.epoch, position: cursor.position }
    }
}

/// What every list answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Hand this back as `after` for what follows.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
    /// The moment of the log that the rows show.
    pub as_of: AsOf,
}

/// What a list answers whose rows aren't in the log, so that no moment of it means anything.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Listing<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Hand this back as `after` for what follows.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// What the history of an item answers: a page of it, and whether it goes back to the item's creation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryPage {
    /// The changes, in the order that was asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::ItemChange>))]
    pub data: Vec<Change>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Hand this back as `after` for what follows.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
    /// The moment of the log that the changes show.
    pub as_of: AsOf,
    /// Whether the history begins with the item's creation. If not, older changes are no longer kept: the first one of
    /// the first page is just the oldest that is, and there may be none at all.
    pub complete: bool,
}
