//! The owner of everything. No query runs without one.

use serde::{Deserialize, Serialize};

/// A tenant's id. The tenant named `default` has id 1 and is made by the first migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(i64);

impl TenantId {
    /// The tenant that exists from the start.
    pub const DEFAULT: Self = Self(1);

    /// Wraps an id that came from the database or from a verified token.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The id as Postgres stores it.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for TenantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
