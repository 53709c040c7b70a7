//! Settings of who may come in, for how long, and how often.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{secret::Secret, settings_error::SettingsError};

/// Who may come in without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Anonymous {
    /// Nobody.
    Never,
    /// Everybody, and the service refuses to listen on anything but a loopback address.
    Loopback,
    /// Everybody, wherever it listens.
    Anywhere,
}

impl Anonymous {
    /// The word in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Loopback => "loopback",
            Self::Anywhere => "anywhere",
        }
    }
}

/// Who may come in.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The key of access tokens (HMAC-SHA-256); at least 32 characters.
    pub token_secret: Secret,
    /// A file that holds the key.
    pub token_secret_file: Option<PathBuf>,
    /// Who may come in without a token.
    pub anonymous: Anonymous,
    /// How long an access token is valid, in seconds; 60 to 3,600.
    pub access_token_seconds: u32,
    /// So long after it was replaced a refresh token is answered with the one that replaced it, in seconds; 0 to 300.
    pub refresh_grace_seconds: u32,
    /// A session that isn't refreshed for so many hours ends; 1 to 87,600.
    pub session_idle_hours: u32,
    /// A session ends so many days after the sign-in at the latest; 1 to 3,650.
    pub session_days: u32,
    /// How long a one-time link can be used, in hours; 1 to 8,760.
    pub link_hours: u32,
    /// So many wrong passwords for one account may come at once; one more each ten seconds. At least 1.
    pub tries_per_account: u32,
    /// So many wrong passwords from one address may come at once; one more each two seconds. At least 1.
    pub tries_per_address: u32,
    /// How long the audit trail is kept, in days, 36,500 at most; 0 keeps everything.
    pub audit_days: u32,
}

impl Auth {
    /// Refuses what would let nobody in, or is more than Postgres' calendar has.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let numbers = [
            ("auth.access_token_seconds", self.access_token_seconds, 60..=3600, "from 60 to 3600"),
            ("auth.refresh_grace_seconds", self.refresh_grace_seconds, 0..=300, "from 0 to 300"),
            ("auth.session_idle_hours", self.session_idle_hours, 1..=87_600, "from 1 to 87600"),
            ("auth.session_days", self.session_days, 1..=3650, "from 1 to 3650"),
            ("auth.link_hours", self.link_hours, 1..=8760, "from 1 to 8760"),
            ("auth.tries_per_account", self.tries_per_account, 1..=u32::MAX, "at least 1"),
            ("auth.tries_per_address", self.tries_per_address, 1..=u32::MAX, "at least 1"),
            ("auth.audit_days", self.audit_days, 0..=36_500, "from 0 to 36500"),
        ];
        match numbers.into_iter().find(|(_, number, range, _)| !range.contains(number)) {
            Some((key, _, _, expected)) => Err(SettingsError::Range { key, expected }),
            None => Ok(()),
        }
    }

    /// How long an access token is valid.
    #[must_use]
    pub const fn access_token(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds as u64)
    }
}

/// How often one client may ask.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a second that one session or key may make, or one address without credentials; 0 means no limit.
    pub requests_per_second: u32,
    /// So many of them may come at once.
    pub burst: u32,
}

/// How letters are sent.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// `smtps://host`, `smtp://host` (STARTTLS needed) or `smtp+plain://host` (no TLS: on this machine only), each with a port if need be;
    /// empty means that links are shown instead of sent.
    pub server: String,
    /// Who signs in to the server; empty means nobody.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// Who the letters come from, such as `Stockwire <stock@shop.example>`.
    pub from: String,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::Settings;

    #[test]
    fn times_and_numbers_that_let_nobody_in_are_refused() {
        for (key, value, is_good) in [
            ("ACCESS_TOKEN_SECONDS", "59", false),
            ("ACCESS_TOKEN_SECONDS", "3600", true),
            ("ACCESS_TOKEN_SECONDS", "3601", false),
            ("REFRESH_GRACE_SECONDS", "0", true),
            ("REFRESH_GRACE_SECONDS", "301", false),
            ("SESSION_IDLE_HOURS", "0", false),
            ("SESSION_DAYS", "0", false),
            ("SESSION_DAYS", "4294967295", false),
            ("LINK_HOURS", "0", false),
            ("LINK_HOURS", "4294967295", false),
            ("TRIES_PER_ACCOUNT", "0", false),
            ("TRIES_PER_ADDRESS", "0", false),
            ("TRIES_PER_ADDRESS", "1000000", true),
            ("AUDIT_DAYS", "0", true),
            ("AUDIT_DAYS", "4294967295", false),
        ] {
            let variable = (format!("STOCKWIRE__AUTH__{key}"), value.to_owned());
            let loaded = Settings::load(None, HashMap::from([variable]));
            assert_eq!(loaded.is_ok(), is_good, "{key}={value}");
            if let Err(error) = loaded {
                assert!(error.to_string().contains(&format!("auth.{}", key.to_lowercase())), "{error}");
            }
        }
    }
}
