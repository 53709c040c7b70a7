//! What someone may do: permissions, and the roles that bundle them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One thing that someone may do. As a key's scope it is written like this, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Permission {
    /// Read items, their history, the feeds of changes, and who is connected.
    Read,
    /// Change quantities.
    Stock,
    /// Create, change and delete items.
    Items,
    /// Make, change, start and stop monitors, channels and mutes.
    Monitors,
    /// Make and revoke API keys.
    Keys,
    /// Manage users and settings, end anybody's sessions, read the audit trail.
    Users,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Stock, Self::Items, Self::Monitors, Self::Keys, Self::Users];

    /// What a key may be given: programs manage no accounts.
    pub const SCOPES: [Self; 4] = [Self::Read, Self::Stock, Self::Items, Self::Monitors];

    /// The word in tokens and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Stock => "stock",
            Self::Items => "items",
            Self::Monitors => "monitors",
            Self::Keys => "keys",
            Self::Users => "users",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == word)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions, written as words with a space between, as `scope` in OAuth 2.0 (RFC 6749, section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u8);

/// A word that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such permission; permissions are read, stock, items, monitors, keys and users")]
pub struct ParsePermissionsError;

impl Permissions {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Those that are listed.
    #[must_use]
    pub fn of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }

    /// Whether this one is in it.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of the other are in it.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// In the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, permission) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(permission.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Permissions {
    type Err = ParsePermissionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split_ascii_whitespace();
        let permissions = words.map(|word| Permission::parse(word).ok_or(ParsePermissionsError));
        Ok(Self::of(permissions.collect::<Result<Vec<_>, _>>()?))
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a user is. Each may do what the ones before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Reads.
    Viewer,
    /// Changes quantities.
    Clerk,
    /// Manages items, monitors and keys.
    Manager,
    /// Manages users and settings.
    Owner,
}

impl Role {
    /// Every role, the one with the fewest rights first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Clerk, Self::Manager, Self::Owner];

    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Clerk => "clerk",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it may do.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        let all: &[Permission] = match self {
            Self::Viewer => &[Permission::Read],
            Self::Clerk => &[Permission::Read, Permission::Stock],
            Self::Manager => &[
                Permission::Read,
                Permission::Stock,
                Permission::Items,
                Permission::Monitors,
                Permission::Keys,
            ],
            Self::Owner => &Permission::ALL,
        };
        Permissions::of(all.iter().copied())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_written_as_they_are_read() {
        let some = Permissions::of([Permission::Items, Permission::Read]);
        assert_eq!(some.to_string(), "read items");
        assert_eq!("items  read".parse(), Ok(some));
        assert_eq!("".parse(), Ok(Permissions::NONE));
        assert_eq!("read write".parse::<Permissions>(), Err(ParsePermissionsError));
    }

    #[test]
    fn each_role_may_do_what_the_ones_before_may() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[1].permissions().covers(pair[0].permissions()));
            assert!(!pair[0].permissions().covers(pair[1].permissions()));
            assert_eq!(Role::parse(pair[0].as_str()), Some(pair[0]));
        }
    }

    #[test]
    fn no_key_can_be_given_accounts() {
        assert!(!Permission::SCOPES.contains(&Permission::Keys));
        assert!(!Permission::SCOPES.contains(&Permission::Users));
    }
}
