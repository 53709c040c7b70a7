//! Starting, stopping and pausing monitors: one, or all of a tenant.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{MonitorFields, MonitorState};
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use crate::{
    Api,
    caller::{Caller, Monitors},
    documented_problems::{RunMonitorProblems, RunMonitorsProblems},
    error::store_error,
    preconditions,
    routes::monitors::{monitor_id, respond},
};

/// How many monitors are in which state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonitorCounts {
    /// They watch.
    running: i64,
    /// They don't, and remember what they knew.
    paused: i64,
    /// They don't, and have forgotten it.
    stopped: i64,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonitorRuns {
    /// How many monitors were in another state before.
    changed: i64,
    /// How many are in which state now.
    monitors: MonitorCounts,
}

impl From<store::MonitorCounts> for MonitorCounts {
    fn from(counts: store::MonitorCounts) -> Self {
        let store::MonitorCounts { running, paused, stopped } = counts;
        Self { running, paused, stopped }
    }
}

/// Start a monitor.
///
/// One that was paused goes on with what it remembers; one that was stopped begins anew. Starting it again changes nothing and
/// succeeds, too.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/{id}/start",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The monitor's id."),
        ("If-Match" = Option<String>, Header,
            description = "Start it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "The monitor as it is now.", body = MonitorFields,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        RunMonitorProblems,
    )
)]
pub(crate) async fn start_monitor(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    set(&api, &caller, &request, MonitorState::Running).await
}

/// Stop a monitor.
///
/// It forgets what it knew about items: started again, it begins anew. Stopping it again changes nothing and succeeds, too.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/{id}/stop",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The monitor's id."),
        ("If-Match" = Option<String>, Header,
            description = "Stop it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "The monitor as it is now.", body = MonitorFields,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        RunMonitorProblems,
    )
)]
pub(crate) async fn stop_monitor(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    set(&api, &caller, &request, MonitorState::Stopped).await
}

/// Pause a monitor.
///
/// It sees nothing until it is started again, and then goes on with what it remembers. One that is stopped has nothing to
/// remember, and stays stopped. Pausing it again changes nothing and succeeds, too.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/{id}/pause",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The monitor's id."),
        ("If-Match" = Option<String>, Header,
            description = "Pause it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "The monitor as it is now.", body = MonitorFields,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        RunMonitorProblems,
    )
)]
pub(crate) async fn pause_monitor(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    set(&api, &caller, &request, MonitorState::Paused).await
}

/// Start all monitors.
///
/// Those that were paused go on with what they remember; those that were stopped begin anew. Many are done by and by:
/// if no answer comes, do it again.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/start",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "How many changed, and how many are in which state.", body = MonitorRuns),
        RunMonitorsProblems,
    )
)]
pub(crate) async fn start_monitors(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    set_all(&api, &caller, &request, MonitorState::Running).await
}

/// Stop all monitors.
///
/// They forget what they knew about items, and begin anew when they are started. Many are done by and by:
/// if no answer comes, do it again.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/stop",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "How many changed, and how many are in which state.", body = MonitorRuns),
        RunMonitorsProblems,
    )
)]
pub(crate) async fn stop_monitors(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    set_all(&api, &caller, &request, MonitorState::Stopped).await
}

/// Pause all monitors.
///
/// Those that run see nothing until they are started again; those that are stopped stay so. Many are done by and by:
/// if no answer comes, do it again.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/pause",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "How many changed, and how many are in which state.", body = MonitorRuns),
        RunMonitorsProblems,
    )
)]
pub(crate) async fn pause_monitors(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    set_all(&api, &caller, &request, MonitorState::Paused).await
}

async fn set(
    api: &Api,
    caller: &Caller<Monitors>,
    request: &HttpRequest,
    state: MonitorState,
) -> Result<HttpResponse, ApiError> {
    let id = monitor_id(request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(request)?;
    let set = api.store().set_monitor_state(caller.tenant(), id, state, &expected, &context).await;
    respond(id, set.map_err(store_error)?)
}

async fn set_all(
    api: &Api,
    caller: &Caller<Monitors>,
    request: &HttpRequest,
    state: MonitorState,
) -> Result<HttpResponse, ApiError> {
    let context = caller.write_context(request)?;
    let set = api.store().set_monitor_states(caller.tenant(), state, &context).await;
    let store::MonitorRuns { changed, counts } = set.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(MonitorRuns { changed, monitors: counts.into() }))
}
