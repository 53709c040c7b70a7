//! What a client that isn't live gets: parts of a snapshot, then what it missed from the ring, or from pages that are
//! fetched for it, piece by piece as its socket takes it, until it is at the head and goes live.

use std::sync::Arc;

use bytes::BytesMut;
use domain::{CloseCode, Position, TenantId, Topic};

use crate::{
    connection::{AHEAD_MS, Connection, Phase},
    entry::Entry,
    history::Source,
    outbox::Written,
    snapshot::Snapshot,
    state::{State, Wanted},
    subscription::{Stage, Subscription},
    wire::{self, Encoding},
};

/// So much is prepared for a client at once.
pub(crate) const PIECE: usize = 64 * 1024;
/// An entry is looked at for each topic; so many looks make a piece, too.
const LOOKS: usize = 20_000;
/// So many pieces are sent to a client before others get their turn.
const ROUNDS: usize = 16;

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
        let Some(connection) = self.connections.get_mut(key) else { return false };
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
        let ahead = connection.cursors().any(|cursor| cursor > head);
        if ahead {
            self.wait_for_the_hub(key);
        }
        let Some(connection) = self.connections.get_mut(key) else { return false };
        let start = connection.cursors().filter(|cursor| *cursor <= head).min();
        let Some(start) = start.filter(|_| !(ahead && connection.has_one_cursor())) else {
            connection.history = None;
            return false;
        };
        if self.give_up_old(key) {
            return true;
        }
        if let Some(source) = self.source(key, start) {
            self.walk(key, tenant, start, &source);
        } else {
            // A page is on its way. Topics that don't need it go on meanwhile, if each has its own cursor.
            let floor = self.ring.floor();
            let apart = self.connections.get(key).filter(|connection| !connection.has_one_cursor());
            let cursors = apart.into_iter().flat_map(Connection::cursors);
            let Some(start) = cursors.filter(|cursor| (floor..=head).contains(cursor)).min() else {
                return false;
            };
            self.walk(key, tenant, start, &Source::Ring);
        }
        true
    }

    /// A client that has got further than this hub: it was at another one a moment ago, or its log isn't ours.
    fn wait_for_the_hub(&mut self, key: usize) {
        let now_ms = self.now_ms;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.ahead_since_ms.is_none() {
            connection.ahead_since_ms = Some(now_ms);
            self.ahead.push((key, connection.id));
            self.look_after(key, now_ms + AHEAD_MS);
        }
    }

    /// The hub has got further: looks again at those who wait for it.
    pub(crate) fn advance_those_ahead(&mut self) {
        let head = self.ring.head();
        for (key, id) in std::mem::take(&mut self.ahead) {
            let Some(connection) = self.connections.get_mut(key).filter(|found| found.id == id) else {
                continue;
            };
            if connection.cursors().any(|cursor| cursor > head) {
                self.ahead.push((key, id));
            } else {
                connection.ahead_since_ms = None;
            }
            self.advance(key);
        }
    }

    /// Goes on with the entries behind a position.
    fn walk(&mut self, key: usize, tenant: TenantId, start: Position, source: &Source) {
        if !self.conflate(key, tenant, start, source) {
            self.replay(key, tenant, start, source);
        }
    }

    /// Goes on with a client whose snapshot is here, or can't be had.
    pub(crate) fn snapshot_arrived(&mut self, wanted: &Wanted, snapshot: Option<Arc<Snapshot>>) {
        let (key, topic, since_ms) = (wanted.connection, wanted.topic, self.now_ms);
        let Some(connection) = self.connections.get_mut(key).filter(|found| found.id == wanted.id) else {
            return;
        };
        let Some(subscription) = connection.subscription(topic) else { return };
        let Stage::Loading(ask) = subscription.stage else { return };
        if let Some(snapshot) = snapshot {
            subscription.stage = Stage::Initial { ask, snapshot, next: 0, since_ms };
            return self.advance(key);
        }
        let one_cursor = connection.has_one_cursor();
        self.unsubscribe(key, topic);
        if one_cursor {
            return self.close(key, CloseCode::TryLater, "the snapshot can't be had at the moment");
        }
        let detail = "the snapshot can't be had at the moment; subscribe again in a while";
        self.send_error(key, ask.reference, "snapshot_unavailable", detail);
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

    /// Sends the entries behind `start` on the topics that aren't live and have got so far, until a piece is full or
    /// there are no more.
    fn replay(&mut self, key: usize, tenant: TenantId, start: Position, source: &Source) {
        let Self { connections, ring, scratch, epoch, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let Some(run) = source.run(ring, start) else { return };
        let encoding = connection.encoding;
        let mut piece = BytesMut::new();
        let mut reached = run.end;
        let mut taken: Vec<(Topic, Position)> = Vec::new();
        let mut looks = LOOKS;
        for entry in run.entries() {
            if piece.len() >= PIECE || looks == 0 {
                reached = Position::new(entry.position.get() - 1).unwrap_or(start);
                break;
            }
            looks = looks.saturating_sub(connection.subscriptions.len());
            if entry.tenant != tenant {
                continue;
            }
            for subscription in &mut connection.subscriptions {
                if let Some(prev) = subscription.take_entry(start, entry) {
                    taken.push((subscription.topic, prev));
                }
            }
            let last = taken.len().saturating_sub(1);
            for (place, (topic, prev)) in taken.drain(..).enumerate() {
                // Who has seen the entry on one topic hasn't seen it on the next.
                let epoch = epoch.filter(|_| place == last);
                wire::put_change(&mut piece, scratch, (encoding, epoch), entry, topic, prev);
            }
        }
        let finished = reached == ring.head();
        let mut arrived = Vec::new();
        for subscription in &mut connection.subscriptions {
            if let Stage::Behind { cursor, .. } = &mut subscription.stage
                && (start..=reached).contains(cursor)
            {
                *cursor = reached;
                if finished {
                    arrived.push(subscription.topic);
                }
            }
        }
        connection.outbox.push(piece.freeze());
        // Live only with an empty outbox: what can't be written now would have to wait for ever more.
        if !arrived.is_empty() && self.flush(key) {
            self.go_live(key, &arrived);
        }
    }
}

impl Subscription {
    /// Whether an entry is the next one of this subscription, which isn't live: then what came before it. One that
    /// hasn't got to `start` would miss what lies between.
    fn take_entry(&mut self, start: Position, entry: &Entry) -> Option<Position> {
        let Stage::Behind { cursor, last, .. } = &mut self.stage else { return None };
        if *cursor < start || entry.position <= *cursor || !entry.topics.contains(&self.topic) {
            return None;
        }
        Some(std::mem::replace(last, entry.position))
    }
}

fn next_initial(connection: &Connection) -> Option<Topic> {
    let initial = |subscription: &&Subscription| matches!(subscription.stage, Stage::Initial { .. });
    connection.subscriptions.iter().find(initial).map(|subscription| subscription.topic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::{at, entry};

    #[test]
    fn a_subscription_takes_only_its_own_entries_and_each_once() {
        let mut subscription = Subscription {
            topic: Topic::Item(domain::ItemId::new(2).unwrap()),
            stage: Stage::Behind { cursor: at(4), last: at(2), owed: None },
        };
        let taken: Vec<Option<Position>> = [entry(4, 2), entry(5, 1), entry(6, 2), entry(7, 2)]
            .iter()
            .map(|entry| subscription.take_entry(at(3), entry))
            .collect();
        assert_eq!(taken, [None, None, Some(at(2)), Some(at(6))]);
        assert_eq!(subscription.take_entry(at(5), &entry(8, 2)), None, "it isn't there yet");
    }
}
