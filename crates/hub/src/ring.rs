//! The newest entries, bounded in count and bytes: what clients resume from and catch up with.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use domain::Position;

use crate::{entry::Entry, run::Run};

/// A contiguous run of entries that ends at the head. Each shard has its own; the entries are shared.
#[derive(Debug)]
pub(crate) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    most_entries: usize,
    most_bytes: usize,
    /// Everything behind this position is in the ring.
    floor: Position,
    head: Position,
}

impl Ring {
    pub(crate) fn new(most_entries: usize, most_bytes: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            most_entries: most_entries.max(1),
            most_bytes,
            floor: Position::START,
            head: Position::START,
        }
    }

    pub(crate) fn restart(&mut self, position: Position) {
        self.entries = VecDeque::new();
        self.bytes = 0;
        (self.floor, self.head) = (position, position);
    }

    pub(crate) fn push(&mut self, entry: Arc<Entry>) {
        self.head = entry.position;
        self.bytes += entry.cost();
        self.entries.push_back(entry);
        while self.entries.len() > self.most_entries || self.bytes > self.most_bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.cost();
            self.floor = oldest.position;
        }
    }

    /// The newest position.
    pub(crate) const fn head(&self) -> Position {
        self.head
    }

    /// Everything behind this position is here.
    pub(crate) const fn floor(&self) -> Position {
        self.floor
    }

    /// Entries that are kept, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes)
    }

    /// From when to when the entries were written.
    pub(crate) fn span(&self) -> Duration {
        let (Some(oldest), Some(newest)) = (self.entries.front(), self.entries.back()) else {
            return Duration::ZERO;
        };
        Duration::from_micros((newest.at_us - oldest.at_us).max(0).unsigned_abs())
    }

    /// The entries behind a position: contiguous, or nothing.
    pub(crate) fn behind(&self, after: Position) -> Option<Run<'_>> {
        let (older, newer) = self.entries.as_slices();
        Run::new(self.floor, [older, newer], after)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::{TenantId, Topic, feed::FrameType};

    use super::*;

    pub(crate) fn at(position: i64) -> Position {
        Position::new(position).unwrap()
    }

    pub(crate) fn entry(position: i64, item: i64) -> Arc<Entry> {
        let id = domain::ItemId::new(item).unwrap();
        Arc::new(Entry {
            position: at(position),
            tenant: TenantId::DEFAULT,
            frame_type: FrameType::Update,
            topics: Box::new([Topic::Items, Topic::Item(id)]),
            key: format!("item:{item}").into(),
            at_us: 0,
            frame: format!(r#"{{"id":{item},"position":{position}}}"#).into_bytes().into(),
            ended: None,
        })
    }

    fn behind(ring: &Ring, after: i64) -> Option<Vec<i64>> {
        Some(ring.behind(at(after))?.entries().map(|entry| entry.position.get()).collect())
    }

    #[test]
    fn it_answers_contiguously_or_not_at_all() {
        let mut ring = Ring::new(3, usize::MAX);
        ring.restart(at(10));
        assert_eq!(behind(&ring, 9), None);
        assert_eq!(behind(&ring, 10), Some(vec![]));
        for position in 11..=15 {
            ring.push(entry(position, 1));
        }
        assert_eq!(behind(&ring, 11), None);
        assert_eq!(behind(&ring, 12), Some(vec![13, 14, 15]));
        assert_eq!(behind(&ring, 14), Some(vec![15]));
        assert_eq!(behind(&ring, 15), Some(vec![]));
        assert_eq!(behind(&ring, 99), Some(vec![]));
    }

    #[test]
    fn its_bytes_are_bounded_too() {
        let mut ring = Ring::new(1000, entry(1, 1).cost() * 2);
        for position in 1..=5 {
            ring.push(entry(position, 1));
        }
        assert_eq!(behind(&ring, 3), Some(vec![4, 5]));
        assert_eq!(behind(&ring, 2), None);
    }
}
