//! `/api/v1/monitors/status`: how far the evaluation is, and what each monitor does.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{MonitorId, MonitorState, Position};
use jiff::Timestamp;
use serde::Serialize;
use service::{ApiError, QueryReader};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::ListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    routes::monitor_runs::MonitorCounts,
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MonitorStatusQuery {
    /// How many monitors a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// How far the evaluation of monitors is, and a page of what each of them does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonitorStatus {
    /// The evaluation itself.
    evaluation: Evaluation,
    /// How many monitors are in which state.
    monitors: MonitorCounts,
    /// How many different items the running ones look at.
    watched_items: i64,
    /// For how many pairs of monitor and item the condition is met; counted to 100,000.
    raised: i64,
    /// When a notification was last raised, of those that are kept.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_fired_at: Option<Timestamp>,
    /// The monitors by id.
    data: Vec<MonitorLine>,
    /// Whether another page follows.
    has_more: bool,
    /// Hand this back as `after` for what follows.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// How far the log was looked through, for all tenants at once. The place is noted once a second, or when something is
/// raised: that it lags by a second means nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Evaluation {
    /// Everything up to this position was looked at.
    position: Position,
    /// How many entries of the log lie behind it.
    entries_behind: i64,
    /// How old the oldest of them is, in seconds; 0 if there is none.
    seconds_behind: f64,
    /// When it last looked.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
}

/// What one monitor does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonitorLine {
    /// Which.
    monitor_id: MonitorId,
    /// What people call it.
    name: String,
    /// What it shall do.
    state: MonitorState,
    /// Whether the evaluation has taken it up: a moment after it was started.
    watching: bool,
    /// How many items its scope has now.
    watched_items: i64,
    /// For how many items its condition is met; counted to 10,000.
    raised_items: i64,
    /// How many of its notifications are kept; counted to 10,000.
    notifications: i64,
    /// When the newest of them was raised.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_fired_at: Option<Timestamp>,
}

/// Read how the monitors do.
///
/// The evaluation's position and lag, counts over all monitors, and a page of lines, one for each monitor.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/status",
    tag = "monitors",
    security(("bearer" = ["read"])),
    params(MonitorStatusQuery),
    responses(
        (status = 200, description = "How they do.", body = MonitorStatus,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn monitor_status(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let MonitorStatusQuery { limit, after } = MonitorStatusQuery::read(request.query_string())?;
    let status = api.store().monitor_status(caller.tenant()).await.map_err(store_error)?;
    let page = api.store().monitor_lines(caller.tenant(), after, limit).await.map_err(store_error)?;
    let answer = MonitorStatus {
        evaluation: Evaluation {
            position: status.position,
            entries_behind: status.entries_behind,
            seconds_behind: status.seconds_behind,
            seen_at: status.seen_at,
        },
        monitors: status.counts.into(),
        watched_items: status.watched_items,
        raised: status.raised,
        last_fired_at: status.last_fired_at,
        data: page.lines.into_iter().map(MonitorLine::from).collect(),
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
    };
    Ok(pagination::respond_with(&request, answer.next_cursor.as_deref(), &answer))
}

impl MonitorStatusQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor).unwrap_or(0),
        };
        reader.finish()?;
        Ok(read)
    }
}

impl From<store::MonitorLine> for MonitorLine {
    fn from(line: store::MonitorLine) -> Self {
        Self {
            monitor_id: line.id,
            name: line.name,
            state: line.state,
            watching: line.watching,
            watched_items: line.watched_items,
            raised_items: line.raised_items,
            notifications: line.notifications,
            last_fired_at: line.last_fired_at,
        }
    }
}
