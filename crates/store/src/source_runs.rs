//! Runs of data sources: which are due, who is at them, and how they ended. A process that takes a source writes its own
//! name beside it, and says every few seconds that it is alive. Whoever is no longer named there, because the process hung,
//! or because somebody stopped, changed or deleted the source, writes nothing more.

use std::time::Duration;

use domain::{SourceDefinition, SourceReport, TenantId};
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use crate::{
    Error, SealedHeader, Store,
    sources::{definition, read_definition, read_header},
};

/// After so many failures in a row a source is tried now and then only.
pub const FAILURES_TO_OPEN: i32 = 5;

/// A source that can't be read, because a newer service or somebody's hand wrote it, is looked at again after this.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(60);

/// A source that a process has taken.
#[derive(Debug, Clone)]
pub struct TakenSource {
    /// Which.
    pub id: i64,
    /// Whose.
    pub tenant: TenantId,
    /// What was said about it.
    pub definition: SourceDefinition,
    /// The header that is sent along.
    pub header: Option<SealedHeader>,
    /// How often it failed since the last success.
    pub failures: i32,
    /// `ETag` and `Last-Modified` of the last answer, if it is enough to be told that nothing has changed since.
    pub known: Option<AnswerTags>,
    /// The tenant's newest item, for [`Store::source_succeeded`].
    pub newest_item: Option<i64>,
}

/// What an answer says of its own state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerTags {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// How a run ended well.
#[derive(Debug, Clone)]
pub struct RunEnd<'a> {
    /// What became of the rows.
    pub report: &'a SourceReport,
    /// What the answer says of its state.
    pub tags: &'a AnswerTags,
    /// As it was when the run began.
    pub newest_item: Option<i64>,
}

/// It is enough to hear that nothing has changed if the last answer was applied whole, not long ago, and nothing has
/// happened since that makes more of it count: newer items, a better source.
const TAKE: &str = concat!(
    "/* store::take_due_source */
    with due as materialized (
      select source_runs.source_id from source_runs join sources on sources.id = source_runs.source_id
      where sources.enabled and source_runs.next_run_at <= clock_timestamp()
        and (source_runs.lease_until is null or source_runs.lease_until < clock_timestamp())
        and sources.tenant_id <> all ($3)
      order by source_runs.next_run_at limit 1 for no key update of source_runs skip locked
    ), taken as (
      update source_runs set holder = $1, lease_until = clock_timestamp() + make_interval(secs => $2),
        last_attempt_at = clock_timestamp(),
        breaker = case when breaker = 'closed' then 'closed' else 'half_open' end,
        consecutive_failures = consecutive_failures + (holder is not null)::integer,
        last_error = case when holder is null then last_error else 'the process that ran it ended in the middle' end
      from due where source_runs.source_id = due.source_id
      returning source_runs.*
    ), newest as (
      select tenant_id, (select max(items.id) from items where items.tenant_id = tenants.tenant_id) as item
      from (select distinct tenant_id from sources join taken on source_id = id) as tenants
    )
    select ",
    definition!(),
    ", sources.sealed_header, taken.consecutive_failures, taken.etag, taken.last_modified, newest.item as newest_item,
      coalesce(taken.read_whole_at > clock_timestamp() - interval '1 hour'
        and taken.consecutive_failures = 0
        and taken.newest_item is not distinct from newest.item
        and (taken.report ->> 'shadowed')::bigint = 0
        and not exists (
          select from sources as other join source_runs as better on better.source_id = other.id
          where other.tenant_id = sources.tenant_id
            and (other.priority, other.id) < (sources.priority, sources.id)
            and better.last_success_at > taken.read_whole_at
        ), false) as is_known
    from taken join sources on sources.id = taken.source_id
      join newest on newest.tenant_id = sources.tenant_id"
);

