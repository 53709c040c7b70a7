//! Takes sources that are due, a few at a time, and runs them. Several processes do, and share the work: what one has taken
//! is nobody else's until it is done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::TenantId;
use service::{Context, Fatal};
use store::{Store, TakenSource};
use tokio::task::{Id, JoinError, JoinSet};
use uuid::Uuid;

use super::{
    HeaderSeal,
    run::{LEASE, Workshop, chance},
    series,
};
use crate::Outgoing;

/// So many runs are under way at once in a process: each may hold an answer of 20 MiB.
const MOST_RUNS: usize = 8;
/// So many of one tenant: whoever's sources all hang leaves room for others'.
const MOST_OF_A_TENANT: usize = 6;
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
        let mut under_way = UnderWay { workshop, runs: JoinSet::new(), taken: HashMap::new() };
        stop.run_until_cancelled(under_way.keep_running()).await;
        under_way.give_back().await;
    });
    Ok(())
}

/// What this process runs at the moment.
struct UnderWay {
    workshop: Arc<Workshop>,
    runs: JoinSet<()>,
    /// The source of each run.
    taken: HashMap<Id, TakenSource>,
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
                    Some(ended) = self.runs.join_next_with_id() => self.ended(ended),
                }
            }
        }
    }

    /// Takes what is due, one by one, so that each knows how many of its tenant are under way.
    async fn take(&mut self) -> Result<(), store::Error> {
        while self.runs.len() < MOST_RUNS {
            let Workshop { store, holder, .. } = self.workshop.as_ref();
            let Some(source) = store.take_due_source(*holder, LEASE, &self.full_tenants()).await? else {
                break;
            };
            let workshop = self.workshop.clone();
            let running = source.clone();
            let task = self.runs.spawn(async move { workshop.run(&running).await });
            self.taken.insert(task.id(), source);
        }
        Ok(())
    }

    /// The tenants of which no more are taken.
    fn full_tenants(&self) -> Vec<TenantId> {
        let mut under_way: HashMap<TenantId, usize> = HashMap::new();
        for source in self.taken.values() {
            *under_way.entry(source.tenant).or_default() += 1;
        }
        under_way
            .into_iter()
            .filter(|(_, runs)| *runs >= MOST_OF_A_TENANT)
            .map(|(tenant, _)| tenant)
            .collect()
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            // Its lease runs out, which counts as a failure.
            Err(error) => {
                tracing::error!(source = &error as &dyn std::error::Error, "a run of a data source broke");
                error.id()
            }
        };
        self.taken.remove(&id);
    }

    /// Others needn't wait until the leases have run out.
    async fn give_back(mut self) {
        self.runs.abort_all();
        while let Some(ended) = self.runs.join_next_with_id().await {
            if let Ok((id, ())) = ended {
                self.taken.remove(&id);
            }
        }
        let Workshop { store, holder, .. } = self.workshop.as_ref();
        let released = async {
            for source in self.taken.values() {
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
