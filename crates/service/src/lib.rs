//! How every Stockwire service starts, reads its settings, logs, authenticates, answers health and metrics, and
//! stops.
//!
//! A service's `main` is one call of [`run()`]. Everything from outside reaches a service as a parameter: nothing
//! but this crate reads the environment. There is deliberately no SQL and no domain logic here.

pub mod access;
mod auth_settings;
mod browser_rules;
pub mod client_address;
mod connector_settings;
pub mod deployment;
mod derived_key;
mod ended_logins;
mod file_limit;
mod health;
pub mod http;
mod hub_settings;
mod json_lines;
mod notification_settings;
pub mod origin;
mod otlp;
mod outgoing;
mod outgoing_settings;
mod problem;
mod process;
mod query;
pub mod readiness;
mod request;
mod retention_settings;
mod run;
pub mod sealing;
mod secret;
mod series;
pub mod settings;
mod settings_error;
mod startup;
mod telemetry;
mod telemetry_settings;
mod traceparent;
mod traces;

pub use derived_key::derive_key;
pub use ended_logins::EndedLogins;
pub use health::{Check, CheckFuture, Health};
pub use outgoing::Call;
pub use problem::{ApiError, parse_error};
pub use query::QueryReader;
pub use request::{CurrentRequest, REQUEST_ID, RequestId, WaitsOnPurpose};
pub use run::{Context, Fatal, Service, Sources, ask_whether_ready, run, run_with};
pub use settings::Settings;
pub use telemetry::{describe_build, install_metrics};
pub use traceparent::{ParseTraceParentError, TRACEPARENT, TraceParent};

/// The version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
