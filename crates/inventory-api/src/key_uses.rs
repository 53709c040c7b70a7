//! When API keys were last used: written down behind the requests' backs, several keys at once, each once a minute at
//! most. No request waits for it; what can't be written is left out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use service::Context;
use store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Longer than the minute that the table wants between two, by what gathering takes.
const EVERY: Duration = Duration::from_secs(62);
/// Uses gather for so long before they are written.
const GATHERED_FOR: Duration = Duration::from_secs(1);
const MOST_WAITING: usize = 1000;
const MOST_REMEMBERED: usize = 20_000;

/// Takes note of uses.
pub(crate) struct KeyUses {
    noted: Mutex<HashMap<i64, Instant>>,
    queue: mpsc::Sender<i64>,
}

impl KeyUses {
    /// Writes until the service stops.
    pub(crate) fn start(context: &Context, store: Store) -> Self {
        let (queue, used) = mpsc::channel(MOST_WAITING);
        context.spawn_essential("key uses", write_down(store, used, context.stop.clone()));
        Self { noted: Mutex::default(), queue }
    }

    /// This key was used just now.
    pub(crate) fn note(&self, key: i64) {
        let now = Instant::now();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&key).is_some_and(|last| now.duration_since(*last) < EVERY) {
            return;
        }
        if self.queue.try_send(key).is_ok() {
            if noted.len() >= MOST_REMEMBERED {
                noted.clear();
            }
            noted.insert(key, now);
        }
    }
}

async fn write_down(store: Store, mut used: mpsc::Receiver<i64>, stop: CancellationToken) {
    let mut keys = Vec::new();
    loop {
        tokio::select! {
            received = used.recv_many(&mut keys, MOST_WAITING) => if received == 0 { return },
            () = stop.cancelled() => {}
        }
        // Nothing more comes at once, or the service stops: then this is the last time.
        stop.run_until_cancelled(tokio::time::sleep(GATHERED_FOR)).await;
        while let Ok(key) = used.try_recv() {
            keys.push(key);
        }
        keys.sort_unstable();
        keys.dedup();
        if !keys.is_empty()
            && let Err(error) = store.touch_api_keys(&keys).await
        {
            tracing::debug!(
                source = &error as &dyn std::error::Error,
                "uses of API keys can't be written down"
            );
        }
        keys.clear();
        if stop.is_cancelled() {
            return;
        }
    }
}
