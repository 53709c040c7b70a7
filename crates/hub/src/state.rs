//! A shard's state and the small steps on it: sending, blocking, falling behind, closing. Everything here runs on
//! one thread and never waits.

use std::{
    collections::BTreeSet,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_http::ws::Codec;
use bytes::{Bytes, BytesMut};
use domain::{CloseCode, Cursor, Epoch, Login, Position, ResyncReason, ServerFrame, TenantId, Topic};
use service::{EndedLogins, access::Access};
use slab::Slab;

use crate::{
    admission::Admitted,
    config::HubConfig,
    connection::{Connection, Met, Phase},
    history::WantedPage,
    link::Link,
    metrics::{Metrics, Resumed},
    outbox::{Outbox, Written},
    presence::Presence,
    protocol::Allowance,
    ring::Ring,
    subscription::{Ask, Stage},
    timers::{Due, NEVER, Timers},
    topics::Topics,
    wire::{self, Encoding},
};

/// A client that doesn't read its answers may leave so many bytes of them waiting.
const MOST_WAITING: usize = 256 * 1024;
/// A client gets this long to answer a close frame.
pub(crate) const CLOSE_LINGER_MS: u64 = 2000;

/// A snapshot that a subscription waits for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) connection: usize,
    pub(crate) id: u64,
    pub(crate) tenant: TenantId,
    pub(crate) topic: Topic,
}

/// Everything that a shard knows.
pub(crate) struct State {
    pub(crate) config: Rc<HubConfig>,
    pub(crate) access: Arc<Access>,
    pub(crate) ended: Arc<EndedLogins>,
    /// The logins that connections belong to, each with the connection's key: one sign-in may have many.
    pub(crate) logins: BTreeSet<(Login, usize)>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) metrics: Metrics,
    pub(crate) connections: Slab<Connection>,
    /// For each encoding.
    pub(crate) topics: [Topics; Encoding::ALL.len()],
    pub(crate) timers: Timers,
    pub(crate) ring: Ring,
    pub(crate) epoch: Option<Epoch>,
    /// Counts the logs: one that went back may have the epoch that it had.
    pub(crate) generation: u64,
    /// Whether the hub can't hear of anything new.
    pub(crate) is_cut_off: Box<dyn Fn() -> bool>,
    /// Connections with a subscription that has got further than the hub, which has to catch up; by key and id.
    pub(crate) ahead: Vec<(usize, u64)>,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) wanted_pages: Vec<WantedPage>,
    pub(crate) scratch: Vec<u8>,
    pub(crate) read_buffer: BytesMut,
    /// Milliseconds since the shard started, as of the call under way.
    pub(crate) now_ms: u64,
}

impl State {
    pub(crate) fn new(
        config: Rc<HubConfig>,
        access: Arc<Access>,
        ended: Arc<EndedLogins>,
        presence: Arc<Presence>,
        is_cut_off: Box<dyn Fn() -> bool>,
    ) -> Self {
        Self {
            ring: Ring::new(config.ring_entries, config.ring_bytes),
            config,
            access,
            ended,
            logins: BTreeSet::new(),
            presence,
            metrics: Metrics::new(),
            connections: Slab::new(),
            topics: Default::default(),
            timers: Timers::default(),
            epoch: None,
            generation: 0,
            is_cut_off,
            ahead: Vec::new(),
            wanted: Vec::new(),
            wanted_pages: Vec::new(),
            scratch: Vec::new(),
            read_buffer: BytesMut::new(),
            now_ms: 0,
        }
    }

