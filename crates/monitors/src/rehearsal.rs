//! What a monitor would have told, had it watched from some place in the log on. Items don't concern one another, so that
//! what falls due about one is looked at just before its next change, and at the end.

use std::collections::{HashMap, HashSet};

use domain::{Condition, ItemId};
use jiff::Timestamp;

use crate::{
    Crossing, GRACE, ItemChange, Judged, Memory, Seen, Watch, Watched, begin, message, observe, time_is_up,
};

/// A monitor that watches the past.
#[derive(Debug)]
pub struct Rehearsal {
    watch: Watch,
    watched: Watched,
    items: HashMap<ItemId, Kept>,
    /// Whose state at the start was taken notice of, where that makes a difference.
    begun: HashSet<ItemId>,
    raised: u64,
    newest: Vec<WouldTell>,
    most: usize,
}

/// What it remembers of an item, and the names that the item has by then.
#[derive(Debug)]
struct Kept {
    memory: Memory,
    names: Names,
}

#[derive(Debug, Clone)]
struct Names {
    sku: Option<String>,
    name: String,
    unit: String,
}

/// A notification that there would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WouldTell {
    /// When.
    pub at: Timestamp,
    /// About which item.
    pub item: ItemId,
    /// Its sku at that time.
    pub sku: Option<String>,
    /// Its name at that time.
    pub name: String,
    /// What happened.
    pub crossing: Crossing,
    /// In words.
    pub message: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Rehearsed {
    /// How many notifications there would have been.
    pub raised: u64,
    /// About how many items the condition is met at the end.
    pub raised_now: usize,
    /// The newest, the newest first.
    pub newest: Vec<WouldTell>,
}

impl Rehearsal {
    /// Begins, and keeps so many of the newest notifications.
    #[must_use]
    pub fn new(watched: Watched, most: usize) -> Self {
        let mut watch = Watch::default();
        watch.insert(watched.clone());
        let (items, begun) = (HashMap::new(), HashSet::new());
        Self { watch, watched, items, begun, raised: 0, newest: Vec::new(), most }
    }

    /// Whether items make a difference that don't change at all: [`Rehearsal::begin`] wants to see them.
    #[must_use]
    pub fn looks_at_what_is_there(&self) -> bool {
        let monitor = &self.watched.monitor;
        monitor.notify_existing || matches!(monitor.condition, Condition::UnchangedFor { .. })
    }

    /// An item as it is in its scope where the monitor starts; not one that was shown before.
    pub fn begin(&mut self, item: ItemId, seen: &Seen<'_>) {
        if !self.begun.insert(item) {
            return;
        }
        let mut memory = Memory::new(self.watched.since);
        let judged = begin(&self.watched, &mut memory, seen);
        self.settle(item, Names::of(seen), (None, memory), (judged, self.watched.since_at));
    }

    /// A change. Those of one item come in the order of the log.
    pub fn observe(&mut self, change: &ItemChange<'_>) {
        let Some(applying) = self.watch.applying(change).pop() else { return };
        let (before, after) = applying.sides(change);
        if let Some(before) = before
            && self.looks_at_what_is_there()
        {
            self.begin(change.item, before);
        }
        self.begun.insert(change.item);
        self.pass(change.item, before_grace(change.at));
        let known = self.items.get(&change.item).map(|kept| kept.memory.clone());
        let mut memory = known.clone().unwrap_or_else(|| Memory::new(self.watched.since));
        let judged = observe(&self.watched, &mut memory, (before, after), (change.position, change.at));
        let Some(seen) = after else {
            self.items.remove(&change.item);
            return;
        };
        self.settle(change.item, Names::of(seen), (known, memory), (judged, change.at));
    }

    /// Ends at a moment: what is due by then is told.
    #[must_use]
    pub fn end(mut self, moment: Timestamp) -> Rehearsed {
        let waiting: Vec<ItemId> = self
            .items
            .iter()
            .filter(|(_, kept)| kept.memory.due_at.is_some())
            .map(|(item, _)| *item)
            .collect();
        for item in waiting {
            self.pass(item, before_grace(moment));
        }
        self.forget_older();
        let raised_now = self.items.values().filter(|kept| kept.memory.raised).count();
        self.newest.reverse();
        Rehearsed { raised: self.raised, raised_now, newest: self.newest }
    }

    /// Time passes for an item, up to and with a moment.
    fn pass(&mut self, item: ItemId, moment: Timestamp) {
        while let Some(kept) = self.items.get(&item)
            && let Some(due_at) = kept.memory.due_at.filter(|due_at| *due_at <= moment)
        {
            let (known, names) = (kept.memory.clone(), kept.names.clone());
            let mut memory = known.clone();
            let judged = time_is_up(&self.watched, &mut memory);
            self.settle(item, names, (Some(known), memory), (judged, due_at));
        }
    }

