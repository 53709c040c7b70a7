//! A keep-alive HTTP/1.1 connection that costs little, for load: one request at a time, bodies with a Content-Length.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Heads and bodies of what is measured stay far below.
const MOST_BYTES: usize = 1024 * 1024;

/// An open connection.
#[derive(Debug)]
pub(crate) struct HttpConnection {
    stream: TcpStream,
    address: SocketAddr,
    /// Further lines of each request's head, each with its end.
    headers: String,
    received: Vec<u8>,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl HttpConnection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, headers: String::new(), received: Vec::with_capacity(4096) })
    }

    /// Sends this header with each request.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Response> {
        self.request("GET", path, "", "").await
    }

    /// Sends a request with a body and waits for the answer.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Result<Response> {
        let content = match body.len() {
            0 => String::new(),
            length => format!("Content-Type: {content_type}\r\nContent-Length: {length}\r\n"),
        };
        let Self { address, headers, .. } = self;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}{content}\r\n{body}");
        self.stream.write_all(request.as_bytes()).await?;
        self.received.clear();
        loop {
            if let Some(response) = parse(&self.received)? {
                return Ok(response);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("{} closed the connection in the middle of an answer", self.address);
            }
        }
    }
}

/// The answer, once it is complete.
fn parse(received: &[u8]) -> Result<Option<Response>> {
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        if received.len() > MOST_BYTES {
            bail!("an answer without an end of its head");
        }
        return Ok(None);
    };
    let head = std::str::from_utf8(&received[..end]).context("an answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.with_context(|| format!("not an HTTP answer: {head}"))?;
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().context("an answer's Content-Length is no number")?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("an answer in chunks, which this client can't read");
        }
    }
    let body = &received[end + 4..];
    match body.len().cmp(&length) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => {
            Ok(Some(Response { status, body: String::from_utf8_lossy(body).into_owned() }))
        }
        std::cmp::Ordering::Greater => bail!("more came than the one answer that was asked for"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_complete() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]).unwrap(), None);
        }
        assert_eq!(parse(whole).unwrap(), Some(Response { status: 200, body: "hello".into() }));
        let empty = parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((empty.status, empty.body.as_str()), (204, ""));
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(parse(b"nonsense\r\n\r\n").is_err());
    }
}
