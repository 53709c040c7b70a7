//! Data sources: made, listed, changed, deleted. What a definition begins or ends, the table's triggers see to: a run that
//! is under way under another one ends.

use domain::{
    Mapping, Name, Price, Source, SourceDefinition, SourceFormat, SourceHeaderName, SourceKind, SourceReport,
    SourceState, TenantId, Version, WriteContext,
};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Json};

use crate::{
    Error, Expected, Store,
    limits::{Limited, is_full},
    transaction::begin,
};

/// The columns of a definition, for each statement that reads one.
macro_rules! definition {
    () => {
        "sources.id, sources.tenant_id, sources.name, sources.kind, sources.format, sources.url, sources.header_name,
          sources.interval_seconds, sources.timeout_seconds, sources.mapping, sources.max_change_percent,
          sources.priority, sources.fresh_for_seconds, sources.enabled, sources.version, sources.created_by,
          sources.created_at, sources.updated_at"
    };
}

/// The columns of how a source does.
macro_rules! health {
    () => {
        "source_runs.last_attempt_at, source_runs.last_success_at, source_runs.last_error, source_runs.report,
          source_runs.consecutive_failures, source_runs.next_run_at, source_runs.breaker"
    };
}

pub(crate) use definition;

/// A header with its value, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedHeader {
    /// Its name.
    pub name: String,
    /// Its value, encrypted.
    pub value: Vec<u8>,
}

impl std::fmt::Debug for SealedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedHeader").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is to become of the header that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedHeaderChange {
    /// It stays.
    Keep,
    /// There is none any more.
    Forget,
    /// Another one.
    Replace(SealedHeader),
}

/// A page of a tenant's sources.
#[derive(Debug)]
pub struct SourcePage {
    /// By id.
    pub sources: Vec<Source>,
    /// The last one's id, if more follow.
    pub next: Option<i64>,
}

/// How a conditional write of a source ended.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceOutcome {
    /// Done; for a deletion this is the source as it was.
    Done(Box<Source>),
    /// There is no such source.
    NotFound,
    /// It has another version. Nothing was changed.
    Mismatch(Box<Source>),
}

