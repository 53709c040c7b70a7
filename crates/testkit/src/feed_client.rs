//! Who listens to the notifier's feed, as a hub does, and checks that nothing is missing in it.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use domain::{Cursor, Operation, Position, ResyncReason, TenantId, Topic, feed::FeedMessage};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error as SocketError, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::waiting;

/// A feed says something at least every five seconds.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// A connection to a feed.
#[derive(Debug)]
pub struct FeedClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    cursor: Option<Cursor>,
}

/// The notifier answered with something else than a feed, or not at all.
#[derive(Debug, thiserror::Error)]
#[error("no feed: status {status:?}, {body}")]
pub struct FeedRefused {
    /// The HTTP status; none if nobody answered.
    pub status: Option<u16>,
    /// The Content-Type.
    pub content_type: String,
    /// The body, or why there is none.
    pub body: String,
}

/// What came out of a feed.
pub enum FeedEvent {
    /// The stream starts behind this cursor.
    Hello(Cursor),
    /// The cursor can't be served; the stream starts behind this one.
    Reset(Cursor, ResyncReason),
    /// The next entries, without a gap behind what came before.
    Entries(Vec<SeenEntry>),
    /// Nothing new.
    Heartbeat(Position),
}

/// Entries by their positions only: an error that shows hundreds of documents shows nothing.
impl fmt::Debug for FeedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello(cursor) => write!(f, "hello {cursor}"),
            Self::Reset(cursor, reason) => write!(f, "reset to {cursor}, {reason:?}"),
            Self::Entries(entries) => {
                let position =
                    |entry: Option<&SeenEntry>| entry.map_or(Position::START, |entry| entry.position);
                write!(f, "entries {} to {}", position(entries.first()), position(entries.last()))
            }
            Self::Heartbeat(head) => write!(f, "heartbeat {head}"),
        }
    }
}

/// An entry, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenEntry {
    /// Its place in the log.
    pub position: Position,
    /// Whose it is.
    pub tenant: TenantId,
    /// What happened.
    pub op: Operation,
    /// Where it is published.
    pub topics: Vec<Topic>,
    /// Which resource, for conflation.
    pub key: String,
    /// The client's frame: resource, id, position, version, at, actor, reason, data, previous.
    pub frame: Value,
}

impl SeenEntry {
    /// The item that changed.
    #[must_use]
    pub fn item(&self) -> i64 {
        self.frame["id"].as_i64().unwrap_or_default()
    }

    /// The version that the change made.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.frame["version"].as_i64().unwrap_or_default()
    }
}

impl FeedClient {
    /// Connects, and shows the secret.
    ///
    /// # Errors
    /// Nobody answers, or with something else than a feed.
    pub async fn connect(url: &str, secret: &str, cursor: Option<Cursor>) -> Result<Self, FeedRefused> {
        let start = cursor
            .map(|cursor| format!("?epoch={}&after={}", cursor.epoch, cursor.position))
            .unwrap_or_default();
        Self::connect_to(&format!("{url}/feed{start}"), secret).await
    }

    /// Connects to a whole URL, for questions that no hub would ask.
    ///
    /// # Errors
    /// Nobody answers, or with something else than a feed.
    pub async fn connect_to(url: &str, secret: &str) -> Result<Self, FeedRefused> {
        let nobody = |why: String| FeedRefused { status: None, content_type: String::new(), body: why };
        let mut request = url.into_client_request().map_err(|error| nobody(error.to_string()))?;
        let authorization = HeaderValue::from_str(&format!("Bearer {secret}"));
        let authorization = authorization.map_err(|error| nobody(error.to_string()))?;
        request.headers_mut().insert("authorization", authorization);
        let connecting = waiting::within(waiting::PATIENCE, "the feed to open", connect_async(request)).await;
        match connecting.map_err(|error| nobody(error.to_string()))? {
            Ok((socket, _)) => Ok(Self { socket, cursor: None }),
            Err(SocketError::Http(response)) => Err(FeedRefused {
                status: Some(response.status().as_u16()),
                content_type: response
                    .headers()
                    .get("content-type")
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
                    .to_owned(),
                body: String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned(),
            }),
            Err(error) => Err(nobody(error.to_string())),
        }
    }