    fn settle(
        &mut self,
        item: ItemId,
        names: Names,
        (known, memory): (Option<Memory>, Memory),
        (judged, moment): (Judged, Timestamp),
    ) {
        match judged {
            Judged::Forget => {
                self.items.remove(&item);
                return;
            }
            Judged::Silent => {}
            Judged::Told(crossing) => self.tell(item, &names, crossing, moment),
        }
        let memory = if memory.is_news(known.as_ref(), self.watched.since) { Some(memory) } else { known };
        match memory.filter(|memory| !memory.is_blank()) {
            Some(memory) => drop(self.items.insert(item, Kept { memory, names })),
            None => drop(self.items.remove(&item)),
        }
    }

    fn tell(&mut self, item: ItemId, names: &Names, crossing: Crossing, at: Timestamp) {
        self.raised += 1;
        let told = (names.sku.as_deref(), names.name.as_str(), names.unit.as_str());
        let message = message(&self.watched, &crossing, item, told);
        let (sku, name) = (names.sku.clone(), names.name.clone());
        self.newest.push(WouldTell { at, item, sku, name, crossing, message });
        if self.newest.len() >= self.most.saturating_mul(2).max(16) {
            self.forget_older();
        }
    }

    fn forget_older(&mut self) {
        // Of several at the same time, the last that was found is the newest.
        self.newest.reverse();
        self.newest.sort_by_key(|told| std::cmp::Reverse(told.at));
        self.newest.truncate(self.most);
        self.newest.reverse();
    }
}

/// What fell due by then has been told by this moment.
fn before_grace(moment: Timestamp) -> Timestamp {
    moment.checked_sub(GRACE).unwrap_or(moment)
}

impl Names {
    fn of(seen: &Seen<'_>) -> Self {
        let sku = seen.sku.as_deref().map(ToOwned::to_owned);
        Self { sku, name: seen.name.to_string(), unit: seen.unit.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Amount, Position, Scope, TenantId};

    use super::*;
    use crate::histories::{monitor, seen};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn id(item: i64) -> ItemId {
        ItemId::new(item).unwrap()
    }

    fn rehearsal(condition: Condition, cooldown_seconds: u32, most: usize) -> Rehearsal {
        let mut watched = monitor(condition, 0, cooldown_seconds);
        watched.monitor.scope = Scope::All {};
        Rehearsal::new(watched, most)
    }

    /// Shows a change at a second, which is its position, too.
    fn change(
        rehearsal: &mut Rehearsal,
        item: i64,
        second: i64,
        (before, after): (Option<i64>, Option<i64>),
    ) {
        let side = |value: Option<i64>| value.map(|value| seen(Some(value)));
        rehearsal.observe(&ItemChange {
            tenant: TenantId::DEFAULT,
            item: id(item),
            position: Position::new(second).unwrap(),
            at: at(second),
            before: side(before),
            after: side(after),
        });
    }

    fn told(rehearsed: &Rehearsed) -> Vec<(i64, i64)> {
        rehearsed.newest.iter().map(|told| (told.item.get(), told.at.as_second())).collect()
    }

    #[test]
    fn what_falls_due_is_told_before_the_next_change_and_at_the_end_but_not_later() {
        let mut rehearsal = rehearsal(Condition::UnchangedFor { seconds: 10 }, 0, 100);
        assert!(rehearsal.looks_at_what_is_there());
        change(&mut rehearsal, 1, 5, (Some(3), Some(4)));
        change(&mut rehearsal, 1, 20, (Some(4), Some(5)));
        // Gone before it was still for long enough.
        change(&mut rehearsal, 2, 8, (Some(3), Some(4)));
        change(&mut rehearsal, 2, 17, (Some(4), None));
        rehearsal.begin(id(3), &seen(Some(7)));
        // Shown already, by its change.
        rehearsal.begin(id(1), &seen(Some(5)));
        let rehearsed = rehearsal.end(at(29));
        assert_eq!((told(&rehearsed), rehearsed.raised), (vec![(1, 15), (3, 10)], 2));
        // The first one has moved since.
        assert_eq!(rehearsed.raised_now, 1);
    }

    #[test]
    fn what_a_cooldown_holds_back_is_told_when_it_ends() {
        let mut rehearsal = rehearsal(Condition::Below { threshold: Amount::whole(10) }, 60, 100);
        for (second, values) in [(1, (12, 9)), (2, (9, 12)), (3, (12, 8))] {
            change(&mut rehearsal, 1, second, (Some(values.0), Some(values.1)));
        }
        let rehearsed = rehearsal.end(at(1000));
        assert_eq!((told(&rehearsed), rehearsed.raised_now), (vec![(1, 61), (1, 1)], 1));
    }

    #[test]
    fn only_the_newest_are_kept_and_all_are_counted() {
        let mut rehearsal = rehearsal(Condition::Below { threshold: Amount::whole(10) }, 0, 3);
        assert!(!rehearsal.looks_at_what_is_there());
        for second in 1..=100 {
            let values = if second % 2 == 1 { (12, 9) } else { (9, 12) };
            change(&mut rehearsal, 1, second, (Some(values.0), Some(values.1)));
        }
        change(&mut rehearsal, 2, 101, (None, Some(1)));
        let rehearsed = rehearsal.end(at(200));
        assert_eq!((told(&rehearsed), rehearsed.raised), (vec![(2, 101), (1, 99), (1, 97)], 51));
        assert_eq!(rehearsed.raised_now, 1);
    }
}