    /// Sends to one client; keeps what its socket doesn't take.
    pub(crate) fn send(&mut self, key: usize, bytes: Bytes) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let closing = matches!(connection.phase, Phase::Closing { .. } | Phase::Ended);
        if connection.outbox.bytes() > MOST_WAITING && !closing {
            return self.close(key, CloseCode::TooSlow, "too much waits to be read");
        }
        match connection.outbox.send(&connection.link, bytes) {
            Ok(Written::All) => {}
            Ok(Written::Blocked) => self.blocked(key),
            Err(_) => self.end(key),
        }
    }

    pub(crate) fn send_frame(&mut self, key: usize, frame: &ServerFrame<'_>) {
        let Some(connection) = self.connections.get(key) else { return };
        let bytes = wire::message(connection.encoding, frame, self.epoch);
        self.send(key, bytes);
    }

    pub(crate) fn send_error(&mut self, key: usize, reference: Option<u64>, code: &str, detail: &str) {
        self.send_frame(key, &ServerFrame::Error { reference, code, detail });
    }

    /// The client's socket is full: nothing more is sent to it until it takes what waits.
    pub(crate) fn blocked(&mut self, key: usize) {
        let now_ms = self.now_ms;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.blocked_ms.is_none() {
            connection.blocked_ms = Some(now_ms);
            // Its task has to wait for room now; a task that does so already needs no telling.
            connection.link.kick();
            self.look_after(key, now_ms + self.config.stall_timeout_ms);
        }
        self.fall_behind(key);
    }

    /// Takes a connection out of the live topics. It has, or has waiting, everything up to the head.
    fn fall_behind(&mut self, key: usize) {
        let Self { connections, topics, ring, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let Some(tenant) = connection.identity().map(|identity| identity.tenant) else { return };
        for subscription in connection.subscriptions.iter_mut().filter(|subscription| subscription.is_live())
        {
            let cursor = ring.head();
            let topics = &mut topics[connection.encoding as usize];
            let last = topics.leave((tenant, subscription.topic), key).unwrap_or(cursor);
            subscription.stage = Stage::Behind { cursor, last, owed: None };
        }
    }

    /// Makes subscriptions live that have caught up, all before a word is said: what is said may not fit, and then all
    /// of them fall behind together.
    pub(crate) fn go_live(&mut self, key: usize, caught_up: &[Topic]) {
        let position = self.ring.head();
        let Self { connections, topics, metrics, epoch, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let Some(tenant) = connection.identity().map(|identity| identity.tenant) else { return };
        let encoding = connection.encoding;
        let mut said = BytesMut::new();
        for topic in caught_up.iter().copied() {
            let Some(subscription) = connection.subscription(topic) else { continue };
            let Stage::Behind { last, owed, .. } = subscription.stage else { continue };
            subscription.stage = Stage::Live;
            topics[encoding as usize].join((tenant, topic), key, last);
            let Some(Ask { reference, recovered, backfilled, .. }) = owed else { continue };
            metrics.subscribed(recovered);
            if recovered {
                metrics.resumed(if backfilled { Resumed::ByBackfill } else { Resumed::FromRing });
            }
            let Some(epoch) = *epoch else { continue };
            let subscribed = ServerFrame::Subscribed { reference, topic, recovered, position, epoch };
            said.extend_from_slice(&wire::message(encoding, &subscribed, Some(epoch)));
        }
        if encoding == Encoding::List {
            // It is answered with the cursor, which says the same; perhaps now.
            connection.link.kick();
        } else if !said.is_empty() {
            self.send(key, said.freeze());
        }
    }

    /// Tells a client to read a topic anew; the topic goes on from the head.
    pub(crate) fn resync(&mut self, key: usize, topic: Topic, reason: ResyncReason) {
        let position = self.ring.head();
        let Some(epoch) = self.epoch else { return };
        self.metrics.resync(reason);
        self.send_frame(key, &ServerFrame::Resync { topic, reason, position, epoch });
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.gave_up = true;
        let (reload, id) = (connection.reload, connection.id);
        let tenant = connection.identity().map(|identity| identity.tenant);
        let Some(subscription) = connection.subscription(topic) else { return };
        let owed = match &subscription.stage {
            Stage::Behind { owed, .. } => *owed,
            Stage::Initial { ask, .. } | Stage::Loading(ask) => Some(*ask),
            Stage::Live => None,
        };
        if let (true, Some(tenant)) = (reload, tenant) {
            subscription.stage = Stage::Loading(owed.unwrap_or_default().not_recovered());
            self.wanted.push(Wanted { connection: key, id, tenant, topic });
        } else {
            let owed = owed.map(Ask::not_recovered);
            subscription.stage = Stage::Behind { cursor: position, last: position, owed };
        }
        if owed.is_some_and(|ask| ask.recovered) {
            self.metrics.resumed(Resumed::NotAtAll);
        }
    }

    /// The stream starts anew: nothing that is in the ring counts any more.
    pub(crate) fn restart(&mut self, cursor: Cursor, reason: Option<ResyncReason>) {
        self.epoch = Some(cursor.epoch);
        self.ring.restart(cursor.position);
        self.topics.iter_mut().for_each(Topics::clear);
        let Some(reason) = reason else { return };
        self.generation += u64::from(reason == ResyncReason::Epoch);
        self.ahead.clear();
        let keys: Vec<usize> = self.connections.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(connection) = self.connections.get_mut(key) else { continue };
            connection.conflation = None;
            connection.history = None;
            connection.ahead_since_ms = None;
            let topics: Vec<Topic> = connection
                .subscriptions
                .iter()
                .filter(|subscription| !matches!(subscription.stage, Stage::Loading(_)))
                .map(|subscription| subscription.topic)
                .collect();
            for topic in topics {
                self.give_up(key, topic, reason);
            }
            self.advance(key);
        }
    }

    /// Sends a close frame and waits a little for the client's.
    pub(crate) fn close(&mut self, key: usize, code: CloseCode, reason: &str) {
        let Some((encoding, number)) = self.begin_to_close(key, code) else { return };
        self.say_last(key, encoding, wire::close(encoding, code, reason, self.config.retry_ms(number)));
    }

    /// From now on nothing but the last words is sent to a client; says in which form, and the connection's number. Nothing
    /// if it has been told to go before.
    pub(crate) fn begin_to_close(&mut self, key: usize, code: CloseCode) -> Option<(Encoding, u64)> {
        // A client that doesn't read may go on, and then shall read why it was closed: it has as long again.
        let slow = code == CloseCode::TooSlow;
        let linger_ms =
            if slow { self.config.stall_timeout_ms.max(CLOSE_LINGER_MS) } else { CLOSE_LINGER_MS };
        let deadline_ms = self.now_ms + linger_ms;
        self.leave_all(key);
        let connection = self.connections.get_mut(key)?;
        if matches!(connection.phase, Phase::Closing { .. } | Phase::Ended) {
            return None;
        }
        connection.phase = Phase::Closing { deadline_ms, deaf: false };
        let said = (connection.encoding, connection.id);
        self.metrics.closed(code);
        self.look_after(key, deadline_ms);
        Some(said)
    }

    pub(crate) fn say_last(&mut self, key: usize, encoding: Encoding, words: Bytes) {
        self.send(key, words);
        match encoding {
            Encoding::Socket => {}
            // A response just ends; nobody answers.
            Encoding::Events => self.end_once_flushed(key),
            // Its answer is not what waits, but an error.
            Encoding::List => self.end(key),
        }
    }

    /// There is nothing to wait for but that the last bytes are out.
    pub(crate) fn end_once_flushed(&mut self, key: usize) {
        if self.connections.get(key).is_some_and(|connection| connection.outbox.is_empty()) {
            self.end(key);
        }
    }

    /// Has a timer look after a connection, unless one does so before.
    pub(crate) fn look_after(&mut self, key: usize, at_ms: u64) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if at_ms < connection.due_ms {
            connection.due_ms = at_ms;
            self.timers.add(Due { at_ms, key, id: connection.id });
        }
    }

    /// Ends a connection without another word.
    pub(crate) fn end(&mut self, key: usize) {
        self.leave_all(key);
        if let Some(connection) = self.connections.get_mut(key) {
            if !connection.outbox.is_empty() {
                connection.link.abort();
            }
            connection.phase = Phase::Ended;
            connection.link.kick();
        }
    }

    fn leave_all(&mut self, key: usize) {
        let Self { connections, topics, logins, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let Some(identity) = connection.identity() else { return };
        let tenant = identity.tenant;
        if let Some(login) = identity.login {
            logins.remove(&(login, key));
        }
        for subscription in std::mem::take(&mut connection.subscriptions) {
            if subscription.is_live() {
                topics[connection.encoding as usize].leave((tenant, subscription.topic), key);
            }
        }
        connection.conflation = None;
        connection.history = None;
    }

    /// Ends one subscription.
    pub(crate) fn unsubscribe(&mut self, key: usize, topic: Topic) {
        let Self { connections, topics, .. } = self;
        let Some(connection) = connections.get_mut(key) else { return };
        let Some(tenant) = connection.identity().map(|identity| identity.tenant) else { return };
        // What was picked for the old subscription must not come behind a new one's snapshot.
        if let Some(conflation) = &mut connection.conflation {
            conflation.forget(topic);
        }
        let found = connection.subscriptions.iter().position(|subscription| subscription.topic == topic);
        if let Some(place) = found
            && connection.subscriptions.swap_remove(place).is_live()
        {
            topics[connection.encoding as usize].leave((tenant, topic), key);
        }
    }

    /// Makes room for a new connection.
    pub(crate) fn open(&mut self, link: Rc<Link>, encoding: Encoding, admitted: Admitted) -> usize {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let (now_ms, id) = (self.now_ms, NEXT_ID.fetch_add(1, Ordering::Relaxed));
        // Clients that come together shall not all be due together for ever.
        let beaten_ms = self.config.heartbeat_ms / 2 * (self.connections.vacant_key() as u64 % 64) / 64;
        let key = self.connections.insert(Connection {
            link,
            encoding,
            _admitted: admitted,
            reload: false,
            resumes: false,
            gave_up: false,
            id,
            phase: Phase::Greeting,
            seat: None,
            subscriptions: Vec::new(),
            outbox: Outbox::default(),
            conflation: None,
            history: None,
            ahead_since_ms: None,
            partial: Bytes::new(),
            fragments: None,
            codec: Codec::new().max_size(self.config.max_frame_bytes),
            allowance: Allowance::full(self.config.max_frames_per_second, now_ms),
            opened_ms: now_ms,
            heard_ms: now_ms,
            beat_ms: now_ms.saturating_sub(beaten_ms),
            due_ms: NEVER,
            blocked_ms: None,
            met: Met::NotYet,
        });
        self.metrics.opened(encoding);
        self.reschedule(key);
        key
    }

    /// The hub's newest position.
    pub(crate) const fn head(&self) -> Position {
        self.ring.head()
    }
}
