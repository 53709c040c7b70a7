//! What a client that isn't live gets: parts of a snapshot, then what it missed from the ring, piece by piece as
//! its socket takes it, until it is at the head and goes live.
//!
//! A client that fell far behind gets only the newest change of each resource, and is told how many were left
//! out. That is bounded by the ring, and for a screen nothing is lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::BytesMut;
use domain::{Position, ResyncReason, ServerFrame, TenantId, Topic};

use crate::{
    connection::{Connection, Phase},
    entry::Entry,
    outbox::Written,
    state::State,
    subscription::{Stage, Subscription},
    wire::{self, Encoding},
};

/// So much is prepared for a client at once.
const PIECE: usize = 64 * 1024;
/// So many pieces are sent to a client before others get their turn.
const ROUNDS: usize = 16;

impl Conflation {
    /// The topic is asked for anew, or not wanted any more.
    pub(crate) fn forget(&mut self, topic: Topic) {
        self.kept.retain(|kept| kept.topic != topic);
    }
}

/// The newest change of each resource, on its way to a client that fell behind.
#[derive(Debug)]
pub(crate) struct Conflation {
    kept: VecDeque<Kept>,
}

#[derive(Debug)]
struct Kept {
    topic: Topic,
    prev: Position,
    entry: Arc<Entry>,
}

impl State {
    /// Gives a client what it waits for, as far as its socket takes it.
    pub(crate) fn advance(&mut self, key: usize) {
        for _ in 0..ROUNDS {
            if !self.flush(key) || !self.produce(key) {
                return;
            }
        }
        if let Some(connection) = self.connections.get(key) {
            connection.link.kick();
        }
    }

    /// Writes what waits; says whether all of it is gone.
    fn flush(&mut self, key: usize) -> bool {
        let now_ms = self.now_ms;
        let Some(connection) = self.connections.get_mut(key) else { return false };
        if connection.outbox.is_empty() {
            return true;
        }
        match connection.outbox.flush(&connection.link) {
            Ok((Written::All, _)) => {
                let over = connection.encoding != Encoding::Socket
                    && matches!(connection.phase, Phase::Closing { .. });
                connection.blocked_ms = None;
                // Taking bytes is a sign of life: no ping was sent meanwhile that could have been answered.
                connection.heard_ms = now_ms;
                if over {
                    // A response just ends; nobody answers.
                    self.end(key);
                }
                !over
            }
            Ok((Written::Blocked, written)) => {
                if written > 0 {
                    connection.heard_ms = now_ms;
                    connection.blocked_ms = connection.blocked_ms.map(|_| now_ms);
                }
                self.blocked(key);
                false
            }
            Err(_) => {
                self.end(key);
                false
            }
        }
    }

