//! Stockwire in one process: an embedded Postgres, the notifier, the hub and the API on one address.
//!
//! For a machine that has only Rust: `cargo run --release` is enough. The services are the same libraries that run
//! apart in production, wired over loopback; nothing is special about this process but its Postgres.

mod accounts;
mod announcement;
pub mod cli;
mod database;
pub mod demo;
pub mod market;
pub mod postgres;
mod secrets;
mod serve;

pub use serve::serve;
