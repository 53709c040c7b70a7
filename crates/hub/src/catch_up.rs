//! What a client that isn't live gets: parts of a snapshot, then what it missed from the ring, or from pages that are
//! fetched for it, piece by piece as its socket takes it, until it is at the head and goes live.

use bytes::BytesMut;
use domain::{Position, TenantId, Topic};

use crate::{
    connection::{Connection, Phase},
    entry::Entry,
    history::Source,
    outbox::Written,
    state::State,
    subscription::{Stage, Subscription},
    wire::{self, Encoding},
};

/// So much is prepared for a client at once.
pub(crate) const PIECE: usize = 64 * 1024;
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
        let Some(start) = connection.cursors().filter(|cursor| *cursor <= head).min() else {
            if connection.cursors().next().is_some() && !self.ahead.contains(&key) {
                self.ahead.push(key);
            }
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

    /// Goes on with the entries behind a position.
    fn walk(&mut self, key: usize, tenant: TenantId, start: Position, source: &Source) {
        if !self.conflate(key, tenant, start, source) {
            self.replay(key, tenant, start, source);
        }
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
        let form = (connection.encoding, *epoch);
        let mut piece = BytesMut::new();
        let mut reached = run.end;
        for entry in run.entries() {
            if piece.len() >= PIECE {
                reached = Position::new(entry.position.get() - 1).unwrap_or(start);
                break;
            }
            if entry.tenant != tenant {
                continue;
            }
            for subscription in &mut connection.subscriptions {
                if let Some(prev) = subscription.take_entry(start, entry) {
                    wire::put_change(&mut piece, scratch, form, entry, subscription.topic, prev);
                }
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
        for topic in arrived {
            // Going live may send something that blocks: whoever is left has another turn at the head.
            if !self.flush(key) {
                return;
            }
            self.go_live(key, topic);
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
