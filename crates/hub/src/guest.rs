//! A client that gets its frames in an HTTP response: as a stream of events that goes on, or as one answer to a poll.
//! In the shard it is a connection like any other.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use domain::{Cursor, Identity};

use crate::{
    admission::Admitted, connection::Phase, link::Link, shard::Shard, subscription::Wishes, wire::Encoding,
};

/// So many bytes wait for a response before the client counts as full.
const BODY: usize = 64 * 1024;

/// A response's connection; dropped with the response, it is removed.
pub(crate) struct Guest {
    shard: Rc<Shard>,
    link: Rc<Link>,
    key: usize,
}

/// What a poll is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Members of a JSON array, each with a comma behind it.
    pub(crate) frames: BytesMut,
    /// Where to go on.
    pub(crate) cursor: Cursor,
    /// Whether everything behind the client's cursor is in this answer or follows.
    pub(crate) recovered: bool,
    /// Whether more is there already.
    pub(crate) has_more: bool,
}

/// What a poll still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For something to happen.
    ForChanges,
    /// For the hub to get what was asked for: the state, or what is older than its memory.
    ForTheState,
    /// For nothing any more.
    Gone,
}

/// Why a poll can't be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// There is nothing to say yet.
    NotYet,
    /// What was asked for can't be had at the moment.
    Unavailable,
}

impl Guest {
    /// Opens the connection and asks for everything at once.
    pub(crate) fn open(
        shard: &Rc<Shard>,
        encoding: Encoding,
        identity: Identity,
        wishes: &Wishes,
        admitted: Admitted,
    ) -> Self {
        // A snapshot must fit into one answer. Its bytes are shared.
        let whole = encoding == Encoding::List && wishes.snapshot;
        let link = Rc::new(Link::body(if whole { usize::MAX } else { BODY }));
        let key = shard.open(&link, encoding, identity, wishes, admitted);
        Self { shard: shard.clone(), link, key }
    }

    /// Waits until it is worth asking for an answer again.
    pub(crate) async fn moved(&self) {
        self.link.kicked().await;
        // What is ready is answered first: a client that seems full would be conflated.
        if !self.shard.look(self.key, |_, connection| connection.is_worth_an_answer()).unwrap_or(true) {
            self.shard.on_writable(self.key);
        }
    }

    /// What there is to say.
    pub(crate) fn answer(&self, patience: Patience) -> Result<Answer, NoAnswer> {
        let outcome = self.shard.look(self.key, |state, connection| {
            if matches!(connection.phase, Phase::Closing { .. } | Phase::Ended) {
                return Err(NoAnswer::Unavailable);
            }
            let ready = match patience {
                Patience::ForChanges => connection.is_worth_an_answer(),
                Patience::ForTheState => connection.is_worth_an_answer() || !connection.is_being_fetched(),
                Patience::Gone => true,
            };
            // Half a snapshot is no answer.
            if !ready || (connection.snapshot_since().is_some() && patience != Patience::Gone) {
                return Err(NoAnswer::NotYet);
            }
            let (epoch, position) = (state.epoch, connection.proven(state.head()));
            let (Some(epoch), Some(position)) = (epoch, position) else { return Err(NoAnswer::Unavailable) };
            Ok(Answer {
                frames: BytesMut::new(),
                cursor: Cursor { epoch, position },
                recovered: connection.resumes && !connection.gave_up,
                has_more: !connection.is_live() && connection.ahead_since_ms.is_none(),
            })
        });
        let mut answer = outcome.unwrap_or(Err(NoAnswer::Unavailable))?;
        while let Some(chunk) = self.link.take_chunk() {
            answer.frames.extend_from_slice(&chunk);
        }
        for chunk in self.shard.take_outbox(self.key) {
            answer.frames.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

impl MessageBody for Guest {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            if let Some(chunk) = self.link.take_chunk() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            // What was sent has left: there may be more.
            self.shard.on_writable(self.key);
            if self.link.has_chunks() {
                continue;
            }
            if self.shard.interest(self.key).is_none() {
                return Poll::Ready(None);
            }
            if self.link.poll_kicked(context).is_ready() {
                // It has more to do and nothing to say yet: others on this thread have their turn first.
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.shard.remove(self.key);
    }
}
