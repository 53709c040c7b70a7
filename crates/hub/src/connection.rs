//! One client's socket: its state in the shard, and the small task that waits for the socket and acts.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
};

use actix_http::ws::Codec;
use bytes::{Bytes, BytesMut};
use domain::{Identity, Topic};
use tokio::{io::Interest, net::TcpStream};

use crate::{
    conflation::Conflation, history::History, outbox::Outbox, protocol::Allowance, shard::Shard,
    subscription::Subscription,
};

/// What the shard and the connection's task share.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: TcpStream,
    wake: Wake,
}

/// Tells a task on the same thread to look again.
#[derive(Debug, Default)]
struct Wake {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Link {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket, wake: Wake::default() }
    }

    /// Makes the task look again.
    pub(crate) fn kick(&self) {
        self.wake.rung.set(true);
        if let Some(waker) = self.wake.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    async fn kicked(&self) {
        poll_fn(|context| {
            if self.wake.rung.take() {
                return Poll::Ready(());
            }
            *self.wake.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

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
    /// Never used twice, unlike its place in the shard.
    pub(crate) id: u64,
    pub(crate) phase: Phase,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) outbox: Outbox,
    pub(crate) conflation: Option<Box<Conflation>>,
    /// What it reads, or waits for, of what is older than the ring.
    pub(crate) history: Option<History>,
    /// The beginning of a frame that hasn't arrived whole.
    pub(crate) partial: Bytes,
    /// The beginning of a message that comes in several frames.
    pub(crate) fragments: Option<Box<BytesMut>>,
    pub(crate) codec: Codec,
    pub(crate) allowance: Allowance,
    pub(crate) opened_ms: u64,
    pub(crate) heard_ms: u64,
    pub(crate) beat_ms: u64,
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

    /// What its task waits for; nothing once it is over.
    pub(crate) fn interest(&self) -> Option<Interest> {
        match self.phase {
            Phase::Ended => None,
            _ if self.outbox.is_empty() => Some(Interest::READABLE),
            _ => Some(Interest::READABLE | Interest::WRITABLE),
        }
    }
}

/// The task of a connection: waits for its socket, and lets the shard act.
pub(crate) async fn pump(shard: Rc<Shard>, link: Rc<Link>, key: usize) {
    while let Some(interest) = shard.interest(key) {
        tokio::select! {
            biased;
            () = link.kicked() => shard.on_writable(key),
            ready = link.socket.ready(interest) => match ready {
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
    shard.remove(key);
}
