//! How notifications get to channels.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings_error::SettingsError;

/// How notifications get to channels, and data from sources.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Whether this process takes part. One that does must reach the world outside.
    pub enabled: bool,
    /// So many deliveries are under way at once in a process; 1 to 1,000.
    pub parallelism: u16,
    /// So many of them go to one channel at once; 1 to 1,000.
    pub parallelism_per_channel: u16,
    /// A delivery is given up after so many tries; 1 to 100.
    pub attempts: u16,
    /// So long one try may take, in milliseconds; 100 to 60,000.
    pub try_ms: u64,
}

impl Connector {
    /// How long one try may take.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_millis(self.try_ms)
    }

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let range = |key, expected, is_good| match is_good {
            true => Ok(()),
            false => Err(SettingsError::Range { key, expected }),
        };
        range("connector.parallelism", "1 to 1000", (1..=1000).contains(&self.parallelism))?;
        let per_channel = (1..=1000).contains(&self.parallelism_per_channel);
        range("connector.parallelism_per_channel", "1 to 1000", per_channel)?;
        range("connector.attempts", "1 to 100", (1..=100).contains(&self.attempts))?;
        range("connector.try_ms", "100 to 60000", (100..=60_000).contains(&self.try_ms))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::Settings;

    #[test]
    fn what_would_send_nothing_or_for_ever_is_refused() {
        for (key, value, is_good) in [
            ("PARALLELISM", "0", false),
            ("PARALLELISM", "1", true),
            ("PARALLELISM_PER_CHANNEL", "0", false),
            ("PARALLELISM_PER_CHANNEL", "1001", false),
            ("ATTEMPTS", "0", false),
            ("ATTEMPTS", "100", true),
            ("TRY_MS", "99", false),
            ("TRY_MS", "60001", false),
            ("ENABLED", "false", true),
        ] {
            let variable = (format!("STOCKWIRE__CONNECTOR__{key}"), value.to_owned());
            let loaded = Settings::load(None, HashMap::from([variable]));
            assert_eq!(loaded.is_ok(), is_good, "{key}={value}");
        }
    }
}
