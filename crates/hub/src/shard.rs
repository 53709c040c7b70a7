//! A shard: the sockets of one worker thread, with their topics and a ring. Shards share nothing but the entries'
//! bytes, so nothing here is locked.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use domain::{CloseCode, Cursor, Identity};
use jiff::Timestamp;
use service::{CurrentRequest, EndedLogins, access::Access};
use socket2::SockRef;
use tokio::{
    io::Interest,
    net::TcpStream,
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, task_tracker::TaskTrackerToken},
};

use crate::{
    admission::Admitted,
    backfill::Backfill,
    config::HubConfig,
    connection::{Connection, pump},
    due::Beats,
    entry::{Entry, News},
    handshake::Arrival,
    history::WantedPage,
    link::Link,
    presence::Presence,
    snapshot::{Snapshot, SnapshotError, Snapshots},
    state::{State, Wanted},
    subscription::Wishes,
    topics::Topics,
    wire::{self, Encoding},
};

/// How often time-outs and heartbeats are looked after: one timer for all sockets of a shard.
const TICK: Duration = Duration::from_millis(250);
/// Batches merged into one fan-out when the shard falls behind.
const MERGED: usize = 64;
/// What the kernel keeps for a client that doesn't read, in bytes; it doubles the number.
const SEND_BUFFER: usize = 128 * 1024;
/// Steps in which sockets are closed while draining.
const DRAIN_STEPS: u32 = 20;

/// The sockets of one worker thread.
pub(crate) struct Shard {
    state: RefCell<State>,
    snapshots: Arc<Snapshots>,
    backfill: Arc<Backfill>,
    started: Instant,
}

/// Where a shard's sockets, snapshots and entries come from.
pub(crate) struct Surroundings {
    pub(crate) config: Rc<HubConfig>,
    pub(crate) access: Arc<Access>,
    pub(crate) ended: Arc<EndedLogins>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) backfill: Arc<Backfill>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) is_cut_off: Box<dyn Fn() -> bool>,
    pub(crate) stop: CancellationToken,
    /// Dropped when every socket is closed.
    pub(crate) drained: TaskTrackerToken,
}

/// A shard that ends while the service goes on, by a panic, would leave its clients without a word: then everything
/// ends, and a supervisor starts it anew. After an orderly end this does nothing.
struct EndsTheService {
    stop: CancellationToken,
}

impl Drop for EndsTheService {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            tracing::error!("a shard has ended by itself");
            self.stop.cancel();
        }
    }
}

impl Shard {
    /// Starts a shard on this thread.
    pub(crate) fn start(
        surroundings: Surroundings,
        first: Option<News>,
        news: mpsc::Receiver<News>,
    ) -> Rc<Self> {
        let Surroundings { config, access, ended, snapshots, backfill, presence, is_cut_off, stop, drained } =
            surroundings;
        let state = RefCell::new(State::new(config, access, ended, presence, is_cut_off));
        let shard = Rc::new(Self { state, snapshots, backfill, started: Instant::now() });
        if let Some(first) = first {
            shard.take_news(vec![first]);
        }
        let ending = EndsTheService { stop: stop.clone() };
        let running = shard.clone().run(news, stop, drained);
        actix_rt::spawn(async move {
            running.await;
            drop(ending);
        });
        shard
    }

    /// Follows the feed until the service stops and the last client has been sent on: whoever still waits for the goodbye
    /// misses nothing meanwhile.
    async fn run(
        self: Rc<Self>,
        news: mpsc::Receiver<News>,
        stop: CancellationToken,
        drained: TaskTrackerToken,
    ) {
        let draining = async {
            stop.cancelled().await;
            self.drain().await;
        };
        tokio::select! {
            () = draining => {}
            () = self.follow(news) => self.drain().await,
        }
        drop(drained);
    }

