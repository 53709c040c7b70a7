//! Another system that data sources read, as a test wants it to be.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does with requests.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    /// Answers with this, with an ETag that changes with it.
    Says(String),
    /// Answers with this status, and headers.
    Refuses(u16, &'static str),
    /// Says nothing.
    Hangs,
    /// Never stops talking.
    Endless,
}

#[derive(Debug)]
struct Inside {
    mood: Mood,
    /// Heads of requests.
    heads: Vec<String>,
    under_way: usize,
    most_under_way: usize,
    /// Before it answers.
    pause: Duration,
}

/// A server; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) url: String,
    inside: Arc<Mutex<Inside>>,
    serving: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start(says: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/prices", listener.local_addr().unwrap());
        let inside = Inside {
            mood: Mood::Says(says.to_owned()),
            heads: Vec::new(),
            under_way: 0,
            most_under_way: 0,
            pause: Duration::ZERO,
        };
        let inside = Arc::new(Mutex::new(inside));
        let shared = inside.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inside = shared.clone();
                tokio::spawn(async move {
                    inside.lock().unwrap().under_way += 1;
                    // Whoever hangs up has heard enough.
                    let _ = answer(stream, &inside).await;
                    inside.lock().unwrap().under_way -= 1;
                });
            }
        });
        Self { url, inside, serving }
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        self.inside.lock().unwrap().mood = mood;
    }

    pub(crate) fn says(&self, body: &str) {
        self.becomes(Mood::Says(body.to_owned()));
    }

    pub(crate) fn takes_its_time(&self, pause: Duration) {
        self.inside.lock().unwrap().pause = pause;
    }

    /// Heads of the requests so far, in lower case.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.inside.lock().unwrap().heads.clone()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.inside.lock().unwrap().most_under_way
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request for each connection.
async fn answer(mut stream: TcpStream, inside: &Mutex<Inside>) -> std::io::Result<()> {
    let mut bytes = BytesMut::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let (mood, pause) = {
        let mut inside = inside.lock().unwrap();
        inside.heads.push(head.clone());
        inside.most_under_way = inside.most_under_way.max(inside.under_way);
        (inside.mood.clone(), inside.pause)
    };
    tokio::time::sleep(pause).await;
    let response = match mood {
        Mood::Says(body) => {
            let sum =
                body.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
            let tag = format!("\"{sum:x}\"");
            if head.contains(&format!("if-none-match: {tag}")) {
                format!("HTTP/1.1 304 Not Modified\r\netag: {tag}\r\nconnection: close\r\n\r\n")
            } else {
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\netag: {tag}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
            }
        }
        Mood::Refuses(status, headers) => {
            format!("HTTP/1.1 {status} No\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
        }
        Mood::Hangs => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            String::new()
        }
        Mood::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 65_536]).await?;
            }
        }
    };
    stream.write_all(response.as_bytes()).await
}
