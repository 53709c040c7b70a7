//! Follows a notifier's feed and hands what it says to every shard. The cursor survives reconnects, so a hub
//! that lost its notifier goes on where it was, at the same or at another one.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{Cursor, Position, ResyncReason, feed::FeedMessage};
use futures_util::StreamExt;
use service::{RequestId, settings::Secret};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{
    Message, client::IntoClientRequest, http::header::AUTHORIZATION, protocol::WebSocketConfig,
};

use crate::{
    entry::{Entry, News},
    lag::Lag,
};

/// Batches that a shard may be late; then the feed waits for it, and the notifier for the feed.
const QUEUE: usize = 256;
/// The notifier sends something every 5 s; after this long without, it is gone.
const SILENCE: Duration = Duration::from_secs(12);

/// Why the feed has to be opened again.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("the feed can't be reached or broke")]
    Socket(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("the feed said something that can't be read")]
    Message(#[from] serde_json::Error),
    #[error("the feed left something out: expected position {expected}, got {found}")]
    Gap { expected: Position, found: Position },
    #[error("the feed has been silent for too long")]
    Silent,
    #[error("the notifier closed the feed")]
    Closed,
    #[error("the notifier doesn't answer")]
    Unanswered,
    #[error("the internal secret can't be sent as a header")]
    Secret,
}

/// The shards, and how far the hub is.
#[derive(Debug, Default)]
pub(crate) struct Distribution {
    inner: Mutex<Inner>,
    connected: AtomicBool,
    lag: Lag,
}

#[derive(Debug, Default)]
struct Inner {
    cursor: Option<Cursor>,
    shards: Vec<mpsc::Sender<News>>,
}

impl Distribution {
    /// A new shard: where its ring starts, and what follows.
    pub(crate) fn join(&self) -> (Option<News>, mpsc::Receiver<News>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.shards.push(sender);
        (inner.cursor.map(|cursor| News::Restart(cursor, None)), receiver)
    }

    /// Where the hub is, once it knows.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).cursor
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    async fn publish(&self, cursor: Cursor, news: News) {
        // Cursor and shards change together, so that a shard which joins now misses nothing and gets nothing twice.
        let shards = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.cursor = Some(cursor);
            inner.shards.retain(|shard| !shard.is_closed());
            inner.shards.clone()
        };
        for shard in shards {
            // A shard that has ended needs no news.
            let _ = shard.send(news.clone()).await;
        }
    }
}

/// Follows the feed for ever; it is dropped when the service stops. `forget` is called when the log turns out to be
/// another one: what was kept of it means nothing any more.
pub(crate) async fn follow(
    distribution: Arc<Distribution>,
    url: String,
    secret: Secret,
    forget: impl Fn() + Send + Sync,
) {
    let lag = distribution.clone();
    let follow = follow_again_and_again(distribution, url, secret, forget);
    tokio::join!(follow, lag.lag.report());
}

async fn follow_again_and_again(
    distribution: Arc<Distribution>,
    url: String,
    secret: Secret,
    forget: impl Fn() + Send + Sync,
) -> Infallible {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);
    let mut pause = SHORTEST;
    loop {
        let began = tokio::time::Instant::now();
        let Err(error) = follow_once(&distribution, &url, &secret, &forget).await;
        distribution.connected.store(false, Ordering::Relaxed);
        metrics::gauge!("stockwire_hub_feed_connected").set(0.0);
        metrics::counter!("stockwire_hub_feed_reconnects_total").increment(1);
        tracing::warn!(source = &error as &dyn std::error::Error, "the feed ended, opening it again");
        pause = if began.elapsed() > LONGEST * 2 { SHORTEST } else { (pause * 2).min(LONGEST) };
        tokio::time::sleep(pause).await;
    }
}

async fn follow_once(
    distribution: &Distribution,
    url: &str,
    secret: &Secret,
    forget: &(impl Fn() + Send + Sync),
) -> Result<Infallible, FeedError> {
    let known = distribution.cursor();
    let query =
        known.map(|cursor| format!("?epoch={}&after={}", cursor.epoch, cursor.position)).unwrap_or_default();
    let mut request = format!("{}/feed{query}", url.trim_end_matches('/')).into_client_request()?;
    let shown = format!("Bearer {}", secret.expose()).parse().map_err(|_| FeedError::Secret)?;
    request.headers_mut().insert(AUTHORIZATION, shown);
    let id = RequestId::new();
    tracing::debug!(request.id = %id.0, "opening the feed");
    if let Ok(id) = id.0.parse() {
        request.headers_mut().insert("x-request-id", id);
    }
    // A batch of 500 entries of 16 KiB and more fits.
    let limits = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
    let connecting = tokio_tungstenite::connect_async_with_config(request, Some(limits), true);
    let (mut socket, _) = tokio::time::timeout(Duration::from_secs(5), connecting)
        .await
        .map_err(|_| FeedError::Unanswered)??;
    let mut cursor = known;
    loop {
        let message = tokio::time::timeout(SILENCE, socket.next()).await.map_err(|_| FeedError::Silent)?;
        match message.ok_or(FeedError::Closed)?? {
            Message::Text(text) => cursor = take(distribution, cursor, text.as_str(), forget).await?,
            Message::Close(_) => return Err(FeedError::Closed),
            _ => {}
        }
    }
}

/// Hands a message on; says where the hub is then.
async fn take(
    distribution: &Distribution,
    known: Option<Cursor>,
    text: &str,
    forget: &(impl Fn() + Send + Sync),
) -> Result<Option<Cursor>, FeedError> {
    match serde_json::from_str(text)? {
        FeedMessage::Hello { cursor, head } => {
            distribution.connected.store(true, Ordering::Relaxed);
            metrics::gauge!("stockwire_hub_feed_connected").set(1.0);
            tracing::info!(log.epoch = %cursor.epoch, log.position = %cursor.position, "following the feed");
            distribution.lag.heard_of(head);
            if known.is_none() {
                distribution.lag.started(cursor.position, head);
                distribution.publish(cursor, News::Restart(cursor, None)).await;
            }
            Ok(Some(cursor))
        }
        FeedMessage::Reset { cursor, reason } => {
            distribution.connected.store(true, Ordering::Relaxed);
            metrics::gauge!("stockwire_hub_feed_connected").set(1.0);
            tracing::warn!(log.epoch = %cursor.epoch, log.position = %cursor.position, ?reason, "the feed starts anew");
            distribution.lag.started(cursor.position, cursor.position);
            // What is too old for the hub's cursor is a hole in its stream.
            let reason = if reason == ResyncReason::TooOld { ResyncReason::Gap } else { reason };
            if reason == ResyncReason::Epoch {
                forget();
            }
            distribution.publish(cursor, News::Restart(cursor, Some(reason))).await;
            Ok(Some(cursor))
        }
        FeedMessage::Entries { head, entries } => {
            let Some(mut cursor) = known else { return Ok(known) };
            let mut expected = cursor.position;
            for entry in &entries {
                expected = expected.next();
                if entry.position != expected {
                    return Err(FeedError::Gap { expected, found: entry.position });
                }
            }
            let entries: Vec<Arc<Entry>> = entries.into_iter().map(|entry| Arc::new(entry.into())).collect();
            let Some(last) = entries.last() else { return Ok(known) };
            cursor.position = last.position;
            distribution.lag.took(last.position, last.at_us, head);
            distribution.publish(cursor, News::Entries(entries.into())).await;
            Ok(Some(cursor))
        }
        FeedMessage::Heartbeat { head } => {
            distribution.lag.heard_of(head);
            Ok(known)
        }
    }
}
