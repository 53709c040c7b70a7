//! What Stockwire asks of other systems and tells them: data sources, from which prices and counts come, and channels,
//! e-mail and webhooks, to which notifications go.
//!
//! | file | what it is for |
//! |---|---|
//! | `outgoing` | requests to addresses that users name |
//!
//! It runs in every inventory-api, which is the service that reaches the world outside. What is due lies in Postgres, and
//! whoever takes it says so there first: several processes share the work, and none of it is done twice at a time.

mod outgoing;

pub use outgoing::{Answer, Outgoing, OutgoingError, check_url};
