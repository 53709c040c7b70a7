//! An entry of the log in the hub's memory: what the feed said, with the frame's bytes as they came.

use std::sync::Arc;

use domain::{Cursor, Operation, Position, ResyncReason, TenantId, Topic, feed::FeedEntry};

/// One change; shared by all shards.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) tenant: TenantId,
    pub(crate) op: Operation,
    pub(crate) topics: Box<[Topic]>,
    /// Of several entries with the same key, a client that fell behind needs only the newest.
    pub(crate) key: Box<str>,
    pub(crate) at_us: i64,
    /// The frame's fields behind `type`, `topic` and `prev`: a JSON object.
    pub(crate) frame: Box<[u8]>,
}

impl Entry {
    /// About how much memory it takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Self>() + self.frame.len() + self.key.len() + size_of_val(&*self.topics)
    }
}

impl From<FeedEntry<'_>> for Entry {
    fn from(entry: FeedEntry<'_>) -> Self {
        Self {
            position: entry.position,
            tenant: entry.tenant,
            op: entry.op,
            topics: entry.topics.into_boxed_slice(),
            key: entry.key.into(),
            at_us: entry.at_us,
            frame: entry.frame.get().as_bytes().into(),
        }
    }
}

/// What the feed tells every shard.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// The next entries, in order, without a gap.
    Entries(Arc<[Arc<Entry>]>),
    /// The hub's stream starts anew behind this cursor; the reason is missing at the very first start.
    Restart(Cursor, Option<ResyncReason>),
}
