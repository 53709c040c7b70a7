//! Where a client's bytes go: its socket, or the body of an HTTP response. Both take what they have room for and
//! never make the shard wait.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::net::TcpStream;

/// Most pieces handed to the kernel at once.
const PIECES: usize = 16;

/// What the shard and whoever waits for the client share.
#[derive(Debug)]
pub(crate) struct Link {
    transport: Transport,
    wake: Wake,
}

#[derive(Debug)]
enum Transport {
    Socket(TcpStream),
    Body(Body),
}

/// Bytes that wait for an HTTP response to take them.
#[derive(Debug, Default)]
struct Body {
    chunks: RefCell<VecDeque<Bytes>>,
    bytes: Cell<usize>,
    /// More are not taken before these have left.
    most: usize,
}

/// Tells a task on the same thread to look again.
#[derive(Debug, Default)]
struct Wake {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Link {
    /// To a socket.
    pub(crate) fn socket(socket: TcpStream) -> Self {
        Self { transport: Transport::Socket(socket), wake: Wake::default() }
    }

    /// Has the kernel end the connection with a reset instead of a goodbye that may never be read: a client that goes
    /// on later would wait for ever at a socket whose other end is gone.
    pub(crate) fn abort(&self) {
        if let Transport::Socket(socket) = &self.transport {
            // Fails only on a socket that is gone already.
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }

    /// To a response that holds so many bytes back.
    pub(crate) fn body(most: usize) -> Self {
        Self { transport: Transport::Body(Body { most, ..Body::default() }), wake: Wake::default() }
    }

    /// The socket, if it is one.
    pub(crate) const fn as_socket(&self) -> Option<&TcpStream> {
        match &self.transport {
            Transport::Socket(socket) => Some(socket),
            Transport::Body(_) => None,
        }
    }

    /// Gives the client as much as is taken at once; what is left in `bytes` was not.
    pub(crate) fn send(&self, bytes: &mut Bytes) -> io::Result<()> {
        match &self.transport {
            Transport::Socket(socket) => {
                while !bytes.is_empty() {
                    match taken(socket.try_write(bytes))? {
                        Some(count) => bytes.advance(count),
                        None => break,
                    }
                }
            }
            Transport::Body(body) => {
                if body.has_room() && !bytes.is_empty() {
                    body.put(std::mem::take(bytes));
                    self.kick();
                }
            }
        }
        Ok(())
    }

    /// Gives the client of several pieces as much as is taken at once; says how many bytes, `None` for nothing.
    pub(crate) fn send_pieces(&self, pieces: &VecDeque<Bytes>) -> io::Result<Option<usize>> {
        match &self.transport {
            Transport::Socket(socket) => loop {
                let mut slices = [IoSlice::new(&[]); PIECES];
                let used = pieces.iter().zip(slices.iter_mut());
                let used = used.map(|(piece, slice)| *slice = IoSlice::new(piece)).count();
                match taken(socket.try_write_vectored(&slices[..used]))? {
                    Some(0) => {}
                    outcome => return Ok(outcome),
                }
            },
            Transport::Body(body) => {
                let before = body.bytes.get();
                for piece in pieces.iter().take_while(|_| body.has_room()) {
                    body.put(piece.clone());
                }
                let count = body.bytes.get() - before;
                if count > 0 {
                    self.kick();
                }
                Ok((count > 0).then_some(count))
            }
        }
    }

    /// The next bytes for the response, if it is one and there are some.
    pub(crate) fn take_chunk(&self) -> Option<Bytes> {
        let Transport::Body(body) = &self.transport else { return None };
        let chunk = body.chunks.borrow_mut().pop_front()?;
        body.bytes.set(body.bytes.get() - chunk.len());
        Some(chunk)
    }

    /// Whether bytes wait for the response.
    pub(crate) fn has_chunks(&self) -> bool {
        matches!(&self.transport, Transport::Body(body) if body.bytes.get() > 0)
    }

    /// Makes whoever waits for this link look again.
    pub(crate) fn kick(&self) {
        self.wake.rung.set(true);
        if let Some(waker) = self.wake.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Waits for a kick.
    pub(crate) async fn kicked(&self) {
        poll_fn(|context| self.poll_kicked(context)).await;
    }

    /// Whether there was a kick since the last time; if not, the next one wakes the task.
    pub(crate) fn poll_kicked(&self, context: &Context<'_>) -> Poll<()> {
        if self.wake.rung.take() {
            return Poll::Ready(());
        }
        *self.wake.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Body {
    const fn has_room(&self) -> bool {
        self.bytes.get() < self.most
    }

    fn put(&self, chunk: Bytes) {
        self.bytes.set(self.bytes.get() + chunk.len());
        self.chunks.borrow_mut().push_back(chunk);
    }
}

/// What a write says: bytes that were taken (0 if it was interrupted), or `None` if there is no room.
fn taken(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_holds_back_no_more_than_it_may() {
        let link = Link::body(10);
        let mut eight = Bytes::from_static(b"12345678");
        link.send(&mut eight).unwrap();
        assert!(eight.is_empty() && link.has_chunks());
        let pieces: VecDeque<Bytes> = [Bytes::from_static(b"abcd"), Bytes::from_static(b"efgh")].into();
        assert_eq!(link.send_pieces(&pieces).unwrap(), Some(4), "the bound is passed by less than a piece");
        let mut more = Bytes::from_static(b"x");
        link.send(&mut more).unwrap();
        assert_eq!((more.len(), link.send_pieces(&pieces).unwrap()), (1, None));
        assert_eq!(link.take_chunk().unwrap(), "12345678");
        assert_eq!(link.take_chunk().unwrap(), "abcd");
        assert_eq!((link.take_chunk(), link.has_chunks()), (None, false));
        assert_eq!(link.send_pieces(&pieces).unwrap(), Some(8));
    }
}
