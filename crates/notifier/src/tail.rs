//! Follows the log: what the leader in this process hands over is taken as it is, anything else is read.

use std::{sync::Arc, time::Duration};

use domain::Cursor;
use service::Context;
use store::{Bell, Doorbell, Error, LogEntry, LogHead, Step, Store};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    entry::Entry,
    lag::Lag,
    monitors::HandOver,
    window::{Window, position_as_float},
};

/// Steps that wait to be taken over; more are read from the log instead.
const STEPS: usize = 64;
/// Entries read at once.
const PAGE: u16 = 1000;

/// A way from the leader to the tail.
pub(crate) fn hand_over() -> (mpsc::Sender<Step>, mpsc::Receiver<Step>) {
    mpsc::channel(STEPS)
}

/// The task that keeps the window up to date.
pub(crate) struct Tail {
    store: Store,
    window: Arc<Window>,
    steps: mpsc::Receiver<Step>,
    monitors: HandOver,
    doorbell: Option<Doorbell>,
    poll_interval: Duration,
    lag: Lag,
}

impl Tail {
    pub(crate) fn new(
        context: &Context,
        store: Store,
        window: Arc<Window>,
        steps: mpsc::Receiver<Step>,
        monitors: HandOver,
    ) -> Self {
        let settings = &context.settings.notifier;
        let listen = || Doorbell::listen(store.clone(), Bell::Log, context.stop.clone());
        Self {
            doorbell: settings.doorbell.then(listen),
            poll_interval: Duration::from_millis(settings.poll_interval_ms.max(1)),
            store,
            window,
            steps,
            monitors,
            lag: Lag::new(),
        }
    }

    /// Never ends; it is dropped when the service stops.
    pub(crate) async fn run(mut self) {
        let mut handed_over = None::<Instant>;
        let mut check_at = Instant::now();
        loop {
            let rung = async {
                match &self.doorbell {
                    Some(doorbell) => doorbell.rung().await,
                    None => std::future::pending().await,
                }
            };
            let outcome = tokio::select! {
                biased;
                step = self.steps.recv() => match step {
                    Some(step) => {
                        handed_over = Some(Instant::now());
                        self.take(step).await
                    }
                    // The leader's task has ended, and so has the service.
                    None => return,
                },
                // Before the bell: one that never stops ringing must not hide that this is another log by now.
                () = tokio::time::sleep_until(check_at) => {
                    check_at = Instant::now() + self.poll_interval;
                    self.check().await
                }
                // The bell of a step that was handed over is no news.
                () = rung, if handed_over.is_none_or(|last| last.elapsed() > self.poll_interval) => self.read().await,
            };
            if let Err(error) = outcome {
                tracing::warn!(
                    source = &error as &dyn std::error::Error,
                    "the log can't be read, trying again"
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    async fn take(&self, step: Step) -> Result<(), Error> {
        let follows = self.window.head().is_some_and(|head| {
            head.epoch == step.head.epoch
                && step.entries.first().is_some_and(|first| first.position == head.position.next())
        });
        if !follows {
            return self.check().await;
        }
        let more = step.entries.last().is_some_and(|last| last.position < step.head.position);
        self.append(step.entries)?;
        if more { self.read().await } else { Ok(()) }
    }

    /// Makes sure that this is still the same log, then reads on.
    async fn check(&self) -> Result<(), Error> {
        let LogHead { cursor: found, first } = self.store.log_head().await?;
        metrics::gauge!("stockwire_log_first_position").set(position_as_float(first));
        self.lag.saw(self.window.head(), found, Instant::now());
        let same = self
            .window
            .head()
            .is_some_and(|known| known.epoch == found.epoch && known.position <= found.position);
        if !same {
            tracing::info!(log.epoch = %found.epoch, log.position = %found.position, "following the log");
            self.window.restart(found);
            return Ok(());
        }
        self.read().await?;
        self.lag.saw(self.window.head(), found, Instant::now());
        Ok(())
    }

    async fn read(&self) -> Result<(), Error> {
        loop {
            let Some(head) = self.window.head() else { return Box::pin(self.check()).await };
            let entries = self.store.log_entries(head.position, PAGE).await?;
            let last = entries.len() < usize::from(PAGE);
            self.append(entries)?;
            if last {
                return Ok(());
            }
        }
    }

    /// Appends entries that follow the head; a hole (rows that were removed meanwhile) starts the window anew.
    fn append(&self, entries: Vec<LogEntry>) -> Result<(), Error> {
        let (Some(head), Some(first)) = (self.window.head(), entries.first()) else { return Ok(()) };
        if first.position != head.position.next() {
            let position = entries.last().map_or(head.position, |last| last.position);
            self.window.restart(Cursor { position, ..head });
            return Ok(());
        }
        let serialised = serialise(&entries)?;
        // Before the window says how far the log reaches: who hears that needn't look for what is on its way.
        self.monitors.offer(entries);
        self.window.append(serialised);
        Ok(())
    }
}

/// Writes the entries as the feed carries them.
pub(crate) fn serialise(entries: &[LogEntry]) -> Result<Vec<Entry>, Error> {
    entries
        .iter()
        .map(|entry| {
            Entry::new(entry).map_err(|error| Error::Corrupt {
                table: "change_log",
                column: "position",
                id: entry.position.get(),
                detail: error.to_string(),
            })
        })
        .collect()
}
