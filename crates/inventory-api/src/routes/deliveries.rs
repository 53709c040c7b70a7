//! `/api/v1/deliveries`: what is to be sent through channels, was sent, or could not be.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{DeadDeliveries, Delivery, DeliveryState, Listing, ProblemCode};
use serde::Serialize;
use service::{ApiError, QueryReader};
use store::DeliveryFilter;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Monitors},
    documented_problems::{ListProblems, ReadDeliveryProblems, RetryDeliveriesProblems},
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    routes::channels,
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryListQuery {
    /// Only those in this state: `pending`, `delivered`, or `dead`, which is the list of what was given up.
    #[param(value_type = Option<DeliveryState>)]
    state: Option<DeliveryState>,
    /// Only those through this channel.
    #[param(value_type = Option<i64>, minimum = 1)]
    channel_id: Option<i64>,
    /// Only those of this notification.
    #[param(value_type = Option<i64>, minimum = 1)]
    notification_id: Option<i64>,
    /// How many deliveries a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<i64>,
}

/// How many deliveries are tried again.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetriedDeliveries {
    /// So many; where it is 10,000, there may be more.
    retried: i64,
}

/// List deliveries, the newest first.
///
/// Those that arrived are kept for 30 days, the others as long as their notification.
#[utoipa::path(
    get,
    path = "/api/v1/deliveries",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(DeliveryListQuery),
    responses(
        (status = 200, description = "A page of deliveries.", body = Listing<Delivery>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_deliveries(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = DeliveryListQuery::read(request.query_string())?;
    let filter =
        DeliveryFilter { state: query.state, channel: query.channel_id, notification: query.notification_id };
    let page = api.store().deliveries(caller.tenant(), &filter, query.after, query.limit).await;
    let page = page.map_err(store_error)?;
    let list = Listing {
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
        data: page.deliveries,
    };
    Ok(pagination::respond_with(&request, list.next_cursor.as_deref(), &list))
}

/// Read a delivery.
#[utoipa::path(
    get,
    path = "/api/v1/deliveries/{id}",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery.", body = Delivery), ReadDeliveryProblems)
)]
pub(crate) async fn get_delivery(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = delivery_id(&request)?;
    let delivery = api.store().delivery(caller.tenant(), id).await.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(delivery.ok_or_else(|| not_found(id))?))
}

/// Try a delivery again now.
///
/// A dead one is pending again, with all its tries before it; a pending one doesn't wait any longer. One that arrived, or
/// that is being tried at this moment, stays as it is.
#[utoipa::path(
    post,
    path = "/api/v1/deliveries/{id}/retry",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery as it is now.", body = Delivery), ReadDeliveryProblems)
)]
pub(crate) async fn retry_delivery(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = delivery_id(&request)?;
    let delivery = api.store().retry_delivery(caller.tenant(), id).await.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(delivery.ok_or_else(|| not_found(id))?))
}

/// Try all dead deliveries of a channel again now.
///
/// At most 10,000 at once.
#[utoipa::path(
    post,
    path = "/api/v1/deliveries/retry",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    request_body(content = DeadDeliveries, content_type = "application/json", example = json!({"channel_id": 1})),
    responses((status = 200, description = "How many.", body = RetriedDeliveries), RetryDeliveriesProblems)
)]
pub(crate) async fn retry_dead_deliveries(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let DeadDeliveries { channel_id } = DeadDeliveries::from_json(body).map_err(body::invalid)?;
    let channel = api.store().channel(caller.tenant(), channel_id).await.map_err(store_error)?;
    if channel.is_none() {
        return Err(channels::not_found(channel_id));
    }
    let retried =
        api.store().retry_dead_deliveries(caller.tenant(), channel_id).await.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(RetriedDeliveries { retried }))
}

impl DeliveryListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            state: reader.take("state", state),
            channel_id: reader.take("channel_id", positive),
            notification_id: reader.take("notification_id", positive),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor),
        };
        reader.finish()?;
        Ok(read)
    }
}

fn state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::parse(text).ok_or_else(|| "must be pending, delivered or dead".to_owned())
}

fn positive(text: &str) -> Result<i64, String> {
    let id = text.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| "must be an integer from 1 to 9223372036854775807".to_owned())
}

/// The delivery's id in the path.
fn delivery_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let text = request.match_info().get("id").unwrap_or_default();
    positive(text).map_err(|detail| ApiError::parameter("id", &detail))
}

/// The answer where there is no such delivery, or it belongs to another tenant.
fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no delivery {id}."))
}
