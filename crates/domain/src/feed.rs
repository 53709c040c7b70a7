//! The feed from notifier to hubs: a WebSocket on the internal port, text messages, the log in order.
//!
//! A hub asks `GET /feed?epoch=…&after=…` and gets one [`FeedMessage::Hello`] (or [`FeedMessage::Reset`] if its
//! cursor can't be served), then [`FeedMessage::Entries`] without a gap for as long as it stays. The client's
//! frame travels as bytes that were written once: the hub only puts the topic before it.
//!
//! What lies far behind, for clients that come back, a hub asks for with `GET /feed/entries`, and gets a
//! [`FeedPage`].

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Cursor, EndedLogin, Operation, Position, ResyncReason, TenantId, Topic, Version};

/// A message from notifier to hub, written `{"entries":{…}}`: the name is outside, because a tag inside would make
/// serde take the frames apart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedMessage<'a> {
    /// The stream starts behind this cursor: the hub's own, or the head if it had none.
    Hello {
        /// Where the stream starts.
        cursor: Cursor,
        /// The log's newest position.
        head: Position,
    },
    /// The hub's cursor can't be served: forget everything, the stream starts behind this one.
    Reset {
        /// Where the stream starts.
        cursor: Cursor,
        /// Why.
        reason: ResyncReason,
    },
    /// The next entries, positions ascending, without a gap.
    Entries {
        /// The log's newest position: how far a hub that has taken these is behind.
        head: Position,
        /// In order.
        #[serde(borrow)]
        entries: Vec<FeedEntry<'a>>,
    },
    /// Nothing happened, and the connection is alive.
    Heartbeat {
        /// The log's newest position.
        head: Position,
    },
}

/// What a hub gets when it asks for a part of the log, written like a [`FeedMessage`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedPage<'a> {
    /// What lies right behind the position that was asked for, positions ascending, without a gap: as many entries as
    /// were asked for, or fewer because the log ends there or the answer would be too large.
    Entries {
        /// The log's newest position. If the last entry lies before it, there is more to ask for.
        head: Position,
        /// In order; none if the log doesn't reach further.
        #[serde(borrow)]
        entries: Vec<FeedEntry<'a>>,
    },
    /// It can't be had.
    Reset {
        /// The log's identity and newest position.
        cursor: Cursor,
        /// Why: it is another log, or the entries are no longer kept.
        reason: ResyncReason,
    },
}

/// One change on its way to the clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedEntry<'a> {
    /// Its place in the log.
    pub position: Position,
    /// Whose clients may see it.
    pub tenant: TenantId,
    /// What happened; the frame's type, unless [`FeedEntry::raised`].
    pub op: Operation,
    /// A monitor raised it: the frame's type is `notification`. Left out where it is false, so that programs of the
    /// releases before understand all other entries as ever; those write `create` for the ones that they don't know.
    #[serde(default, skip_serializing_if = "is_false")]
    pub raised: bool,
    /// Where it is published. Topics that this program doesn't know, because the notifier is newer, are left out.
    #[serde(deserialize_with = "known_topics")]
    pub topics: Vec<Topic>,
    /// Of several entries with the same key, a client that fell behind needs only the newest.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// When it was committed, nearly: microseconds since 1970, for the latency histogram.
    pub at_us: i64,
    /// The frame's fields behind `type`, `topic` and `prev`: an object.
    #[serde(borrow)]
    pub frame: &'a RawValue,
}

impl FeedEntry<'_> {
    /// The frame's type.
    #[must_use]
    pub const fn frame_type(&self) -> FrameType {
        match self.op {
            _ if self.raised => FrameType::Notification,
            Operation::Create => FrameType::Create,
            Operation::Update => FrameType::Update,
            Operation::Delete => FrameType::Delete,
        }
    }
}

/// What a change frame says first: what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameType {
    /// It appeared.
    Create,
    /// Some of it changed.
    Update,
    /// It is gone.
    Delete,
    /// A monitor raised it.
    Notification,
}

