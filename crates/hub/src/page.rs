//! Pages of the log that were fetched for clients which resume from behind the ring, and the shelf they are kept on.
//!
//! Pages start at multiples of 1,000 positions, so that clients with different cursors need the same ones. What lies
//! behind the head never changes, so a page is good for everybody for as long as the epoch lasts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use domain::{Epoch, Position};

use crate::{entry::Entry, run::Run};

/// Positions of a page.
pub(crate) const PAGE: i64 = 1000;

/// A contiguous part of one page of the log: all of it, or what fitted into an answer, or what there was.
#[derive(Debug)]
pub(crate) struct Page {
    after: Position,
    entries: Vec<Arc<Entry>>,
    /// Asking again would bring nothing more: what follows is asked for behind the last entry.
    whole: bool,
    bytes: usize,
}

/// Where the page that continues a position starts.
pub(crate) fn start_of_page(position: Position) -> Position {
    Position::new(position.get() - position.get() % PAGE).unwrap_or_default()
}

/// How many entries a page has behind a position.
pub(crate) fn left_in_page(after: Position) -> i64 {
    PAGE - after.get() % PAGE
}

impl Page {
    /// Entries right behind `after`, of a log that reaches to `head`. Nothing if they aren't contiguous, or more than
    /// the page has.
    pub(crate) fn new(after: Position, head: Position, entries: Vec<Arc<Entry>>) -> Option<Self> {
        let dense =
            (after.get() + 1..).zip(&entries).all(|(expected, entry)| entry.position.get() == expected);
        let count = i64::try_from(entries.len()).ok()?;
        let left = left_in_page(after);
        if !dense || count > left {
            return None;
        }
        let bytes = entries.iter().map(|entry| entry.cost()).sum();
        let last = after.get() + count;
        let whole = count == left || (count > 0 && last < head.get());
        Some(Self { after, entries, whole, bytes })
    }

    /// The position of the last entry.
    pub(crate) fn last(&self) -> Position {
        self.entries.last().map_or(self.after, |last| last.position)
    }

    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether what lies right behind a position is here.
    pub(crate) fn continues(&self, start: Position) -> bool {
        self.after <= start && start < self.last()
    }

    /// The entries behind a position, up to the head of whoever asks.
    pub(crate) fn behind(&self, start: Position, head: Position) -> Option<Run<'_>> {
        Some(Run::new(self.after, [&self.entries, &[]], start)?.until(head))
    }
}

/// What the shelf has for a position.
#[derive(Debug)]
pub(crate) enum Found {
    /// The page that continues it.
    Page(Arc<Page>),
    /// Nothing yet: what lies behind this position has to be fetched.
    Missing(Position),
}

/// Fetched pages of one epoch, bounded in bytes: the least recently used goes first. A page that some client still
/// reads is found even after it had to go, so that no page is in memory twice.
#[derive(Debug)]
pub(crate) struct Shelf {
    epoch: Option<Epoch>,
    /// By the position that they lie behind.
    places: BTreeMap<Position, Place>,
    bytes: usize,
    most_bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Place {
    page: Weak<Page>,
    kept: Option<Arc<Page>>,
    used: u64,
}

impl Shelf {
    pub(crate) const fn new(most_bytes: usize) -> Self {
        Self { epoch: None, places: BTreeMap::new(), bytes: 0, most_bytes, clock: 0 }
    }

    pub(crate) fn clear(&mut self) {
        (self.epoch, self.places, self.bytes) = (None, BTreeMap::new(), 0);
    }

    /// The page that continues a position; another epoch than before empties the shelf.
    pub(crate) fn find(&mut self, epoch: Epoch, start: Position) -> Found {
        if self.epoch != Some(epoch) {
            self.clear();
            self.epoch = Some(epoch);
        }
        let first = start_of_page(start);
        let nearest = self.places.range(first..=start).rev().find_map(|(_, place)| place.page.upgrade());
        match nearest {
            None => Found::Missing(first),
            Some(page) if page.continues(start) => {
                self.keep(page.clone());
                Found::Page(page)
            }
            Some(page) if page.is_whole() => Found::Missing(page.last()),
            // It ended at the log's head; by now there is more.
            Some(page) => Found::Missing(page.after),
        }
    }

    /// Takes a page that was fetched.
    pub(crate) fn put(&mut self, epoch: Epoch, page: &Arc<Page>) {
        if self.epoch == Some(epoch) {
            self.keep(page.clone());
        }
    }

