//! How every Stockwire service starts, reads its settings, logs, authenticates, answers health and metrics, and
//! stops.
//!
//! A service's `main` is one call of [`run()`]. Everything from outside reaches a service as a parameter: nothing
//! but this crate reads the environment. There is deliberately no SQL and no domain logic here.

pub mod access;
pub mod deployment;
mod file_limit;
mod health;
pub mod http;
mod hub_settings;
mod problem;
mod query;
pub mod readiness;
mod request;
mod run;
mod secret;
pub mod settings;
mod telemetry;

pub use health::{Check, CheckFuture, Health};
pub use problem::{ApiError, parse_error};
pub use query::QueryReader;
pub use request::RequestId;
pub use run::{Context, Fatal, Service, Sources, ask_whether_ready, run, run_with};
pub use settings::Settings;
pub use telemetry::{describe_build, install_metrics};

/// The version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
