//! The hub: every change to every client that asked for it, in order, over WebSocket, Server-Sent Events or long poll.
//!
//! A hub follows a notifier's feed and never touches Postgres. It is split into *shards*, one for each worker
//! thread; a shard owns its sockets, its topics and a ring of the newest entries, and shares nothing with the
//! others but the entries' bytes.
//!
//! # What a change costs
//!
//! The notifier writes a change's JSON once. A shard puts the topic's few bytes before it once for each topic that
//! someone is live on, collects the frames of all entries that are ready, and writes the same bytes straight to
//! each client's socket: one system call for a client and batch, no task is woken, nothing is allocated.
//!
//! # Clients that don't keep up
//!
//! What a socket doesn't take waits in its outbox, and the client stops being live: nothing more is queued for it.
//! When the socket takes bytes again, the client catches up from the ring, a piece at a time, and goes live when
//! it has reached the head. The same path serves resumes and the gap behind a snapshot, so it is walked all the
//! time. What is older than the ring comes in pages that are fetched from the notifier, once for all who need them
//! ([`backfill`](crate)), and are walked like the ring. A client that is far behind gets the newest change of each resource ([`catch_up`](crate)); one that takes
//! nothing is closed with 4008.
//!
//! # Clients without a WebSocket
//!
//! A stream of events and a long poll are connections of the shard like any other: only the form of their frames
//! differs ([`wire`](crate)), and that their bytes go into the body of a response ([`link`](crate)) instead of a socket.
//! They fall behind, catch up and are cut off in the same way, and share the cursors.
//!
//! # Logins that are ended
//!
//! A hub knows which logins were ended ([`feed`](crate)), refuses their tokens, and ends their connections as soon as it
//! hears of it ([`logins`](crate)).
//!
//! # Idle sockets
//!
//! The hub takes sockets over from the HTTP server after the handshake and keeps no buffers for them: an idle one
//! is a kernel socket, a task of a few words, and its state in the shard's slab. One queue for each shard says when which
//! heartbeat or time-out is due.

mod admission;
mod backfill;
mod catch_up;
mod config;
mod conflation;
mod connection;
mod due;
mod ended_before;
mod entry;
mod fallback;
mod fan_out;
mod feed;
mod guest;
mod handshake;
mod history;
mod incoming;
mod lag;
#[cfg(test)]
mod laws;
mod link;
mod logins;
mod metrics;
mod origin;
mod outbox;
mod page;
mod presence;
mod protocol;
mod ring;
mod roll;
mod run;
mod series;
mod shard;
mod snapshot;
mod state;
mod subscription;
mod tickets;
mod timers;
mod topics;
mod wire;

use std::{net::TcpListener, rc::Rc, sync::Arc, time::Duration};

use actix_web::web;
use service::{
    Check, Context, EndedLogins, Fatal, Health,
    access::Access,
    http::{Http, Worker, serve_with_upgrades},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::Admission,
    backfill::Backfill,
    config::HubConfig,
    fallback::Door,
    feed::{Distribution, Follower},
    handshake::Doorkeeper,
    presence::{Presence, Reporter},
    shard::{Shard, Surroundings},
    snapshot::Snapshots,
    tickets::Tickets,
};

/// A hub that follows the feed: what is left is to serve sockets.
#[derive(Clone)]
pub struct Hub {
    config: HubConfig,
    access: Arc<Access>,
    ended: Arc<EndedLogins>,
    tickets: Arc<Tickets>,
    distribution: Arc<Distribution>,
    snapshots: Arc<Snapshots>,
    admission: Arc<Admission>,
    backfill: Arc<Backfill>,
    presence: Arc<Presence>,
    shards: TaskTracker,
    tls_only: bool,
    stop: CancellationToken,
}

/// The whole service, until it is told to stop.
///
/// # Errors
/// The settings can't be used or the address is taken.
pub async fn run(context: Context) -> Result<(), Fatal> {
    let settings = context.settings.clone();
    settings.refuse_open_listener("STOCKWIRE__HUB__LISTEN", settings.hub.listen)?;
    let listener = TcpListener::bind(settings.hub.listen)?;
    Hub::start(&context)?.serve(listener, settings.hub.workers).await
}

