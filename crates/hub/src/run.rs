//! A run: contiguous entries, wherever they come from, as clients that aren't live are walked through them.

use std::sync::Arc;

use domain::Position;

use crate::entry::Entry;

/// Every entry behind `start`, up to and including `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) start: Position,
    pub(crate) end: Position,
    /// One behind the other: a ring's entries lie in two pieces.
    parts: [&'a [Arc<Entry>]; 2],
}

impl<'a> Run<'a> {
    /// The entries behind `start`, of those that are in the parts; the first of them has the position behind `floor`.
    /// Nothing if the run doesn't reach back so far.
    pub(crate) fn new(floor: Position, parts: [&'a [Arc<Entry>]; 2], start: Position) -> Option<Self> {
        // Positions are dense, so an entry's index follows from its position.
        let skip = usize::try_from(start.get() - floor.get()).ok()?;
        let [first, second] = parts;
        let parts = [
            first.get(skip..).unwrap_or_default(),
            second.get(skip.saturating_sub(first.len())..).unwrap_or_default(),
        ];
        let last = parts.iter().rev().find_map(|part| part.last());
        Some(Self { start, end: last.map_or(start, |last| last.position), parts })
    }

    /// The run up to a position.
    pub(crate) fn until(self, end: Position) -> Self {
        if end >= self.end {
            return self;
        }
        let mut left = usize::try_from(end.get() - self.start.get()).unwrap_or_default();
        let parts = self.parts.map(|part| {
            let taken = part.get(..left.min(part.len())).unwrap_or_default();
            left -= taken.len();
            taken
        });
        Self { end: end.max(self.start), parts, ..self }
    }

    /// Whether what lies right behind a position is here.
    pub(crate) fn continues(&self, cursor: Position) -> bool {
        self.start <= cursor && cursor < self.end
    }

    /// In order.
    pub(crate) fn entries(self) -> impl Iterator<Item = &'a Arc<Entry>> {
        let [first, second] = self.parts;
        first.iter().chain(second)
    }

    /// The entries behind a position that the run continues; all of them for one before it.
    pub(crate) fn behind(self, cursor: Position) -> impl Iterator<Item = &'a Arc<Entry>> {
        let skip = usize::try_from(cursor.get() - self.start.get()).unwrap_or_default();
        self.entries().skip(skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::{at, entry};

    fn positions<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>) -> Vec<i64> {
        entries.map(|entry| entry.position.get()).collect()
    }

    #[test]
    fn a_run_starts_and_ends_where_it_is_told_whatever_its_parts() {
        let entries: Vec<Arc<Entry>> = (11..=16).map(|position| entry(position, 1)).collect();
        for cut in 0..=6 {
            let (first, second) = entries.split_at(cut);
            for start in 10..=17 {
                let run = Run::new(at(10), [first, second], at(start)).unwrap();
                let all: Vec<i64> = (start + 1..=16).collect();
                assert_eq!(positions(run.entries()), all, "{cut} {start}");
                assert_eq!(run.end, at(start.max(16)));
                for end in start..=17 {
                    let run = run.until(at(end));
                    assert_eq!(positions(run.entries()), (start + 1..=end.min(16)).collect::<Vec<i64>>());
                    assert_eq!(run.end, at(end.min(start.max(16))));
                }
                assert_eq!(positions(run.behind(at(14))), (15.max(start + 1)..=16).collect::<Vec<i64>>());
            }
            assert!(Run::new(at(10), [first, second], at(9)).is_none());
        }
    }
}