impl Store {
    /// Makes a source. `None` if the tenant has [`crate::MOST_SOURCES`] already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn create_source(
        &self,
        tenant: TenantId,
        new: &SourceDefinition,
        header: Option<&SealedHeader>,
        context: &WriteContext,
    ) -> Result<Option<Source>, Error> {
        const CREATE: &str = "/* store::create_source */
            insert into sources (tenant_id, name, kind, format, url, header_name, sealed_header, interval_seconds,
              timeout_seconds, mapping, max_change_percent, priority, fresh_for_seconds, enabled, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            returning id";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if is_full(&transaction, tenant, Limited::Sources).await? {
            return Ok(None);
        }
        let statement = transaction.prepare_cached(CREATE).await?;
        let row = transaction
            .query_one(
                &statement,
                &[
                    &tenant.get(),
                    &new.name.as_str(),
                    &new.kind.as_str(),
                    &new.format.as_str(),
                    &new.url,
                    &header.map(|header| &header.name),
                    &header.map(|header| &header.value),
                    &new.interval_seconds.map(seconds),
                    &seconds(new.timeout_seconds),
                    &Json(&new.mapping),
                    &new.max_change_percent.map(Price::get),
                    &seconds(new.priority),
                    &seconds(new.fresh_for_seconds),
                    &new.enabled,
                    &context.actor,
                ],
            )
            .await?;
        let id: i64 = row.try_get("id")?;
        transaction.commit().await?;
        drop(client);
        let made = self.source(tenant, id).await?;
        let gone = || Error::Corrupt { table: "sources", column: "id", id, detail: "is gone".into() };
        made.ok_or_else(gone).map(Some)
    }

    /// Sources of a tenant by id, those behind `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sources(&self, tenant: TenantId, after: i64, limit: u16) -> Result<SourcePage, Error> {
        const SOURCES: &str = concat!(
            "/* store::sources */ select ",
            definition!(),
            ", ",
            health!(),
            " from sources join source_runs on source_id = id where tenant_id = $1 and id > $2 order by id limit $3"
        );
        let client = self.client().await?;
        let rows = client.rows(SOURCES, &[&tenant.get(), &after, &(i64::from(limit) + 1)]).await?;
        let shown = rows.iter().take(usize::from(limit));
        let sources = shown.map(read_source).collect::<Result<Vec<_>, _>>()?;
        let next = sources.last().map(|source| source.id).filter(|_| rows.len() > usize::from(limit));
        Ok(SourcePage { sources, next })
    }

    /// One source.
    ///
    /// # Errors
    /// The database is away.
    pub async fn source(&self, tenant: TenantId, id: i64) -> Result<Option<Source>, Error> {
        const SOURCE: &str = concat!(
            "/* store::source */ select ",
            definition!(),
            ", ",
            health!(),
            " from sources join source_runs on source_id = id where tenant_id = $1 and id = $2"
        );
        let client = self.client().await?;
        client.row_if_any(SOURCE, &[&tenant.get(), &id]).await?.as_ref().map(read_source).transpose()
    }

    /// The header that is sent along with a source's requests, if there is one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn source_header(&self, tenant: TenantId, id: i64) -> Result<Option<SealedHeader>, Error> {
        const HEADER: &str = "/* store::source_header */
            select header_name, sealed_header from sources where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        let row = client.row_if_any(HEADER, &[&tenant.get(), &id]).await?;
        Ok(row.as_ref().map(read_header).transpose()?.flatten())
    }

    /// Gives a source another definition. One that is the same leaves the version as it is, and the runs alone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn update_source(
        &self,
        tenant: TenantId,
        id: i64,
        definition: &SourceDefinition,
        header: &SealedHeaderChange,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<SourceOutcome, Error> {
        const UPDATE: &str = "/* store::update_source */
            update sources set name = $4, format = $5, url = $6,
              header_name = case when $7 then header_name else $8::text end,
              sealed_header = case when $7 then sealed_header else $9::bytea end,
              interval_seconds = $10, timeout_seconds = $11, mapping = $12, max_change_percent = $13, priority = $14,
              fresh_for_seconds = $15, enabled = $16
            where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(UPDATE).await?;
        let replaced = match header {
            SealedHeaderChange::Replace(header) => Some(header),
            SealedHeaderChange::Keep | SealedHeaderChange::Forget => None,
        };
        let updated = transaction
            .execute(
                &statement,
                &[
                    &tenant.get(),
                    &id,
                    &versions(expected),
                    &definition.name.as_str(),
                    &definition.format.as_str(),
                    &definition.url,
                    &(*header == SealedHeaderChange::Keep),
                    &replaced.map(|header| &header.name),
                    &replaced.map(|header| &header.value),
                    &definition.interval_seconds.map(seconds),
                    &seconds(definition.timeout_seconds),
                    &Json(&definition.mapping),
                    &definition.max_change_percent.map(Price::get),
                    &seconds(definition.priority),
                    &seconds(definition.fresh_for_seconds),
                    &definition.enabled,
                ],
            )
            .await?;
        transaction.commit().await?;
        drop(client);
        self.source_outcome(tenant, id, updated > 0).await
    }

    /// Lets a source run and take rows, or stops it: a run that is under way writes nothing more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn enable_source(
        &self,
        tenant: TenantId,
        id: i64,
        enabled: bool,
        context: &WriteContext,
    ) -> Result<SourceOutcome, Error> {
        const ENABLE: &str = "/* store::enable_source */
            update sources set enabled = $3 where tenant_id = $1 and id = $2 and enabled <> $3";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(ENABLE).await?;
        transaction.execute(&statement, &[&tenant.get(), &id, &enabled]).await?;
        transaction.commit().await?;
        drop(client);
        self.source_outcome(tenant, id, true).await
    }

    /// Deletes a source. What it changed stays.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delete_source(
        &self,
        tenant: TenantId,
        id: i64,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<SourceOutcome, Error> {
        const DELETE: &str = "/* store::delete_source */
            delete from sources where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))";
        let Some(source) = self.source(tenant, id).await? else { return Ok(SourceOutcome::NotFound) };
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(DELETE).await?;
        let deleted = transaction.execute(&statement, &[&tenant.get(), &id, &versions(expected)]).await?;
        transaction.commit().await?;
        drop(client);
        if deleted > 0 {
            return Ok(SourceOutcome::Done(Box::new(source)));
        }
        self.source_outcome(tenant, id, false).await
    }

    async fn source_outcome(&self, tenant: TenantId, id: i64, done: bool) -> Result<SourceOutcome, Error> {
        Ok(match self.source(tenant, id).await? {
            None => SourceOutcome::NotFound,
            Some(source) if done => SourceOutcome::Done(Box::new(source)),
            Some(source) => SourceOutcome::Mismatch(Box::new(source)),
        })
    }
}

