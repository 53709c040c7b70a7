//! Follows a notifier's feed and hands what it says to every shard. The cursor survives reconnects, so a hub
//! that lost its notifier goes on where it was, at the same or at another one.
//!
//! # No ended login is missed
//!
//! That a login was ended is an entry of the feed, and what was ended before the feed begins is in a list that the hub
//! asks for. The order closes the gap: the greeting fixes the cursor, and only then is the list read from the database. An
//! end that was committed before that reading is in the list. One that was committed later was not visible before it, so
//! it got its position after the greeting, behind the cursor, and comes with the feed. The hub lets nobody in before
//! the first list, and takes an entry into [`EndedLogins`] before it tells the shards: a client that a shard doesn't know
//! yet is looked up there when it is welcomed.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{Cursor, EndedLogin, Position, ResyncReason, feed::FeedMessage};
use futures_util::StreamExt;
use service::{EndedLogins, RequestId, Settings, settings::Secret};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{
    Message, client::IntoClientRequest, http::header::AUTHORIZATION, protocol::WebSocketConfig,
};

use crate::{
    ended_before::{EndedBefore, EndedError},
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
    #[error(transparent)]
    Ended(#[from] EndedError),
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

    fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        metrics::gauge!("stockwire_hub_feed_connected").set(if connected { 1.0 } else { 0.0 });
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

/// What the feed is handed to.
pub(crate) struct Follower<F> {
    distribution: Arc<Distribution>,
    url: String,
    secret: Secret,
    ended: Arc<EndedLogins>,
    ended_before: EndedBefore,
    forget: F,
}

impl<F: Fn() + Send + Sync> Follower<F> {
    /// `forget` is called when the log turns out to be another one: what was kept of it means nothing any more.
    pub(crate) fn new(
        settings: &Settings,
        secret: Secret,
        distribution: Arc<Distribution>,
        ended: Arc<EndedLogins>,
        forget: F,
    ) -> Result<Self, reqwest::Error> {
        let ended_before = EndedBefore::new(settings, secret.clone())?;
        Ok(Self { distribution, url: settings.notifier.url.clone(), secret, ended, ended_before, forget })
    }

    /// Follows the feed for ever; it is dropped when the service stops.
    pub(crate) async fn follow(self) {
        tokio::join!(self.follow_again_and_again(), self.distribution.lag.report());
    }

    async fn follow_again_and_again(&self) -> Infallible {
        const SHORTEST: Duration = Duration::from_millis(50);
        const LONGEST: Duration = Duration::from_secs(1);
        let mut pause = SHORTEST;
        loop {
            let began = tokio::time::Instant::now();
            let Err(error) = self.follow_once().await;
            self.distribution.set_connected(false);
            metrics::counter!("stockwire_hub_feed_reconnects_total").increment(1);
            tracing::warn!(source = &error as &dyn std::error::Error, "the feed ended, opening it again");
            pause = if began.elapsed() > LONGEST * 2 { SHORTEST } else { (pause * 2).min(LONGEST) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn follow_once(&self) -> Result<Infallible, FeedError> {
        let known = self.distribution.cursor();
        let query = known
            .map(|cursor| format!("?epoch={}&after={}", cursor.epoch, cursor.position))
            .unwrap_or_default();
        let mut request = format!("{}/feed{query}", self.url.trim_end_matches('/')).into_client_request()?;
        let shown = format!("Bearer {}", self.secret.expose()).parse().map_err(|_| FeedError::Secret)?;
        request.headers_mut().insert(AUTHORIZATION, shown);
        let id = RequestId::new();
        tracing::debug!(request.id = %id.0, "opening the feed");
        if let Ok(id) = id.0.parse() {
            request.headers_mut().insert("x-request-id", id);
        }
        // A batch of 500 entries of 16 KiB and more fits.
        let limits =
            WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
        let connecting = tokio_tungstenite::connect_async_with_config(request, Some(limits), true);
        let (mut socket, _) = tokio::time::timeout(Duration::from_secs(5), connecting)
            .await
            .map_err(|_| FeedError::Unanswered)??;
        let mut cursor = known;
        // What was ended meanwhile comes with the feed, unless a notifier of the release before has fed this hub, which
        // told it of none. So the list is good to have, and nothing waits for it.
        let mut asking = known.map(|_| Box::pin(self.ended_before.ask()));
        loop {
            let message = tokio::select! {
                message = tokio::time::timeout(SILENCE, socket.next()) => message.map_err(|_| FeedError::Silent)?,
                asked = answer(&mut asking) => {
                    asking = None;
                    self.heard(cursor, asked).await;
                    continue;
                }
            };
            match message.ok_or(FeedError::Closed)?? {
                Message::Text(text) => {
                    let before = cursor.map(|cursor| cursor.epoch);
                    cursor = self.take(cursor, text.as_str()).await?;
                    if cursor.map(|cursor| cursor.epoch) != before {
                        // Another log, whose list has been asked for.
                        asking = None;
                    }
                }
                Message::Close(_) => return Err(FeedError::Closed),
                _ => {}
            }
        }
    }

    /// The list that was asked for beside a feed which went on.
    async fn heard(&self, cursor: Option<Cursor>, asked: Result<Vec<EndedLogin>, EndedError>) {
        match (cursor, asked) {
            (Some(cursor), Ok(ended)) => {
                self.ended.add(ended);
                self.distribution.publish(cursor, News::Logins).await;
            }
            (None, Ok(_)) => {}
            (_, Err(error)) => {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(
                    source,
                    "ended logins can't be asked for, those that end from now on are heard of"
                );
            }
        }
    }

    /// Hands a message on; says where the hub is then.
    async fn take(&self, known: Option<Cursor>, text: &str) -> Result<Option<Cursor>, FeedError> {
        match serde_json::from_str(text)? {
            FeedMessage::Hello { cursor, head } => {
                self.greeted(known, cursor, head).await?;
                Ok(Some(cursor))
            }
            FeedMessage::Reset { cursor, reason } => {
                self.start_anew(cursor, reason).await?;
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
                let entries: Vec<Arc<Entry>> =
                    entries.into_iter().map(|entry| Arc::new(entry.into())).collect();
                let Some(last) = entries.last() else { return Ok(known) };
                cursor.position = last.position;
                self.distribution.lag.took(last.position, last.at_us, head);
                // Before the shards hear of it: whom they welcome after that is looked up here.
                self.ended.add(entries.iter().filter_map(|entry| entry.ended.as_deref().copied()));
                self.distribution.publish(cursor, News::Entries(entries.into())).await;
                Ok(Some(cursor))
            }
            FeedMessage::Heartbeat { head } => {
                self.distribution.lag.heard_of(head);
                Ok(known)
            }
        }
    }

    /// The feed goes on where the hub is, or begins.
    async fn greeted(&self, known: Option<Cursor>, cursor: Cursor, head: Position) -> Result<(), FeedError> {
        tracing::info!(log.epoch = %cursor.epoch, log.position = %cursor.position, "following the feed");
        self.distribution.lag.heard_of(head);
        if known.is_none() {
            self.ended.add(self.ended_before.ask().await?);
            self.distribution.lag.started(cursor.position, head);
            self.distribution.publish(cursor, News::Restart(cursor, None)).await;
            self.distribution.set_connected(true);
            return Ok(());
        }
        self.distribution.set_connected(true);
        Ok(())
    }

    /// The feed doesn't go on where the hub is: also ends of logins were missed.
    async fn start_anew(&self, cursor: Cursor, reason: ResyncReason) -> Result<(), FeedError> {
        tracing::warn!(
            log.epoch = %cursor.epoch, log.position = %cursor.position, ?reason, "the feed starts anew"
        );
        let ended = self.ended_before.ask().await?;
        self.distribution.lag.started(cursor.position, cursor.position);
        // What is too old for the hub's cursor is a hole in its stream.
        let reason = if reason == ResyncReason::TooOld { ResyncReason::Gap } else { reason };
        if reason == ResyncReason::Epoch {
            (self.forget)();
            self.ended.replace(ended);
        } else {
            self.ended.add(ended);
        }
        self.distribution.publish(cursor, News::Restart(cursor, Some(reason))).await;
        self.distribution.set_connected(true);
        Ok(())
    }
}

/// The answer to what is asked, if something is.
async fn answer<F: Future + Unpin>(asking: &mut Option<F>) -> F::Output {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}
