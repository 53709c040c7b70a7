//! What somebody says of notifications: that they have read them, that they see to them, that they want to hear no more.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Acknowledgement, Mute, MuteLikeThis, Notification, ReadUpTo};
use jiff::Timestamp;
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Monitors, Read, Stock},
    documented_problems::{
        ChangeNotificationProblems, MuteNotificationProblems, NotificationProblems, ReadUpToProblems,
    },
    error::store_error,
    routes::{
        mutes,
        notifications::{not_found, notification_id},
    },
};

/// Up to where you have read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadMark {
    /// The last notification up to which you have read everything; 0 if there was none.
    read_up_to: i64,
}

/// Say that you have read a notification.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{id}/read",
    tag = "notifications",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The notification's id.")),
    responses((status = 204, description = "You have read it."), NotificationProblems)
)]
pub(crate) async fn mark_read(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    mark(&api, &caller, &request, true).await
}

/// Say that you want to see a notification as unread again.
#[utoipa::path(
    delete,
    path = "/api/v1/notifications/{id}/read",
    tag = "notifications",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The notification's id.")),
    responses((status = 204, description = "You haven't read it."), NotificationProblems)
)]
pub(crate) async fn mark_unread(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    mark(&api, &caller, &request, false).await
}

/// Say that you have read everything up to a notification.
///
/// What was raised since is not touched. Up to where you have read never goes back; those that you wanted to see as unread
/// count as read again, as far as they lie before.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/read",
    tag = "notifications",
    security(("bearer" = ["read"])),
    request_body(content = ReadUpTo, content_type = "application/json", example = json!({"up_to": 4711})),
    responses((status = 200, description = "Up to where you have read now.", body = ReadMark), ReadUpToProblems)
)]
pub(crate) async fn mark_read_up_to(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let ReadUpTo { up_to } = ReadUpTo::from_json(body).map_err(body::invalid)?;
    let reader = &caller.identity().actor;
    let moved = api.store().mark_notifications(caller.tenant(), reader, up_to).await;
    Ok(HttpResponse::Ok().json(ReadMark { read_up_to: moved.map_err(store_error)? }))
}

/// Say that you see to a notification, with a note if you like.
///
/// Everybody sees it. Whoever was first stays who sees to it, and since when; saying it again, by anybody, changes the
/// note: the change says who changed it.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{id}/acknowledge",
    tag = "notifications",
    security(("bearer" = ["stock"])),
    params(("id" = i64, Path, minimum = 1, description = "The notification's id."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the change: UTF-8, plain or percent-encoded.")),
    request_body(content = Option<Acknowledgement>, content_type = "application/json",
        example = json!({"note": "Ordered more."})),
    responses(
        (status = 200, description = "The notification as it is now.", body = Notification),
        ChangeNotificationProblems,
    )
)]
pub(crate) async fn acknowledge_notification(
    api: web::Data<Api>,
    caller: Caller<Stock>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read_if_any(&request, payload).await?;
    let acknowledgement = Acknowledgement::from_json(body).map_err(body::invalid)?;
    let id = notification_id(&request)?;
    let context = caller.write_context(&request)?;
    let found = api.store().acknowledge_notification(caller.tenant(), id, &acknowledgement, &context).await;
    let found = found.map_err(store_error)?.ok_or_else(|| not_found(id))?;
    Ok(HttpResponse::Ok().json(found))
}

/// Take back that somebody sees to a notification, with the note.
#[utoipa::path(
    delete,
    path = "/api/v1/notifications/{id}/acknowledge",
    tag = "notifications",
    security(("bearer" = ["stock"])),
    params(("id" = i64, Path, minimum = 1, description = "The notification's id."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the change: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "Nobody sees to it."), NotificationProblems)
)]
pub(crate) async fn unacknowledge_notification(
    api: web::Data<Api>,
    caller: Caller<Stock>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = notification_id(&request)?;
    let context = caller.write_context(&request)?;
    if !api.store().unacknowledge_notification(caller.tenant(), id, &context).await.map_err(store_error)? {
        return Err(not_found(id));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Mute what a notification is about: the short way to a mute.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{id}/mute",
    tag = "notifications",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The notification's id.")),
    request_body(content = MuteLikeThis, content_type = "application/json",
        example = json!({"of": "item", "note": "Being counted."})),
    responses(
        (status = 201, description = "What is muted now.", body = Mute,
            headers(("Location" = String, description = "Where the mute is."))),
        MuteNotificationProblems,
    )
)]
pub(crate) async fn mute_notification(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let MuteLikeThis { of, until, note } =
        MuteLikeThis::from_json(body, Timestamp::now()).map_err(body::invalid)?;
    let id = notification_id(&request)?;
    let context = caller.write_context(&request)?;
    let made = api.store().mute_like(caller.tenant(), id, of, until, note.as_ref(), &context).await;
    let made = made.map_err(store_error)?.ok_or_else(|| not_found(id))?;
    mutes::made(made, "/of")
}

async fn mark(
    api: &Api,
    caller: &Caller<Read>,
    request: &HttpRequest,
    read: bool,
) -> Result<HttpResponse, ApiError> {
    let id = notification_id(request)?;
    let reader = &caller.identity().actor;
    if !api.store().mark_notification(caller.tenant(), reader, id, read).await.map_err(store_error)? {
        return Err(not_found(id));
    }
    Ok(HttpResponse::NoContent().finish())
}
