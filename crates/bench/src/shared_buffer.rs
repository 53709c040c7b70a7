//! Reading for many clients on one thread: they share a buffer, so an idle one keeps nothing.

use std::{cell::RefCell, future::poll_fn, io, pin::Pin, task::ready};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
};

const BYTES: usize = 64 * 1024;

/// Reads what is there, but no more than `most` bytes, and hands it out. The end of the stream is an error.
pub(crate) async fn read(stream: &mut TcpStream, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BYTES]);
    }
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let most = most.min(buffer.len());
            let mut buffer = ReadBuf::new(&mut buffer[..most]);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into()).into();
            }
            take(buffer.filled());
            Ok(()).into()
        })
    })
    .await
}
