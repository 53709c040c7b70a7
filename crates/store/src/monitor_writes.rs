//! Writing monitors: made, changed, deleted. What a patch says is checked against what is stored under a lock on the row,
//! because condition, measure and hysteresis mean something only together.

use deadpool_postgres::Transaction;
use domain::{
    FieldError, Judgement, Measure, MonitorDocument, MonitorId, MonitorPatch, Name, NewMonitor, Schedule,
    Scope, Severity, StoredMonitor, TenantId, WriteContext,
};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio_postgres::types::Json;

use crate::{
    Error, Expected, Store,
    limits::{Limited, is_full},
    row,
    transaction::begin,
};

/// How writing a monitor ended.
#[derive(Debug, Clone)]
pub enum MonitorOutcome {
    /// Done; for a deletion this is the monitor as it was.
    Done(MonitorDocument),
    /// There is no such monitor.
    NotFound,
    /// It has another version: this is the monitor as it is now. Nothing was changed.
    Mismatch(MonitorDocument),
    /// It is one that every tenant has, and this can't be done to it. Nothing was changed.
    BuiltIn,
    /// What was said doesn't go with what is there. Nothing was changed.
    Invalid(Vec<FieldError>),
    /// The tenant has [`crate::MOST_MONITORS`] already. Nothing was changed.
    TooMany,
}

impl Store {
    /// Makes a monitor, unless the tenant has as many as it may have.
    ///
    /// # Errors
    /// The tenant doesn't exist, or the database is away.
    pub async fn create_monitor(
        &self,
        tenant: TenantId,
        new: &NewMonitor,
        context: &WriteContext,
    ) -> Result<MonitorOutcome, Error> {
        const CREATE: &str = "/* store::create_monitor */
            insert into monitors (tenant_id, name, scope, measure, condition, hysteresis, notify_existing, severity,
              message, cooldown_seconds, schedule, channels, state, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            returning id, version, monitor_document(monitors)::text as document";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if is_full(&transaction, tenant, Limited::Monitors).await? {
            return Ok(MonitorOutcome::TooMany);
        }
        let wrong = wrong_references(&transaction, tenant, Some(&new.scope), &new.channels).await?;
        if !wrong.is_empty() {
            return Ok(MonitorOutcome::Invalid(wrong));
        }
        let statement = transaction.prepare_cached(CREATE).await?;
        let row = transaction
            .query_one(
                &statement,
                &[
                    &tenant.get(),
                    &new.name.as_str(),
                    &Json(&new.scope),
                    &new.measure.as_str(),
                    &Json(new.condition.document(new.measure)),
                    &decimal(new.hysteresis),
                    &new.notify_existing,
                    &new.severity.as_str(),
                    &new.message,
                    &seconds(new.cooldown_seconds),
                    &new.schedule.as_ref().map(Json),
                    &new.channels,
                    &new.state.as_str(),
                    &context.actor,
                ],
            )
            .await?;
        let monitor = row::monitor(&row)?;
        transaction.commit().await?;
        Ok(MonitorOutcome::Done(monitor))
    }

    /// Changes what the patch names. A patch that changes nothing leaves the version as it is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn update_monitor(
        &self,
        tenant: TenantId,
        id: MonitorId,
        patch: &MonitorPatch,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<MonitorOutcome, Error> {
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let current = match lock(&transaction, tenant, id, expected).await? {
            Ok(current) => current,
            Err(refused) => return Ok(refused),
        };
        let stored = read_stored(&current)?;
        if stored.is_built_in() && patch.redefines(&stored) {
            return Ok(MonitorOutcome::BuiltIn);
        }
        let judgement = patch.judgement(&stored);
        let channels = patch.channels.as_deref().unwrap_or_default();
        let mut wrong = judgement.as_ref().err().cloned().unwrap_or_default();
        wrong.extend(wrong_references(&transaction, tenant, patch.scope.as_ref(), channels).await?);
        if !wrong.is_empty() {
            return Ok(MonitorOutcome::Invalid(wrong));
        }
        let monitor = write(&transaction, tenant, id, patch, judgement.ok().flatten()).await?;
        transaction.commit().await?;
        Ok(MonitorOutcome::Done(monitor))
    }

    /// Deletes a monitor. What it raised stays.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delete_monitor(
        &self,
        tenant: TenantId,
        id: MonitorId,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<MonitorOutcome, Error> {
        const DELETE: &str = "/* store::delete_monitor */
            delete from monitors where tenant_id = $1 and id = $2";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let current = match lock(&transaction, tenant, id, expected).await? {
            Ok(current) => current,
            Err(refused) => return Ok(refused),
        };
        if read_stored(&current)?.is_built_in() {
            return Ok(MonitorOutcome::BuiltIn);
        }
        let statement = transaction.prepare_cached(DELETE).await?;
        transaction.execute(&statement, &[&tenant.get(), &id.get()]).await?;
        transaction.commit().await?;
        Ok(MonitorOutcome::Done(current))
    }
}