    /// Everything up to here was seen.
    #[must_use]
    pub const fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// The next event. Nothing comes back once the feed has ended.
    ///
    /// # Errors
    /// The feed is silent, breaks its format, or leaves something out.
    pub async fn next(&mut self) -> Result<Option<FeedEvent>> {
        loop {
            let message =
                waiting::within(SILENCE_LIMIT, "anything from the feed", self.socket.next()).await?;
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                Some(Ok(_)) => continue,
            };
            let message =
                serde_json::from_str(&text).with_context(|| format!("not a feed message: {text}"))?;
            return self.take(message).map(Some);
        }
    }

    fn take(&mut self, message: FeedMessage<'_>) -> Result<FeedEvent> {
        Ok(match message {
            FeedMessage::Hello { cursor, .. } => {
                ensure!(self.cursor.is_none(), "a second hello");
                self.cursor = Some(cursor);
                FeedEvent::Hello(cursor)
            }
            FeedMessage::Reset { cursor, reason } => {
                self.cursor = Some(cursor);
                FeedEvent::Reset(cursor, reason)
            }
            FeedMessage::Entries { head, entries } => {
                let Some(cursor) = &mut self.cursor else { bail!("entries before the hello") };
                ensure!(!entries.is_empty(), "a message without entries");
                let last = entries.last().map(|entry| entry.position);
                ensure!(last <= Some(head), "entries up to {last:?} past the head {head}");
                let mut seen = Vec::with_capacity(entries.len());
                for entry in entries {
                    ensure!(
                        entry.position == cursor.position.next(),
                        "position {} follows {}",
                        entry.position,
                        cursor.position
                    );
                    cursor.position = entry.position;
                    seen.push(SeenEntry {
                        position: entry.position,
                        tenant: entry.tenant,
                        op: entry.op,
                        topics: entry.topics,
                        key: entry.key.into_owned(),
                        frame: serde_json::from_str(entry.frame.get())?,
                    });
                }
                FeedEvent::Entries(seen)
            }
            FeedMessage::Heartbeat { head } => FeedEvent::Heartbeat(head),
        })
    }

    /// The first message, which must be a hello.
    ///
    /// # Errors
    /// Something else came, or nothing.
    pub async fn hello(&mut self) -> Result<Cursor> {
        match self.next().await? {
            Some(FeedEvent::Hello(cursor)) => Ok(cursor),
            other => bail!("expected a hello, got {other:?}"),
        }
    }

    /// The next message, which must be a reset; a hello may come before, from a notifier that doesn't know yet.
    ///
    /// # Errors
    /// Something else came, or nothing.
    pub async fn reset(&mut self) -> Result<(Cursor, ResyncReason)> {
        loop {
            match self.next().await? {
                Some(FeedEvent::Reset(cursor, reason)) => return Ok((cursor, reason)),
                Some(FeedEvent::Hello(_)) => {}
                other => bail!("expected a reset, got {other:?}"),
            }
        }
    }

    /// Entries up to a position, without any reset on the way.
    ///
    /// # Errors
    /// They don't come, or the feed ends or resets.
    pub async fn entries_until(&mut self, position: Position) -> Result<Vec<SeenEntry>> {
        let awaited = format!("position {position} on the feed");
        let reading = async {
            let mut seen = Vec::new();
            while self.cursor.is_none_or(|cursor| cursor.position < position) {
                match self.next().await? {
                    Some(FeedEvent::Entries(entries)) => seen.extend(entries),
                    Some(FeedEvent::Heartbeat(_)) => {}
                    other => bail!("expected entries up to {position}, got {other:?}"),
                }
            }
            Ok(seen)
        };
        waiting::within(waiting::PATIENCE, &awaited, reading).await?
    }

    /// Waits for the end, whatever comes before.
    ///
    /// # Errors
    /// It doesn't end.
    pub async fn ended(&mut self) -> Result<()> {
        waiting::within(waiting::PATIENCE, "the feed to end", async {
            while self.next().await?.is_some() {}
            Ok(())
        })
        .await?
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        // The other side may be gone already.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.close(None)).await;
        let _ = self.socket.flush().await;
    }
}
