//! Topics: what a client can subscribe to. Every topic is within the client's tenant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{ItemId, MonitorId};

/// A stream of changes that belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Every item of the tenant.
    Items,
    /// One item.
    Item(ItemId),
    /// What monitors raise.
    Notifications,
    /// All monitors: that they are made, changed, started, stopped and deleted.
    Monitors,
    /// One monitor: the same of it, and what it raises.
    Monitor(MonitorId),
    /// Who of the tenant is connected.
    Presence,
    /// What concerns the client's own login; every socket has it without asking.
    Session,
}

/// The text names no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no such topic; topics are items, items:{{id}}, notifications, monitors, monitors:{{id}} and presence"
)]
pub struct ParseTopicError;

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items => f.write_str("items"),
            Self::Item(id) => write!(f, "items:{id}"),
            Self::Notifications => f.write_str("notifications"),
            Self::Monitors => f.write_str("monitors"),
            Self::Monitor(id) => write!(f, "monitors:{id}"),
            Self::Presence => f.write_str("presence"),
            Self::Session => f.write_str("session"),
        }
    }
}

impl FromStr for Topic {
    type Err = ParseTopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "items" => Ok(Self::Items),
            "notifications" => Ok(Self::Notifications),
            "monitors" => Ok(Self::Monitors),
            "presence" => Ok(Self::Presence),
            "session" => Ok(Self::Session),
            _ => {
                let (kind, id) = text.split_once(':').ok_or(ParseTopicError)?;
                match kind {
                    "items" => id.parse().map(Self::Item).map_err(|_| ParseTopicError),
                    "monitors" => id.parse().map(Self::Monitor).map_err(|_| ParseTopicError),
                    _ => Err(ParseTopicError),
                }
            }
        }
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_written_as_they_are_read() {
        for text in ["items", "items:7", "notifications", "monitors", "monitors:7", "presence", "session"] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "item",
            "items:",
            "items:0",
            "items:-1",
            "items:x",
            "items:7:8",
            "ITEMS",
            "monitors:",
            "monitors:0",
            "notifications:1",
        ] {
            assert_eq!(text.parse::<Topic>(), Err(ParseTopicError), "{text}");
        }
    }
}
