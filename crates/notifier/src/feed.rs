//! `GET /feed?epoch=&after=`: the log as a WebSocket for hubs, behind the internal secret.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{Closed, Message, MessageStream, Session};
use bytes::Bytes;
use domain::{Cursor, Epoch, Position, ResyncReason, feed::FeedMessage};
use futures_util::StreamExt;
use serde::Deserialize;
use service::{ApiError, access::require_secret};
use tokio_util::sync::CancellationToken;

use crate::{Notifier, backfill, ended_logins, holds::Hold, tail::serialise};

/// Entries in one message at most.
const BATCH: usize = 500;
/// Something is sent at least this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A hub that comes before the log was read for the first time waits this long.
const FIRST_READ: Duration = Duration::from_secs(3);
/// A hub that takes nothing for this long is given up.
const STALL: Duration = Duration::from_secs(20);

pub(crate) fn configure(config: &mut web::ServiceConfig, notifier: Notifier) {
    config
        .app_data(web::Data::new(notifier))
        .route("/feed", web::get().to(open))
        .route("/feed/entries", web::get().to(backfill::answer))
        .route("/feed/ended", web::get().to(ended_logins::answer));
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    epoch: Option<Epoch>,
    after: Option<i64>,
}

async fn open(
    request: HttpRequest,
    body: web::Payload,
    start: web::Query<Start>,
    notifier: web::Data<Notifier>,
) -> Result<HttpResponse, actix_web::Error> {
    require_secret(request.headers(), &notifier.secret)?;
    let cursor = match (start.epoch, start.after) {
        (None, None) => None,
        (Some(epoch), Some(after)) => {
            let position =
                Position::new(after).ok_or_else(|| ApiError::parameter("after", "must not be negative"))?;
            Some(Cursor { epoch, position })
        }
        _ => return Err(ApiError::parameter("epoch, after", "go together").into()),
    };
    known_head(&notifier).await?;
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let feed = Feed { notifier: notifier.get_ref().clone(), session, hold: None };
    actix_web::rt::spawn(feed.run(messages, cursor));
    Ok(response)
}

/// The log's head. A hub that starts together with its notifier waits a moment for the log to be read.
pub(crate) async fn known_head(notifier: &Notifier) -> Result<Cursor, ApiError> {
    let mut heads = notifier.window.watch();
    let known = tokio::time::timeout(FIRST_READ, heads.wait_for(Option::is_some)).await;
    let head = known.ok().and_then(|head| *head.ok()?);
    head.ok_or_else(|| ApiError::unavailable(std::io::Error::other("the log has not been read yet")))
}

/// One hub's connection.
struct Feed {
    notifier: Notifier,
    session: Session,
    /// While it reads from the log what the window no longer has.
    hold: Option<Hold>,
}

/// Why a feed ends.
enum End {
    Gone,
    Stalled,
    Database(store::Error),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Gone
    }
}

impl Feed {
    async fn run(self, messages: MessageStream, cursor: Option<Cursor>) {
        let clients = metrics::gauge!("stockwire_feed_clients");
        clients.increment(1.0);
        let stop = self.notifier.context.stop.clone();
        let session = self.session.clone();
        tokio::select! {
            end = self.send(cursor) => match end {
                Ok(never) => match never {},
                Err(End::Gone) => {}
                Err(End::Stalled) => tracing::warn!("a hub takes nothing from its feed, closing it"),
                Err(End::Database(error)) => {
                    tracing::warn!(source = &error as &dyn std::error::Error, "a feed's older entries can't be read");
                }
            },
            () = read_until_closed(messages, session.clone()) => {}
            () = stopped(stop) => {}
        }
        // Closing waits for room in a queue that a stalled hub may have filled.
        let _ = tokio::time::timeout(Duration::from_secs(1), session.close(None)).await;
        clients.decrement(1.0);
    }

    async fn send(mut self, cursor: Option<Cursor>) -> Result<std::convert::Infallible, End> {
        let mut heads = self.notifier.window.watch();
        let mut cursor = self.greet(cursor).await?;
        loop {
            let Some(head) = *heads.borrow_and_update() else { return Err(End::Gone) };
            if head.epoch != cursor.epoch || head.position < cursor.position {
                cursor = self.reset(head, ResyncReason::Epoch).await?;
            } else if head.position > cursor.position {
                cursor = self.send_batch(cursor, head).await?;
            } else {
                self.hold = None;
                match tokio::time::timeout(HEARTBEAT, heads.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(End::Gone),
                    Err(_) => self.message(&FeedMessage::Heartbeat { head: head.position }).await?,
                }
            }
        }
    }

