//! The settings of log lines and traces, and of the comments that lead from a statement back to its request.

use serde::{Deserialize, Serialize};

/// Traces.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Where spans are sent by OTLP over HTTP, such as `http://127.0.0.1:4318`; empty means nowhere.
    pub otlp_endpoint: String,
    /// Of the requests that come without a `traceparent`, this part is traced, from 0 to 1. With one, the caller decides.
    pub sample_ratio: f64,
}

/// Which requests' statements say in a comment whom they run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comment {
    /// Nobody's.
    None,
    /// Those of requests whose trace is recorded, here or by the caller.
    Sampled,
    /// Those of all requests.
    All,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: a JSON object a line.
    Json,
}

/// Logging.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines are written, such as `info,hub=debug`.
    pub filter: String,
}
