//! The notifier: puts committed changes in order and feeds them to hubs.
//!
//! # Why ordering is a step of its own
//!
//! Triggers write one row into `changes` for each changed row, inside the writer's own transaction, with an `id`
//! from a sequence. Ids are drawn when the row is written, but rows appear when their transaction commits: a
//! reader who remembers "I have seen everything up to id 17" misses id 16 if its transaction commits later. Making
//! the writers take turns would cure that and cost most of their speed. So the writers are left alone, and
//! positions are given afterwards, by one *sequencer*, to what has become visible.
//!
//! # What a step does
//!
//! Every step stores the snapshot it read with. A snapshot says which transactions it could see: all with an id
//! below its `xmax`, except those in its list of transactions in progress. The next step reads with a newer
//! snapshot. What the newer one sees and the older one did not is therefore exactly
//!
//! - the changes of transactions with an id at or past the old `xmax`, and
//! - the changes of transactions in the old list of those in progress,
//!
//! as far as they are visible now. No change can be in two steps, and none can fall between them, however long its
//! transaction takes and whatever order commits come in. A long transaction delays nobody: it stays in the list
//! until it ends. Rolled-back rows are never visible and never get a position, so positions are *dense*.
//!
//! # Why each item keeps its order
//!
//! Within a step, changes are placed by `id`. Take two changes of one item, in different transactions. The second
//! writer waits for the row lock of the first until that one has committed, and its triggers draw an id only after
//! that: so the later change has the larger id. And whenever the later one is visible, the earlier one, committed
//! before, is visible too: it is in the same step or in one before. Positions of an item therefore ascend with its
//! versions. The changes of one transaction become visible together and stay in one step, in the order made.
//!
//! # Why there is only one
//!
//! A step is one transaction, so a crash repeats it whole or not at all, and the sequencer holds an advisory lock
//! on the very connection that it steps on ([`store::Sequencer`]). Other notifiers ask for that lock again and
//! again: when the leader dies, its connection closes, Postgres frees the lock, and the next one goes on where the log
//! ends. All notifiers, leading or not, serve the feed.
//!
//! # Waking up
//!
//! A notification is a doorbell: it carries nothing and is never relied on. While the sequencer has little to do,
//! writers ring. When it is busy it silences them, by holding a lock that their triggers ask about, because `pg_notify` makes
//! commits queue behind each other, and looks by itself every few milliseconds ([`pace`](crate)). Before it relies
//! on the bell again it keeps looking until every transaction that could have read the old state has ended. And
//! whatever happens, it looks once in `notifier.poll_interval_ms`.
//!
//! # Ended logins
//!
//! That a login was ended is a change of the log like any other. A hub that starts has missed the earlier ones, which may
//! have been removed from the log since: it asks for them ([`ended_logins`](crate)).
//!
//! # Monitors
//!
//! The leader also looks through the log for what monitors want to be told of ([`monitors`](crate)): behind the steps, in a
//! task of its own, with a place of its own in the database.
//!
//! # Forgetting
//!
//! Where `retention.days` says so, the leader deletes what is older, from the log's beginning on, in small batches beside
//! the steps. What a connected hub still reads is held ([`store::Store::hold_log`]), by whichever notifier feeds it; the
//! bound on that is `retention.longest_hold_ms`.

mod backfill;
mod database;
mod ended_logins;
mod entry;
mod feed;
mod holds;
mod lag;
mod leader;
mod monitors;
mod pace;
mod retention;
mod series;
mod tail;
mod vitals;
mod window;

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::web;
use service::{Check, Context, Fatal, Health, http::Http, settings::Secret};
use store::Store;
use tokio::sync::Semaphore;

use crate::{holds::Holds, monitors::Monitors, retention::Retention, vitals::Vitals, window::Window};

/// A notifier whose tasks run: what is left is to serve its feed.
#[derive(Debug, Clone)]
pub struct Notifier {
    store: Store,
    window: Arc<Window>,
    vitals: Arc<Vitals>,
    /// Reads of older entries under way.
    reads: Arc<Semaphore>,
    holds: Arc<Holds>,
    secret: Secret,
    context: Context,
    /// Whether the tasks run.
    begun: Arc<AtomicBool>,
}

