//! When the database last answered a statement.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// An answer that is older says nothing of now. As long as a statement may wait for a lock.
const LATELY: Duration = Duration::from_secs(5);

/// The moment of the last answer.
#[derive(Debug)]
pub(crate) struct Answered {
    began: Instant,
    /// In milliseconds since the beginning, and one more; 0 stands for never.
    at_ms: AtomicU64,
}

impl Default for Answered {
    fn default() -> Self {
        Self { began: Instant::now(), at_ms: AtomicU64::new(0) }
    }
}

impl Answered {
    /// There was an answer just now.
    pub(crate) fn now(&self) {
        self.at_ms.store(self.elapsed_ms() + 1, Ordering::Relaxed);
    }

    /// Whether there was one a short while ago.
    pub(crate) fn lately(&self) -> bool {
        let at_ms = self.at_ms.load(Ordering::Relaxed);
        at_ms > 0 && Duration::from_millis(self.elapsed_ms().saturating_sub(at_ms - 1)) <= LATELY
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_a_while() {
        let since = |seconds| Answered {
            began: Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap(),
            at_ms: AtomicU64::new(0),
        };
        let answered = since(60);
        assert!(!answered.lately(), "there was none");
        answered.now();
        assert!(answered.lately());
        answered.at_ms.store(50_001, Ordering::Relaxed);
        assert!(!answered.lately(), "ten seconds ago");
    }
}
