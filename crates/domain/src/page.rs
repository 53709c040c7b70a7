//! Lists: a page of rows, and the moment of the log that they show.

use serde::{Deserialize, Serialize};

use crate::{Cursor, Epoch, Position};

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
    pub next_cursor: Option<String>,
    /// The moment of the log that the rows show.
    pub as_of: AsOf,
}