impl Store {
    /// Takes the source that is due for longest, of any tenant but these, for `lease`. Sources that another process has are
    /// left alone, unless it hasn't said that it is alive: then it died in the middle, which counts as a failure.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_due_source(
        &self,
        holder: Uuid,
        lease: Duration,
        not_of: &[TenantId],
    ) -> Result<Option<TakenSource>, Error> {
        let not_of: Vec<i64> = not_of.iter().map(|tenant| tenant.get()).collect();
        loop {
            let client = self.client().await?;
            let row = client.row_if_any(TAKE, &[&holder, &lease.as_secs_f64(), &not_of]).await?;
            drop(client);
            let Some(row) = row else { return Ok(None) };
            match read_taken(&row) {
                Ok(source) => return Ok(Some(source)),
                // It keeps nobody else's from being run, and is told of where people look.
                Err(error) => {
                    tracing::error!(source = &error as &dyn std::error::Error, "a data source");
                    let (tenant, id) = (TenantId::new(row.try_get("tenant_id")?), row.try_get("id")?);
                    self.source_failed(tenant, id, holder, &error.to_string(), UNREADABLE_PAUSE).await?;
                }
            }
        }
    }

    /// Says that the process which took a source is alive. False if it isn't named there any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn keep_source(
        &self,
        tenant: TenantId,
        id: i64,
        holder: Uuid,
        lease: Duration,
    ) -> Result<bool, Error> {
        const KEEP: &str = "/* store::keep_source */
            update source_runs set lease_until = clock_timestamp() + make_interval(secs => $4)
            from sources where source_id = $2 and holder = $3 and sources.id = source_id and tenant_id = $1
            returning source_id";
        let client = self.client().await?;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&tenant.get(), &id, &holder, &lease.as_secs_f64()];
        Ok(client.row_if_any(KEEP, &parameters).await?.is_some())
    }

    /// Writes down that a run went well, and lets go of the source.
    ///
    /// # Errors
    /// The database is away.
    pub async fn source_succeeded(
        &self,
        tenant: TenantId,
        id: i64,
        holder: Uuid,
        end: &RunEnd<'_>,
    ) -> Result<(), Error> {
        const SUCCEEDED: &str = "/* store::source_succeeded */
            update source_runs set holder = null, lease_until = null, last_success_at = clock_timestamp(),
              consecutive_failures = 0, breaker = 'closed', last_error = null, report = $4, etag = $5,
              last_modified = $6, read_whole_at = last_attempt_at, newest_item = $7,
              next_run_at = case when next_run_at > last_attempt_at then next_run_at
                else greatest(clock_timestamp(), last_attempt_at + make_interval(secs => interval_seconds)) end
            from sources where source_id = $2 and holder = $3 and sources.id = source_id and tenant_id = $1";
        let RunEnd { report, tags, newest_item } = end;
        let client = self.client().await?;
        client
            .rows(
                SUCCEEDED,
                &[&tenant.get(), &id, &holder, &Json(report), &tags.etag, &tags.last_modified, newest_item],
            )
            .await?;
        Ok(())
    }

    /// Writes down that a run found nothing new, which makes what it gave before fresh again, and lets go of the source.
    ///
    /// # Errors
    /// The database is away.
    pub async fn source_unchanged(&self, tenant: TenantId, id: i64, holder: Uuid) -> Result<(), Error> {
        const UNCHANGED: &str = "/* store::source_unchanged */
            with done as (
              update source_runs set holder = null, lease_until = null, last_success_at = clock_timestamp(),
                consecutive_failures = 0, breaker = 'closed', last_error = null,
                next_run_at = case when next_run_at > last_attempt_at then next_run_at
                else greatest(clock_timestamp(), last_attempt_at + make_interval(secs => interval_seconds)) end
              from sources where source_id = $2 and holder = $3 and sources.id = source_id and tenant_id = $1
              returning source_id, least(60, fresh_for_seconds / 10.0) as slack
            )
            update source_values set at = clock_timestamp() from done
            where source_values.source_id = done.source_id
              and at < clock_timestamp() - make_interval(secs => slack::double precision)
              and exists (select from items where items.id = source_values.item_id)";
        let client = self.client().await?;
        client.rows(UNCHANGED, &[&tenant.get(), &id, &holder]).await?;
        Ok(())
    }

    /// Writes down that a run failed, lets go of the source until `pause` is over, and says how often it has failed in a
    /// row by now: 0 if it was somebody else's already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn source_failed(
        &self,
        tenant: TenantId,
        id: i64,
        holder: Uuid,
        error: &str,
        pause: Duration,
    ) -> Result<i32, Error> {
        const FAILED: &str = "/* store::source_failed */
            update source_runs set holder = null, lease_until = null, last_error = left($4, 1000),
              consecutive_failures = consecutive_failures + 1,
              breaker = case when consecutive_failures + 1 >= $6 then 'open' else 'closed' end,
              next_run_at = case when next_run_at > last_attempt_at then next_run_at
                else clock_timestamp() + make_interval(secs => $5) end
            from sources where source_id = $2 and holder = $3 and sources.id = source_id and tenant_id = $1
            returning consecutive_failures";
        let client = self.client().await?;
        let pause = pause.as_secs_f64();
        let row = client
            .row_if_any(FAILED, &[&tenant.get(), &id, &holder, &error, &pause, &FAILURES_TO_OPEN])
            .await?;
        Ok(row.map(|row| row.try_get("consecutive_failures")).transpose()?.unwrap_or(0))
    }

    /// Lets go of a source in the middle of a run: another process may take it at once.
    ///
    /// # Errors
    /// The database is away.
    pub async fn release_source(&self, tenant: TenantId, id: i64, holder: Uuid) -> Result<(), Error> {
        const RELEASE: &str = "/* store::release_source */
            update source_runs set holder = null, lease_until = null,
              breaker = case when breaker = 'half_open' then 'open' else breaker end
            from sources where source_id = $2 and holder = $3 and sources.id = source_id and tenant_id = $1";
        let client = self.client().await?;
        client.rows(RELEASE, &[&tenant.get(), &id, &holder]).await?;
        Ok(())
    }

    /// Makes a source due now; if it is being run, once that has ended, because the run may have asked before what is to be
    /// seen was there. False if there is none that is pulled and runs.
    ///
    /// # Errors
    /// The database is away.
    pub async fn run_source_now(&self, tenant: TenantId, id: i64) -> Result<bool, Error> {
        const RUN: &str = "/* store::run_source_now */
            update source_runs set next_run_at = clock_timestamp()
            from sources where source_id = $2 and sources.id = source_id and tenant_id = $1 and kind = 'pull' and enabled
            returning source_id";
        let client = self.client().await?;
        Ok(client.row_if_any(RUN, &[&tenant.get(), &id]).await?.is_some())
    }

    /// Writes down what became of rows that were pushed.
    ///
    /// # Errors
    /// The database is away.
    pub async fn source_pushed(&self, tenant: TenantId, id: i64, report: &SourceReport) -> Result<(), Error> {
        const PUSHED: &str = "/* store::source_pushed */
            update source_runs set last_attempt_at = clock_timestamp(), last_success_at = clock_timestamp(),
              consecutive_failures = 0, last_error = null, report = $3
            from sources where source_id = $2 and sources.id = source_id and tenant_id = $1";
        let client = self.client().await?;
        client.rows(PUSHED, &[&tenant.get(), &id, &Json(report)]).await?;
        Ok(())
    }
}

fn read_taken(row: &Row) -> Result<TakenSource, Error> {
    let is_known: bool = row.try_get("is_known")?;
    let tags = AnswerTags { etag: row.try_get("etag")?, last_modified: row.try_get("last_modified")? };
    Ok(TakenSource {
        id: row.try_get("id")?,
        tenant: TenantId::new(row.try_get("tenant_id")?),
        definition: read_definition(row)?,
        header: read_header(row)?,
        failures: row.try_get("consecutive_failures")?,
        known: Some(tags).filter(|tags| is_known && *tags != AnswerTags::default()),
        newest_item: row.try_get("newest_item")?,
    })
}