/// The monitor as it is, locked, or why nothing is done to it.
pub(crate) async fn lock(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: MonitorId,
    expected: &Expected,
) -> Result<Result<MonitorDocument, MonitorOutcome>, Error> {
    const LOCK: &str = "/* store::lock_monitor */
        select id, version, monitor_document(monitors)::text as document
        from monitors where tenant_id = $1 and id = $2 for no key update";
    let statement = transaction.prepare_cached(LOCK).await?;
    let Some(row) = transaction.query_opt(&statement, &[&tenant.get(), &id.get()]).await? else {
        return Ok(Err(MonitorOutcome::NotFound));
    };
    let current = row::monitor(&row)?;
    let as_expected = match expected {
        Expected::Exists => true,
        Expected::Versions(versions) => versions.contains(&current.version()),
    };
    Ok(if as_expected { Ok(current) } else { Err(MonitorOutcome::Mismatch(current)) })
}

/// What is named and isn't there: the item of a scope, and channels.
async fn wrong_references(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    scope: Option<&Scope>,
    channels: &[i64],
) -> Result<Vec<FieldError>, Error> {
    const KNOWN: &str = "/* store::known_references */
        select exists (select from items where items.tenant_id = $1 and items.id = $2) as item_exists,
          array(select channels.id from channels where channels.tenant_id = $1 and channels.id = any ($3)) as channels";
    let item = match scope {
        Some(Scope::Item { item_id }) => Some(item_id.get()),
        _ => None,
    };
    if item.is_none() && channels.is_empty() {
        return Ok(Vec::new());
    }
    let statement = transaction.prepare_cached(KNOWN).await?;
    let row = transaction.query_one(&statement, &[&tenant.get(), &item, &channels]).await?;
    let known: Vec<i64> = row.try_get("channels")?;
    let mut wrong = Vec::new();
    if let Some(item) = item
        && !row.try_get::<_, bool>("item_exists")?
    {
        let detail = format!("names item {item}, which there isn't");
        wrong.push(FieldError { detail, pointer: "/scope/item_id".into() });
    }
    for (place, id) in channels.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
        let detail = format!("names channel {id}, which there isn't");
        wrong.push(FieldError { detail, pointer: format!("/channels/{place}") });
    }
    Ok(wrong)
}

async fn write(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: MonitorId,
    patch: &MonitorPatch,
    judgement: Option<Judgement>,
) -> Result<MonitorDocument, Error> {
    const UPDATE: &str = "/* store::update_monitor */
        update monitors set name = coalesce($3, name), scope = coalesce($4, scope), measure = coalesce($5, measure),
          condition = coalesce($6, condition), hysteresis = coalesce($7, hysteresis),
          notify_existing = coalesce($8, notify_existing), severity = coalesce($9, severity),
          message = case when $10 then $11 else message end,
          cooldown_seconds = coalesce($12, cooldown_seconds),
          schedule = case when $13 then $14 else schedule end, channels = coalesce($15, channels)
        where tenant_id = $1 and id = $2
        returning id, version, monitor_document(monitors)::text as document";
    let statement = transaction.prepare_cached(UPDATE).await?;
    let condition: Option<Value> =
        judgement.as_ref().map(|judgement| judgement.condition.document(judgement.measure));
    let message = patch.message.as_ref().and_then(Option::as_deref);
    let schedule: Option<Json<&Schedule>> = patch.schedule.as_ref().and_then(Option::as_ref).map(Json);
    let row = transaction
        .query_one(
            &statement,
            &[
                &tenant.get(),
                &id.get(),
                &patch.name.as_ref().map(Name::as_str),
                &patch.scope.as_ref().map(Json),
                &judgement.as_ref().map(|judgement| judgement.measure).map(Measure::as_str),
                &condition.map(Json),
                &judgement.as_ref().map(|judgement| decimal(judgement.hysteresis)),
                &patch.notify_existing,
                &patch.severity.map(Severity::as_str),
                &patch.message.is_some(),
                &message,
                &patch.cooldown_seconds.map(seconds),
                &patch.schedule.is_some(),
                &schedule,
                &patch.channels,
            ],
        )
        .await?;
    row::monitor(&row)
}

fn read_stored(current: &MonitorDocument) -> Result<StoredMonitor, Error> {
    serde_json::from_str(current.json()).map_err(|error| Error::Corrupt {
        table: "monitors",
        column: "monitor_document",
        id: current.id().get(),
        detail: error.to_string(),
    })
}

fn decimal(amount: domain::Amount) -> Decimal {
    // Four places, and far fewer digits than a decimal holds.
    Decimal::from_i128_with_scale(amount.ten_thousandths(), 4)
}

/// At most a year, which the column holds.
fn seconds(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
