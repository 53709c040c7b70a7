//! How the log and the database are, measured every few seconds by the notifier that leads: once for the whole
//! installation, and beside the ordering step, so that a step which hangs shows.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics::gauge;
use store::{Error, Store};
use tokio::time::Instant;

/// How often.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often a notifier that doesn't lead looks whether it does by now.
const LEADING: Duration = Duration::from_millis(250);

/// Whether this notifier leads, and what it measured.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    leading: AtomicBool,
    measured: Mutex<Option<Instant>>,
}

impl Vitals {
    /// This notifier leads from now on, or doesn't any more.
    pub(crate) fn leads(&self, leading: bool) {
        self.leading.store(leading, Ordering::Relaxed);
        gauge!("stockwire_sequencer_leading").set(if leading { 1.0 } else { 0.0 });
    }

    /// Measures for ever, while this notifier leads; it is dropped when the service stops.
    pub(crate) async fn watch(&self, store: &Store) {
        loop {
            if !self.leading.load(Ordering::Relaxed) {
                self.forget();
                tokio::time::sleep(LEADING).await;
                continue;
            }
            match measure(store).await {
                Ok(()) => self.measured(Some(Instant::now())),
                Err(error) => {
                    tracing::debug!(
                        source = &error as &dyn std::error::Error,
                        "the database can't be measured"
                    );
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Says how old the measurement is.
    pub(crate) fn report_age(&self) {
        let measured = *self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let age = measured.map(|at| at.elapsed()).unwrap_or_default();
        gauge!("stockwire_database_vitals_age_seconds").set(age);
    }

    fn measured(&self, at: Option<Instant>) {
        *self.measured.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Another one leads, and measures: what was measured here before would be taken for true.
    fn forget(&self) {
        let before = self.measured.lock().unwrap_or_else(PoisonError::into_inner).take();
        if before.is_some() {
            for name in [
                "stockwire_sequencer_unplaced_changes",
                "stockwire_sequencer_unplaced_seconds",
                "stockwire_database_notification_queue_ratio",
                "stockwire_database_oldest_transaction_seconds",
                "stockwire_database_server_connections",
                "stockwire_database_server_connections_max",
            ] {
                gauge!(name).set(0.0);
            }
        }
    }
}

async fn measure(store: &Store) -> Result<(), Error> {
    let backlog = store.backlog().await?;
    gauge!("stockwire_sequencer_unplaced_changes").set(f64::from(backlog.changes));
    gauge!("stockwire_sequencer_unplaced_seconds").set(backlog.oldest);
    let server = store.server_vitals().await?;
    gauge!("stockwire_database_notification_queue_ratio").set(server.notification_queue);
    gauge!("stockwire_database_oldest_transaction_seconds").set(server.oldest_transaction);
    gauge!("stockwire_database_server_connections").set(f64::from(server.connections));
    gauge!("stockwire_database_server_connections_max").set(f64::from(server.max_connections));
    for (table, bytes) in server.tables {
        gauge!("stockwire_database_table_bytes", "table" => table).set(float(bytes));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no disk holds 2^53 bytes")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}
