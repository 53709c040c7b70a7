//! Who stands in the history: users, keys and sources, with what people call them.

use serde::Serialize;

/// Somebody or something that may have changed items, whether it is still there or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Actor {
    /// As changes name it: `user:7`, `key:3` or `source:1`.
    #[cfg_attr(feature = "openapi", schema(example = "user:7"))]
    pub actor: String,
    /// What people call it, or called it last.
    pub name: String,
}
