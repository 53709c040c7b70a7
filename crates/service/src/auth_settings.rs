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
    /// So long after it was replaced a refresh token is answered with the one that replaced it, in seconds.
    pub refresh_grace_seconds: u32,
    /// A session that isn't refreshed for so many hours ends.
    pub session_idle_hours: u32,
    /// A session ends so many days after the sign-in at the latest.
    pub session_days: u32,
    /// How long a one-time link can be used, in hours.
    pub link_hours: u32,
    /// So many wrong passwords for one account may come at once; one more each ten seconds.
    pub tries_per_account: u32,
    /// So many wrong passwords from one address may come at once; one more each two seconds.
    pub tries_per_address: u32,
    /// How long the audit trail is kept, in days; 0 keeps everything.
    pub audit_days: u32,
}

impl Auth {
    pub(crate) const fn check(&self) -> Result<(), SettingsError> {
        if self.access_token_seconds < 60 || self.access_token_seconds > 3600 {
            return Err(SettingsError::Range {
                key: "auth.access_token_seconds",
                expected: "from 60 to 3600",
            });
        }
        Ok(())
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
