//! How much of the log is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much of the log, and with it of every item's history, is kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Changes made longer ago than so many days are deleted; 0 keeps everything.
    pub days: u32,
    /// So many of the newest entries stay, however old they are. If `hub.backfill_entries` or `notifier.window_entries`
    /// is more, so many stay.
    pub least_entries: u32,
    /// How many entries are deleted in one transaction; 1 at least.
    pub batch_entries: u32,
    /// The pause between two batches, in milliseconds; it is never shorter than a batch takes.
    pub pause_ms: u64,
    /// A hub that is connected and still reads old entries holds up deleting them for so long at most, in milliseconds.
    pub longest_hold_ms: u64,
}

impl Retention {
    /// The age, or nothing if everything is kept.
    #[must_use]
    pub fn older_than(&self) -> Option<Duration> {
        (self.days > 0).then(|| Duration::from_secs(u64::from(self.days) * 86_400))
    }

    /// The pause between two batches.
    #[must_use]
    pub const fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }

    /// How long a hub may hold up deleting.
    #[must_use]
    pub const fn longest_hold(&self) -> Duration {
        Duration::from_millis(self.longest_hold_ms)
    }
}
