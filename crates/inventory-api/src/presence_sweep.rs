//! Sweeps up who was with hubs that are gone without a word. Every inventory-api does it, so that somebody does.
//!
//! A hub is gone when it hasn't reported for some time. But if nobody could take its reports for so long, because
//! Postgres or all of us were away, that says nothing: everybody would leave at once, and come back a moment later. So
//! nobody is swept up before hubs have had as much time again since this process began, and since it last couldn't reach
//! the database.

use std::time::Duration;

use service::Context;
use store::Store;
use tokio::time::{Instant, MissedTickBehavior};

/// Begins to sweep, until the service stops.
pub(crate) fn start(context: &Context, store: Store) {
    let lasts = Duration::from_millis(u64::from(context.settings.hub.presence_lasts_ms.max(100)));
    let stop = context.stop.clone();
    context.spawn_essential("presence sweep", async move {
        stop.run_until_cancelled(sweep(&store, lasts)).await;
    });
}

async fn sweep(store: &Store, lasts: Duration) {
    let mut ticks = tokio::time::interval(lasts / 3);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut not_before = Instant::now() + lasts;
    loop {
        ticks.tick().await;
        let swept = if Instant::now() < not_before {
            store.ping().await
        } else {
            store.sweep_presence().await.map(|gone| {
                if gone > 0 {
                    tracing::info!(presence.gone = gone, "people of hubs that are gone have left");
                }
            })
        };
        if let Err(error) = swept {
            not_before = Instant::now() + lasts;
            tracing::debug!(source = &error as &dyn std::error::Error, "presence can't be swept");
        }
    }
}
