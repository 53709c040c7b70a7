//! Which connections of a shard are live on which topic; kept apart by the form in which they get their frames.

use std::collections::HashMap;

use bytes::BytesMut;
use domain::{Position, TenantId, Topic};

/// A tenant's topic.
pub(crate) type Key = (TenantId, Topic);

/// A topic that someone is live on.
#[derive(Debug)]
pub(crate) struct LiveTopic {
    /// Nothing on this topic lies between this position and the head.
    pub(crate) last: Position,
    /// The keys of the connections.
    pub(crate) connections: Vec<usize>,
    /// The frames of the batch under way.
    pub(crate) batch: BytesMut,
    /// This topic's place in the batch under way.
    pub(crate) place: usize,
}

/// All topics that someone is live on in one form.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    live: HashMap<Key, LiveTopic>,
}

impl Topics {
    /// A connection is live on a topic from the head on; it knows of `last`, and nothing on the topic lies between that
    /// and the head. The next `prev` is something that everybody who is live knows of.
    pub(crate) fn join(&mut self, key: Key, connection: usize, last: Position) {
        let topic = self.live.entry(key).or_insert_with(|| LiveTopic {
            last,
            connections: Vec::new(),
            batch: BytesMut::new(),
            place: 0,
        });
        topic.connections.push(connection);
        topic.last = topic.last.min(last);
    }

    /// A connection is no longer live on a topic. Says the last position on the topic, which the client knows.
    pub(crate) fn leave(&mut self, key: Key, connection: usize) -> Option<Position> {
        let topic = self.live.get_mut(&key)?;
        let place = topic.connections.iter().position(|other| *other == connection)?;
        topic.connections.swap_remove(place);
        let last = topic.last;
        if topic.connections.is_empty() {
            self.live.remove(&key);
        }
        Some(last)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&LiveTopic> {
        self.live.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut LiveTopic> {
        self.live.get_mut(key)
    }

    /// The stream starts anew: nobody is live any more.
    pub(crate) fn clear(&mut self) {
        self.live.clear();
    }

    /// Whether anyone is live on anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// How many pairs of connection and topic are live.
    pub(crate) fn count(&self) -> usize {
        self.live.values().map(|topic| topic.connections.len()).sum()
    }
}
