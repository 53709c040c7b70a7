//! The newest entries of the log, in memory, for hubs that follow closely. What is older is read from the log.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{Cursor, Position};
use tokio::sync::watch;

use crate::entry::Entry;

/// A contiguous run of entries that ends at the head.
#[derive(Debug)]
pub(crate) struct Window {
    most: usize,
    entries: RwLock<VecDeque<Arc<Entry>>>,
    /// `None` until the log was read for the first time.
    head: watch::Sender<Option<Cursor>>,
}

impl Window {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), entries: RwLock::new(VecDeque::new()), head: watch::Sender::new(None) }
    }

    /// The log's identity and newest position as far as this notifier knows.
    pub(crate) fn head(&self) -> Option<Cursor> {
        *self.head.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Cursor>> {
        self.head.subscribe()
    }

    /// Starts anew behind a cursor.
    pub(crate) fn restart(&self, cursor: Cursor) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.head.send_replace(Some(cursor));
    }

    /// Appends what follows the head; the caller has seen to it that nothing is missing between.
    pub(crate) fn append(&self, batch: Vec<Entry>) {
        let Some(last) = batch.last().map(|entry| entry.position) else { return };
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.extend(batch.into_iter().map(Arc::new));
        let too_many = entries.len().saturating_sub(self.most);
        entries.drain(..too_many);
        // Still under the lock: a feed that sent these entries before the head was told of them would find its cursor
        // past the head, which looks like another log.
        self.head.send_modify(|head| {
            if let Some(head) = head {
                head.position = last;
            }
        });
        drop(entries);
        metrics::gauge!("stockwire_log_position").set(position_as_float(last));
    }

    /// At most `most` entries behind a position: nothing if the window doesn't reach back that far.
    pub(crate) fn behind(&self, after: Position, most: usize) -> Option<Vec<Arc<Entry>>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = entries.front() else {
            return (self.head()?.position <= after).then(Vec::new);
        };
        // Positions are dense, so an entry's index follows from its position.
        let skip = usize::try_from(after.next().get() - first.position.get()).ok()?;
        Some(entries.iter().skip(skip).take(most).cloned().collect())
    }
}

/// Positions stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and positions stay far below 2^53")]
pub(crate) fn position_as_float(position: Position) -> f64 {
    position.get() as f64
}

#[cfg(test)]
mod tests {
    use domain::Epoch;

    use super::*;

    fn entries(positions: std::ops::RangeInclusive<i64>) -> Vec<Entry> {
        positions.map(|at| Entry { position: Position::new(at).unwrap(), text: "".into() }).collect()
    }

    fn behind(window: &Window, after: i64) -> Option<Vec<i64>> {
        let found = window.behind(Position::new(after).unwrap(), 2)?;
        Some(found.iter().map(|entry| entry.position.get()).collect())
    }

    #[test]
    fn it_answers_contiguously_or_not_at_all() {
        let window = Window::new(3);
        assert_eq!(behind(&window, 0), None);
        let epoch: Epoch = "00000000000000000000000000000001".parse().unwrap();
        window.restart(Cursor { epoch, position: Position::new(7).unwrap() });
        assert_eq!(behind(&window, 6), None);
        assert_eq!(behind(&window, 7), Some(vec![]));
        window.append(entries(8..=9));
        assert_eq!(behind(&window, 7), Some(vec![8, 9]));
        window.append(entries(10..=12));
        assert_eq!(behind(&window, 8), None);
        assert_eq!(behind(&window, 9), Some(vec![10, 11]));
        assert_eq!(behind(&window, 12), Some(vec![]));
        assert_eq!(window.head().unwrap().position.get(), 12);
    }
}
