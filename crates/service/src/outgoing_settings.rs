//! What services may do with the world outside.

use serde::{Deserialize, Serialize};

/// Requests to addresses that users name.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// Addresses and networks that aren't public and may be reached nonetheless, such as `10.1.0.0/16`.
    pub allowed_networks: Vec<String>,
}
