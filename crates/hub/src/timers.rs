//! When to look after which connection: heartbeats, time-outs, expiring tokens. One queue for all of a shard, so that
//! a tick touches only the connections that something is due for.

use std::{cmp::Reverse, collections::BinaryHeap};

/// No time at all, in the shard's milliseconds.
pub(crate) const NEVER: u64 = u64::MAX;

/// A queue of due times. A connection may be in it more than once: the time that it remembers itself counts.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BinaryHeap<Reverse<Due>>,
}

/// A moment at which a connection has to be looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) at_ms: u64,
    pub(crate) key: usize,
    /// The connection's id: its key may belong to another one by then.
    pub(crate) id: u64,
}

impl Timers {
    pub(crate) fn add(&mut self, due: Due) {
        if due.at_ms != NEVER {
            self.queue.push(Reverse(due));
        }
    }

    /// What is due, the earliest first.
    pub(crate) fn next(&mut self, now_ms: u64) -> Option<Due> {
        let Reverse(first) = self.queue.peek()?;
        if first.at_ms > now_ms {
            return None;
        }
        self.queue.pop().map(|Reverse(due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_its_order_and_not_before() {
        let mut timers = Timers::default();
        for (at_ms, key) in [(30, 1), (10, 2), (NEVER, 3), (20, 4)] {
            timers.add(Due { at_ms, key, id: 0 });
        }
        let due = |timers: &mut Timers, now_ms| timers.next(now_ms).map(|due| due.key);
        assert_eq!(due(&mut timers, 9), None);
        assert_eq!(
            (due(&mut timers, 25), due(&mut timers, 25), due(&mut timers, 25)),
            (Some(2), Some(4), None)
        );
        assert_eq!((due(&mut timers, 1000), due(&mut timers, 1000)), (Some(1), None));
    }
}