impl FrameType {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Notification => "notification",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

fn known_topics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Topic>, D::Error> {
    let names = Vec::<Cow<'de, str>>::deserialize(deserializer)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// What the notifier answers a hub that asks which logins were ended lately (`GET /feed/ended`): all that ended within
/// [`crate::LONGEST_TOKEN`] and are in the log up to the head that the hub's feed began at. Those that end later come
/// with the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedLogins {
    /// In no order.
    pub ended: Vec<EndedLogin>,
}

/// The fields of a change frame that are the same on every topic, in the order of the protocol.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangeFrame<'a> {
    /// What kind of thing changed, such as `item`.
    #[serde(borrow)]
    pub resource: Cow<'a, str>,
    /// Which one.
    pub id: i64,
    /// Its place in the log.
    pub position: Position,
    /// The version that this change made.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(borrow)]
    pub actor: Cow<'a, str>,
    /// Why.
    #[serde(borrow)]
    pub reason: Option<Cow<'a, str>>,
    /// The document after the change; null after a deletion.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// The old values of the fields that changed.
    #[serde(borrow)]
    pub previous: Option<&'a RawValue>,
}

/// Writes the text of a client's change frame: the topic's part, then `frame` as it came.
///
/// `prev` promises that nothing on this topic lies strictly between it and the entry's position.
pub fn write_change_frame(
    into: &mut Vec<u8>,
    frame_type: FrameType,
    topic: Topic,
    prev: Position,
    frame: &[u8],
) {
    use std::io::Write;

    debug_assert!(frame.first() == Some(&b'{'), "a frame is an object");
    // Writing into a Vec can't fail.
    let _ = write!(into, r#"{{"type":"{}","topic":"{topic}","prev":{prev},"#, frame_type.as_str());
    into.extend_from_slice(frame.get(1..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_the_topics_part_and_the_shared_bytes() {
        let prev = Position::new(11).unwrap();
        for (frame_type, word) in [
            (FrameType::Create, "create"),
            (FrameType::Update, "update"),
            (FrameType::Delete, "delete"),
            (FrameType::Notification, "notification"),
        ] {
            let mut text = Vec::new();
            write_change_frame(&mut text, frame_type, Topic::Items, prev, br#"{"resource":"item","id":5}"#);
            assert_eq!(
                String::from_utf8(text).unwrap(),
                format!(r#"{{"type":"{word}","topic":"items","prev":11,"resource":"item","id":5}}"#)
            );
        }
    }

    #[test]
    fn the_frames_bytes_survive_the_feed() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        for frame in [r#"{"b":1, "a":[ ]}"#, r#"{"n":1e400,"name":"\t"}"#, &format!(r#"{{"deep":{deep}}}"#)] {
            let text = format!(
                r#"{{"entries":{{"head":7,"entries":[{{"position":1,"tenant":1,"op":"create","topics":["items","items:5"],"key":"item:5","at_us":3,"frame":{frame}}}]}}}}"#
            );
            let FeedMessage::Entries { head, entries } = serde_json::from_str(&text).unwrap() else {
                panic!()
            };
            assert_eq!(entries[0].frame.get(), frame);
            assert_eq!(serde_json::to_string(&FeedMessage::Entries { head, entries }).unwrap(), text);
            let FeedPage::Entries { head, entries } = serde_json::from_str(&text).unwrap() else { panic!() };
            assert_eq!(serde_json::to_string(&FeedPage::Entries { head, entries }).unwrap(), text);
        }
    }

    #[test]
    fn an_entry_says_that_it_was_raised_and_nothing_where_it_was_not() {
        let text = |raised: &str| {
            format!(
                r#"{{"position":1,"tenant":1,"op":"create",{raised}"topics":["notifications","monitors:7"],"key":"notification:5","at_us":3,"frame":{{"id":5}}}}"#
            )
        };
        for (raised, frame_type) in [("", FrameType::Create), (r#""raised":true,"#, FrameType::Notification)]
        {
            let text = text(raised);
            let entry: FeedEntry<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(entry.frame_type(), frame_type);
            assert_eq!(serde_json::to_string(&entry).unwrap(), text);
        }
    }
}
