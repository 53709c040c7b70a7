//! API keys: how programs come in that can't sign in.

use jiff::Timestamp;
use serde::Serialize;

use crate::Permission;

/// What every key begins with. No access token does: those begin with the base64url of `{"`, which is `ey`.
pub const API_KEY_MARK: &str = "sw_";

/// A key as its tenant sees it: without the secret, which nobody has any more but its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Its id; `key:<id>` is the actor of what is done with it.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// The visible part of the key, between the first `_` and the second: by it, a key that was found somewhere is
    /// recognised.
    pub prefix: String,
    /// What may be done with it.
    pub scopes: Vec<Permission>,
    /// Networks that it may be used from; empty means anywhere.
    pub addresses: Vec<String>,
    /// When it ends by itself, if it does.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// Who made it: `user:7`.
    pub created_by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it was last used; written at most once a minute, so it may be two minutes old.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<Timestamp>,
}
