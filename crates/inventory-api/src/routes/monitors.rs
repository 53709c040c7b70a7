//! `/api/v1/monitors`: what people ask to be told. Made, read, changed, deleted; and where all routes of monitors are mounted.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{self, HeaderValue},
    web,
};
use domain::{
    ItemId, MonitorDocument, MonitorFields, MonitorId, MonitorPatch, MonitorState, NewMonitor, Page, Problem,
    ProblemCode,
};
use service::{ApiError, QueryReader};
use store::{MOST_MONITORS, MonitorFilter, MonitorOutcome};
use utoipa::IntoParams;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Monitors, Read},
    documented_problems::{
        ChangeMonitorProblems, CreateMonitorProblems, DeleteMonitorProblems, ListProblems,
        ReadMonitorProblems,
    },
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    preconditions,
    routes::{monitor_runs, monitor_status, monitor_test},
};

/// Mounts the routes of monitors. Words come before ids, which they would be taken for.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/monitors")
                .route(web::get().to(list_monitors))
                .route(web::head().to(list_monitors))
                .route(web::post().to(create_monitor)),
        )
        .service(
            web::resource("/monitors/status")
                .route(web::get().to(monitor_status::monitor_status))
                .route(web::head().to(monitor_status::monitor_status)),
        )
        .service(web::resource("/monitors/test").route(web::post().to(monitor_test::test_monitor)))
        .service(web::resource("/monitors/start").route(web::post().to(monitor_runs::start_monitors)))
        .service(web::resource("/monitors/stop").route(web::post().to(monitor_runs::stop_monitors)))
        .service(web::resource("/monitors/pause").route(web::post().to(monitor_runs::pause_monitors)))
        .service(
            web::resource("/monitors/{id}")
                .route(web::get().to(get_monitor))
                .route(web::head().to(get_monitor))
                .route(web::patch().to(patch_monitor))
                .route(web::delete().to(delete_monitor)),
        )
        .service(web::resource("/monitors/{id}/start").route(web::post().to(monitor_runs::start_monitor)))
        .service(web::resource("/monitors/{id}/stop").route(web::post().to(monitor_runs::stop_monitor)))
        .service(web::resource("/monitors/{id}/pause").route(web::post().to(monitor_runs::pause_monitor)));
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MonitorListQuery {
    /// Only monitors in this state: `running`, `paused` or `stopped`.
    #[param(value_type = Option<String>, pattern = "^(running|paused|stopped)$")]
    state: Option<MonitorState>,
    /// Only monitors whose scope is this one item.
    #[param(value_type = Option<i64>, minimum = 1)]
    item_id: Option<ItemId>,
    /// How many monitors a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// List monitors.
#[utoipa::path(
    get,
    path = "/api/v1/monitors",
    tag = "monitors",
    security(("bearer" = ["read"])),
    params(MonitorListQuery),
    responses(
        (status = 200, description = "A page of monitors by id, and the moment of the log that it shows.",
            body = Page<MonitorFields>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_monitors(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = MonitorListQuery::read(request.query_string())?;
    let filter = MonitorFilter { state: query.state, item: query.item_id };
    let list = api.store().monitors(caller.tenant(), filter, query.after, query.limit).await;
    let list = list.map_err(store_error)?;
    let page = Page {
        data: list.monitors,
        has_more: list.next.is_some(),
        next_cursor: list.next.as_ref().map(pagination::encode_cursor),
        as_of: list.as_of.into(),
    };
    Ok(pagination::respond(&request, &page))
}

/// Make a monitor.
///
/// It sees what happens behind its own place in the log. Items that meet the condition already are only told of with
/// `notify_existing`. A tenant may have 10,000 monitors.
#[utoipa::path(
    post,
    path = "/api/v1/monitors",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    request_body(content = NewMonitor, content_type = "application/json",
        example = json!({
            "name": "Bolts run low", "scope": {"kind": "sku_prefix", "prefix": "B-"}, "measure": "quantity",
            "condition": {"kind": "below", "threshold": 10}, "hysteresis": 5, "severity": "warning",
            "message": "{item.name}: {value} {item.unit} left", "cooldown_seconds": 600,
            "schedule": {"time_zone": "Europe/Berlin", "weekdays": ["monday", "tuesday"], "from": "08:00",
                "until": "18:00"}
        })),
    responses(
        (status = 201, description = "The monitor.", body = MonitorFields,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Location" = String, description = "Where the monitor is."))),
        CreateMonitorProblems,
    )
)]
pub(crate) async fn create_monitor(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewMonitor::from_json(body).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    let created = api.store().create_monitor(caller.tenant(), &new, &context).await.map_err(store_error)?;
    match created {
        MonitorOutcome::Done(monitor) => Ok(HttpResponse::Created()
            .insert_header((header::LOCATION, format!("/api/v1/monitors/{}", monitor.id())))
            .insert_header((header::ETAG, preconditions::entity_tag(monitor.version())))
            .json(monitor)),
        refused => refuse(None, refused),
    }
}

/// Read a monitor.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}",
    tag = "monitors",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The monitor's id."),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags that the client has; 304 if one of them is current.")),
    responses(
        (status = 200, description = "The monitor.", body = MonitorFields,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        (status = 304, description = "The client has the current version.",
            headers(("ETag" = String, description = "The version, in double quotes."))),
        ReadMonitorProblems,
    )
)]
pub(crate) async fn get_monitor(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = monitor_id(&request)?;
    let monitor = api.store().monitor(caller.tenant(), id).await.map_err(store_error)?;
    let monitor = monitor.ok_or_else(|| not_found(Some(id)))?;
    let known = preconditions::is_known(request.headers(), monitor.version())?;
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, preconditions::entity_tag(monitor.version())));
    Ok(if known { response.finish() } else { response.json(monitor) })
}

