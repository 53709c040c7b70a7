//! Conflation: a client that fell far behind gets only the newest change of each resource, and is told how many were
//! left out. For a screen nothing is lost. It happens in stretches that are bounded by the ring and by a page.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::BytesMut;
use domain::{Position, ServerFrame, TenantId, Topic};

use crate::{catch_up::PIECE, entry::Entry, history::Source, state::State, subscription::Stage, wire};

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

impl Conflation {
    /// The topic is asked for anew, or not wanted any more.
    pub(crate) fn forget(&mut self, topic: Topic) {
        self.kept.retain(|kept| kept.topic != topic);
    }
}

impl State {
    /// Picks the newest change of each resource behind `start`, on every topic that was live before and has fallen so
    /// far behind that sending all of it helps nobody. Who resumes asked for all of it. Says whether there was such a
    /// topic.
    pub(crate) fn conflate(
        &mut self,
        key: usize,
        tenant: TenantId,
        start: Position,
        source: &Source,
    ) -> bool {
        let most = i64::try_from(self.config.conflate_after).unwrap_or(i64::MAX);
        let Self { connections, ring, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return false };
        let Some(run) = source.run(ring, start) else { return false };
        // What is left out of one topic must not take it ahead of another.
        if connection.has_one_cursor() && !connection.is_all_behind(start) {
            return false;
        }
        let (head, end) = (ring.head().get(), run.end);
        let mut kept = Vec::new();
        let mut notices = Vec::new();
        let mut any = false;
        for subscription in &mut connection.subscriptions {
            let Stage::Behind { cursor, last, owed: None } = subscription.stage else { continue };
            if !run.continues(cursor) || head - cursor.get() <= most {
                continue;
            }
            any = true;
            let (newest, skipped, last) =
                newest_of_each(run.behind(cursor), tenant, subscription.topic, last);
            if skipped > 0 {
                notices.push((subscription.topic, skipped));
            }
            kept.extend(newest);
            subscription.stage = Stage::Behind { cursor: end, last, owed: None };
        }
        if !any {
            return false;
        }
        kept.sort_by_key(|kept| kept.entry.position);
        connection.conflation = Some(Box::new(Conflation { kept: kept.into() }));
        for (topic, skipped) in notices {
            self.metrics.conflated(skipped);
            if let Some(connection) = self.connections.get_mut(key) {
                let notice = ServerFrame::Conflated { topic, skipped, position: end };
                connection.outbox.push(wire::message(connection.encoding, &notice, None));
            }
        }
        true
    }

    /// Puts the next of them into the outbox.
    pub(crate) fn send_conflated(&mut self, key: usize) {
        let Self { connections, scratch, epoch, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let encoding = connection.encoding;
        let Some(conflation) = &mut connection.conflation else { return };
        let mut piece = BytesMut::new();
        while piece.len() < PIECE
            && let Some(kept) = conflation.kept.pop_front()
        {
            // It may have been unsubscribed meanwhile.
            if connection.subscriptions.iter().any(|subscription| subscription.topic == kept.topic) {
                let next = conflation.kept.front().map(|next| next.entry.position);
                // Who has seen the entry on one topic hasn't seen it on the next.
                let epoch = epoch.filter(|_| next != Some(kept.entry.position));
                wire::put_change(&mut piece, scratch, (encoding, epoch), &kept.entry, kept.topic, kept.prev);
            }
        }
        if conflation.kept.is_empty() {
            connection.conflation = None;
        }
        connection.outbox.push(piece.freeze());
    }
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
}
