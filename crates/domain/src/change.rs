//! A change: one row of one resource, from one state to the next, with who did it and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Position, Version};

/// What happened to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Operation {
    /// It appeared.
    Create,
    /// Some of its columns changed.
    Update,
    /// It is gone.
    Delete,
}

impl Operation {
    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Reads the word in the table.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Create, Self::Update, Self::Delete].into_iter().find(|operation| operation.as_str() == word)
    }
}

/// One entry of history and of the pull feed. The documents stay as the database wrote them: nothing between
/// there and the client parses them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Its place in the log; null in history for the instant between commit and ordering.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub position: Option<Position>,
    /// What kind of thing changed, such as `item`.
    pub resource: String,
    /// Which one.
    pub id: i64,
    /// What happened.
    pub op: Operation,
    /// The version that this change made.
    pub version: Version,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who: `user:…`, `key:…`, `anonymous`, or `db:<role>` for a writer that didn't say.
    pub actor: String,
    /// Why, in the writer's words.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<String>,
    /// The request that made it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub request_id: Option<String>,
    /// The document after the change; null after a deletion.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<std::collections::HashMap<String, serde_json::Value>>))]
    pub data: Option<Box<RawValue>>,
    /// The old values of the fields that changed, `version` and `updated_at` aside; the whole document for a
    /// deletion; null for a creation.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<std::collections::HashMap<String, serde_json::Value>>))]
    pub previous: Option<Box<RawValue>>,
}

/// Who writes and why: travels with a write into its transaction, where the triggers pick it up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteContext {
    /// As in [`Change::actor`].
    pub actor: String,
    /// As in [`Change::reason`].
    pub reason: Option<String>,
    /// As in [`Change::request_id`].
    pub request_id: Option<String>,
    /// Where the request came from: kept in the audit trail, not with changes of items.
    pub address: Option<String>,
}
