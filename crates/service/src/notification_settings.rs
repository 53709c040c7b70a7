//! How long what monitors raised is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What monitors raised.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// What was raised longer ago than so many days is deleted; 0 keeps everything.
    pub days: u32,
}

impl Notifications {
    /// The age, or nothing if everything is kept.
    #[must_use]
    pub fn older_than(&self) -> Option<Duration> {
        (self.days > 0).then(|| Duration::from_secs(u64::from(self.days) * 86_400))
    }
}