/// Numbers of a definition are far smaller than what a column holds.
fn seconds(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn versions(expected: &Expected) -> Option<Vec<i64>> {
    match expected {
        Expected::Exists => None,
        Expected::Versions(versions) => Some(versions.iter().map(|version| version.get()).collect()),
    }
}

fn corrupt(column: &'static str, id: i64, detail: impl ToString) -> Error {
    Error::Corrupt { table: "sources", column, id, detail: detail.to_string() }
}

pub(crate) fn read_header(row: &Row) -> Result<Option<SealedHeader>, Error> {
    let name: Option<String> = row.try_get("header_name")?;
    let value: Option<Vec<u8>> = row.try_get("sealed_header")?;
    Ok(name.zip(value).map(|(name, value)| SealedHeader { name, value }))
}

pub(crate) fn read_definition(row: &Row) -> Result<SourceDefinition, Error> {
    let id: i64 = row.try_get("id")?;
    let number = |column: &'static str| -> Result<u32, Error> {
        u32::try_from(row.try_get::<_, i32>(column)?).map_err(|error| corrupt(column, id, error))
    };
    let interval: Option<i32> = row.try_get("interval_seconds")?;
    let Json(mapping): Json<serde_json::Value> = row.try_get("mapping")?;
    let mapping: Mapping = serde_json::from_value(mapping).map_err(|error| corrupt("mapping", id, error))?;
    let max_change: Option<Decimal> = row.try_get("max_change_percent")?;
    let max_change = max_change.map(|percent| Price::parse(&percent.to_string())).transpose();
    Ok(SourceDefinition {
        name: Name::parse(row.try_get("name")?).map_err(|error| corrupt("name", id, error))?,
        kind: SourceKind::parse(row.try_get("kind")?).ok_or_else(|| corrupt("kind", id, "is no kind"))?,
        format: SourceFormat::parse(row.try_get("format")?)
            .ok_or_else(|| corrupt("format", id, "is no format"))?,
        url: row.try_get("url")?,
        interval_seconds: interval.and_then(|seconds| u32::try_from(seconds).ok()),
        timeout_seconds: number("timeout_seconds")?,
        mapping,
        max_change_percent: max_change.map_err(|error| corrupt("max_change_percent", id, error))?,
        priority: number("priority")?,
        fresh_for_seconds: number("fresh_for_seconds")?,
        enabled: row.try_get("enabled")?,
    })
}

fn read_source(row: &Row) -> Result<Source, Error> {
    let id: i64 = row.try_get("id")?;
    let definition = read_definition(row)?;
    let report: Option<Json<serde_json::Value>> = row.try_get("report")?;
    let report = report.map(|Json(report)| serde_json::from_value::<SourceReport>(report)).transpose();
    let header: Option<String> = row.try_get("header_name")?;
    let next_run_at = row.try_get("next_run_at")?;
    let (failures, last_success_at): (i32, Option<jiff::Timestamp>) =
        (row.try_get("consecutive_failures")?, row.try_get("last_success_at")?);
    let state = match row.try_get("breaker")? {
        _ if !definition.enabled => SourceState::Stopped,
        "open" => SourceState::Open,
        "half_open" => SourceState::HalfOpen,
        _ if failures > 0 => SourceState::Failing,
        _ if last_success_at.is_none() => SourceState::NeverRan,
        _ => SourceState::Ok,
    };
    Ok(Source {
        id,
        state,
        header: header.map(|name| SourceHeaderName { name }),
        last_attempt_at: row.try_get("last_attempt_at")?,
        last_success_at,
        last_error: row.try_get("last_error")?,
        consecutive_failures: failures,
        next_run_at: if definition.enabled { next_run_at } else { None },
        last_run: report.map_err(|error| corrupt("report", id, error))?,
        definition,
        version: Version::new(row.try_get("version")?),
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
