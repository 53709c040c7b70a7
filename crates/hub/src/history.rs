//! What a client needs of the time before the ring: it asks for a page, waits, walks it, and asks for the next, until
//! the ring continues. It holds one page at most.

use std::sync::Arc;

use domain::{Epoch, Position, ResyncReason, Topic};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connection::Connection,
    metrics::Resumed,
    page::{Page, start_of_page},
    ring::Ring,
    run::Run,
    state::{State, Wanted},
    subscription::{Ask, Stage},
};

/// Where a client is in what is older than the ring.
#[derive(Debug)]
pub(crate) enum History {
    /// It waits for the page that continues a position.
    Asked { start: Position, task: Option<AbortOnDropHandle<()>> },
    /// It reads a page.
    Reading(Arc<Page>),
}

/// A page that a connection waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedPage {
    connection: usize,
    id: u64,
    pub(crate) epoch: Epoch,
    /// What lies right behind this position.
    pub(crate) start: Position,
}

/// Where the entries come from that a client is walked through next.
#[derive(Debug)]
pub(crate) enum Source {
    Ring,
    Page(Arc<Page>),
}

impl Source {
    /// The entries behind a position; for a page, as far as the ring's head.
    pub(crate) fn run<'a>(&'a self, ring: &'a Ring, start: Position) -> Option<Run<'a>> {
        match self {
            Self::Ring => ring.behind(start),
            Self::Page(page) => page.behind(start, ring.head()),
        }
    }
}

impl Connection {
    /// The positions that subscriptions which aren't live have got to.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = Position> {
        self.subscriptions.iter().filter_map(|subscription| match subscription.stage {
            Stage::Behind { cursor, .. } => Some(cursor),
            _ => None,
        })
    }

    /// Whether everything that was asked for was live until all of it fell behind at this position.
    pub(crate) fn is_all_behind(&self, start: Position) -> bool {
        self.subscriptions.iter().all(|subscription| {
            matches!(subscription.stage, Stage::Behind { cursor, owed: None, .. } if cursor == start)
        })
    }

    /// Up to where everything was sent on all topics, or waits in the outbox; nothing as long as that can't be said.
    pub(crate) fn proven(&self, head: Position) -> Option<Position> {
        // Changes that were picked are not in the outbox yet, and the cursors are past them.
        if self.conflation.is_some() {
            return None;
        }
        let known = self.subscriptions.iter().map(|subscription| match &subscription.stage {
            Stage::Live => Some(head),
            // It may lie before the head of a hub that has to catch up itself.
            Stage::Behind { cursor, .. } => Some(*cursor),
            Stage::Initial { .. } | Stage::Loading(_) => None,
        });
        // `None` is the least of all.
        known.min().unwrap_or(Some(head))
    }
}

impl State {
    /// Whether a client may have what lies behind a position and isn't in the ring.
    pub(crate) fn may_be_fetched(&self, start: Position) -> bool {
        self.depth(start) <= self.deepest()
    }

    fn depth(&self, start: Position) -> i64 {
        self.ring.head().get() - start.get()
    }

    fn deepest(&self) -> i64 {
        i64::try_from(self.config.backfill_entries).unwrap_or(i64::MAX)
    }

    /// Where the entries behind a position come from: the ring, the page that the client reads, or a page that it
    /// asks for now and gets later.
    pub(crate) fn source(&mut self, key: usize, start: Position) -> Option<Source> {
        let continues = start >= self.ring.floor();
        let connection = self.connections.get_mut(key)?;
        if continues {
            connection.history = None;
            return Some(Source::Ring);
        }
        match &connection.history {
            Some(History::Reading(page)) if page.continues(start) => Some(Source::Page(page.clone())),
            Some(History::Asked { start: asked, .. }) if *asked == start => None,
            _ => {
                let epoch = self.epoch?;
                connection.history = Some(History::Asked { start, task: None });
                self.wanted_pages.push(WantedPage { connection: key, id: connection.id, epoch, start });
                None
            }
        }
    }

