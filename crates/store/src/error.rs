//! What can go wrong with a query, by what the caller can do about it.

use tokio_postgres::error::SqlState;

/// A failed query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres is away, restarting, full, read-only or too slow: the same call may succeed later.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another item of the tenant has this sku.
    #[error("another item has this sku")]
    DuplicateSku,
    /// Another user of the tenant has this e-mail address.
    #[error("another user has this e-mail address")]
    DuplicateEmail,
    /// A value breaks a rule that only the table knows.
    #[error("the value breaks the constraint {constraint}")]
    Constraint {
        /// The constraint's name.
        constraint: String,
    },
    /// A row that the code can't read: a bug, or a hand-made row.
    #[error("{table}.{column} of {id} can't be read: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Which row.
        id: i64,
        /// What is wrong with it.
        detail: String,
    },
    /// A cursor that belongs to another sort, or to no list at all.
    #[error("the cursor doesn't belong to this list")]
    ForeignCursor,
    /// A question about more changes than the server can read until it gives up.
    #[error("the query takes too long")]
    TooSlow(#[source] tokio_postgres::Error),
    /// Anything else: a bug.
    #[error("the query failed")]
    Query(#[source] tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(state) = error.code() else {
            // Without an SQLSTATE it never reached the server, or the answer never came back; encoding a
            // parameter fails that way too, but that is a bug which tests find.
            return Self::Unavailable(Box::new(error));
        };
        let constraint = error.as_db_error().and_then(|db| db.constraint()).map(ToOwned::to_owned);
        match (state, constraint) {
            (&SqlState::UNIQUE_VIOLATION, Some(name)) if name == "items_sku_unique" => Self::DuplicateSku,
            (&SqlState::UNIQUE_VIOLATION, Some(name)) if name == "users_email_unique" => Self::DuplicateEmail,
            (_, Some(constraint)) if state.code().starts_with("23") => Self::Constraint { constraint },
            // A password that is being changed on both sides: the next connection may have the right one again.
            _ if is_passing(state) || state.code().starts_with("28") => Self::Unavailable(Box::new(error)),
            _ => Self::Query(error),
        }
    }
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// What a question about many changes failed of: one that the server has given up would take as long again.
pub(crate) fn unless_too_slow(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::QUERY_CANCELED) { Error::TooSlow(error) } else { error.into() }
}

/// The kinds of failures that are counted.
pub(crate) const KINDS: [&str; 8] = [
    "pool_wait",
    "connect",
    "connection",
    "statement_timeout",
    "lock_timeout",
    "conflict",
    "constraint",
    "other",
];

/// What kind of failure this is, one of [`KINDS`].
pub(crate) fn kind(error: &tokio_postgres::Error) -> &'static str {
    match error.code() {
        None => "connection",
        Some(&SqlState::QUERY_CANCELED) => "statement_timeout",
        Some(&SqlState::LOCK_NOT_AVAILABLE) => "lock_timeout",
        Some(state) => match state.code().get(..2) {
            // Lost, refused, out of connections or memory, shut down.
            Some("08" | "53" | "57") => "connection",
            // Deadlocks and serialisation failures.
            Some("40") => "conflict",
            Some("23") => "constraint",
            _ => "other",
        },
    }
}

/// Why there is no connection from the pool, one of [`KINDS`].
pub(crate) fn pool_kind(error: &deadpool_postgres::PoolError) -> &'static str {
    use deadpool_postgres::{PoolError, TimeoutType};
    match error {
        PoolError::Timeout(TimeoutType::Wait) => "pool_wait",
        _ => "connect",
    }
}

/// Whether a failed call may succeed later.
pub(crate) fn is_unavailable(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(is_passing)
}

/// Whether trying again later can help: connection trouble, shutdown, too many connections, time-outs, a standby
/// that isn't promoted yet, deadlocks, and "the database (or its schema) doesn't exist (yet)".
fn is_passing(state: &SqlState) -> bool {
    let code = state.code();
    code.starts_with("08")
        || code.starts_with("53")
        || code.starts_with("57")
        || code.starts_with("40")
        || matches!(
            *state,
            SqlState::LOCK_NOT_AVAILABLE
                | SqlState::READ_ONLY_SQL_TRANSACTION
                | SqlState::INVALID_CATALOG_NAME
                | SqlState::UNDEFINED_TABLE
        )
}
