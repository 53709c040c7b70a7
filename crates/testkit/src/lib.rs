//! For tests: a database each, real services on free ports, clients that read like a story.
//!
//! | module | noun |
//! |---|---|
//! | `server`, `scratch` | one Postgres for the test process, in a directory that vanishes with it |
//! | [`Database`] | a database per test, copied from a migrated template |
//! | `settings` | what a service needs to know in a test |
//! | `running`, `wire` | a service in this process, on a thread of its own, behind a wire that can be cut |
//! | [`Notifier`], [`Hub`], [`InventoryApi`], [`Stack`] | such services, and all of them wired together |
//! | [`process`] | a real binary: started, asked to stop, killed, its exit status read |
//! | [`FeedClient`], [`SocketClient`], [`EventStream`], [`Mirror`] | who listens, and what it knows by now |
//! | [`waiting`] | every wait has a bound and says what it waited for |
//! | [`SeededNumbers`] | randomness that can be repeated |
//!
//! Everything answers with `anyhow::Result`, so that a test reads as a row of `?`. There is deliberately nothing
//! here that a service uses, and no test of the services: those live beside what they test.

mod database;
mod event_stream;
mod feed_client;
mod mirror;
mod notifier_service;
pub mod process;
mod running;
mod scratch;
mod seeded_numbers;
mod server;
mod settings;
mod socket_client;
mod stack;
pub mod waiting;
mod wire;

pub use database::{Database, Role};
pub use event_stream::EventStream;
pub use feed_client::{FeedClient, FeedEvent, FeedRefused, SeenEntry};
pub use mirror::{Mirror, items_in_table};
pub use notifier_service::Notifier;
pub use scratch::Scratch;
pub use seeded_numbers::SeededNumbers;
pub use settings::{free_listener, settings};
pub use socket_client::{SocketClient, SocketClosed, SocketOptions, SocketRefused};
pub use stack::{Hub, InventoryApi, Stack};