    /// The task that gets a page; a connection that doesn't wait any more drops it, and with it the request.
    pub(crate) fn page_ordered(&mut self, wanted: WantedPage, task: AbortOnDropHandle<()>) {
        if let Some(History::Asked { task: place, .. }) = self.asked(wanted) {
            *place = Some(task);
        }
    }

    /// Goes on with a client whose page is here, or can't be had.
    pub(crate) fn page_arrived(&mut self, wanted: WantedPage, outcome: Result<Arc<Page>, ResyncReason>) {
        if self.asked(wanted).is_none() {
            return;
        }
        let key = wanted.connection;
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.history = None;
        match outcome {
            Ok(page) => {
                for subscription in &mut connection.subscriptions {
                    if let Stage::Behind { cursor, owed: Some(ask), .. } = &mut subscription.stage {
                        ask.backfilled |= page.continues(*cursor);
                    }
                }
                connection.history = Some(History::Reading(page));
            }
            Err(reason) => {
                let page = start_of_page(wanted.start);
                self.give_up_those(key, reason, |state, cursor, _| {
                    cursor < state.ring.floor() && start_of_page(cursor) == page
                });
            }
        }
        self.advance(key);
    }

    /// The page that a connection waits for, if it is this one.
    fn asked(&mut self, wanted: WantedPage) -> Option<&mut History> {
        let connection = self.connections.get_mut(wanted.connection).filter(|found| found.id == wanted.id)?;
        let history = connection.history.as_mut()?;
        matches!(history, History::Asked { start, .. } if *start == wanted.start).then_some(history)
    }

    /// Gives subscriptions up whose cursor lies too deep; says whether there were any.
    pub(crate) fn give_up_old(&mut self, key: usize) -> bool {
        self.give_up_those(key, ResyncReason::TooOld, |state, cursor, ask| {
            // Who was let in isn't sent away because others write meanwhile.
            let most = if ask.is_some() { state.deepest().saturating_mul(2) } else { state.deepest() };
            cursor < state.ring.floor() && state.depth(cursor) > most
        })
    }

    /// Gives subscriptions up whose clients say that they are further than the hub, which would have got there by now:
    /// they belong to another log. A state that came from inventory-api may be further than a hub that is late, and a
    /// hub that is cut off can't tell: those wait on.
    pub(crate) fn give_up_ahead(&mut self, key: usize) {
        let (head, now_ms) = (self.ring.head(), self.now_ms);
        if !(self.is_cut_off)() {
            self.give_up_those(key, ResyncReason::Epoch, |_, cursor, ask| {
                cursor > head && ask.is_some_and(|ask| ask.recovered)
            });
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        // Who still waits is on the list; the timer starts anew.
        let waits = connection.cursors().any(|cursor| cursor > head);
        connection.ahead_since_ms = waits.then_some(now_ms);
        self.advance(key);
    }

    fn give_up_those(
        &mut self,
        key: usize,
        reason: ResyncReason,
        lost: impl Fn(&Self, Position, Option<Ask>) -> bool,
    ) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        let topics: Vec<Topic> = connection
            .subscriptions
            .iter()
            .filter(|subscription| match subscription.stage {
                Stage::Behind { cursor, owed, .. } => lost(self, cursor, owed),
                _ => false,
            })
            .map(|subscription| subscription.topic)
            .collect();
        for topic in &topics {
            self.give_up(key, *topic, reason);
        }
        !topics.is_empty()
    }

    /// What a client missed can't be delivered: it gets a snapshot if it asked for one, or must read anew.
    pub(crate) fn give_up(&mut self, key: usize, topic: Topic, reason: ResyncReason) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let (id, tenant) = (connection.id, connection.identity().map(|identity| identity.tenant));
        if let Some(tenant) = tenant
            && let Some(subscription) = connection.subscription(topic)
            && let Stage::Behind { owed: Some(ask @ Ask { snapshot: true, .. }), .. } = subscription.stage
        {
            subscription.stage = Stage::Loading(ask.not_recovered());
            self.wanted.push(Wanted { connection: key, id, tenant, topic });
            return self.metrics.resumed(Resumed::WithSnapshot);
        }
        self.resync(key, topic, reason);
    }
}
