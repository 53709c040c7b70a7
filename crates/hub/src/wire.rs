//! Bytes of the socket: frames the hub writes (never masked, RFC 6455 section 5), made once and shared.

use bytes::{BufMut, Bytes, BytesMut};
use domain::{CloseCode, Position, ServerFrame, Topic, feed::write_change_frame};

use crate::entry::Entry;

const FINAL_TEXT: u8 = 0x81;
const FINAL_CLOSE: u8 = 0x88;
const FINAL_PING: u8 = 0x89;
const FINAL_PONG: u8 = 0x8a;

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

/// A text frame.
pub(crate) fn text(payload: &str) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    put_header(&mut frame, FINAL_TEXT, payload.len());
    frame.put_slice(payload.as_bytes());
    frame.freeze()
}

/// A text frame with one of our own messages.
pub(crate) fn server_frame(frame: &ServerFrame<'_>) -> Bytes {
    text(&frame.to_json())
}

/// What goes before and after a part of a snapshot whose bytes are shared.
pub(crate) fn around(before: &str, shared: usize, after: &str) -> (Bytes, Bytes) {
    let mut head = BytesMut::with_capacity(before.len() + 10);
    put_header(&mut head, FINAL_TEXT, before.len() + shared + after.len());
    head.put_slice(before.as_bytes());
    (head.freeze(), Bytes::copy_from_slice(after.as_bytes()))
}

/// Appends a change's frame on a topic; `scratch` only saves allocations.
pub(crate) fn put_change(
    into: &mut BytesMut,
    scratch: &mut Vec<u8>,
    entry: &Entry,
    topic: Topic,
    prev: Position,
) {
    scratch.clear();
    write_change_frame(scratch, entry.op, topic, prev, &entry.frame);
    into.reserve(scratch.len() + 10);
    put_header(into, FINAL_TEXT, scratch.len());
    into.put_slice(scratch);
}

/// A close frame.
pub(crate) fn close(code: CloseCode, reason: &str) -> Bytes {
    let reason = &reason.as_bytes()[..reason.floor_char_boundary(123)];
    let mut frame = BytesMut::with_capacity(reason.len() + 4);
    put_header(&mut frame, FINAL_CLOSE, reason.len() + 2);
    frame.put_u16(code.code());
    frame.put_slice(reason);
    frame.freeze()
}

/// Answers a ping.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 2);
    put_header(&mut frame, FINAL_PONG, payload.len());
    frame.put_slice(payload);
    frame.freeze()
}

/// A heartbeat that client programs see, and a ping that their library answers: one write.
pub(crate) fn heartbeat(position: Position) -> Bytes {
    let payload = ServerFrame::Heartbeat { position }.to_json();
    let mut frames = BytesMut::with_capacity(payload.len() + 6);
    put_header(&mut frames, FINAL_TEXT, payload.len());
    frames.put_slice(payload.as_bytes());
    put_header(&mut frames, FINAL_PING, 0);
    frames.freeze()
}

/// A ping alone, for a client that nothing can be promised to.
pub(crate) fn ping() -> Bytes {
    Bytes::from_static(&[FINAL_PING, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_form_that_fits() {
        assert_eq!(text("hi").as_ref(), b"\x81\x02hi");
        assert_eq!(text(&"x".repeat(126))[..4], [0x81, 126, 0, 126]);
        assert_eq!(text(&"x".repeat(65536))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_close_frame_fits_a_control_frame() {
        let frame = close(CloseCode::BadFrame, &"ö".repeat(100));
        assert_eq!(frame[..2], [0x88, 2 + 122]);
        assert_eq!(frame[2..4], 4400_u16.to_be_bytes());
    }
}
