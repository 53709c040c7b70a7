//! Which logins were ended: looked up when the log moves, from time to time without being told, and at once by whoever
//! ends one here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::Epoch;
use service::{Context, EndedLogins};
use store::{EndedSeen, Error, Store};
use tokio::{sync::Mutex, time::Instant};

use crate::log_watch::{Interest, LogWatch};

/// A log that moves all the time is no reason to look all the time.
const SHORTEST: Duration = Duration::from_millis(20);
/// How often everything is looked up anew: in a database that was restored, what was seen of the old one may mean nothing.
const ANEW: Duration = Duration::from_secs(60);
/// Where nobody orders the log, it doesn't move.
const LONGEST: Duration = Duration::from_secs(1);

/// The ended logins, as far as this process knows. Clones share everything.
#[derive(Clone)]
pub(crate) struct Logins {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    ended: EndedLogins,
    /// Held while looking, so that nothing is looked up twice.
    looked: Mutex<Looked>,
    known: AtomicBool,
}

/// How far was looked.
#[derive(Default)]
struct Looked {
    /// Nothing if everything is to be looked up anew.
    seen: Option<EndedSeen>,
    /// Of the log, when everything was looked up last.
    epoch: Option<Epoch>,
}

impl Logins {
    /// Watches until the service stops.
    pub(crate) fn start(context: &Context, store: Store, log: &LogWatch) -> Self {
        let inner = Inner {
            store,
            ended: EndedLogins::default(),
            looked: Mutex::default(),
            known: AtomicBool::default(),
        };
        let logins = Self { inner: Arc::new(inner) };
        let (watching, interest, stop) = (logins.clone(), log.interest(), context.stop.clone());
        context.spawn_essential("logins", async move {
            stop.run_until_cancelled(watching.keep_watching(interest)).await;
        });
        logins
    }

    /// The set, once the first look was taken: before, nobody can say that a login goes on.
    pub(crate) fn ended(&self) -> Option<&EndedLogins> {
        self.inner.known.load(Ordering::Acquire).then_some(&self.inner.ended)
    }

    /// Takes in what was ended by now.
    ///
    /// # Errors
    /// The database is away.
    pub(crate) async fn look(&self) -> Result<(), Error> {
        let Inner { store, ended, looked, known } = &*self.inner;
        let mut looked = looked.lock().await;
        let epoch = match looked.seen {
            Some(_) => looked.epoch,
            None => Some(store.log_head().await?.cursor.epoch),
        };
        let page = store.ended_logins(looked.seen.as_ref()).await?;
        if looked.epoch == epoch {
            ended.add(page.ended);
        } else {
            // The database was restored: it gives the ids that it gave after the backup once more, to others.
            ended.replace(page.ended);
        }
        *looked = Looked { seen: Some(page.seen), epoch };
        known.store(true, Ordering::Release);
        Ok(())
    }

    async fn keep_watching(self, mut log: Interest) {
        let mut anew_at = Instant::now() + ANEW;
        loop {
            if Instant::now() >= anew_at {
                anew_at = Instant::now() + ANEW;
                self.inner.looked.lock().await.seen = None;
            }
            if let Err(error) = self.look().await {
                self.inner.looked.lock().await.seen = None;
                tracing::debug!(source = &error as &dyn std::error::Error, "ended logins can't be read");
            }
            tokio::time::sleep(SHORTEST).await;
            // A time-out is as good as news.
            let _ = tokio::time::timeout(LONGEST, log.moved()).await;
        }
    }
}
