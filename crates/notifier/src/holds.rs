//! Hubs that still read old entries from the log keep them from being deleted, whichever notifier deletes.
//!
//! A feed that is served from the window holds nothing: so many entries are never deleted. One that must read the log
//! says so in the database before it reads for the first time, and as long as there are such feeds, this notifier says
//! again and again how far the slowest of them is. A notifier that dies stops saying so, and a hub that takes nothing
//! loses its feed, and its hold with it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Position;
use store::{Error, LogHolder, Store};

/// How often a hold is said again.
const RENEW: Duration = Duration::from_secs(5);
/// A hold that isn't said again ends after this.
const LASTS: Duration = Duration::from_secs(20);

/// The feeds of this notifier that read the log.
#[derive(Debug)]
pub(crate) struct Holds {
    store: Store,
    holder: LogHolder,
    feeds: Mutex<Feeds>,
    /// One says at a time, so that an older word never replaces a newer one. Whether there is one in the database.
    saying: tokio::sync::Mutex<bool>,
}

#[derive(Debug, Default)]
struct Feeds {
    next: u64,
    reached: BTreeMap<u64, Position>,
}

/// One feed's hold; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Hold {
    holds: Arc<Holds>,
    feed: u64,
}

impl Holds {
    pub(crate) fn new(store: Store) -> Self {
        let (feeds, saying) = (Mutex::default(), tokio::sync::Mutex::new(false));
        Self { store, holder: LogHolder::new(), feeds, saying }
    }

    /// Holds what lies behind a position. Some of it may be gone already.
    ///
    /// # Errors
    /// The database is away.
    pub(crate) async fn take(self: &Arc<Self>, position: Position) -> Result<Hold, Error> {
        let feed = {
            let mut feeds = self.feeds();
            feeds.next += 1;
            let feed = feeds.next;
            feeds.reached.insert(feed, position);
            feed
        };
        let hold = Hold { holds: self.clone(), feed };
        self.say().await?;
        Ok(hold)
    }

    /// Says it again and again; never ends, it is dropped when the service stops.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RENEW).await;
            if let Err(error) = self.say().await {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(source, "old entries that a hub reads can't be held");
            }
        }
    }

    /// Says how far the slowest feed is, or once that there is none any more.
    async fn say(&self) -> Result<(), Error> {
        let mut said = self.saying.lock().await;
        let slowest = self.feeds().reached.values().min().copied();
        match slowest {
            Some(position) => {
                *said = true;
                self.store.hold_log(self.holder, position, LASTS).await?;
            }
            None if *said => {
                self.store.release_log(self.holder).await?;
                *said = false;
            }
            None => {}
        }
        Ok(())
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// The feed has got so far.
    pub(crate) fn reached(&self, position: Position) {
        self.holds.feeds().reached.insert(self.feed, position);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.feeds().reached.remove(&self.feed);
    }
}
