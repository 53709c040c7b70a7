//! The client's side of a WebSocket (RFC 6455), as little of it as a load needs: a handshake, and frames recognised in
//! what a server sends. Nothing is kept but the beginning of a frame that hasn't arrived whole.

use std::net::SocketAddr;

/// Answers a ping: a pong without a payload, masked with zeros.
pub(crate) const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

/// The request that opens a socket. The key is the one of the RFC's example: nobody checks that it is new.
pub(crate) fn handshake(address: SocketAddr, path: &str, subprotocol: Option<&str>) -> String {
    let subprotocol =
        subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\r\n"
    )
}

/// The seconds after which a client that was refused may come back.
pub(crate) fn retry_after(head: &[u8]) -> Option<u64> {
    let head = std::str::from_utf8(head).ok()?;
    let headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut found = headers.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    found.next()?.1.trim().parse().ok()
}

/// A text frame from a client, masked with zeros.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ 0..=125), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// What a server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<'a> {
    /// The head of the answer to the handshake.
    Head(&'a [u8]),
    Text(&'a [u8]),
    Ping,
    /// With its code, if there is one.
    Close(Option<u16>),
    /// Pongs, and whatever nobody here waits for.
    Other,
}

/// Cuts what arrives into frames.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    open: bool,
    partial: Vec<u8>,
}

impl FrameReader {
    /// Takes bytes as they came, and hands out what is complete.
    pub(crate) fn take(&mut self, bytes: &[u8], mut received: impl FnMut(Received<'_>)) {
        if self.partial.is_empty() {
            let used = self.cut(bytes, &mut received);
            self.partial.extend_from_slice(&bytes[used..]);
        } else {
            let mut all = std::mem::take(&mut self.partial);
            all.extend_from_slice(bytes);
            let used = self.cut(&all, &mut received);
            all.drain(..used);
            self.partial = all;
        }
        if self.partial.is_empty() {
            // Ten thousand idle clients keep nothing.
            self.partial = Vec::new();
        }
    }

    /// Says how many bytes were complete.
    fn cut(&mut self, bytes: &[u8], received: &mut impl FnMut(Received<'_>)) -> usize {
        let mut used = 0;
        if !self.open {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return 0 };
            received(Received::Head(&bytes[..end]));
            self.open = true;
            used = end + 4;
        }
        while let Some((first, payload)) = frame(&bytes[used..]) {
            let payload = used + payload.start..used + payload.end;
            used = payload.end;
            received(match first & 0x0f {
                0x1 => Received::Text(&bytes[payload]),
                0x8 => Received::Close(bytes[payload].first_chunk().map(|code| u16::from_be_bytes(*code))),
                0x9 => Received::Ping,
                _ => Received::Other,
            });
        }
        used
    }
}

/// The first byte of a complete frame, and where its payload is. A server doesn't mask.
fn frame(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (start, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let end = start + length;
    (bytes.len() >= end).then_some((first, start..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let long = "x".repeat(300);
        let mut stream = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec();
        stream.extend(b"\x81\x02hi\x89\x00\x81\x7e\x01\x2c");
        stream.extend(long.as_bytes());
        stream.extend(b"\x88\x02\x03\xe8");
        for size in 1..stream.len() {
            let mut reader = FrameReader::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                reader.take(piece, |received| {
                    found.push(match received {
                        Received::Head(head) => String::from_utf8(head[..12].to_vec()).unwrap(),
                        Received::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                        other => format!("{other:?}"),
                    });
                });
            }
            assert_eq!(
                found,
                ["HTTP/1.1 101", "hi", "Ping", &long, "Close(Some(1000))"],
                "in pieces of {size}"
            );
            assert!(reader.partial.is_empty());
        }
    }

    #[test]
    fn a_refusal_may_say_when_to_come_back() {
        let head = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close";
        assert_eq!(retry_after(head), Some(2));
        assert_eq!(retry_after(b"HTTP/1.1 403 Forbidden"), None);
    }

    #[test]
    fn a_clients_frame_is_masked_and_of_the_right_length() {
        assert_eq!(text_frame("hi"), b"\x81\x82\0\0\0\0hi");
        assert_eq!(text_frame(&"x".repeat(126))[..4], [0x81, 0xfe, 0, 126]);
    }
}
