//! Wakes the requests that wait for a change. One task looks at the head of the log when the doorbell rings, and
//! from time to time without being told; it looks only while somebody waits. A waiter costs no query.

use std::{future::pending, time::Duration};

use domain::Cursor;
use service::Context;
use store::{Bell, Doorbell, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The log's head, as those who wait need to know it.
pub(crate) struct LogWatch {
    head: watch::Sender<Option<Cursor>>,
}

/// Somebody waits for the head to move.
pub(crate) struct Interest {
    head: watch::Receiver<Option<Cursor>>,
}

impl LogWatch {
    /// Watches until the service stops.
    pub(crate) fn start(context: &Context, store: Store) -> Self {
        let head = watch::Sender::new(None);
        let settings = &context.settings.notifier;
        let doorbell =
            settings.doorbell.then(|| Doorbell::listen(store.clone(), Bell::Log, context.stop.clone()));
        let interval = Duration::from_millis(settings.poll_interval_ms.max(1));
        let task = keep_watching(store, doorbell, interval, head.clone(), context.stop.clone());
        context.spawn_essential("log watch", task);
        Self { head }
    }

    /// Registers interest. Do it before looking at the log, then wait: what happens in between is not missed.
    pub(crate) fn interest(&self) -> Interest {
        Interest { head: self.head.subscribe() }
    }
}

impl Interest {
    /// Resolves when the head has moved since the registration or the last call. It may do so without a change
    /// behind it.
    pub(crate) async fn moved(&mut self) {
        if self.head.changed().await.is_err() {
            // The watch has ended with the service: the waiter's own deadline decides.
            pending::<()>().await;
        }
    }
}

async fn keep_watching(
    store: Store,
    doorbell: Option<Doorbell>,
    interval: Duration,
    head: watch::Sender<Option<Cursor>>,
    stop: CancellationToken,
) {
    let watching = async {
        loop {
            tokio::select! {
                () = rung(doorbell.as_ref()) => {}
                () = tokio::time::sleep(interval) => {}
            }
            if head.receiver_count() > 0 {
                look(&store, &head).await;
            }
        }
    };
    stop.run_until_cancelled(watching).await;
}

async fn rung(doorbell: Option<&Doorbell>) {
    match doorbell {
        Some(doorbell) => doorbell.rung().await,
        None => pending().await,
    }
}

async fn look(store: &Store, head: &watch::Sender<Option<Cursor>>) {
    match store.log_head().await {
        Ok(found) => {
            head.send_if_modified(|known| known.replace(found.cursor) != Some(found.cursor));
        }
        // The waiters' own queries answer for it.
        Err(error) => {
            tracing::debug!(source = &error as &dyn std::error::Error, "the head of the log can't be read");
        }
    }
}