    /// Puts the next piece into the outbox, or makes subscriptions live; says whether there was anything to do.
    fn produce(&mut self, key: usize) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        let Some(tenant) = connection.identity().map(|identity| identity.tenant) else { return false };
        if connection.waits_for_all() {
            return false;
        }
        if let Some(topic) = next_initial(connection) {
            self.send_initial(key, topic);
            return true;
        }
        if connection.conflation.is_some() {
            self.send_conflated(key);
            return true;
        }
        let head = self.ring.head();
        let Some(start) = behind_cursors(connection).filter(|cursor| *cursor <= head).min() else {
            if behind_cursors(connection).next().is_some() && !self.ahead.contains(&key) {
                self.ahead.push(key);
            }
            return false;
        };
        if self.ring.behind(start).is_none() {
            self.give_up_old(key);
        } else if self.is_far_behind(key) {
            self.conflate(key, tenant);
        } else {
            self.replay(key, tenant, start);
        }
        true
    }

    fn send_initial(&mut self, key: usize, topic: Topic) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(subscription) = connection.subscription(topic) else { return };
        let Stage::Initial { ask, snapshot, next, .. } = &mut subscription.stage else { return };
        let Some(part) = snapshot.parts.get(*next).cloned() else {
            let (cursor, owed) = (snapshot.as_of.position, Some(*ask));
            subscription.stage = Stage::Behind { cursor, last: cursor, owed };
            return;
        };
        *next += 1;
        let more = *next < snapshot.parts.len();
        let as_of = snapshot.as_of;
        let reference = ask.reference.map_or_else(|| "null".to_owned(), |reference| reference.to_string());
        let before = format!(
            r#"{{"type":"initial","ref":{reference},"topic":"{topic}","as_of":{{"epoch":"{}","position":{}}},"data":"#,
            as_of.epoch, as_of.position
        );
        let after = format!(r#","more":{more}}}"#);
        let (before, after) = wire::around(connection.encoding, &before, part.len(), &after);
        for piece in [before, part, after] {
            connection.outbox.push(piece);
        }
    }

    /// Sends the entries behind `start` on the topics that aren't live, until a piece is full or the head reached.
    fn replay(&mut self, key: usize, tenant: TenantId, start: Position) {
        let Self { connections, ring, scratch, epoch, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let Some(entries) = ring.behind(start) else { return };
        let form = (connection.encoding, *epoch);
        let mut piece = BytesMut::new();
        let mut reached = ring.head();
        for entry in entries {
            if piece.len() >= PIECE {
                reached = Position::new(entry.position.get() - 1).unwrap_or(start);
                break;
            }
            if entry.tenant != tenant {
                continue;
            }
            for subscription in &mut connection.subscriptions {
                if let Some(prev) = subscription.take_entry(entry) {
                    wire::put_change(&mut piece, scratch, form, entry, subscription.topic, prev);
                }
            }
        }
        let finished = reached == ring.head();
        let mut arrived = Vec::new();
        for subscription in &mut connection.subscriptions {
            if let Stage::Behind { cursor, .. } = &mut subscription.stage
                && *cursor <= reached
            {
                *cursor = reached;
                if finished {
                    arrived.push(subscription.topic);
                }
            }
        }
        connection.outbox.push(piece.freeze());
        // Live only with an empty outbox: what can't be written now would have to wait for ever more.
        for topic in arrived {
            // Going live may send something that blocks: whoever is left has another turn at the head.
            if !self.flush(key) {
                return;
            }
            self.go_live(key, topic);
        }
    }

    /// What lies behind a cursor is gone from the ring: the client must read anew.
    fn give_up_old(&mut self, key: usize) {
        let Some(connection) = self.connections.get(key) else { return };
        let old: Vec<Topic> = connection
            .subscriptions
            .iter()
            .filter(|subscription| {
                matches!(subscription.stage, Stage::Behind { cursor, .. } if self.ring.behind(cursor).is_none())
            })
            .map(|subscription| subscription.topic)
            .collect();
        for topic in old {
            self.resync(key, topic, ResyncReason::TooOld);
        }
    }

    /// Whether a subscription that was live before has fallen so far behind that sending all of it helps nobody.
    /// Who resumes asked for all of it.
    fn is_far_behind(&self, key: usize) -> bool {
        let head = self.ring.head().get();
        let most = i64::try_from(self.config.conflate_after).unwrap_or(i64::MAX);
        self.connections.get(key).is_some_and(|connection| {
            connection.subscriptions.iter().any(|subscription| {
                matches!(subscription.stage, Stage::Behind { cursor, owed: None, .. } if head - cursor.get() > most)
            })
        })
    }

    /// Picks the newest change of each resource on every topic that fell behind, up to the head.
    fn conflate(&mut self, key: usize, tenant: TenantId) {
        let head = self.ring.head();
        let Self { connections, ring, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let mut kept = Vec::new();
        let mut notices = Vec::new();
        for subscription in &mut connection.subscriptions {
            let Stage::Behind { cursor, last, owed: None } = subscription.stage else { continue };
            let Some(entries) = ring.behind(cursor) else { continue };
            let (newest, skipped, last) = newest_of_each(entries, tenant, subscription.topic, last);
            if skipped > 0 {
                notices.push((subscription.topic, skipped));
            }
            kept.extend(newest);
            subscription.stage = Stage::Behind { cursor: head, last, owed: None };
        }
        kept.sort_by_key(|kept| kept.entry.position);
        connection.conflation = Some(Box::new(Conflation { kept: kept.into() }));
        for (topic, skipped) in notices {
            self.metrics.conflated(skipped);
            if let Some(connection) = self.connections.get_mut(key) {
                let notice = ServerFrame::Conflated { topic, skipped, position: head };
                connection.outbox.push(wire::message(connection.encoding, &notice, None));
            }
        }
    }

    fn send_conflated(&mut self, key: usize) {
        let Self { connections, scratch, epoch, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let form = (connection.encoding, *epoch);
        let Some(conflation) = &mut connection.conflation else { return };
        let mut piece = BytesMut::new();
        while piece.len() < PIECE
            && let Some(kept) = conflation.kept.pop_front()
        {
            // It may have been unsubscribed meanwhile.
            if connection.subscriptions.iter().any(|subscription| subscription.topic == kept.topic) {
                wire::put_change(&mut piece, scratch, form, &kept.entry, kept.topic, kept.prev);
            }
        }
        if conflation.kept.is_empty() {
            connection.conflation = None;
        }
        connection.outbox.push(piece.freeze());
    }
}

impl Subscription {
    /// Whether an entry is the next one of this subscription, which isn't live: then what came before it.
    fn take_entry(&mut self, entry: &Entry) -> Option<Position> {
        let Stage::Behind { cursor, last, .. } = &mut self.stage else { return None };
        if entry.position <= *cursor || !entry.topics.contains(&self.topic) {
            return None;
        }
        Some(std::mem::replace(last, entry.position))
    }
}

fn next_initial(connection: &Connection) -> Option<Topic> {
    let initial = |subscription: &&Subscription| matches!(subscription.stage, Stage::Initial { .. });
    connection.subscriptions.iter().find(initial).map(|subscription| subscription.topic)
}

fn behind_cursors(connection: &Connection) -> impl Iterator<Item = Position> {
    connection.subscriptions.iter().filter_map(|subscription| match subscription.stage {
        Stage::Behind { cursor, .. } => Some(cursor),
        _ => None,
    })
}

/// The newest entry of each key on a topic, each with what came right before it on the topic; how many others
/// there were; and the last position on the topic.
fn newest_of_each<'a>(
    entries: impl Iterator<Item = &'a Arc<Entry>>,
    tenant: TenantId,
    topic: Topic,
    mut last: Position,
) -> (Vec<Kept>, u64, Position) {
    let mut newest: HashMap<&'a str, Kept> = HashMap::new();
    let mut skipped = 0;
    for entry in entries.filter(|entry| entry.tenant == tenant && entry.topics.contains(&topic)) {
        let prev = std::mem::replace(&mut last, entry.position);
        let kept = Kept { topic, prev, entry: entry.clone() };
        skipped += u64::from(newest.insert(&entry.key, kept).is_some());
    }
    (newest.into_values().collect(), skipped, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::{at, entry};

    #[test]
    fn conflation_keeps_the_newest_and_a_true_prev() {
        let entries = [entry(5, 1), entry(6, 2), entry(7, 1), entry(8, 1)];
        let (mut kept, skipped, last) =
            newest_of_each(entries.iter(), TenantId::DEFAULT, Topic::Items, at(3));
        kept.sort_by_key(|kept| kept.entry.position);
        let kept: Vec<(i64, i64)> =
            kept.iter().map(|kept| (kept.prev.get(), kept.entry.position.get())).collect();
        assert_eq!(kept, [(5, 6), (7, 8)]);
        assert_eq!((skipped, last), (2, at(8)));
    }

    #[test]
    fn a_subscription_takes_only_its_own_entries_and_each_once() {
        let mut subscription = Subscription {
            topic: Topic::Item(domain::ItemId::new(2).unwrap()),
            stage: Stage::Behind { cursor: at(4), last: at(2), owed: None },
        };
        let taken: Vec<Option<Position>> = [entry(4, 2), entry(5, 1), entry(6, 2), entry(7, 2)]
            .iter()
            .map(|entry| subscription.take_entry(entry))
            .collect();
        assert_eq!(taken, [None, None, Some(at(2)), Some(at(6))]);
    }
}
