//! Entries older than the ring, fetched from the notifier for clients that resume from further back: a page is
//! fetched once for all who need it, one at a time, so many in a second and no more, in the order they were asked
//! for. A herd of such clients costs Postgres a bounded number of reads, however many they are.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Epoch, Position, ResyncReason, feed::FeedPage};
use service::{Call, Settings, settings::Secret};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    ended_before::beside_the_feed,
    entry::Entry,
    page::{Found, Page, Shelf, left_in_page, start_of_page},
};

/// The pause behind the first failure; it doubles with every other. A notifier that is replaced is back by then.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// After a pause of this length there is no other attempt: some 6 s after the first.
const LAST_PAUSE: Duration = Duration::from_millis(3200);

/// Why a page can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The notifier says that there is none.
    Reset(ResyncReason),
    /// The notifier didn't answer for a while.
    Unreachable,
    /// Everybody who waited has gone.
    Unwanted,
}

/// What went wrong with one attempt, for the log.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the notifier doesn't answer: {0}")]
    Http(#[source] reqwest::Error),
    #[error("what came can't be read")]
    Json(#[from] serde_json::Error),
    #[error("what came isn't contiguous")]
    Gap,
    #[error("this notifier hasn't got so far yet")]
    Behind,
    #[error("the notifier has none")]
    Reset(ResyncReason),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

type Outcome = Result<Arc<Page>, Failure>;

/// Which entries: those right behind a position of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    epoch: Epoch,
    /// Counts the logs: one that went back may have the same epoch.
    generation: u64,
    after: Position,
}

/// A part that is waited for.
#[derive(Debug)]
struct Flight {
    part: Part,
    /// Everybody who waits has got so far: an answer that doesn't reach further is of no use.
    needed: Position,
    landing: watch::Sender<Option<Outcome>>,
}

#[derive(Debug)]
struct Inner {
    generation: u64,
    shelf: Shelf,
    /// The first is the one that is being fetched.
    flights: VecDeque<Flight>,
}

/// What to do about a page that a client needs.
enum Look {
    Here(Arc<Page>),
    Coming(watch::Receiver<Option<Outcome>>),
}

/// Fetches and shares pages of the log; one for all shards of a hub.
#[derive(Debug)]
pub(crate) struct Backfill {
    client: reqwest::Client,
    url: String,
    secret: Secret,
    spacing: Duration,
    inner: Mutex<Inner>,
    asked: Notify,
}

impl Backfill {
    pub(crate) fn new(settings: &Settings, secret: Secret) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(15))
            .no_proxy()
            .build()?;
        // Registered before the first client comes, so that a rate can be told from nothing.
        metrics::counter!("stockwire_hub_backfill_pages_total", "source" => "feed").increment(0);
        metrics::counter!("stockwire_hub_backfill_pages_total", "source" => "cache").increment(0);
        metrics::counter!("stockwire_hub_backfill_failures_total").increment(0);
        Ok(Self {
            client,
            url: beside_the_feed(&settings.notifier.url, "/feed/entries"),
            secret,
            spacing: Duration::from_secs(1) / settings.hub.backfill_pages_per_second.max(1),
            inner: Mutex::new(Inner {
                generation: 0,
                shelf: Shelf::new(settings.hub.backfill_bytes),
                flights: VecDeque::new(),
            }),
            asked: Notify::new(),
        })
    }

    /// The page that continues a position, fetched if it isn't here. Whoever drops this future doesn't wait any more,
    /// and a page that nobody waits for isn't fetched.
    ///
    /// # Errors
    /// Why the client must read anew.
    pub(crate) async fn page(&self, epoch: Epoch, start: Position) -> Result<Arc<Page>, ResyncReason> {
        let mut from = start_of_page(start);
        loop {
            let mut coming = match self.look(epoch, start, from) {
                Look::Here(page) => return Ok(page),
                Look::Coming(coming) => coming,
            };
            let landed = coming.wait_for(Option::is_some).await;
            match landed.as_deref() {
                Ok(Some(Ok(page))) if page.continues(start) => return Ok(page.clone()),
                // The page comes in several parts.
                Ok(Some(Ok(page))) => from = page.last(),
                // What was removed may end in the middle of this page, before the client's position.
                Ok(Some(Err(Failure::Reset(ResyncReason::TooOld)))) if from < start => from = start,
                Ok(Some(Err(Failure::Reset(reason)))) => return Err(*reason),
                // This client came when the others had just gone.
                Ok(Some(Err(Failure::Unwanted))) => {}
                _ => return Err(ResyncReason::TooOld),
            }
        }
    }

    /// Finds a page, or joins those who wait for it.
    fn look(&self, epoch: Epoch, start: Position, from: Position) -> Look {
        let mut inner = self.lock();
        let after = match inner.shelf.find(epoch, start) {
            Found::Page(page) => {
                metrics::counter!("stockwire_hub_backfill_pages_total", "source" => "cache").increment(1);
                return Look::Here(page);
            }
            Found::Missing(after) => after.max(from),
        };
        let part = Part { epoch, generation: inner.generation, after };
        if let Some(flight) = inner.flights.iter_mut().find(|flight| flight.part == part) {
            flight.needed = flight.needed.min(start);
            metrics::counter!("stockwire_hub_backfill_pages_total", "source" => "cache").increment(1);
            return Look::Coming(flight.landing.subscribe());
        }
        let (landing, coming) = watch::channel(None);
        inner.flights.push_back(Flight { part, needed: start, landing });
        drop(inner);
        self.asked.notify_one();
        Look::Coming(coming)
    }

    /// The log is another one: what was fetched before means nothing any more.
    pub(crate) fn forget(&self) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.shelf.clear();
    }

    /// Fetches what is asked for, for ever; it is dropped when the service stops.
    pub(crate) async fn run(&self) -> std::convert::Infallible {
        let mut not_before = Instant::now();
        loop {
            tokio::time::sleep_until(not_before).await;
            let Some(part) = self.next() else {
                self.asked.notified().await;
                continue;
            };
            not_before = Instant::now() + self.spacing;
            let outcome = self.fetch_patiently(part).await;
            self.land(part, &outcome);
        }
    }

    /// The first part that someone still waits for.
    fn next(&self) -> Option<Part> {
        let mut inner = self.lock();
        while inner.flights.front()?.landing.is_closed() {
            inner.flights.pop_front();
        }
        Some(inner.flights.front()?.part)
    }

    fn land(&self, part: Part, outcome: &Outcome) {
        let mut inner = self.lock();
        let landed = match outcome {
            Ok(page) => {
                if inner.generation == part.generation {
                    inner.shelf.put(part.epoch, page);
                }
                1
            }
            Err(Failure::Reset(_) | Failure::Unwanted) => 1,
            // Whoever comes next would wait as long, and in vain: nobody waits for a notifier longer than once.
            Err(Failure::Unreachable) => inner.flights.len(),
        };
        for flight in inner.flights.drain(..landed) {
            flight.landing.send_replace(Some(outcome.clone()));
        }
    }

    async fn fetch_patiently(&self, part: Part) -> Outcome {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.fetch(part).await {
                Ok(page) => {
                    metrics::counter!("stockwire_hub_backfill_pages_total", "source" => "feed").increment(1);
                    return Ok(Arc::new(page));
                }
                Err(FetchError::Reset(reason)) => {
                    metrics::counter!("stockwire_hub_backfill_failures_total").increment(1);
                    return Err(Failure::Reset(reason));
                }
                Err(error) => error,
            };
            if pause > LAST_PAUSE {
                metrics::counter!("stockwire_hub_backfill_failures_total").increment(1);
                let source = &error as &dyn std::error::Error;
                tracing::warn!(log.position = %part.after, source, "older entries can't be had");
                return Err(Failure::Unreachable);
            }
            tracing::debug!(
                log.position = %part.after,
                source = &error as &dyn std::error::Error,
                "asking again for older entries"
            );
            tokio::time::sleep(pause).await;
            pause *= 2;
            if self.lock().flights.front().is_none_or(|flight| flight.landing.is_closed()) {
                return Err(Failure::Unwanted);
            }
        }
    }

    async fn fetch(&self, part: Part) -> Result<Page, FetchError> {
        let Part { epoch, after, .. } = part;
        let url = format!("{}?epoch={epoch}&after={after}&limit={}", self.url, left_in_page(after));
        let call = Call::begin("GET /feed/entries");
        let request = self.client.get(url).bearer_auth(self.secret.expose());
        let request = call.headers().fold(request, |request, (name, value)| request.header(name, value));
        let receive = async { request.send().await?.error_for_status()?.bytes().await };
        let body = call.run(receive).await?;
        match serde_json::from_slice(&body)? {
            FeedPage::Reset { reason, .. } => Err(FetchError::Reset(reason)),
            FeedPage::Entries { head, entries } => {
                let entries = entries.into_iter().map(|entry| Arc::new(Entry::from(entry))).collect();
                let page = Page::new(after, head, entries).ok_or(FetchError::Gap)?;
                if !page.is_whole() && page.last() <= self.needed() {
                    return Err(FetchError::Behind);
                }
                Ok(page)
            }
        }
    }

    /// How far the answer under way must reach at least.
    fn needed(&self) -> Position {
        self.lock().flights.front().map(|flight| flight.needed).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
