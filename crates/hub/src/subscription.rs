//! A client's interest in a topic, and how far it has got: the stages from asking to live.

use std::sync::Arc;

use domain::{Cursor, Position, Topic};

use crate::snapshot::Snapshot;

/// What a client of the HTTP fallbacks asks for, all at once.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) topics: Vec<Topic>,
    /// Resume behind this cursor.
    pub(crate) after: Option<Cursor>,
    /// The current state first; with `after`, only if resuming is not possible.
    pub(crate) snapshot: bool,
}

/// A topic that a client asked for.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) topic: Topic,
    pub(crate) stage: Stage,
}

/// How far a subscription has got.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The snapshot is on its way to the hub.
    Loading(Ask),
    /// The snapshot is on its way to the client: this part is next.
    Initial {
        ask: Ask,
        snapshot: Arc<Snapshot>,
        next: usize,
        /// In the shard's milliseconds: a slow reader must not keep a snapshot in memory for ever.
        since_ms: u64,
    },
    /// Entries up to `cursor` are done with; those behind are read from the ring, or from pages that are fetched, as
    /// the socket takes them.
    Behind {
        cursor: Position,
        /// The last position on this topic that the client knows of.
        last: Position,
        /// The `subscribed` that is owed once this is live.
        owed: Option<Ask>,
    },
    /// Every entry is sent as it comes.
    Live,
}

/// What a `subscribed` must say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) reference: Option<u64>,
    pub(crate) recovered: bool,
    /// What can't be resumed shall be answered with a snapshot instead of a resync.
    pub(crate) snapshot: bool,
    /// Some of it was older than the ring.
    pub(crate) backfilled: bool,
}

impl Ask {
    /// Nothing that was missed will be delivered.
    pub(crate) const fn not_recovered(self) -> Self {
        Self { recovered: false, snapshot: false, backfilled: false, ..self }
    }
}

impl Subscription {
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live)
    }
}
