//! Who is asking: what a verified token, or the lack of one, says about a request or a socket.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Permission, Permissions, TenantId};

/// No access token is valid for longer, whatever the settings say, if it belongs to a [`Login`]: so long everybody
/// remembers which logins were ended.
pub const LONGEST_TOKEN: Duration = Duration::from_secs(3600);

/// The result of authentication, whatever the means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose data.
    pub tenant: TenantId,
    /// Written into every change: `user:7`, `key:3`, `anonymous`.
    pub actor: Arc<str>,
    /// What the token belongs to; ending it ends the socket. None for a token that an operator made.
    pub login: Option<Login>,
    /// What it may do.
    pub permissions: Permissions,
    /// When the token ends; `None` where nobody needs one.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Who comes without a token, where the settings allow that: may do everything with items, and nothing with
    /// accounts.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            tenant: TenantId::DEFAULT,
            actor: Arc::from("anonymous"),
            login: None,
            permissions: Permissions::of([Permission::Read, Permission::Stock, Permission::Items]),
            expires_at: None,
        }
    }

    /// Whether it may do this.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }
}

/// What a token belongs to, and what can be ended: a sign-in of a user, or a key. Written `session:17` and `key:3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Login {
    /// A user's sign-in on one device, by the session's id.
    Session(i64),
    /// An API key, by its id.
    Key(i64),
}

/// The text names no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a login; expected session:<id> or key:<id>")]
pub struct ParseLoginError;

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}

impl FromStr for Login {
    type Err = ParseLoginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once(':').ok_or(ParseLoginError)?;
        let id = id.parse().map_err(|_| ParseLoginError)?;
        match kind {
            "session" => Ok(Self::Session(id)),
            "key" => Ok(Self::Key(id)),
            _ => Err(ParseLoginError),
        }
    }
}

impl Serialize for Login {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why a login was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LogoutReason {
    /// The same user signed in elsewhere, and the tenant allows one login.
    OtherDeviceLogin,
    /// Someone ended the session, disabled the user or revoked the key.
    Revoked,
    /// The password was changed.
    PasswordChanged,
    /// The session came to its end.
    Expired,
}

impl LogoutReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::OtherDeviceLogin, Self::Revoked, Self::PasswordChanged, Self::Expired];

    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherDeviceLogin => "other_device_login",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::Expired => "expired",
        }
    }

    /// Reads the word in the table.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// For people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::OtherDeviceLogin => "You signed in on another device, and one at a time is allowed.",
            Self::Revoked => "This login was ended by someone who may do so.",
            Self::PasswordChanged => "The password was changed. Sign in with the new one.",
            Self::Expired => "This login is too old. Sign in again.",
        }
    }
}

/// A login that was ended: its tokens are refused from then on, however long they would be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedLogin {
    /// Which.
    pub login: Login,
    /// Why.
    pub reason: LogoutReason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_written_as_they_are_read() {
        for login in [Login::Session(17), Login::Key(3)] {
            assert_eq!(login.to_string().parse(), Ok(login));
        }
        for text in ["", "session", "session:", "session:x", "user:7", "key:3:4"] {
            assert_eq!(text.parse::<Login>(), Err(ParseLoginError), "{text}");
        }
    }

    #[test]
    fn reasons_are_written_as_they_are_read() {
        for reason in LogoutReason::ALL {
            assert_eq!(LogoutReason::parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
        }
    }
}
