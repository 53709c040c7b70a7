//! Leading: waits for the lock, then steps for as long as the connection lasts, and starts over.

use std::{sync::Arc, time::Duration};

use service::Context;
use store::{Bell, Doorbell, Error, Horizon, Sequencer, Step, Store};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    pace::{Next, Pace, Writers},
    vitals::Vitals,
};

/// The sequencer's task.
pub(crate) struct Leader {
    store: Store,
    doorbell: Option<Doorbell>,
    poll_interval: Duration,
    steps: mpsc::Sender<Step>,
    grown: Arc<Notify>,
    leading: watch::Sender<bool>,
    vitals: Arc<Vitals>,
}

impl Leader {
    pub(crate) fn new(
        context: &Context,
        store: Store,
        steps: mpsc::Sender<Step>,
        vitals: Arc<Vitals>,
    ) -> Self {
        let settings = &context.settings.notifier;
        let listen = || Doorbell::listen(store.clone(), Bell::Changes, context.stop.clone());
        Self {
            doorbell: settings.doorbell.then(listen),
            poll_interval: Duration::from_millis(settings.poll_interval_ms.max(1)),
            grown: announcements(store.clone(), context.stop.clone()),
            leading: watch::Sender::new(false),
            store,
            steps,
            vitals,
        }
    }

    /// Whether it leads.
    pub(crate) fn leading(&self) -> watch::Receiver<bool> {
        self.leading.subscribe()
    }

    /// Never ends; it is dropped when the service stops, and the lock with it.
    pub(crate) async fn run(self) {
        const SHORTEST: Duration = Duration::from_millis(50);
        const LONGEST: Duration = Duration::from_secs(1);
        let mut pause = SHORTEST;
        loop {
            let begun = Instant::now();
            let (led, error) = self.lead().await;
            self.leading.send_replace(false);
            self.vitals.leads(false);
            tracing::warn!(
                sequencer.led = led,
                source = &error as &dyn std::error::Error,
                "not leading, trying again"
            );
            let lasted = led || begun.elapsed() > LONGEST;
            pause = if lasted { SHORTEST } else { (pause * 2).min(LONGEST) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Leads until something fails; says whether it got that far.
    async fn lead(&self) -> (bool, Error) {
        let sequencer = match Sequencer::lead(&self.store).await {
            Ok(sequencer) => sequencer,
            Err(error) => return (false, error),
        };
        self.leading.send_replace(true);
        self.vitals.leads(true);
        tracing::info!(log.epoch = %sequencer.epoch(), "leading");
        match self.keep_stepping(&sequencer).await {
            Ok(never) => match never {},
            Err(error) => (true, error),
        }
    }

    async fn keep_stepping(&self, sequencer: &Sequencer) -> Result<std::convert::Infallible, Error> {
        let mut pace = Pace::new();
        // The leader before us may have silenced writers that are still in flight.
        let mut unheard = Some(Unheard::now(sequencer).await?);
        loop {
            let started = Instant::now();
            let placed = self.step(sequencer).await?;
            match pace.after_step(placed, started, Instant::now()) {
                Next::AwaitBell => match &unheard {
                    None => self.await_bell(self.poll_interval).await,
                    // And then one more look: the last of them may have committed after the step.
                    Some(writers) if sequencer.all_ended_before(&writers.horizon).await? => unheard = None,
                    Some(writers) => self.await_bell(writers.patience(self.poll_interval)).await,
                },
                Next::LookAfter(pause) => tokio::time::sleep(pause).await,
                Next::Tell(Writers::Ring) => {
                    sequencer.let_writers_ring().await?;
                    unheard = Some(Unheard::now(sequencer).await?);
                }
                Next::Tell(Writers::StaySilent) => {
                    if !sequencer.silence_writers().await? {
                        pace.not_told();
                    }
                }
            }
        }
    }

    async fn await_bell(&self, at_most: Duration) {
        match &self.doorbell {
            Some(doorbell) => {
                let _ = tokio::time::timeout(at_most, doorbell.rung()).await;
            }
            None => tokio::time::sleep(at_most).await,
        }
    }

    async fn step(&self, sequencer: &Sequencer) -> Result<i64, Error> {
        let started = Instant::now();
        let step = sequencer.step().await?;
        let placed = step.placed;
        metrics::counter!("stockwire_sequencer_steps_total").increment(1);
        if placed > 0 {
            metrics::counter!("stockwire_sequencer_placed_total").increment(placed.unsigned_abs());
            metrics::histogram!("stockwire_sequencer_step_seconds").record(started.elapsed().as_secs_f64());
            // A shortcut only: what doesn't fit is read from the log.
            let _ = self.steps.try_send(step);
            self.grown.notify_one();
        }
        Ok(placed)
    }
}

/// Announces the log's growth to other processes whenever it is told of some; what happens meanwhile is announced
/// together.
fn announcements(store: Store, stop: CancellationToken) -> Arc<Notify> {
    let grown = Arc::new(Notify::new());
    let told = grown.clone();
    tokio::spawn(async move {
        let announcing = async {
            loop {
                told.notified().await;
                if let Err(error) = store.announce_log().await {
                    // They look by themselves, too.
                    tracing::debug!(
                        source = &error as &dyn std::error::Error,
                        "the log's growth is not announced"
                    );
                }
            }
        };
        stop.run_until_cancelled(announcing).await;
    });
    grown
}

/// Writers in flight that believe they needn't ring.
struct Unheard {
    horizon: Horizon,
    since: Instant,
}

impl Unheard {
    async fn now(sequencer: &Sequencer) -> Result<Self, Error> {
        Ok(Self { horizon: sequencer.horizon().await?, since: Instant::now() })
    }

    /// How long not to look for them: most end soon, and the longer one takes, the less a delay matters.
    fn patience(&self, at_most: Duration) -> Duration {
        self.since.elapsed().clamp(Duration::from_millis(1), at_most)
    }
}
