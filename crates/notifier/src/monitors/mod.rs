//! Looks through the log for what monitors want to be told of, and raises it. The notifier that leads does; the others
//! stand by.
//!
//! Entries come from the tail, which has them in memory, or are read from the log where that is behind. What they come to
//! is written together with how far this has got, so that whoever takes over goes on exactly there: nothing is raised
//! twice, and nothing is left out. As long as nothing comes of the entries, nothing is written but the place, once in a
//! while.

mod batch;
mod definitions;
mod engine;
mod rows;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::Cursor;
use store::{Error, LogEntry, Store};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use engine::{Engine, Stopped};

/// Batches of entries that wait; what doesn't fit is read from the log.
const BATCHES: usize = 16;
/// Entries that are looked at in one transaction.
const MOST_AT_ONCE: usize = 2000;

/// Where the tail hands entries over.
#[derive(Debug, Clone)]
pub(crate) struct HandOver {
    entries: mpsc::Sender<Vec<LogEntry>>,
    wanted: Arc<AtomicBool>,
}

impl HandOver {
    /// Hands entries over if they are wanted, and there is room.
    pub(crate) fn offer(&self, entries: Vec<LogEntry>) {
        if self.wanted.load(Ordering::Relaxed) {
            let _ = self.entries.try_send(entries);
        }
    }
}

/// The task that raises.
pub(crate) struct Monitors {
    store: Store,
    leading: watch::Receiver<bool>,
    head: watch::Receiver<Option<Cursor>>,
    entries: mpsc::Receiver<Vec<LogEntry>>,
    wanted: Arc<AtomicBool>,
}

impl Monitors {
    /// A task, and where the tail hands it entries. `leading` says whether it is the one to work, and `head` how far the
    /// log reaches.
    pub(crate) fn new(
        store: Store,
        leading: watch::Receiver<bool>,
        head: watch::Receiver<Option<Cursor>>,
    ) -> (Self, HandOver) {
        let (send, entries) = mpsc::channel(BATCHES);
        let wanted = Arc::new(AtomicBool::new(false));
        (Self { store, leading, head, entries, wanted: wanted.clone() }, HandOver { entries: send, wanted })
    }

    /// Never ends; it is dropped when the service stops.
    pub(crate) async fn run(mut self) {
        const SHORTEST: Duration = Duration::from_millis(50);
        const LONGEST: Duration = Duration::from_secs(2);
        let mut pause = SHORTEST;
        loop {
            if self.leading.wait_for(|leading| *leading).await.is_err() {
                return;
            }
            self.wanted.store(true, Ordering::Relaxed);
            let mut leading = self.leading.clone();
            let begun = Instant::now();
            let stopped = tokio::select! {
                stopped = self.work() => Some(stopped),
                _ = leading.wait_for(|leading| !*leading) => None,
            };
            self.wanted.store(false, Ordering::Relaxed);
            metrics::gauge!("stockwire_monitors_watched").set(0.0);
            metrics::gauge!("stockwire_monitors_position").set(0.0);
            while self.entries.try_recv().is_ok() {}
            match stopped {
                None => continue,
                Some(Stopped::Overtaken) => tracing::info!("another notifier looks after monitors"),
                Some(Stopped::AnotherLog) => continue,
                Some(Stopped::Failed(error)) => {
                    let source = &error as &dyn std::error::Error;
                    tracing::warn!(source, "monitors can't be looked after, trying again");
                }
            }
            pause = if begun.elapsed() > LONGEST { SHORTEST } else { (pause * 2).min(LONGEST) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn work(&mut self) -> Stopped {
        match self.keep_looking().await {
            Ok(never) => match never {},
            Err(stopped) => stopped,
        }
    }

    async fn keep_looking(&mut self) -> Result<std::convert::Infallible, Stopped> {
        let epoch =
            self.head.wait_for(Option::is_some).await.ok().and_then(|head| *head).map(|head| head.epoch);
        let mut engine = Engine::take_over(self.store.clone()).await?;
        engine.read_on().await?;
        // What lies behind it may be deleted now.
        engine.write_place().await?;
        loop {
            let (due, place) = (engine.next_due_at(), engine.write_place_at());
            tokio::select! {
                // What has its time comes first: entries may never end.
                biased;
                () = tokio::time::sleep_until(place.unwrap_or_else(Instant::now)), if place.is_some() => {
                    engine.write_place().await?;
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    engine.tell_what_is_due().await?;
                }
                Some(entries) = self.entries.recv() => {
                    let entries = self.and_those_behind(entries);
                    engine.look_at(entries).await?;
                }
                changed = self.head.changed() => {
                    let head = *self.head.borrow_and_update();
                    if changed.is_err() || head.map(|head| head.epoch) != epoch {
                        return Err(Stopped::AnotherLog);
                    }
                    if head.is_some_and(|head| head.position > engine.position()) {
                        engine.read_on().await?;
                    }
                }
            }
        }
    }

    /// Takes what else waits along, up to a bound: one transaction instead of several.
    fn and_those_behind(&mut self, mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
        while entries.len() < MOST_AT_ONCE
            && let Ok(more) = self.entries.try_recv()
        {
            entries.extend(more);
        }
        entries
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
