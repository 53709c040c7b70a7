//! `/api/v1/notifications`: what monitors raised, to be read.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{AsOf, ItemId, MonitorId, Notification, NotificationCount, Page, ProblemCode, Severity};
use jiff::Timestamp;
use serde::Serialize;
use service::{ApiError, QueryReader};
use store::NotificationFilter;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::{DatabaseProblems, ListProblems, NotificationProblems},
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    routes::{
        item_list::{boolean, time},
        items::AS_OF,
    },
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationListQuery {
    /// Only those about this item.
    #[param(value_type = Option<i64>, minimum = 1)]
    item_id: Option<ItemId>,
    /// Only those that this monitor raised.
    #[param(value_type = Option<i64>, minimum = 1)]
    monitor_id: Option<MonitorId>,
    /// Only those of these severities: `info`, `warning`, `critical`, or several with commas between them.
    #[param(value_type = Option<String>, pattern = "^(info|warning|critical)(,(info|warning|critical))*$")]
    severity: Option<Vec<Severity>>,
    /// With `true`, only those that you haven't read.
    unread: Option<bool>,
    /// Only those that somebody sees to (`true`), or only the others (`false`).
    acknowledged: Option<bool>,
    /// Only those that were muted when they were raised (`true`), or only the others (`false`).
    muted: Option<bool>,
    /// Only those that were raised at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only those that were raised before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many notifications a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<i64>,
}

/// How much there is to see to: of the newest 10,000, so that it can be asked often.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// What you haven't read.
    unread: NotificationCount,
    /// What nobody has said that they see to, but for what was muted when it was raised.
    unacknowledged: NotificationCount,
    /// The moment of the log that it shows.
    as_of: AsOf,
}

/// List notifications, the newest first.
///
/// Whoever has no credentials, where the service lets them in, reads as one with all others who have none. A client joins
/// the topic `notifications` behind `as_of`. On it, `notification` is one that was raised, and `update` says that somebody
/// sees to one; a client passes over an update of one that it doesn't hold. `read` is yours alone and not on the topic.
#[utoipa::path(
    get,
    path = "/api/v1/notifications",
    tag = "notifications",
    security(("bearer" = ["read"])),
    params(NotificationListQuery),
    responses(
        (status = 200, description = "A page of notifications, and the moment of the log that it shows.",
            body = Page<Notification>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_notifications(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = NotificationListQuery::read(request.query_string())?;
    let filter = NotificationFilter {
        item: query.item_id,
        monitor: query.monitor_id,
        severities: query.severity,
        unread: query.unread.is_some(),
        acknowledged: query.acknowledged,
        muted: query.muted,
        since: query.since,
        until: query.until,
    };
    let reader = &caller.identity().actor;
    let found = api.store().notifications(caller.tenant(), reader, &filter, query.after, query.limit).await;
    let found = found.map_err(store_error)?;
    let page = Page {
        data: found.notifications,
        has_more: found.next.is_some(),
        next_cursor: found.next.as_ref().map(pagination::encode_cursor),
        as_of: found.as_of.into(),
    };
    Ok(pagination::respond(&request, &page))
}

/// Read a notification.
#[utoipa::path(
    get,
    path = "/api/v1/notifications/{id}",
    tag = "notifications",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The notification's id.")),
    responses(
        (status = 200, description = "The notification.", body = Notification,
            headers(("Stockwire-As-Of" = String, description = "The moment of the log that is shown: epoch:position."))),
        NotificationProblems,
    )
)]
pub(crate) async fn get_notification(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = notification_id(&request)?;
    let found = api.store().notification(caller.tenant(), &caller.identity().actor, id).await;
    let (found, as_of) = found.map_err(store_error)?;
    let found = found.ok_or_else(|| not_found(id))?;
    Ok(HttpResponse::Ok().insert_header((AS_OF, as_of.to_string())).json(found))
}

/// Count what there is to see to.
///
/// What was muted when it was raised counts as read, and needs nobody to see to it.
#[utoipa::path(
    get,
    path = "/api/v1/notifications/summary",
    tag = "notifications",
    security(("bearer" = ["read"])),
    responses(
        (status = 200, description = "How many, by severity.", body = Summary),
        DatabaseProblems,
    )
)]
pub(crate) async fn summarise_notifications(
    api: web::Data<Api>,
    caller: Caller<Read>,
) -> Result<HttpResponse, ApiError> {
    let found = api.store().notification_summary(caller.tenant(), &caller.identity().actor).await;
    let found = found.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(Summary {
        unread: found.unread,
        unacknowledged: found.unacknowledged,
        as_of: found.as_of.into(),
    }))
}

impl NotificationListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            item_id: reader.take("item_id", |text| text.parse().map_err(|_| POSITIVE.to_owned())),
            monitor_id: reader.take("monitor_id", |text| text.parse().map_err(|_| POSITIVE.to_owned())),
            severity: reader.take("severity", severities),
            unread: reader.take("unread", unread),
            acknowledged: reader.take("acknowledged", boolean),
            muted: reader.take("muted", boolean),
            since: reader.take("since", time),
            until: reader.take("until", time),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor),
        };
        reader.finish()?;
        Ok(read)
    }
}

const POSITIVE: &str = "must be an integer from 1 to 9223372036854775807";

fn severities(text: &str) -> Result<Vec<Severity>, String> {
    let known = |word| {
        Severity::parse(word).ok_or_else(|| {
            "must be info, warning, critical, or several of them with commas between".to_owned()
        })
    };
    text.split(',').map(known).collect()
}

/// What was read can't be asked for: it is nearly everything.
fn unread(text: &str) -> Result<bool, String> {
    if text == "true" { Ok(true) } else { Err("must be true, or left out".to_owned()) }
}

/// The notification's id in the path.
pub(crate) fn notification_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let id = request.match_info().get("id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    id.ok_or_else(|| ApiError::parameter("id", POSITIVE))
}

/// The answer where there is no such notification, or it belongs to another tenant.
pub(crate) fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no notification {id}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_one_by_one() {
        assert_eq!(severities("critical"), Ok(vec![Severity::Critical]));
        assert_eq!(severities("info,warning"), Ok(vec![Severity::Info, Severity::Warning]));
        for text in ["", ",", "info,", "Info", "info, warning", "all"] {
            assert!(severities(text).is_err(), "{text}");
        }
    }
}
