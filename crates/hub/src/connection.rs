//! One client: its state in the shard, and the small task that waits for its socket and acts.

use std::{rc::Rc, sync::Arc};

use actix_http::ws::Codec;
use bytes::{Bytes, BytesMut};
use domain::{Identity, Topic};
use jiff::Timestamp;
use tokio::io::Interest;

use crate::{
    admission::Admitted,
    config::HubConfig,
    conflation::Conflation,
    history::History,
    link::Link,
    outbox::Outbox,
    presence::Seat,
    protocol::Allowance,
    shard::Shard,
    subscription::{Stage, Subscription},
    timers::NEVER,
    wire::Encoding,
};

/// A client waits so long for a hub that isn't as far as the client says it is.
pub(crate) const AHEAD_MS: u64 = 5000;

/// How far a client has got with saying who it is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// It hasn't said.
    Greeting,
    /// It has.
    Known(Arc<Identity>),
    /// The close frame is on its way; nothing else matters.
    Closing {
        /// When the connection ends at the latest, in the shard's milliseconds.
        deadline_ms: u64,
        /// What arrives can't be read as frames any more; it is thrown away, because a socket that is closed with
        /// unread bytes takes the close frame with it.
        deaf: bool,
    },
    /// The connection is over; its task removes it.
    Ended,
}

/// A client's state in its shard.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) link: Rc<Link>,
    pub(crate) encoding: Encoding,
    /// Counted until it is gone.
    pub(crate) _admitted: Admitted,
    /// What must be read anew is sent without being asked for: this client can't ask.
    pub(crate) reload: bool,
    /// Whether it asked for what lies behind a cursor.
    pub(crate) resumes: bool,
    /// Whether something had to be read anew.
    pub(crate) gave_up: bool,
    /// Never used twice, unlike its place in the shard.
    pub(crate) id: u64,
    pub(crate) phase: Phase,
    /// Whoever has signed in is present until it is gone.
    pub(crate) seat: Option<Seat>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) outbox: Outbox,
    pub(crate) conflation: Option<Box<Conflation>>,
    /// Since when it waits for the hub to get as far as it has.
    pub(crate) ahead_since_ms: Option<u64>,
    /// What it reads, or waits for, of what is older than the ring.
    pub(crate) history: Option<History>,
    /// The beginning of a frame that hasn't arrived whole.
    pub(crate) partial: Bytes,
    /// The beginning of a message that comes in several frames.
    pub(crate) fragments: Option<Box<BytesMut>>,
    pub(crate) codec: Codec,
    /// Of frames.
    pub(crate) allowance: Allowance<10>,
    pub(crate) opened_ms: u64,
    pub(crate) heard_ms: u64,
    pub(crate) beat_ms: u64,
    /// When a timer looks after it next.
    pub(crate) due_ms: u64,
    /// Since when the socket takes nothing.
    pub(crate) blocked_ms: Option<u64>,
    /// Where the batch under way has met this connection already.
    pub(crate) met: Met,
}

/// Whether a connection is interested in several topics of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    NotYet,
    OnTopic(usize),
    OnSeveral,
}

impl Connection {
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        match &self.phase {
            Phase::Known(identity) => Some(identity),
            _ => None,
        }
    }

    pub(crate) fn subscription(&mut self, topic: Topic) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| subscription.topic == topic)
    }

    /// Whether the client resumes all topics at the newest frame that it has seen of any: then no topic may run ahead
    /// of another. On a socket, each topic is resumed by itself.
    pub(crate) fn has_one_cursor(&self) -> bool {
        self.encoding != Encoding::Socket
    }

    /// Whether it gets nothing before all its snapshots are there: a state that comes behind a change would be lost to
    /// a client that resumes at the change.
    pub(crate) fn waits_for_all(&self) -> bool {
        let loading = |subscription: &Subscription| matches!(subscription.stage, Stage::Loading(_));
        self.has_one_cursor() && self.subscriptions.iter().any(loading)
    }

    /// Whether something that was asked for is on its way to the hub.
    pub(crate) fn is_being_fetched(&self) -> bool {
        let loading = |subscription: &Subscription| matches!(subscription.stage, Stage::Loading(_));
        let asked = matches!(self.history, Some(History::Asked { .. }));
        asked || self.ahead_since_ms.is_some() || self.subscriptions.iter().any(loading)
    }

    /// Whether a poll has something to say, and would have to wait for more.
    pub(crate) fn is_worth_an_answer(&self) -> bool {
        let waits = matches!(self.history, Some(History::Asked { .. }));
        self.link.has_chunks() && (self.is_live() || waits || !self.outbox.is_empty())
    }

    /// Since when, in the shard's milliseconds, it has had a snapshot of which not all parts were sent.
    pub(crate) fn snapshot_since(&self) -> Option<u64> {
        let since = |subscription: &Subscription| match subscription.stage {
            Stage::Initial { since_ms, .. } => Some(since_ms),
            _ => None,
        };
        self.subscriptions.iter().filter_map(since).min()
    }

    /// Whether everything that was asked for is sent as it comes.
    pub(crate) fn is_live(&self) -> bool {
        self.subscriptions.iter().all(Subscription::is_live)
    }

    /// When time alone makes a difference to it next.
    pub(crate) fn next_due(&self, config: &HubConfig, now_ms: u64, now: Timestamp) -> u64 {
        let identity = match &self.phase {
            Phase::Ended => return NEVER,
            Phase::Closing { deadline_ms, .. } => return *deadline_ms,
            Phase::Greeting => return self.opened_ms + config.auth_timeout_ms,
            Phase::Known(identity) => identity,
        };
        let expiry = identity.expires_at.map(|end| {
            let left = end.as_millisecond() - now.as_millisecond();
            now_ms.saturating_add(u64::try_from(left).unwrap_or(0))
        });
        let stall = self.blocked_ms.map(|since| since + config.stall_timeout_ms);
        let beat = self.beat_ms + config.heartbeat_ms;
        let ahead = self.ahead_since_ms.map(|since| since + AHEAD_MS);
        [expiry, stall, ahead].into_iter().flatten().fold(beat, u64::min)
    }

    /// What its task waits for; nothing once it is over.
    pub(crate) fn interest(&self) -> Option<Interest> {
        match self.phase {
            Phase::Ended => None,
            _ if self.outbox.is_empty() => Some(Interest::READABLE),
            _ => Some(Interest::READABLE | Interest::WRITABLE),
        }
    }
}

/// Removes a connection when its task ends, however it ends.
struct Removal {
    shard: Rc<Shard>,
    key: usize,
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.shard.remove(self.key);
    }
}

/// The task of a connection: waits for its socket, and lets the shard act.
pub(crate) async fn pump(shard: Rc<Shard>, link: Rc<Link>, key: usize) {
    let removal = Removal { shard: shard.clone(), key };
    while let (Some(interest), Some(socket)) = (shard.interest(key), link.as_socket()) {
        tokio::select! {
            biased;
            () = link.kicked() => shard.on_writable(key),
            ready = socket.ready(interest) => match ready {
                Ok(ready) => {
                    if ready.is_writable() || ready.is_write_closed() {
                        shard.on_writable(key);
                    }
                    if ready.is_readable() || ready.is_read_closed() || ready.is_error() {
                        shard.on_readable(key);
                    }
                }
                Err(_) => break,
            },
        }
        // A client that keeps this task busy shares the thread with all others.
        tokio::task::yield_now().await;
    }
    drop(removal);
}
