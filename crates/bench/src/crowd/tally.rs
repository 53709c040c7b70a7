//! What happened to a crowd, in numbers that can be read while it happens.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Counters that all clients share.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) handshakes: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) unreachable: AtomicU64,
    pub(crate) from_ring: AtomicU64,
    pub(crate) from_snapshot: AtomicU64,
    pub(crate) resyncs: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) notices: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) changes: AtomicU64,
    pub(crate) snapshots_behind: AtomicU64,
    pub(crate) cuts: AtomicU64,
    pub(crate) hung_up: AtomicU64,
    closes: Mutex<BTreeMap<u16, u64>>,
}

/// A tally at a moment, or between two.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Handshakes that were accepted.
    pub(crate) handshakes: u64,
    /// Handshakes that were answered with something else.
    pub(crate) refused: u64,
    /// Connections that could not be made, or ended before an answer.
    pub(crate) unreachable: u64,
    /// Subscriptions that got everything behind their cursor.
    pub(crate) from_ring: u64,
    /// Subscriptions that began with a snapshot.
    pub(crate) from_snapshot: u64,
    pub(crate) resyncs: u64,
    /// Error frames, such as for a snapshot that can't be had.
    pub(crate) errors: u64,
    /// Times that a client was told of left out changes, and how many.
    pub(crate) notices: u64,
    pub(crate) skipped: u64,
    /// Changes that were delivered.
    pub(crate) changes: u64,
    /// Snapshots that were older than what the client knew already.
    pub(crate) snapshots_behind: u64,
    /// Connections that clients cut themselves.
    pub(crate) cuts: u64,
    /// Connections that ended without a close frame.
    pub(crate) hung_up: u64,
    /// Close frames by code.
    pub(crate) closes: BTreeMap<u16, u64>,
}

impl Tally {
    pub(crate) fn closed(&self, code: u16) {
        let mut closes = self.closes.lock().unwrap_or_else(PoisonError::into_inner);
        *closes.entry(code).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> Counts {
        let closes = self.closes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Counts {
            handshakes: self.handshakes.load(Relaxed),
            refused: self.refused.load(Relaxed),
            unreachable: self.unreachable.load(Relaxed),
            from_ring: self.from_ring.load(Relaxed),
            from_snapshot: self.from_snapshot.load(Relaxed),
            resyncs: self.resyncs.load(Relaxed),
            errors: self.errors.load(Relaxed),
            notices: self.notices.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            changes: self.changes.load(Relaxed),
            snapshots_behind: self.snapshots_behind.load(Relaxed),
            cuts: self.cuts.load(Relaxed),
            hung_up: self.hung_up.load(Relaxed),
            closes,
        }
    }
}

impl Counts {
    pub(crate) fn since(&self, before: &Self) -> Self {
        let closes = self
            .closes
            .iter()
            .map(|(code, count)| (*code, count - before.closes.get(code).copied().unwrap_or(0)));
        Self {
            handshakes: self.handshakes - before.handshakes,
            refused: self.refused - before.refused,
            unreachable: self.unreachable - before.unreachable,
            from_ring: self.from_ring - before.from_ring,
            from_snapshot: self.from_snapshot - before.from_snapshot,
            resyncs: self.resyncs - before.resyncs,
            errors: self.errors - before.errors,
            notices: self.notices - before.notices,
            skipped: self.skipped - before.skipped,
            changes: self.changes - before.changes,
            snapshots_behind: self.snapshots_behind - before.snapshots_behind,
            cuts: self.cuts - before.cuts,
            hung_up: self.hung_up - before.hung_up,
            closes: closes.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// `1012: 40, 4008: 2`; a dash for none.
    pub(crate) fn closes(&self) -> String {
        let closes: Vec<String> =
            self.closes.iter().map(|(code, count)| format!("{code}: {count}")).collect();
        if closes.is_empty() { "-".to_owned() } else { closes.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_what_was_added_since() {
        let tally = Tally::default();
        tally.closed(4008);
        let before = tally.counts();
        tally.closed(1012);
        tally.refused.fetch_add(3, Relaxed);
        let counts = tally.counts().since(&before);
        assert_eq!((counts.refused, counts.closes().as_str()), (3, "1012: 1"));
        assert_eq!(Counts::default().closes(), "-");
    }
}
