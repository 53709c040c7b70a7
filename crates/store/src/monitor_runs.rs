//! Starting, stopping and pausing monitors: one, or all of a tenant. The log tells the evaluation.

use domain::{MonitorId, MonitorState, TenantId, WriteContext};

use crate::{
    Error, Expected, MonitorCounts, MonitorOutcome, Store, monitor_status::read_counts, monitor_writes::lock,
    row, transaction::begin,
};

/// How many monitors change their state in one transaction: writing that down takes half a millisecond for each, and nobody
/// should wait long for the end of one.
const AT_ONCE: i64 = 1000;

/// How many monitors are in which state, and whether a running one looks at all items.
pub(crate) const COUNTS: &str = "/* store::monitor_counts */
    select count(*) filter (where state = 'running') as running,
      count(*) filter (where state = 'paused') as paused,
      count(*) filter (where state = 'stopped') as stopped,
      coalesce(bool_or(state = 'running' and scope ->> 'kind' = 'all'), false) as watches_all
    from monitors where tenant_id = $1";

/// What came of changing the state of all monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorRuns {
    /// How many were in another state before.
    pub changed: i64,
    /// How many are in which state now.
    pub counts: MonitorCounts,
}

impl Store {
    /// Starts, stops or pauses a monitor. One that is stopped stays so when it is paused: it has nothing to remember. What
    /// changes nothing leaves the version as it is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn set_monitor_state(
        &self,
        tenant: TenantId,
        id: MonitorId,
        state: MonitorState,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<MonitorOutcome, Error> {
        const SET_STATE: &str = "/* store::set_monitor_state */
            update monitors set state = case when $3 = 'paused' and state = 'stopped' then state else $3 end
            where tenant_id = $1 and id = $2
            returning id, version, monitor_document(monitors)::text as document";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if let Err(refused) = lock(&transaction, tenant, id, expected).await? {
            return Ok(refused);
        }
        let statement = transaction.prepare_cached(SET_STATE).await?;
        let row = transaction.query_one(&statement, &[&tenant.get(), &id.get(), &state.as_str()]).await?;
        let monitor = row::monitor(&row)?;
        transaction.commit().await?;
        Ok(MonitorOutcome::Done(monitor))
    }

    /// Starts, stops or pauses all monitors of a tenant, by and by: whoever is interrupted does it again.
    ///
    /// # Errors
    /// The database is away.
    pub async fn set_monitor_states(
        &self,
        tenant: TenantId,
        state: MonitorState,
        context: &WriteContext,
    ) -> Result<MonitorRuns, Error> {
        // In the order of their ids, so that two of these wait for each other instead of both.
        const SET_STATES: &str = "/* store::set_monitor_states */
            with due as materialized (
              select id from monitors
              where tenant_id = $1 and id > $3 and state <> $2 and not ($2 = 'paused' and state = 'stopped')
              order by id limit $4 for no key update
            ), changed as (
              update monitors set state = $2 from due
              where monitors.id = due.id and monitors.tenant_id = $1
              returning monitors.id
            )
            select count(*) as changed, max(id) as last from changed";
        let mut client = self.client().await?;
        let (mut changed, mut last) = (0, 0);
        loop {
            let transaction = begin(&mut client, context).await?;
            let statement = transaction.prepare_cached(SET_STATES).await?;
            let row =
                transaction.query_one(&statement, &[&tenant.get(), &state.as_str(), &last, &AT_ONCE]).await?;
            transaction.commit().await?;
            let Some(id) = row.try_get::<_, Option<i64>>("last")? else { break };
            changed += row.try_get::<_, i64>("changed")?;
            last = id;
        }
        let counts = read_counts(&client.row(COUNTS, &[&tenant.get()]).await?)?;
        Ok(MonitorRuns { changed, counts })
    }
}
