//! A collector of traces: keeps the bodies that are posted to it, or only heads where the test wants to see them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// An HTTP server that answers everything with 200 and an empty body, and remembers what it was sent. Dropped, it is gone.
#[derive(Debug)]
pub struct Collector {
    url: String,
    requests: Arc<Mutex<Vec<Posted>>>,
    serving: JoinHandle<()>,
}

/// What came in one request.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The first line and the headers, all in lower case.
    pub head: String,
    /// What followed, as far as `Content-Length` goes.
    pub body: Vec<u8>,
}

impl Posted {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }
}

impl Collector {
    /// Listens on a free port.
    ///
    /// # Errors
    /// There is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that breaks off has said all it wanted.
                tokio::spawn(converse(stream, kept.clone()));
            }
        });
        Ok(Self { url, requests, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that was posted until now.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn converse(mut stream: TcpStream, kept: Arc<Mutex<Vec<Posted>>>) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = bytes.split_off(end + 4);
                break String::from_utf8(std::mem::replace(&mut bytes, rest))?.to_ascii_lowercase();
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let mut posted = Posted { head, body: Vec::new() };
        let length: usize = posted.header("content-length").unwrap_or("0").parse().context("a length")?;
        while bytes.len() < length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let rest = bytes.split_off(length);
        posted.body = std::mem::replace(&mut bytes, rest);
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}