/// The whole service, until it is told to stop. It answers from the first moment on: while the database is away, or its
/// schema isn't the one that this program knows, `/ready` says so and feeds are refused with 503.
///
/// # Errors
/// The settings can't be used, the schema can't be brought up to date, or the address is taken.
pub async fn run(context: Context) -> Result<(), Fatal> {
    let settings = context.settings.clone();
    let options = database::options(&settings);
    let listener = TcpListener::bind(settings.notifier.listen)?;
    let notifier = Notifier::new(&context, database::open(&settings, &options)?, settings.internal_secret()?);
    let serving = notifier.clone().serve(listener);
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        ready = store::ensure_schema(&options, settings.database.migrate) => ready?,
    }
    notifier.begin();
    serving.await
}

impl Notifier {
    /// Starts sequencing, or waiting for one's turn, following the log, and deleting what is too old.
    #[must_use]
    pub fn start(context: &Context, store: Store, secret: Secret) -> Self {
        let notifier = Self::new(context, store, secret);
        notifier.begin();
        notifier
    }

    /// One that touches nothing yet.
    fn new(context: &Context, store: Store, secret: Secret) -> Self {
        let window = Arc::new(Window::new(context.settings.notifier.window_entries));
        series::describe();
        let vitals = Arc::new(Vitals::default());
        let reads = Arc::new(Semaphore::new(backfill::READS));
        let holds = Arc::new(Holds::new(store.clone()));
        let (context, begun) = (context.clone(), Arc::default());
        Self { store, window, vitals, reads, holds, secret, context, begun }
    }

    /// Starts the tasks.
    fn begin(&self) {
        let Self { context, store, vitals, .. } = self;
        let (steps, handed_over) = tail::hand_over();
        let leader = leader::Leader::new(context, store.clone(), steps, vitals.clone());
        let (monitors, entries) = Monitors::new(store.clone(), leader.leading(), self.window.watch());
        let tail = tail::Tail::new(context, store.clone(), self.window.clone(), handed_over, entries);
        let retention = Retention::new(store.clone(), context.settings.clone(), leader.leading());
        let (watching, watched) = (vitals.clone(), store.clone());
        self.spawn("sequencer", leader.run());
        self.spawn("log tail", tail.run());
        self.spawn("monitors", monitors.run());
        self.spawn("retention", retention.run());
        self.spawn("holds", self.holds.clone().keep());
        self.spawn("vitals", async move { watching.watch(&watched).await });
        self.begun.store(true, Ordering::Relaxed);
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.context.stop.clone();
        self.context.spawn_essential(name, async move {
            stop.run_until_cancelled(task).await;
        });
    }

    /// Serves the feed until the service stops.
    ///
    /// # Errors
    /// The server can't start.
    pub async fn serve(self, listener: TcpListener) -> Result<(), Fatal> {
        let stop = self.context.stop.clone();
        let http = Http { name: "notifier", listener, workers: 1, drain_seconds: 2, tls_only: false };
        tracing::info!(notifier.listen = %http.listener.local_addr()?, "the feed is open");
        let health = Health::new("notifier", vec![self.database_check()], stop.clone());
        let (store, vitals) = (self.store.clone(), self.vitals.clone());
        let health = health.with_gauges(move || {
            store.report_pool();
            vitals.report_age();
        });
        let configure = move |config: &mut web::ServiceConfig| {
            health.clone().configure(config);
            feed::configure(config, self.clone());
        };
        Ok(service::http::serve(http, configure, stop).await?)
    }

    fn database_check(&self) -> Check {
        let store = self.store.clone();
        let check = Check::new("database", move || {
            let store = store.clone();
            Box::pin(async move { store.check().await.map_err(|error| error.to_string()) })
        });
        check.once(self.begun.clone(), "waiting for the schema")
    }
}
