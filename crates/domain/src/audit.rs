//! The audit trail: what was done with accounts, and what was refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A line of the trail. What is in `detail` stays as the database has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Newer ones are greater.
    pub id: i64,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// What, such as `signed_in`, `sign_in_failed`, `access_refused`, `key_revoked` or `role_changed`.
    pub event: String,
    /// Who: `user:…`, `key:…`, `anonymous`, `db:<role>` for a writer that didn't say, or `nobody`.
    pub actor: String,
    /// To whom or what: `user:…`, `session:…`, `key:…`.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub subject: Option<String>,
    /// Where it came from.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub address: Option<String>,
    /// Why, in the words of who did it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<String>,
    /// Which request.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub request_id: Option<String>,
    /// More, by event. Never a secret.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<std::collections::HashMap<String, serde_json::Value>>))]
    pub detail: Option<Box<RawValue>>,
}

/// A page of the trail, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The lines.
    pub data: Vec<AuditEntry>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Hand this back as `after` for what follows.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
