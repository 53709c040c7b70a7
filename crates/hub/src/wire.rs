//! A client's frames as bytes, made once and shared: WebSocket frames (never masked, RFC 6455 section 5),
//! Server-Sent Events (HTML standard, section 9.2), or members of a JSON array for a long poll.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};
use domain::{
    CloseCode, Cursor, Epoch, LogoutReason, Position, ServerFrame, Topic, feed::write_change_frame,
};

use crate::entry::Entry;

const FINAL_TEXT: u8 = 0x81;
const FINAL_CLOSE: u8 = 0x88;
const FINAL_PING: u8 = 0x89;
const FINAL_PONG: u8 = 0x8a;

/// In which form a client gets its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// WebSocket text frames.
    Socket,
    /// Server-Sent Events; the `id` is the cursor to resume from.
    Events,
    /// Members of a JSON array, each with a comma behind it.
    List,
}

impl Encoding {
    pub(crate) const ALL: [Self; 3] = [Self::Socket, Self::Events, Self::List];
}

/// The header of an unmasked frame.
fn put_header(into: &mut impl BufMut, first: u8, length: usize) {
    into.put_u8(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => into.put_u8(length),
        (_, Ok(length)) => {
            into.put_u8(126);
            into.put_u16(length);
        }
        _ => {
            into.put_u8(127);
            into.put_u64(length as u64);
        }
    }
}

/// Appends a message; `id` is where a client that has seen it may resume.
fn put_message(into: &mut BytesMut, encoding: Encoding, json: &[u8], id: Option<Cursor>) {
    match encoding {
        Encoding::Socket => {
            put_header(into, FINAL_TEXT, json.len());
            into.put_slice(json);
        }
        Encoding::Events => {
            if let Some(id) = id {
                // Writing into memory can't fail.
                let _ = writeln!(into.writer(), "id: {id}");
            }
            // A line break in the JSON is white space; here it would end the event's data.
            for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
                into.put_slice(b"data: ");
                into.put_slice(line);
                into.put_u8(b'\n');
            }
            into.put_u8(b'\n');
        }
        Encoding::List => {
            into.put_slice(json);
            into.put_u8(b',');
        }
    }
}

/// A message of our own.
pub(crate) fn message(encoding: Encoding, frame: &ServerFrame<'_>, epoch: Option<Epoch>) -> Bytes {
    // Behind these a client has everything up to their position.
    let position = match frame {
        ServerFrame::Subscribed { position, .. } | ServerFrame::Heartbeat { position } => Some(*position),
        _ => None,
    };
    let id = epoch.zip(position).map(|(epoch, position)| Cursor { epoch, position });
    let json = frame.to_json();
    let mut bytes = BytesMut::with_capacity(json.len() + 80);
    put_message(&mut bytes, encoding, json.as_bytes(), id);
    bytes.freeze()
}

/// What goes before and after a part of a snapshot whose bytes are shared. The part is one line.
pub(crate) fn around(encoding: Encoding, before: &str, shared: usize, after: &str) -> (Bytes, Bytes) {
    let mut head = BytesMut::with_capacity(before.len() + 10);
    let ending = match encoding {
        Encoding::Socket => {
            put_header(&mut head, FINAL_TEXT, before.len() + shared + after.len());
            ""
        }
        Encoding::Events => {
            head.put_slice(b"data: ");
            "\n\n"
        }
        Encoding::List => ",",
    };
    head.put_slice(before.as_bytes());
    (head.freeze(), Bytes::from([after, ending].concat()))
}

/// Appends a change's frame on a topic; `scratch` only saves allocations.
pub(crate) fn put_change(
    into: &mut BytesMut,
    scratch: &mut Vec<u8>,
    (encoding, epoch): (Encoding, Option<Epoch>),
    entry: &Entry,
    topic: Topic,
    prev: Position,
) {
    scratch.clear();
    write_change_frame(scratch, entry.frame_type, topic, prev, &entry.frame);
    into.reserve(scratch.len() + 80);
    let id = epoch.map(|epoch| Cursor { epoch, position: entry.position });
    put_message(into, encoding, scratch, id);
}

/// A change's frame as it was put, without where to resume.
pub(crate) fn without_id(encoding: Encoding, frame: &[u8]) -> &[u8] {
    let line = frame.iter().position(|byte| *byte == b'\n');
    match (encoding, line) {
        (Encoding::Events, Some(end)) if frame.starts_with(b"id: ") => &frame[end + 1..],
        _ => frame,
    }
}

