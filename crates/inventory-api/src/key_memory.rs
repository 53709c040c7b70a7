//! What is remembered of API keys that were looked up: each for a short time, and not too many.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{api_key::Prefix, key_ring::Key};

/// So long a key is used as it was found. That it was revoked is known sooner, by other means.
const KNOWN_FOR: Duration = Duration::from_secs(30);
/// So long a prefix that no key has isn't looked up again. Nobody waits for one to appear: who makes a key is told the
/// prefix only afterwards.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);
/// Some 500 bytes each. Only keys that there are come in, so nobody can push others' keys out with wrong ones.
const MOST_KNOWN: usize = 10_000;
/// Some 40 bytes each.
const MOST_UNKNOWN: usize = 10_000;

/// What is remembered of a prefix.
pub(crate) enum Remembered {
    /// The key.
    Key(Arc<Key>),
    /// No key has it.
    NoKey,
    /// Nothing: it must be looked up.
    Nothing,
}

/// Keys, and prefixes that no key has.
#[derive(Default)]
pub(crate) struct KeyMemory {
    known: Bounded<Arc<Key>>,
    unknown: Bounded<()>,
}

impl KeyMemory {
    /// What is known of a prefix at this time.
    pub(crate) fn recall(&self, prefix: &Prefix, now: Instant) -> Remembered {
        if let Some(key) = self.known.get(prefix, KNOWN_FOR, now) {
            return Remembered::Key(key);
        }
        match self.unknown.get(prefix, UNKNOWN_FOR, now) {
            Some(()) => Remembered::NoKey,
            None => Remembered::Nothing,
        }
    }

    /// Remembers what was found, by a query that began at this time.
    pub(crate) fn keep(&self, prefix: Prefix, found: Option<Arc<Key>>, asked_at: Instant) {
        match found {
            Some(key) => self.known.put(prefix, key, asked_at, KNOWN_FOR, MOST_KNOWN),
            None => self.unknown.put(prefix, (), asked_at, UNKNOWN_FOR, MOST_UNKNOWN),
        }
    }
}

struct Bounded<T> {
    entries: RwLock<HashMap<Prefix, (T, Instant)>>,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { entries: RwLock::default() }
    }
}

impl<T: Clone> Bounded<T> {
    fn get(&self, prefix: &Prefix, good_for: Duration, now: Instant) -> Option<T> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (value, since) = entries.get(prefix)?;
        is_good(*since, good_for, now).then(|| value.clone())
    }

    /// At the bound, what is too old goes; if that isn't much, everything, so that this is seldom needed. Each one that
    /// comes again is looked up again.
    fn put(&self, prefix: Prefix, value: T, now: Instant, good_for: Duration, most: usize) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= most && !entries.contains_key(&prefix) {
            entries.retain(|_, (_, since)| is_good(*since, good_for, now));
            if entries.len() > most / 2 {
                entries.clear();
            }
        }
        entries.insert(prefix, (value, now));
    }
}

fn is_good(since: Instant, good_for: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) < good_for
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(number: usize) -> Prefix {
        format!("{number:010}").as_bytes().try_into().unwrap()
    }

    #[test]
    fn keys_are_remembered_for_a_while_and_wrong_ones_for_a_moment() {
        let (memory, now) = (KeyMemory::default(), Instant::now());
        memory.keep(prefix(1), Some(Arc::new(Key::sample(1))), now);
        memory.keep(prefix(2), None, now);
        let recall = |number, at| memory.recall(&prefix(number), at);
        assert!(matches!(recall(1, now), Remembered::Key(_)));
        assert!(matches!(recall(2, now), Remembered::NoKey));
        assert!(matches!(recall(3, now), Remembered::Nothing));
        assert!(matches!(recall(2, now + UNKNOWN_FOR), Remembered::Nothing));
        assert!(matches!(recall(1, now + KNOWN_FOR - Duration::from_millis(1)), Remembered::Key(_)));
        assert!(matches!(recall(1, now + KNOWN_FOR), Remembered::Nothing));
    }

    #[test]
    fn wrong_keys_are_bounded_and_push_no_good_one_out() {
        let (memory, now) = (KeyMemory::default(), Instant::now());
        memory.keep(prefix(0), Some(Arc::new(Key::sample(1))), now);
        for number in 1..=3 * MOST_UNKNOWN {
            memory.keep(prefix(number), None, now);
        }
        assert!(memory.unknown.entries.read().unwrap().len() <= MOST_UNKNOWN);
        assert!(matches!(memory.recall(&prefix(0), now), Remembered::Key(_)));
        assert!(matches!(memory.recall(&prefix(3 * MOST_UNKNOWN), now), Remembered::NoKey));
    }

    #[test]
    fn at_the_bound_what_is_too_old_goes_first() {
        let (bounded, now) = (Bounded::default(), Instant::now());
        let (second, later) = (Duration::from_secs(1), now + Duration::from_secs(2));
        bounded.put(prefix(1), (), now, second, 2);
        bounded.put(prefix(2), (), later, second, 2);
        bounded.put(prefix(3), (), later, second, 2);
        let has = |number| bounded.get(&prefix(number), second, later).is_some();
        assert_eq!([has(1), has(2), has(3)], [false, true, true]);
        bounded.put(prefix(4), (), later, second, 2);
        assert_eq!([has(2), has(3), has(4)], [false, false, true]);
    }
}
