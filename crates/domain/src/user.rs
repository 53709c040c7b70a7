//! People who sign in, as those who manage them see them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Email, Name, Role, Version};

/// A user. How they sign in is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Given by the database; `user:<id>` is the actor of what they do.
    pub id: i64,
    /// What they sign in with: unique within the tenant, in lower case.
    pub email: Email,
    /// What others see.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// Whether they are kept from signing in.
    pub disabled: bool,
    /// Whether they have chosen a password: an invited user hasn't yet.
    pub has_password: bool,
    /// Counts the states, for `If-Match`.
    pub version: Version,
    /// When they were invited.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When something about them was changed last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}

/// What a sign-in does to the sessions that the user has on other devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SessionPolicy {
    /// It ends them.
    Single,
    /// It leaves them alone.
    Multiple,
}

impl SessionPolicy {
    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multiple => "multiple",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Single, Self::Multiple].into_iter().find(|policy| policy.as_str() == word)
    }
}

/// What holds for a whole tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantSettings {
    /// The tenant's name.
    pub tenant: Name,
    /// What a sign-in does to the user's other sessions.
    pub session_policy: SessionPolicy,
}