    fn keep(&mut self, page: Arc<Page>) {
        self.clock += 1;
        let (after, bytes) = (page.after, page.bytes);
        let place = Place { page: Arc::downgrade(&page), kept: Some(page), used: self.clock };
        let before = self.places.insert(after, place).and_then(|before| before.kept);
        self.bytes += bytes;
        self.bytes -= before.map_or(0, |before| before.bytes);
        while self.bytes > self.most_bytes {
            let oldest =
                self.places.values_mut().filter(|place| place.kept.is_some()).min_by_key(|place| place.used);
            let Some(page) = oldest.and_then(|place| place.kept.take()) else { break };
            self.bytes -= page.bytes;
        }
        self.places.retain(|_, place| place.page.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::{at, entry};

    const EPOCH: &str = "00000000000000000000000000000001";

    fn page(after: i64, last: i64, head: i64) -> Arc<Page> {
        let entries = (after + 1..=last).map(|position| entry(position, 1)).collect();
        Arc::new(Page::new(at(after), at(head), entries).unwrap())
    }

    fn missing(shelf: &mut Shelf, start: i64) -> Option<i64> {
        match shelf.find(EPOCH.parse().unwrap(), at(start)) {
            Found::Page(page) => {
                assert!(page.continues(at(start)));
                None
            }
            Found::Missing(after) => Some(after.get()),
        }
    }

    fn shelf(most_bytes: usize, pages: &[&Arc<Page>]) -> Shelf {
        let epoch = EPOCH.parse().unwrap();
        let mut shelf = Shelf::new(most_bytes);
        shelf.find(epoch, at(0));
        for page in pages {
            shelf.put(epoch, page);
        }
        shelf
    }

    #[test]
    fn pages_are_aligned_so_that_clients_share_them() {
        for (position, start, left) in
            [(0, 0, 1000), (1, 0, 999), (999, 0, 1), (1000, 1000, 1000), (1999, 1000, 1)]
        {
            assert_eq!((start_of_page(at(position)), left_in_page(at(position))), (at(start), left));
        }
        let mut shelf = shelf(usize::MAX, &[&page(1000, 2000, 5000)]);
        for (start, expected) in
            [(999, Some(0)), (1000, None), (1999, None), (2000, Some(2000)), (4321, Some(4000))]
        {
            assert_eq!(missing(&mut shelf, start), expected, "behind {start}");
        }
    }

    #[test]
    fn a_page_that_the_log_ends_in_is_never_taken_for_a_whole_one() {
        let cut_by_the_head = page(1000, 1400, 1400);
        let cut_by_its_size = page(1000, 1400, 1500);
        assert!(!cut_by_the_head.is_whole() && cut_by_its_size.is_whole());
        let mut ends = shelf(usize::MAX, &[&cut_by_the_head]);
        assert_eq!((missing(&mut ends, 1399), missing(&mut ends, 1400)), (None, Some(1000)));
        let mut goes_on = shelf(usize::MAX, &[&cut_by_its_size]);
        assert_eq!((missing(&mut goes_on, 1399), missing(&mut goes_on, 1400)), (None, Some(1400)));
        goes_on.put(EPOCH.parse().unwrap(), &page(1400, 2000, 2500));
        assert_eq!((missing(&mut goes_on, 1400), missing(&mut goes_on, 1399)), (None, None));
        // The log's last position may be a page's: then there is nothing more to come.
        assert!(page(1000, 2000, 2000).is_whole());
        assert!(!page(1000, 1000, 1000).is_whole());
    }

    #[test]
    fn what_is_not_contiguous_is_no_page() {
        let from = |after: i64, positions: &[i64]| {
            let entries = positions.iter().map(|position| entry(*position, 1)).collect();
            Page::new(at(after), at(9999), entries).is_some()
        };
        assert!(from(5, &[6, 7]));
        assert!(!from(5, &[7]) && !from(5, &[6, 8]));
        assert!(!from(998, &[999, 1000, 1001]), "it reaches into the next page");
    }

    #[test]
    fn the_least_recently_used_goes_first_and_bytes_are_bounded() {
        let pages: Vec<Arc<Page>> =
            (0..4).map(|number| page(number * 1000, number * 1000 + 1000, 9999)).collect();
        let mut shelf = shelf(pages[0].bytes * 5 / 2, &[&pages[0], &pages[1]]);
        drop(pages);
        assert_eq!((missing(&mut shelf, 1000), missing(&mut shelf, 0)), (None, None));
        shelf.put(EPOCH.parse().unwrap(), &page(2000, 3000, 9999));
        assert_eq!(missing(&mut shelf, 1000), Some(1000), "used before the other one");
        assert_eq!((missing(&mut shelf, 0), missing(&mut shelf, 2000)), (None, None));
        assert!(shelf.bytes <= shelf.most_bytes && shelf.places.len() == 2);
    }

    #[test]
    fn a_page_that_is_still_read_is_found_although_there_is_no_room_for_it() {
        let read = page(0, 1000, 9999);
        let mut shelf = shelf(0, &[&read]);
        assert_eq!((shelf.bytes, missing(&mut shelf, 0)), (0, None));
        drop(read);
        assert_eq!(missing(&mut shelf, 0), Some(0));
    }

    #[test]
    fn another_epoch_empties_the_shelf() {
        let mut shelf = shelf(usize::MAX, &[&page(0, 1000, 9999)]);
        let other = "00000000000000000000000000000002".parse().unwrap();
        assert!(matches!(shelf.find(other, at(0)), Found::Missing(_)));
        shelf.put(EPOCH.parse().unwrap(), &page(0, 1000, 9999));
        assert!(matches!(shelf.find(other, at(0)), Found::Missing(_)), "an answer that comes too late");
    }
}