    /// Ends when nobody distributes news any more.
    async fn follow(self: &Rc<Self>, mut news: mpsc::Receiver<News>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(MERGED);
        loop {
            tokio::select! {
                biased;
                // Before the news, or a flood of them would stop heartbeats and time-outs.
                _ = ticks.tick() => self.tick(),
                count = news.recv_many(&mut batch, MERGED) => {
                    if count == 0 {
                        return;
                    }
                    self.take_news(std::mem::take(&mut batch));
                    // The sockets of this thread have their turn, too.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Runs a step on the state at this moment; then does what the step left to do.
    fn step<T>(self: &Rc<Self>, act: impl FnOnce(&mut State) -> T) -> T {
        let (outcome, wanted, pages) = {
            let mut state = self.state.borrow_mut();
            state.now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let outcome = act(&mut state);
            (outcome, std::mem::take(&mut state.wanted), std::mem::take(&mut state.wanted_pages))
        };
        for wanted in wanted {
            actix_rt::spawn(CurrentRequest::carry(self.clone().fetch(wanted)));
        }
        for wanted in pages {
            self.order_page(wanted);
        }
        outcome
    }

    fn take_news(self: &Rc<Self>, news: Vec<News>) {
        self.step(|state| {
            let mut run: Vec<Arc<[Arc<Entry>]>> = Vec::new();
            for news in news {
                match news {
                    News::Entries(entries) => {
                        // Before its changes: whom they don't concern any more doesn't get them.
                        for ended in entries.iter().filter_map(|entry| entry.ended.as_deref()) {
                            state.end_login(*ended);
                        }
                        run.push(entries);
                    }
                    News::Logins => state.end_ended_logins(),
                    News::Restart(cursor, reason) => {
                        state.fan_out_in_parts(&run);
                        run.clear();
                        state.restart(cursor, reason);
                        state.end_ended_logins();
                    }
                }
            }
            state.fan_out_in_parts(&run);
            if let Some(oldest) = run.first().and_then(|entries| entries.first()) {
                let age_us = Timestamp::now().as_microsecond() - oldest.at_us;
                state.metrics.sent_after(Duration::from_micros(age_us.max(0).unsigned_abs()).as_secs_f64());
            }
        });
    }

    /// Takes a socket over; bytes that arrived behind the handshake come with it.
    pub(crate) fn accept(
        self: &Rc<Self>,
        socket: TcpStream,
        unread: Bytes,
        arrival: Arrival,
        admitted: Admitted,
    ) {
        // A client that doesn't read shall not fill megabytes of kernel memory first; failing costs only that.
        let _ = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER);
        // Silence is noticed by heartbeats here, and a socket that is given up is reset.
        service::http::wait_for_ever(&socket);
        let link = Rc::new(Link::socket(socket));
        let key = self.step(|state| {
            let key = state.open(link.clone(), Encoding::Socket, admitted);
            match arrival {
                Arrival::Unknown => {}
                Arrival::Known(identity) => state.welcome(key, identity),
                Arrival::Ended(reason) => state.log_out(key, reason),
                Arrival::Refused(code, reason) => state.close(key, code, reason),
            }
            state.decode(key, &mut BytesMut::from(unread.as_ref()));
            key
        });
        actix_rt::spawn(pump(self.clone(), link, key));
    }

    /// Opens a client that gets its frames in an HTTP response and asks for everything at once.
    pub(crate) fn open(
        self: &Rc<Self>,
        link: &Rc<Link>,
        encoding: Encoding,
        identity: Identity,
        wishes: &Wishes,
        admitted: Admitted,
    ) -> usize {
        self.step(|state| {
            let key = state.open(link.clone(), encoding, admitted);
            if let Some(connection) = state.connections.get_mut(key) {
                connection.reload = wishes.snapshot && encoding == Encoding::Events;
                let number = connection.id;
                if encoding == Encoding::Events {
                    connection.outbox.push(wire::retry(state.config.retry_ms(number)));
                }
            }
            state.welcome(key, identity);
            for topic in &wishes.topics {
                state.subscribe(key, None, *topic, wishes.snapshot, wishes.after);
            }
            state.advance(key);
            key
        })
    }

    /// When a client that is sent away before it gets a number should come back, in milliseconds.
    pub(crate) fn retry_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(0);
        self.state.borrow().config.retry_ms(elapsed)
    }

    /// What waits for a connection, which gets nothing more.
    pub(crate) fn take_outbox(self: &Rc<Self>, key: usize) -> impl Iterator<Item = Bytes> + use<> {
        self.step(|state| {
            state.connections.get_mut(key).map(|connection| connection.outbox.take()).into_iter().flatten()
        })
    }

    /// Looks at a connection without changing it.
    pub(crate) fn look<T>(&self, key: usize, see: impl FnOnce(&State, &Connection) -> T) -> Option<T> {
        let state = self.state.borrow();
        state.connections.get(key).map(|connection| see(&state, connection))
    }

    /// Whether this shard knows where the log is; clients that come before can't be greeted.
    pub(crate) fn is_following(&self) -> bool {
        self.state.borrow().epoch.is_some()
    }

    /// What a connection's task waits for; nothing once the connection is over.
    pub(crate) fn interest(&self, key: usize) -> Option<Interest> {
        self.state.borrow().connections.get(key)?.interest()
    }

    pub(crate) fn on_readable(self: &Rc<Self>, key: usize) {
        self.step(|state| state.receive(key));
    }

    pub(crate) fn on_writable(self: &Rc<Self>, key: usize) {
        self.step(|state| state.advance(key));
    }

    /// A connection's task has ended.
    pub(crate) fn remove(self: &Rc<Self>, key: usize) {
        self.step(|state| {
            state.end(key);
            if let Some(connection) = state.connections.try_remove(key) {
                state.metrics.gone(connection.encoding);
            }
        });
    }

    /// Gets a snapshot that fits the hub's stream. Around a restore, inventory-api and hub may know different epochs
    /// for a moment.
    async fn fetch(self: Rc<Self>, wanted: Wanted) {
        const ATTEMPTS: usize = 20;
        const PAUSE: Duration = Duration::from_millis(100);
        for _ in 0..ATTEMPTS {
            let not_before = {
                let state = self.state.borrow();
                let cursor = state.epoch.map(|epoch| Cursor { epoch, position: state.ring.floor() });
                cursor.map(|cursor| (cursor, state.generation))
            };
            let Some((not_before, generation)) = not_before else { break };
            let found = self.snapshots.get(wanted.tenant, wanted.topic, not_before).await;
            let (epoch, now) = {
                let state = self.state.borrow();
                (state.epoch, state.generation)
            };
            match found {
                // A log that went back may have the epoch that it had.
                Ok(snapshot) if Some(snapshot.as_of.epoch) == epoch && generation == now => {
                    return self.snapshot_arrived(&wanted, Ok(snapshot));
                }
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(error) => return self.snapshot_arrived(&wanted, Err(error)),
            }
        }
        self.snapshot_arrived(&wanted, Err(SnapshotError::foreign()));
    }

    /// Asks for a page. The connection holds the task, so that it ends with it.
    fn order_page(self: &Rc<Self>, wanted: WantedPage) {
        let shard = self.clone();
        let task = actix_rt::spawn(async move {
            let outcome = shard.backfill.page(wanted.epoch, wanted.start).await;
            shard.step(|state| state.page_arrived(wanted, outcome));
        });
        self.state.borrow_mut().page_ordered(wanted, AbortOnDropHandle::new(task));
    }

    fn snapshot_arrived(self: &Rc<Self>, wanted: &Wanted, snapshot: Result<Arc<Snapshot>, SnapshotError>) {
        self.step(|state| state.snapshot_arrived(wanted, snapshot.ok()));
    }

    /// Looks after whatever is due.
    fn tick(self: &Rc<Self>) {
        let now = Timestamp::now();
        self.step(|state| {
            let mut beats = Beats::default();
            while let Some(due) = state.timers.next(state.now_ms) {
                state.on_due(due, now, &mut beats);
            }
            let live = state.topics.iter().map(Topics::count).sum();
            state.metrics.stand(live, &state.ring);
        });
    }

    /// Closes every socket, spread over the drain window, and waits for their goodbyes.
    async fn drain(self: &Rc<Self>) {
        // Polls see for themselves that the hub stops, and are answered.
        let lasting =
            |(key, connection): (usize, &Connection)| (connection.encoding != Encoding::List).then_some(key);
        let lasting =
            || -> Vec<usize> { self.state.borrow().connections.iter().filter_map(lasting).collect() };
        let keys = lasting();
        let window = Duration::from_millis(self.state.borrow().config.drain_ms);
        let steps = u32::try_from(keys.len()).unwrap_or(DRAIN_STEPS).clamp(1, DRAIN_STEPS);
        let size = keys.len().div_ceil(steps as usize).max(1);
        for some in keys.chunks(size) {
            self.step(|state| {
                for key in some {
                    state.close(*key, CloseCode::Restart, "the hub restarts");
                }
            });
            tokio::time::sleep(window / steps).await;
        }
        // Who was let in at the last moment.
        let late = lasting();
        self.step(|state| {
            for key in late {
                state.close(key, CloseCode::Restart, "the hub restarts");
            }
        });
        let patience = Instant::now() + Duration::from_millis(crate::state::CLOSE_LINGER_MS);
        while !self.state.borrow().connections.is_empty() && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.step(|state| {
            let keys: Vec<usize> = state.connections.iter().map(|(key, _)| key).collect();
            for key in keys {
                state.end(key);
            }
        });
    }
}
