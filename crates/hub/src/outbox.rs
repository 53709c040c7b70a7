//! What a client hasn't taken yet. Empty for one that keeps up: fan-out writes straight to the link, and only what
//! didn't fit waits here.

use std::{collections::VecDeque, io};

use bytes::{Buf, Bytes};

use crate::link::Link;

/// Bytes on their way to one client, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing waits any more.
    All,
    /// The link is full.
    Blocked,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How much waits.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Writes bytes behind everything that waits; keeps what the link doesn't take.
    pub(crate) fn send(&mut self, link: &Link, mut bytes: Bytes) -> io::Result<Written> {
        if self.is_empty() {
            link.send(&mut bytes)?;
            if bytes.is_empty() {
                return Ok(Written::All);
            }
        }
        self.push(bytes);
        Ok(Written::Blocked)
    }

    /// Writes what waits, as far as the link takes it; says how much that was.
    pub(crate) fn flush(&mut self, link: &Link) -> io::Result<(Written, usize)> {
        let mut written = 0;
        while !self.pieces.is_empty() {
            match link.send_pieces(&self.pieces)? {
                Some(count) => {
                    written += count;
                    self.advance(count);
                }
                None => return Ok((Written::Blocked, written)),
            }
        }
        // A client that keeps up costs nothing again.
        self.pieces = VecDeque::new();
        Ok((Written::All, written))
    }

    /// Everything that waits.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.pieces).into_iter()
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(front) = self.pieces.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.pieces.pop_front();
        }
    }
}
