//! What Stockwire asks of other systems and tells them: data sources, from which prices and counts come, and channels,
//! e-mail and webhooks, to which notifications go.
//!
//! | file | what it is for |
//! |---|---|
//! | `outgoing` | requests to addresses that users name |
//! | `sources/*` | data sources |
//!
//! It runs in every inventory-api, which is the service that reaches the world outside. What is due lies in Postgres, and
//! whoever takes it says so there first: several processes share the work, and none of it is done twice at a time.

mod outgoing;
pub mod sources;

use service::{Context, Fatal};
use store::Store;

pub use outgoing::{Answer, Outgoing, OutgoingError, check_url};

/// Does what is due, until the service stops.
///
/// # Errors
/// A secret is missing or too short.
pub fn start(context: &Context, store: Store, outgoing: Outgoing) -> Result<(), Fatal> {
    sources::start(context, store, outgoing)
}
