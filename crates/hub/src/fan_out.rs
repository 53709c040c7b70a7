//! Fan-out: a batch of entries to everybody who is live on their topics. One serialisation for each change, topic and
//! encoding in use, one write for each client and batch, no allocation for a client that keeps up.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use domain::Position;

use crate::{
    connection::Met,
    entry::Entry,
    outbox::Written,
    state::State,
    topics::Key,
    wire::{self, Encoding},
};

/// So many bytes of frames are sent to a client at once.
const PART: usize = 128 * 1024;

/// A frame in the batch of the topic at a place.
struct Part {
    place: usize,
    range: Range<usize>,
    position: Position,
}

/// A batch, serialised: the topics that someone is live on, each with its frames, and the order among them.
struct Batch {
    encoding: Encoding,
    topics: Vec<(Key, Bytes)>,
    parts: Vec<Part>,
}

/// Who didn't take everything.
#[derive(Default)]
struct Undelivered {
    full: Vec<usize>,
    broken: Vec<usize>,
}

impl State {
    /// Takes the next entries and sends them to whoever is live, a part at a time: a client that doesn't take the
    /// first part reads the rest from the ring, so that no outbox holds more than one.
    pub(crate) fn fan_out_in_parts(&mut self, batches: &[Arc<[Arc<Entry>]>]) {
        let entries: Vec<&Arc<Entry>> = batches.iter().flat_map(|entries| entries.iter()).collect();
        let (mut start, mut bytes) = (0, 0);
        for (place, entry) in entries.iter().enumerate() {
            bytes += entry.frame.len();
            if bytes >= PART || place + 1 == entries.len() {
                self.fan_out(&entries[start..=place]);
                (start, bytes) = (place + 1, 0);
            }
        }
    }

    /// Sends a part.
    fn fan_out(&mut self, entries: &[&Arc<Entry>]) {
        for entry in entries {
            self.ring.push((*entry).clone());
        }
        let mut undelivered = Undelivered::default();
        for encoding in Encoding::ALL {
            if self.topics[encoding as usize].is_empty() {
                continue;
            }
            let batch = self.serialise(encoding, entries);
            match batch.topics.as_slice() {
                [] => {}
                [_] => self.send_one_topic(&batch, &mut undelivered),
                _ => self.send_several_topics(&batch, &mut undelivered),
            }
        }
        for key in undelivered.broken {
            self.end(key);
        }
        for key in undelivered.full {
            self.blocked(key);
        }
        self.advance_those_ahead();
    }

    fn serialise(&mut self, encoding: Encoding, entries: &[&Arc<Entry>]) -> Batch {
        let Self { topics, scratch, epoch, .. } = self;
        let topics = &mut topics[encoding as usize];
        let mut batch = Batch { encoding, topics: Vec::new(), parts: Vec::new() };
        let mut touched: Vec<Key> = Vec::new();
        for entry in entries {
            for topic in &entry.topics {
                let key = (entry.tenant, *topic);
                let Some(live) = topics.get_mut(&key) else { continue };
                if live.batch.is_empty() {
                    live.place = touched.len();
                    touched.push(key);
                }
                let start = live.batch.len();
                wire::put_change(&mut live.batch, scratch, (encoding, *epoch), entry, *topic, live.last);
                live.last = entry.position;
                let range = start..live.batch.len();
                batch.parts.push(Part { place: live.place, range, position: entry.position });
            }
        }
        for key in touched {
            let frames = topics.get_mut(&key).map(|live| live.batch.split().freeze());
            batch.topics.push((key, frames.unwrap_or_default()));
        }
        batch
    }

    /// The common case: everybody gets the same bytes.
    fn send_one_topic(&mut self, batch: &Batch, undelivered: &mut Undelivered) {
        let Self { topics, connections, metrics, .. } = self;
        let Some((key, frames)) = batch.topics.first() else { return };
        let Some(live) = topics[batch.encoding as usize].get(key) else { return };
        for key in &live.connections {
            let Some(connection) = connections.get_mut(*key) else { continue };
            match connection.outbox.send(&connection.link, frames.clone()) {
                Ok(Written::All) => {}
                Ok(Written::Blocked) => undelivered.full.push(*key),
                Err(_) => undelivered.broken.push(*key),
            }
        }
        metrics.delivered(live.connections.len(), frames.len());
    }

    /// Clients that are live on several topics of the batch get their frames merged, in the order of the log.
    fn send_several_topics(&mut self, batch: &Batch, undelivered: &mut Undelivered) {
        let Self { topics, connections, metrics, .. } = self;
        let topics = &topics[batch.encoding as usize];
        let mut met = Vec::new();
        for (place, (key, _)) in batch.topics.iter().enumerate() {
            for key in topics.get(key).into_iter().flat_map(|live| &live.connections) {
                let Some(connection) = connections.get_mut(*key) else { continue };
                if connection.met == Met::NotYet {
                    connection.met = Met::OnTopic(place);
                    met.push(*key);
                } else {
                    connection.met = Met::OnSeveral;
                }
            }
        }
        for key in met {
            let Some(connection) = connections.get_mut(key) else { continue };
            let frames = match std::mem::replace(&mut connection.met, Met::NotYet) {
                Met::OnTopic(place) => batch.topics.get(place).map(|(_, frames)| frames.clone()),
                _ => {
                    let live: Vec<bool> = batch
                        .topics
                        .iter()
                        .map(|((_, topic), _)| {
                            connection.subscriptions.iter().any(|mine| mine.topic == *topic && mine.is_live())
                        })
                        .collect();
                    let tenant = connection.identity().map(|identity| identity.tenant);
                    Some(merge(batch, |place| {
                        live[place] && batch.topics.get(place).map(|((owner, _), _)| *owner) == tenant
                    }))
                }
            };
            let frames = frames.unwrap_or_default();
            metrics.delivered(1, frames.len());
            match connection.outbox.send(&connection.link, frames) {
                Ok(Written::All) => {}
                Ok(Written::Blocked) => undelivered.full.push(key),
                Err(_) => undelivered.broken.push(key),
            }
        }
    }
}

/// The frames of some topics in the order of the log.
fn merge(batch: &Batch, wanted: impl Fn(usize) -> bool) -> Bytes {
    let mut merged = BytesMut::new();
    let mut parts = batch.parts.iter().filter(|part| wanted(part.place)).peekable();
    while let Some(part) = parts.next() {
        let Some((_, frames)) = batch.topics.get(part.place) else { continue };
        let frame = &frames[part.range.clone()];
        // Who has seen the entry on one topic hasn't seen it on the next.
        let follows = parts.peek().is_some_and(|next| next.position == part.position);
        merged.extend_from_slice(if follows { wire::without_id(batch.encoding, frame) } else { frame });
    }
    merged.freeze()
}
