//! How long nothing was written or seen: everybody notes when something happened, and each accident begins a chapter.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Who notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// REST writes that were acknowledged, of all writers together.
    Write,
    /// Changes seen by one client.
    Socket,
    Stream,
    Poll,
}

/// What happened when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chronicle {
    chapters: Arc<Mutex<Vec<(String, Instant)>>>,
    notes: Arc<Mutex<Vec<Notes>>>,
}

/// The notes of one observer.
type Notes = (Kind, Arc<Mutex<Vec<Instant>>>);

/// Notes that something has just happened.
#[derive(Debug, Clone)]
pub(crate) struct Pen(Arc<Mutex<Vec<Instant>>>);

impl Pen {
    /// Something has happened.
    pub(crate) fn note(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    }
}

impl Chronicle {
    /// A new observer.
    pub(crate) fn observer(&self, kind: Kind) -> Pen {
        let notes = Arc::new(Mutex::new(Vec::new()));
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push((kind, notes.clone()));
        Pen(notes)
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&self, title: &str) {
        let mut chapters = self.chapters.lock().unwrap_or_else(PoisonError::into_inner);
        chapters.push((title.to_owned(), Instant::now()));
    }

    /// For each chapter the longest pause of the worst observer of each kind, as a table. The last chapter is left out:
    /// in it everything comes to rest.
    pub(crate) fn table(&self) -> String {
        const KINDS: [(Kind, &str); 4] = [
            (Kind::Write, "REST writes"),
            (Kind::Socket, "sockets"),
            (Kind::Stream, "streams"),
            (Kind::Poll, "polls"),
        ];
        let chapters = self.chapters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = format!("{:<44}", "longest time without, in ms");
        for (_, title) in KINDS {
            table.push_str(&format!("{title:>13}"));
        }
        for pair in chapters.windows(2) {
            let [(title, from), (_, to)] = pair else { continue };
            table.push_str(&format!("\n{title:<44}"));
            for (kind, _) in KINDS {
                match self.longest_pause(kind, *from, *to) {
                    Some(pause) => table.push_str(&format!("{:>13}", pause.as_millis())),
                    None => table.push_str(&format!("{:>13}", "-")),
                }
            }
        }
        table
    }

    fn longest_pause(&self, kind: Kind, from: Instant, to: Instant) -> Option<Duration> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = notes.iter().filter(|(noted, _)| *noted == kind);
        if kind == Kind::Write {
            // The service is away when nobody can write.
            let mut all: Vec<Instant> = of_kind.flat_map(|(_, notes)| copy(notes)).collect();
            all.sort_unstable();
            return Some(longest(&all, from, to));
        }
        of_kind.map(|(_, notes)| longest(&copy(notes), from, to)).max()
    }
}

fn copy(notes: &Mutex<Vec<Instant>>) -> Vec<Instant> {
    notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The longest time between two of these moments, or between one and an end of the chapter.
fn longest(moments: &[Instant], from: Instant, to: Instant) -> Duration {
    let inside = moments.iter().copied().filter(|moment| *moment >= from && *moment <= to);
    let mut last = from;
    let mut longest = Duration::ZERO;
    for moment in inside.chain([to]) {
        longest = longest.max(moment - last);
        last = moment;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lies_between_two_moments_or_at_an_end() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let pause = |moments: &[Instant]| longest(moments, at(100), at(1000)).as_millis();
        assert_eq!(pause(&[]), 900);
        assert_eq!(pause(&[at(50), at(200), at(600), at(900), at(5000)]), 400);
        assert_eq!(pause(&[at(300)]), 700);
        assert_eq!(pause(&[at(990)]), 890);
    }

    #[test]
    fn the_worst_observer_counts() {
        let chronicle = Chronicle::default();
        chronicle.chapter("calm");
        for _ in 0..2 {
            chronicle.observer(Kind::Socket).note();
        }
        chronicle.chapter("the end");
        let table = chronicle.table();
        let row: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(row[0], "calm");
        assert_eq!(row[3..], ["-", "-"], "nobody followed a stream or polled");
    }
}
