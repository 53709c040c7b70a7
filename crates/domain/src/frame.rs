//! The frames of the socket, subprotocol `stockwire.v1.json`. Change frames are not here: the notifier writes
//! them once as bytes (see [`crate::feed`]).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{AsOf, Cursor, Epoch, LogoutReason, Position, Topic};

/// The subprotocol that client and hub agree on.
pub const SUBPROTOCOL: &str = "stockwire.v1.json";

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// The first frame, unless the handshake carried credentials; later again to renew.
    Auth {
        /// An access token.
        token: String,
    },
    /// Asks for a topic.
    Subscribe {
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        reference: Option<u64>,
        /// Which topic. A text, because an unknown topic is answered, not fatal.
        topic: String,
        /// Send the current state first. Together with `after`: only if resuming is not possible.
        #[serde(default)]
        snapshot: bool,
        /// Resume behind this cursor.
        after: Option<Cursor>,
    },
    /// Ends a topic.
    Unsubscribe {
        /// Comes back in an error.
        #[serde(rename = "ref")]
        reference: Option<u64>,
        /// Which topic.
        topic: String,
    },
    /// Asks for a `pong`.
    Ping {
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        reference: Option<u64>,
    },
}

/// A frame that is no [`ClientFrame`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad frame: {0}")]
pub struct FrameError(String);

impl ClientFrame {
    /// Reads a text frame's payload.
    ///
    /// # Errors
    /// Not JSON, not UTF-8, an unknown type, an unknown field, a wrong type. The message never repeats the
    /// payload's strings, which may hold a token.
    pub fn parse(payload: &[u8]) -> Result<Self, FrameError> {
        let text = std::str::from_utf8(payload).map_err(|_| FrameError("not UTF-8".into()))?;
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => FrameError(describe(text)),
            _ => FrameError(format!("not JSON (line {}, column {})", error.line(), error.column())),
        })
    }
}

/// Says what is wrong with a frame that is JSON, without quoting from it.
fn describe(text: &str) -> String {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    let Ok(Typed { r#type: name }) = serde_json::from_str(text) else {
        return "expected an object with a string field \"type\"".into();
    };
    let fields = match name.as_str() {
        "auth" => "token (text)",
        "subscribe" => "topic (text), ref (integer), snapshot (boolean), after (epoch, position)",
        "unsubscribe" => "topic (text), ref (integer)",
        "ping" => "ref (integer)",
        _ => return "unknown type; types are auth, subscribe, unsubscribe and ping".into(),
    };
    format!("{name} takes {fields}, nothing else")
}

/// Why a topic must be read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// The hub itself missed something.
    Gap,
    /// The log has another identity now; old positions mean nothing.
    Epoch,
    /// What lies behind the cursor is no longer kept.
    TooOld,
}

/// What the hub sends, change frames aside.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// The first frame once the client is known.
    Connected {
        /// For logs and support.
        connection_id: &'a str,
        /// The log's identity.
        epoch: Epoch,
        /// The hub's newest position.
        position: Position,
        /// A frame arrives at least this often, in milliseconds.
        heartbeat_ms: u64,
        /// When the token ends.
        token_expires_at: Option<Timestamp>,
        /// Wait a random time up to this before reconnecting, in milliseconds.
        reconnect_jitter_ms: u64,
    },
    /// The topic is live from `position` on.
    Subscribed {
        /// The client's.
        #[serde(rename = "ref")]
        reference: Option<u64>,
        /// Which topic.
        topic: Topic,
        /// Whether everything behind `after` was delivered.
        recovered: bool,
        /// Everything up to here was delivered or is in the snapshot.
        position: Position,
        /// What the position belongs to.
        epoch: Epoch,
    },
    /// A part of the current state.
    Initial {
        /// The client's.
        #[serde(rename = "ref")]
        reference: Option<u64>,
        /// Which topic.
        topic: Topic,
        /// The state contains every change up to here.
        as_of: AsOf,
        /// Documents.
        data: &'a RawValue,
        /// Whether another part follows.
        more: bool,
    },
    /// Nothing happened, and the connection is alive.
    Heartbeat {
        /// Everything up to here was sent on all topics of this socket.
        position: Position,
    },
    /// Answers a ping.
    Pong {
        /// The client's.
        #[serde(rename = "ref")]
        reference: Option<u64>,
        /// Everything up to here was sent on all topics of this socket; 0 while a snapshot is on its way.
        position: Position,
    },
    /// The client fell behind: up to `position` it gets only the newest change of each resource.
    Conflated {
        /// Which topic.
        topic: Topic,
        /// How many changes were left out.
        skipped: u64,
        /// Gaps up to here are intended.
        position: Position,
    },
    /// The topic must be read anew; it is live from `position` on.
    Resync {
        /// Which topic.
        topic: Topic,
        /// Why.
        reason: ResyncReason,
        /// The hub's newest position.
        position: Position,
        /// The log's identity.
        epoch: Epoch,
    },
    /// The session was ended; the socket closes with 4003.
    ForceLogout {
        /// Why.
        reason: LogoutReason,
        /// For people.
        message: &'a str,
    },
    /// Something the client asked for can't be done.
    Error {
        /// The client's.
        #[serde(rename = "ref")]
        reference: Option<u64>,
        /// For programs.
        code: &'a str,
        /// For developers.
        detail: &'a str,
    },
}

impl ServerFrame<'_> {
    /// The frame's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising fails for maps with keys that aren't strings; there are none here.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_protocol_are_read() {
        let subscribe =
            ClientFrame::parse(br#"{"type":"subscribe","ref":1,"topic":"items","snapshot":true}"#);
        assert_eq!(
            subscribe,
            Ok(ClientFrame::Subscribe {
                reference: Some(1),
                topic: "items".into(),
                snapshot: true,
                after: None
            })
        );
        assert_eq!(ClientFrame::parse(br#"{"type":"ping"}"#), Ok(ClientFrame::Ping { reference: None }));
    }

    #[test]
    fn a_bad_frame_is_named_but_not_repeated() {
        for (payload, says) in [
            (&b"{"[..], "not JSON"),
            (b"\xff", "not UTF-8"),
            (b"[1]", "\"type\""),
            (br#"{"type":"hello"}"#, "unknown type"),
            (br#"{"type":"auth","token":"hunter2","x":1}"#, "token (text)"),
            (br#"{"type":"ping","ref":-1}"#, "ref (integer)"),
        ] {
            let error = ClientFrame::parse(payload).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