/// The last words to a client; `retry_ms` is when an event stream's client should come back.
pub(crate) fn close(encoding: Encoding, code: CloseCode, reason: &str, retry_ms: u64) -> Bytes {
    match encoding {
        Encoding::Socket => {
            let reason = &reason.as_bytes()[..reason.floor_char_boundary(123)];
            let mut frame = BytesMut::with_capacity(reason.len() + 4);
            put_header(&mut frame, FINAL_CLOSE, reason.len() + 2);
            frame.put_u16(code.code());
            frame.put_slice(reason);
            frame.freeze()
        }
        Encoding::Events => {
            let farewell = ServerFrame::Error { reference: None, code: code.name(), detail: reason };
            let mut bytes = BytesMut::from(&*retry(retry_ms));
            bytes.extend_from_slice(&message(encoding, &farewell, None));
            bytes.freeze()
        }
        Encoding::List => Bytes::new(),
    }
}

/// The last words to a client whose login was ended. A poll is answered with a problem document instead.
pub(crate) fn force_logout(encoding: Encoding, reason: LogoutReason) -> Bytes {
    let frame = ServerFrame::ForceLogout { reason, message: reason.message() };
    match encoding {
        Encoding::Socket => {
            let mut bytes = BytesMut::from(&*message(encoding, &frame, None));
            bytes.extend_from_slice(&close(encoding, CloseCode::ForcedLogout, reason.as_str(), 0));
            bytes.freeze()
        }
        Encoding::Events => message(encoding, &frame, None),
        Encoding::List => Bytes::new(),
    }
}

/// Tells an event stream's client how long to wait before it reconnects.
pub(crate) fn retry(milliseconds: u64) -> Bytes {
    Bytes::from(format!("retry: {milliseconds}\n\n"))
}

/// Answers a ping.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 2);
    put_header(&mut frame, FINAL_PONG, payload.len());
    frame.put_slice(payload);
    frame.freeze()
}

/// A heartbeat that client programs see, as far as there is something to say, and for sockets a ping that their
/// library answers: one write.
pub(crate) fn heartbeat(encoding: Encoding, epoch: Option<Epoch>, proven: Option<Position>) -> Bytes {
    let said = proven.map(|position| message(encoding, &ServerFrame::Heartbeat { position }, epoch));
    let mut bytes = BytesMut::from(said.as_deref().unwrap_or_default());
    match (encoding, proven) {
        (Encoding::Socket, _) => put_header(&mut bytes, FINAL_PING, 0),
        // A comment keeps proxies and connections alive.
        (Encoding::Events, None) => bytes.put_slice(b":\n\n"),
        _ => {}
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::{at, entry};

    const EPOCH: &str = "00000000000000000000000000000007";

    fn put(encoding: Encoding, json: &str) -> BytesMut {
        let mut bytes = BytesMut::new();
        put_message(&mut bytes, encoding, json.as_bytes(), None);
        bytes
    }

    #[test]
    fn lengths_take_the_form_that_fits() {
        assert_eq!(put(Encoding::Socket, "hi").as_ref(), b"\x81\x02hi");
        assert_eq!(put(Encoding::Socket, &"x".repeat(126))[..4], [0x81, 126, 0, 126]);
        assert_eq!(put(Encoding::Socket, &"x".repeat(65536))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_close_frame_fits_a_control_frame() {
        let frame = close(Encoding::Socket, CloseCode::BadFrame, &"ö".repeat(100), 0);
        assert_eq!(frame[..2], [0x88, 2 + 122]);
        assert_eq!(frame[2..4], 4400_u16.to_be_bytes());
    }

    #[test]
    fn an_event_carries_its_cursor_and_stays_one_event() {
        let (mut bytes, mut scratch) = (BytesMut::new(), Vec::new());
        let form = (Encoding::Events, EPOCH.parse().ok());
        put_change(&mut bytes, &mut scratch, form, &entry(5, 1), Topic::Items, at(3));
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(
            text,
            format!(
                "id: {EPOCH}:5\ndata: {{\"type\":\"update\",\"topic\":\"items\",\"prev\":3,\"id\":1,\"position\":5}}\n\n"
            )
        );
        assert_eq!(put(Encoding::Events, "{\n1}").as_ref(), b"data: {\ndata: 1}\n\n");
    }

    #[test]
    fn a_heartbeat_says_only_what_is_proven() {
        let unproven = heartbeat(Encoding::Socket, None, None);
        assert_eq!(unproven.as_ref(), [FINAL_PING, 0]);
        assert_eq!(heartbeat(Encoding::Events, None, None).as_ref(), b":\n\n");
        let proven = heartbeat(Encoding::Events, EPOCH.parse().ok(), Some(at(9)));
        let said = format!("id: {EPOCH}:9\ndata: {{\"type\":\"heartbeat\",\"position\":9}}\n\n");
        assert_eq!(proven, said.as_bytes());
    }
}
