//! `/api/v1/monitors/test`: what a monitor would have raised of late, before it is made.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Amount, AsOf, FieldError, ItemId, Measure, NewMonitor, Position, Scope, Severity};
use jiff::{Timestamp, ToSpan};
use monitors::WouldTell;
use serde::Serialize;
use serde_json::Value;
use service::ApiError;
use utoipa::ToSchema;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Read},
    documented_problems::TestMonitorProblems,
    error::store_error,
    routes::item_list::time,
};

const USUAL_HOURS: i64 = 7 * 24;

/// A monitor's definition, and since when it shall have watched.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only: bodies are read by domain")]
pub(crate) struct TestedMonitor {
    #[schema(inline)]
    #[serde(flatten)]
    definition: NewMonitor,
    /// Since when (RFC 3339); seven days ago, if left out.
    #[schema(value_type = String, format = DateTime, required = false)]
    since: Option<Timestamp>,
}

/// What a monitor would have raised.
#[derive(Serialize, ToSchema)]
pub(crate) struct MonitorTest {
    /// Since when it watched: later than was asked for, if there are too many changes, or older ones are no longer kept.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// How many changes of items it looked at.
    changes: u64,
    /// Whether it looked at everything since the time that was asked for.
    complete: bool,
    /// How many notifications there would have been.
    raised: u64,
    /// About how many items it would be raised now.
    raised_now: usize,
    /// The newest 100 of them, the newest first.
    notifications: Vec<TestNotification>,
    /// Whether there are more.
    truncated: bool,
    /// The moment of the log up to which it watched.
    as_of: AsOf,
}

/// A notification that there would have been.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestNotification {
    /// About which item; it may be gone.
    item_id: ItemId,
    /// The item's sku at that time.
    #[schema(required)]
    item_sku: Option<String>,
    /// The item's name at that time.
    item_name: String,
    /// When it would have been raised: later than the change, where a cooldown or a schedule held it back.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Where in the log the change is that did it.
    position: Position,
    /// How much it matters.
    severity: Severity,
    /// The value that met the condition.
    #[schema(value_type = Option<Amount>, required)]
    value: Value,
    /// The value before, if there was one.
    #[schema(value_type = Option<Amount>, required)]
    previous_value: Value,
    /// What the value was compared with.
    #[schema(value_type = Option<Amount>, required)]
    threshold: Value,
    /// In words.
    message: String,
}

/// Test a monitor: what it would have raised since some time, had it been there. Nothing is made, and nobody is told.
///
/// It goes through the changes of late exactly as a running monitor does: hysteresis, cooldown, schedule and all. At most
/// the newest 200,000 changes of the tenant's items are looked at.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/test",
    tag = "monitors",
    security(("bearer" = ["read"])),
    request_body(content = TestedMonitor, content_type = "application/json",
        example = json!({
            "name": "Bolts run low", "scope": {"kind": "sku_prefix", "prefix": "B-"}, "measure": "quantity",
            "condition": {"kind": "below", "threshold": 10}, "since": "2026-01-01T00:00:00Z"
        })),
    responses((status = 200, description = "What it would have raised.", body = MonitorTest), TestMonitorProblems)
)]
pub(crate) async fn test_monitor(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let (new, since) = read(body, Timestamp::now()).map_err(body::invalid)?;
    if let Scope::Item { item_id } = new.scope
        && api.store().item(caller.tenant(), item_id).await.map_err(store_error)?.0.is_none()
    {
        let detail = format!("names item {item_id}, which there isn't");
        return Err(body::invalid(vec![FieldError { detail, pointer: "/scope/item_id".into() }]));
    }
    let (measure, severity) = (new.measure, new.severity);
    let run = api.dry_runs().run(api.store(), caller.tenant(), new, since).await?;
    let told = run.rehearsed.newest.into_iter();
    let notifications: Vec<_> = told.map(|told| notification(told, measure, severity)).collect();
    Ok(HttpResponse::Ok().json(MonitorTest {
        since: run.past.since,
        until: run.past.now,
        changes: run.changes,
        complete: run.complete,
        raised: run.rehearsed.raised,
        raised_now: run.rehearsed.raised_now,
        truncated: run.rehearsed.raised > notifications.len() as u64,
        notifications,
        as_of: run.past.as_of.into(),
    }))
}

fn notification(told: WouldTell, measure: Measure, severity: Severity) -> TestNotification {
    // As notifications have them: a quantity that a percentage was reckoned to may be a fraction.
    let document = |amount: Option<Amount>| match (measure, amount) {
        (_, None) => Value::Null,
        (Measure::Quantity, Some(amount)) => serde_json::from_str(&amount.to_string()).unwrap_or_default(),
        (Measure::Price, Some(amount)) => amount.document(measure),
    };
    TestNotification {
        item_id: told.item,
        item_sku: told.sku,
        item_name: told.name,
        at: told.at,
        position: told.crossing.position,
        severity,
        value: document(told.crossing.value),
        previous_value: document(told.crossing.previous),
        threshold: document(told.crossing.threshold),
        message: told.message,
    }
}

/// Reads the body: what `POST /monitors` takes, and since when.
fn read(mut body: Value, now: Timestamp) -> Result<(NewMonitor, Timestamp), Vec<FieldError>> {
    let given = body.as_object_mut().and_then(|fields| fields.remove("since"));
    let since = match given {
        None => now.checked_sub(USUAL_HOURS.hours()).map_err(|_| "reaches too far back".to_owned()),
        Some(Value::String(text)) => time(&text).and_then(|since| {
            if since > now { Err("must not lie in the future".to_owned()) } else { Ok(since) }
        }),
        Some(_) => Err("must be a time such as \"2026-11-22T08:30:00Z\"".to_owned()),
    };
    let wrong = |detail: String| FieldError { detail, pointer: "/since".into() };
    match (NewMonitor::from_json(body), since) {
        (Ok(new), Ok(since)) => Ok((new, since)),
        (Ok(_), Err(detail)) => Err(vec![wrong(detail)]),
        (Err(errors), Ok(_)) => Err(errors),
        (Err(mut errors), Err(detail)) => {
            errors.push(wrong(detail));
            Err(errors)
        }
    }
}