    async fn greet(&mut self, asked: Option<Cursor>) -> Result<Cursor, End> {
        let Some(head) = self.notifier.window.head() else { return Err(End::Gone) };
        match asked {
            None => {
                self.message(&FeedMessage::Hello { cursor: head, head: head.position }).await?;
                Ok(head)
            }
            Some(cursor) if cursor.epoch != head.epoch => self.reset(head, ResyncReason::Epoch).await,
            // This notifier may follow the log a little later than the one that the hub was at before.
            Some(cursor) if cursor.position > head.position => {
                let known = self.notifier.store.log_head().await.map_err(End::Database)?.cursor;
                if known.epoch == cursor.epoch && known.position >= cursor.position {
                    let mut heads = self.notifier.window.watch();
                    let caught_up = heads.wait_for(|head| {
                        head.is_some_and(|head| {
                            head.epoch != cursor.epoch || head.position >= cursor.position
                        })
                    });
                    let _ = tokio::time::timeout(STALL, caught_up).await;
                    self.message(&FeedMessage::Hello { cursor, head: known.position }).await?;
                    return Ok(cursor);
                }
                self.reset(known, ResyncReason::Epoch).await
            }
            Some(cursor) => {
                self.message(&FeedMessage::Hello { cursor, head: head.position }).await?;
                Ok(cursor)
            }
        }
    }

    async fn reset(&mut self, cursor: Cursor, reason: ResyncReason) -> Result<Cursor, End> {
        self.message(&FeedMessage::Reset { cursor, reason }).await?;
        Ok(cursor)
    }

    /// Sends what follows the cursor, from memory or from the log.
    async fn send_batch(&mut self, cursor: Cursor, head: Cursor) -> Result<Cursor, End> {
        let entries = match self.notifier.window.behind(cursor.position, BATCH) {
            Some(entries) => {
                self.hold = None;
                entries
            }
            None => {
                self.hold_from(cursor.position).await.map_err(End::Database)?;
                let mut read =
                    self.notifier.store.log_entries(cursor.position, 500).await.map_err(End::Database)?;
                // The log may be ahead of what this notifier has taken in, and a cursor past the head means another
                // log.
                read.retain(|entry| entry.position <= head.position);
                let contiguous = read.first().is_some_and(|first| first.position == cursor.position.next());
                if !contiguous {
                    return self.reset(head, ResyncReason::TooOld).await;
                }
                serialise(&read).map_err(End::Database)?.into_iter().map(std::sync::Arc::new).collect()
            }
        };
        let Some(last) = entries.last().map(|entry| entry.position) else { return Ok(cursor) };
        let texts: Vec<&str> = entries.iter().map(|entry| &*entry.text).collect();
        let head = head.position.max(last);
        let message = format!(r#"{{"entries":{{"head":{head},"entries":[{}]}}}}"#, texts.join(","));
        self.text(message).await?;
        metrics::counter!("stockwire_feed_entries_total").increment(entries.len() as u64);
        Ok(Cursor { position: last, ..cursor })
    }

    /// Keeps what lies behind a position, and only that, from being deleted.
    async fn hold_from(&mut self, position: Position) -> Result<(), store::Error> {
        match &self.hold {
            Some(hold) => hold.reached(position),
            None => self.hold = Some(self.notifier.holds.take(position).await?),
        }
        Ok(())
    }

    async fn message(&mut self, message: &FeedMessage<'_>) -> Result<(), End> {
        self.text(serde_json::to_string(message).unwrap_or_default()).await
    }

    async fn text(&mut self, text: String) -> Result<(), End> {
        match tokio::time::timeout(STALL, self.session.text(text)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(End::Stalled),
        }
    }
}

/// Answers pings until the hub is gone.
async fn read_until_closed(mut messages: MessageStream, mut session: Session) {
    while let Some(Ok(message)) = messages.next().await {
        match message {
            Message::Ping(payload) => {
                let payload: Bytes = payload;
                if session.pong(&payload).await.is_err() {
                    return;
                }
            }
            Message::Close(_) => return,
            _ => {}
        }
    }
}

async fn stopped(stop: CancellationToken) {
    stop.cancelled().await;
}
