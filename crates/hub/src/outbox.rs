//! What a socket hasn't taken yet. Empty for a client that keeps up: fan-out writes straight to the socket, and
//! only what didn't fit waits here.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

/// Most pieces handed to the kernel at once.
const PIECES: usize = 16;

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
    /// The socket is full.
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

    /// Writes bytes behind everything that waits; keeps what the socket doesn't take.
    pub(crate) fn send(&mut self, socket: &TcpStream, mut bytes: Bytes) -> io::Result<Written> {
        if self.is_empty() {
            loop {
                match socket.try_write(&bytes) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) if count == bytes.len() => return Ok(Written::All),
                    Ok(count) => bytes.advance(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.push(bytes);
        Ok(Written::Blocked)
    }

    /// Writes what waits, as far as the socket takes it; says how much that was.
    pub(crate) fn flush(&mut self, socket: &TcpStream) -> io::Result<(Written, usize)> {
        let mut written = 0;
        while !self.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            let used = self
                .pieces
                .iter()
                .zip(slices.iter_mut())
                .map(|(piece, slice)| *slice = IoSlice::new(piece))
                .count();
            match socket.try_write_vectored(&slices[..used]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    written += count;
                    self.advance(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((Written::Blocked, written));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // A client that keeps up costs nothing again.
        self.pieces = VecDeque::new();
        Ok((Written::All, written))
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