impl Hub {
    /// Starts following the feed.
    ///
    /// # Errors
    /// A secret is missing.
    pub fn start(context: &Context) -> Result<Self, Fatal> {
        series::describe();
        let settings = &context.settings;
        let secret = settings.internal_secret()?;
        let distribution = Arc::new(Distribution::default());
        let runtime = tokio::runtime::Handle::current();
        let tickets = Arc::new(Tickets::new(settings, secret.clone(), runtime.clone())?);
        let snapshots = Arc::new(Snapshots::new(settings, secret.clone(), runtime)?);
        let backfill = Arc::new(Backfill::new(settings, secret.clone())?);
        let presence = Arc::new(Presence::new(Duration::from_millis(settings.hub.presence_grace_ms)));
        let reporter = Reporter::new(settings, secret.clone(), presence.clone())?;
        context.spawn_essential("presence", reporter.run(context.stop.clone()));
        let forget = {
            let (snapshots, backfill) = (snapshots.clone(), backfill.clone());
            move || {
                snapshots.forget();
                backfill.forget();
            }
        };
        let ended = Arc::<EndedLogins>::default();
        let follower = Follower::new(settings, secret, distribution.clone(), ended.clone(), forget)?;
        // Both go on while the hub drains: clients that wait for their goodbye still follow.
        let shards = TaskTracker::new();
        let until_drained = drained(context.stop.clone(), shards.clone());
        context.spawn_essential("feed", async move {
            tokio::select! { () = until_drained => {}, () = follower.follow() => {} }
        });
        let (until_drained, fetching) = (drained(context.stop.clone(), shards.clone()), backfill.clone());
        context.spawn_essential("backfill", async move {
            tokio::select! { () = until_drained => {}, _ = fetching.run() => {} }
        });
        Ok(Self {
            config: HubConfig::from(&settings.hub),
            access: Arc::new(Access::new(&settings.token_secret()?, settings.auth.anonymous)),
            ended,
            tickets,
            snapshots,
            backfill,
            presence,
            distribution,
            admission: Arc::new(Admission::new(&settings.hub)?),
            shards,
            tls_only: settings.http.is_tls_only(),
            stop: context.stop.clone(),
        })
    }

    /// Serves sockets on a listener of its own until the service stops and every client has been told.
    ///
    /// # Errors
    /// The server can't start.
    pub async fn serve(self, listener: TcpListener, workers: usize) -> Result<(), Fatal> {
        tracing::info!(hub.listen = %listener.local_addr()?, "the hub is open");
        let health = Health::new("hub", vec![self.check()], self.stop.clone());
        let configure = move |config: &mut web::ServiceConfig| health.clone().configure(config);
        let http = Http { name: "hub", listener, workers, drain_seconds: 2, tls_only: self.tls_only };
        let closed = CancellationToken::new();
        let hub = self.clone();
        let drained = closed.clone();
        tokio::spawn(async move {
            hub.drained().await;
            drained.cancel();
        });
        Ok(serve_with_upgrades(http, configure, self.worker(), closed).await?)
    }

    /// What a worker thread of an HTTP server does for the hub: it has a shard of its own, to which handshakes and the
    /// HTTP fallbacks lead.
    pub fn worker(&self) -> impl Fn() -> Worker + Clone + Send + 'static {
        let hub = self.clone();
        move || {
            let (first, news) = hub.distribution.join();
            let distribution = hub.distribution.clone();
            let surroundings = Surroundings {
                config: Rc::new(hub.config.clone()),
                access: hub.access.clone(),
                ended: hub.ended.clone(),
                snapshots: hub.snapshots.clone(),
                backfill: hub.backfill.clone(),
                presence: hub.presence.clone(),
                is_cut_off: Box::new(move || !distribution.is_connected()),
                stop: hub.stop.clone(),
                drained: hub.shards.token(),
            };
            let shard = Shard::start(surroundings, first, news);
            let this = hub.clone();
            let doorkeeper = Rc::new(Doorkeeper {
                shard,
                access: hub.access.clone(),
                ended: hub.ended.clone(),
                tickets: hub.tickets.clone(),
                admission: hub.admission.clone(),
                allowed_origins: hub.config.allowed_origins.clone(),
                closed: Box::new(move || this.closed()),
            });
            let (max_topics, stop) = (hub.config.max_subscriptions, hub.stop.clone());
            let door = web::Data::new(Door { doorkeeper: doorkeeper.clone(), max_topics, stop });
            Worker {
                upgrades: Rc::new(move |request| doorkeeper.decide(request)),
                configure: Rc::new(move |config| fallback::configure(config, door.clone())),
            }
        }
    }

    /// Resolves when the service stops and every socket has been closed.
    pub async fn drained(&self) {
        drained(self.stop.clone(), self.shards.clone()).await;
    }

    /// Whether the hub follows the feed.
    #[must_use]
    pub fn check(&self) -> Check {
        let distribution = self.distribution.clone();
        Check::new("feed", move || {
            let connected = distribution.is_connected();
            Box::pin(async move { if connected { Ok(()) } else { Err("not connected".to_owned()) } })
        })
    }

    /// Why nobody is let in at the moment, if so.
    fn closed(&self) -> Option<&'static str> {
        if self.stop.is_cancelled() {
            Some("The hub stops.")
        } else if self.distribution.cursor().is_none() {
            Some("The hub has not reached the log yet.")
        } else {
            None
        }
    }
}

async fn drained(stop: CancellationToken, shards: TaskTracker) {
    stop.cancelled().await;
    shards.close();
    shards.wait().await;
}
