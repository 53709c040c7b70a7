//! What Stockwire asks of other systems and tells them: data sources, from which prices and counts come, and channels,
//! e-mail and webhooks, to which notifications go.
//!
//! | file | what it is for |
//! |---|---|
//! | `outgoing` | requests to addresses that users name |
//! | `mail` | letters |
//! | `message` | what is sent through a channel: a webhook's body, or a letter |
//! | `signature` | secrets and signatures of webhooks |
//! | `courier` | brings a message to where a channel leads, once |
//! | `deliveries`, `schedule` | the queue of what is to be sent, and when it is tried again |
//! | `sources/*` | data sources |
//!
//! It runs in every inventory-api, which is the service that reaches the world outside. What is due lies in Postgres, and
//! whoever takes it says so there first: several processes share the work, and none of it is done twice at a time.

mod courier;
mod deliveries;
mod mail;
mod message;
mod outgoing;
mod schedule;
mod signature;
pub mod sources;

use service::{Context, Fatal};
use store::Store;

pub use courier::{Courier, Undelivered};
pub use mail::{Letter, Mail};
pub use message::Message;
pub use outgoing::{Answer, Outgoing, OutgoingError, check_url};
pub use signature::{WebhookSecret, random_seed};

/// Does what there is to do in the background until the service stops. Call it inside a runtime that lasts as long as the
/// service.
///
/// # Errors
/// A secret is missing or too short.
pub fn start(context: &Context, store: Store, courier: Courier) -> Result<(), Fatal> {
    sources::start(context, store.clone(), courier.outgoing().clone())?;
    deliveries::start(context, store, courier);
    Ok(())
}
