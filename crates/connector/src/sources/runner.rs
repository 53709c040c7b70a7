//! Takes sources that are due, a few at a time, and runs them. Several processes do, and share the work: what one has taken
//! is nobody else's until it is done.

use std::{sync::Arc, time::Duration};

use service::{Context, Fatal};
use store::{Store, TakenSource};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    HeaderSeal,
    run::{LEASE, Workshop, chance},
    series,
};
use crate::Outgoing;

/// So many runs are under way at once in a process: each may hold an answer of 20 MiB.
const MOST_RUNS: usize = 8;
/// How often it is looked at what is due, give or take a quarter.
const LOOK: Duration = Duration::from_millis(500);
/// While the database is away.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// When the service stops, what is under way is given back within this.
const GIVE_BACK: Duration = Duration::from_secs(2);

/// Runs sources until the service stops.
///
/// # Errors
/// The key of access tokens is missing or too short.
pub fn start(context: &Context, store: Store, outgoing: Outgoing) -> Result<(), Fatal> {
    series::describe();
    let seal = HeaderSeal::new(&context.settings.token_secret()?)?;
    let workshop = Arc::new(Workshop { store, outgoing, seal, holder: Uuid::new_v4() });
    let stop = context.stop.clone();
    context.spawn_essential("data sources", async move {
        let mut under_way = UnderWay { workshop, runs: JoinSet::new(), taken: Vec::new() };
        stop.run_until_cancelled(under_way.keep_running()).await;
        under_way.give_back().await;
    });
    Ok(())
}

/// What this process runs at the moment.
struct UnderWay {
    workshop: Arc<Workshop>,
    runs: JoinSet<i64>,
    taken: Vec<TakenSource>,
}

impl UnderWay {
    async fn keep_running(&mut self) {
        loop {
            let pause = match self.take().await {
                Ok(()) => LOOK,
                Err(error) => {
                    let source = &error as &dyn std::error::Error;
                    tracing::debug!(source, "what is due can't be looked at, trying again");
                    LOOK_AGAIN
                }
            };
            let pause = tokio::time::sleep(pause.mul_f64(0.75 + chance() / 2.0));
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some(ended) = self.runs.join_next() => self.ended(ended),
                }
            }
        }
    }

    async fn take(&mut self) -> Result<(), store::Error> {
        let room = u32::try_from(MOST_RUNS.saturating_sub(self.runs.len())).unwrap_or(0);
        if room == 0 {
            return Ok(());
        }
        let taken = self.workshop.store.take_due_sources(self.workshop.holder, LEASE, room).await?;
        for source in taken {
            let workshop = self.workshop.clone();
            self.taken.push(source.clone());
            self.runs.spawn(async move {
                workshop.run(&source).await;
                source.id
            });
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<i64, tokio::task::JoinError>) {
        match ended {
            Ok(id) => self.taken.retain(|source| source.id != id),
            // Its lease runs out, which counts as a failure.
            Err(error) => {
                tracing::error!(source = &error as &dyn std::error::Error, "a run of a data source broke");
            }
        }
    }

    /// Others needn't wait until the leases have run out.
    async fn give_back(mut self) {
        self.runs.abort_all();
        while let Some(ended) = self.runs.join_next().await {
            if let Ok(id) = ended {
                self.taken.retain(|source| source.id != id);
            }
        }
        let Workshop { store, holder, .. } = self.workshop.as_ref();
        let released = async {
            for source in &self.taken {
                if let Err(error) = store.release_source(source.tenant, source.id, *holder).await {
                    tracing::debug!(
                        source = &error as &dyn std::error::Error,
                        "a data source can't be given back"
                    );
                }
            }
        };
        let _ = tokio::time::timeout(GIVE_BACK, released).await;
    }
}
