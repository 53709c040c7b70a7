//! A client of `GET /events`, which reads Server-Sent Events as a browser does.

use std::{net::SocketAddr, pin::Pin, time::Duration};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde_json::Value;

use crate::waiting;

type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// An open stream.
pub struct EventStream {
    body: Body,
    unread: String,
    /// The `id` that a browser would send as `Last-Event-ID`.
    pub last_id: Option<String>,
    /// How long the server asked to wait before reconnecting.
    pub retry: Option<Duration>,
}

impl EventStream {
    /// Opens a stream with a query such as `topic=items`.
    ///
    /// # Errors
    /// The hub refuses.
    pub async fn open(hub: SocketAddr, query: &str, last_id: Option<&str>) -> Result<Self> {
        let mut request = reqwest::Client::new().get(format!("http://{hub}/events?{query}"));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        Self::send(request, last_id).await
    }

    /// Opens a stream with an access token.
    ///
    /// # Errors
    /// The hub refuses.
    pub async fn open_with(hub: SocketAddr, query: &str, token: &str) -> Result<Self> {
        let request = reqwest::Client::new().get(format!("http://{hub}/events?{query}"));
        Self::send(request.bearer_auth(token), None).await
    }

    async fn send(request: reqwest::RequestBuilder, last_id: Option<&str>) -> Result<Self> {
        let response = waiting::within(waiting::PATIENCE, "a stream to open", request.send()).await??;
        if !response.status().is_success() {
            bail!("no stream: status {}, {}", response.status(), response.text().await?);
        }
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        if kind != Some("text/event-stream") {
            bail!("not an event stream: {kind:?}");
        }
        let last_id = last_id.map(ToOwned::to_owned);
        Ok(Self { body: Box::pin(response.bytes_stream()), unread: String::new(), last_id, retry: None })
    }

    /// The next event's data; `None` at the end of the stream.
    ///
    /// # Errors
    /// None came, or it isn't what the standard or the protocol says.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(data) = self.take(&event)? {
                    return Ok(Some(data));
                }
            }
            match waiting::within(waiting::PATIENCE, "an event", self.body.next()).await? {
                Some(chunk) => self.unread.push_str(std::str::from_utf8(&chunk?).context("not UTF-8")?),
                None => return Ok(None),
            }
        }
    }

    /// The next event that is no heartbeat; it must have this type.
    ///
    /// # Errors
    /// Another one came, or none.
    pub async fn expect(&mut self, kind: &str) -> Result<Value> {
        loop {
            let frame = self.next().await?.context("the stream has ended")?;
            match frame["type"].as_str() {
                Some(found) if found == kind => return Ok(frame),
                Some("heartbeat") => {}
                _ => bail!("expected {kind}, got {frame}"),
            }
        }
    }

    fn take(&mut self, event: &str) -> Result<Option<Value>> {
        let mut data: Option<String> = None;
        for line in event.lines() {
            let (field, value) = line.split_once(':').context("a line without a colon")?;
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => {}
                "id" => self.last_id = Some(value.to_owned()),
                "retry" => self.retry = Some(Duration::from_millis(value.parse()?)),
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                other => bail!("unexpected field {other}"),
            }
        }
        data.map(|data| serde_json::from_str(&data).context("the data is not JSON")).transpose()
    }
}