/// Change some fields of a monitor, by a JSON merge patch (RFC 7396): absent keeps, null clears.
///
/// Objects inside, such as the condition, are replaced whole. Another scope, measure, condition or hysteresis makes it begin
/// anew; of the built-in monitor, the first three can't be changed. The state is changed by start, stop and pause.
#[utoipa::path(
    patch,
    path = "/api/v1/monitors/{id}",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The monitor's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    request_body(content(
        (MonitorPatch = "application/merge-patch+json", example = json!({"condition": {"kind": "below", "threshold": 5}, "message": null})),
        (MonitorPatch = "application/json", example = json!({"condition": {"kind": "below", "threshold": 5}, "message": null})),
    )),
    responses(
        (status = 200, description = "The monitor as it is now. A patch that changes nothing leaves the version.",
            body = MonitorFields, headers(("ETag" = String, description = "The version, in double quotes."))),
        ChangeMonitorProblems,
    )
)]
pub(crate) async fn patch_monitor(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::MergePatch).await?;
    let patch = MonitorPatch::from_json(body).map_err(body::invalid)?;
    let id = monitor_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let updated = api.store().update_monitor(caller.tenant(), id, &patch, &expected, &context).await;
    respond(id, updated.map_err(store_error)?)
}

/// Delete a monitor. What it raised stays; the built-in monitor can't be deleted.
#[utoipa::path(
    delete,
    path = "/api/v1/monitors/{id}",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The monitor's id."),
        ("If-Match" = Option<String>, Header,
            description = "Delete it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the log: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "It is gone."), DeleteMonitorProblems)
)]
pub(crate) async fn delete_monitor(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = monitor_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let deleted = api.store().delete_monitor(caller.tenant(), id, &expected, &context).await;
    match deleted.map_err(store_error)? {
        MonitorOutcome::Done(_) => Ok(HttpResponse::NoContent().finish()),
        refused => refuse(Some(id), refused),
    }
}

impl MonitorListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            state: reader.take("state", |text| {
                MonitorState::parse(text).ok_or_else(|| "must be running, paused or stopped".to_owned())
            }),
            item_id: reader.take("item_id", |text| {
                text.parse().map_err(|_| "must be an integer from 1 to 9223372036854775807".to_owned())
            }),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor).unwrap_or(0),
        };
        reader.finish()?;
        Ok(read)
    }
}

/// The monitor's id in the path.
pub(crate) fn monitor_id(request: &HttpRequest) -> Result<MonitorId, ApiError> {
    let text = request.match_info().get("id").unwrap_or_default();
    text.parse().map_err(|_| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}

/// The answer to a monitor that was changed, or wasn't.
pub(crate) fn respond(id: MonitorId, outcome: MonitorOutcome) -> Result<HttpResponse, ApiError> {
    match outcome {
        MonitorOutcome::Done(monitor) => Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, preconditions::entity_tag(monitor.version())))
            .json(monitor)),
        refused => refuse(Some(id), refused),
    }
}

/// The answer where there is no such monitor, or it belongs to another tenant.
fn not_found(id: Option<MonitorId>) -> ApiError {
    let detail =
        id.map_or_else(|| "There is no such monitor.".to_owned(), |id| format!("There is no monitor {id}."));
    ApiError::new(ProblemCode::NotFound, detail)
}

fn refuse(id: Option<MonitorId>, outcome: MonitorOutcome) -> Result<HttpResponse, ApiError> {
    Err(match outcome {
        MonitorOutcome::Mismatch(current) => return Ok(version_mismatch(current)),
        MonitorOutcome::BuiltIn => {
            let detail = "Every tenant has this monitor: it can be stopped, not deleted, and its scope, measure and \
                condition stay. Make another one.";
            ApiError::new(ProblemCode::BuiltInMonitor, detail)
        }
        MonitorOutcome::Invalid(errors) => body::invalid(errors),
        MonitorOutcome::TooMany => {
            let detail =
                format!("There may be {MOST_MONITORS} monitors. Delete some, or let one look at more items.");
            ApiError::new(ProblemCode::TooManyMonitors, detail)
        }
        MonitorOutcome::NotFound | MonitorOutcome::Done(_) => not_found(id),
    })
}

/// The answer to a stale `If-Match`: with the monitor as it is now, so that the client needn't ask for it.
fn version_mismatch(current: MonitorDocument) -> HttpResponse {
    let (id, version) = (current.id(), current.version());
    let detail = format!("If-Match names another version; monitor {id} has version {version}.");
    let problem = Problem::new(ProblemCode::VersionMismatch, detail).with_current(current.into_json());
    let mut response = ApiError::from(problem).error_response();
    if let Ok(tag) = HeaderValue::from_str(&preconditions::entity_tag(version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
