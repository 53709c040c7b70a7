//! For tests: a database each, real services on free ports, clients that read like a story.
//!
//! | module | noun |
//! |---|---|
//! | `server`, `scratch` | one Postgres for the test process, in a directory that vanishes with it |
//! | [`PrivateServer`] | a Postgres of one test's own, which it may stop, crash and start again |
//! | [`Database`] | a database per test, copied from a migrated template |
//! | [`FirstRelease`] | an older release, as far as a database can tell |
//! | `settings` | what a service needs to know in a test |
//! | `running`, `wire` | a service in this process, on a thread of its own, behind a wire that can be cut |
//! | [`Notifier`], [`Hub`], [`InventoryApi`], [`Stack`] | such services, and all of them wired together |
//! | [`SignedIn`] | users and programs with their tokens, and what ends them |
//! | [`ServiceName`] | an address that leads to whichever instance of a service lives |
//! | [`process`] | a real binary: started, asked to stop, killed, its exit status read |
//! | [`Collector`] | whoever is told something over HTTP, and keeps it |
//! | [`FeedClient`], [`SocketClient`], [`EventStream`], [`Mirror`] | who listens, and what it knows by now |
//! | [`LastingClient`], [`Audience`] | who comes back whatever happens, and many of them |
//! | [`writer`], [`log_contents`] | who writes in all the ways that a database allows, and the laws that hold all the same |
//! | [`waiting`] | every wait has a bound and says what it waited for |
//! | [`SeededNumbers`] | randomness that can be repeated |
//!
//! Everything answers with `anyhow::Result`, so that a test reads as a row of `?`. There is deliberately nothing
//! here that a service uses, and no test of the services: those live beside what they test.

mod collector;
mod database;
mod event_stream;
mod feed_client;
mod first_release;
mod lasting_client;
pub mod log_contents;
mod mirror;
mod notifier_service;
mod private_server;
pub mod process;
mod raise;
mod running;
mod scratch;
mod seeded_numbers;
mod server;
mod service_name;
mod settings;
mod sign_ins;
mod socket_client;
mod stack;
pub mod waiting;
mod wire;
pub mod writer;

pub use collector::{Collector, Posted};
pub use database::{Database, Role};
pub use event_stream::EventStream;
pub use feed_client::{FeedClient, FeedEvent, FeedRefused, SeenEntry};
pub use first_release::FirstRelease;
pub use lasting_client::{Audience, LastingClient};
pub use mirror::{Mirror, Table, items_in_table, until_equal};
pub use notifier_service::Notifier;
pub use private_server::{Outage, PrivateServer};
pub use raise::Raise;
pub use scratch::Scratch;
pub use seeded_numbers::SeededNumbers;
pub use service_name::ServiceName;
pub use settings::{free_listener, settings};
pub use sign_ins::SignedIn;
pub use socket_client::{SocketClient, SocketClosed, SocketOptions, SocketRefused};
pub use stack::{Hub, InventoryApi, Stack};
