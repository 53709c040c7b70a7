//! Changing a quantity by so much, without knowing what it is.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{Adjustment, Item, ItemDocument, ProblemCode};
use service::ApiError;
use store::AdjustOutcome;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Stock},
    documented_problems::AdjustProblems,
    error::store_error,
    preconditions,
    routes::{
        item_id,
        items::{not_found, version_mismatch, with_current},
    },
};

/// Add to the quantity of an item, or take from it.
///
/// Done as one step, however many do so at once; the quantity never falls below 0.
#[utoipa::path(
    post,
    path = "/api/v1/items/{id}/adjustments",
    tag = "items",
    security(("bearer" = ["stock"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    request_body(content = Adjustment, content_type = "application/json", example = json!({"by": 3})),
    responses(
        (status = 200, description = "The item as it is now.", body = Item,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        AdjustProblems,
    )
)]
pub(crate) async fn adjust_item(
    api: web::Data<Api>,
    caller: Caller<Stock>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let adjustment = Adjustment::from_json(body).map_err(body::invalid)?;
    let id = item_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let adjusted = api.store().adjust_item(caller.tenant(), id, adjustment, &expected, &context).await;
    match adjusted.map_err(store_error)? {
        AdjustOutcome::Done(item) => Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, preconditions::entity_tag(item.version())))
            .json(item)),
        AdjustOutcome::NotFound => Err(not_found(id)),
        AdjustOutcome::Mismatch(current) => Ok(version_mismatch(current)),
        AdjustOutcome::Insufficient(current) => Ok(insufficient(adjustment, current)),
        AdjustOutcome::TooLarge(current) => {
            let detail = format!("With {} more, item {id} would have more than 2^53-1.", adjustment.by());
            Ok(with_current(ProblemCode::QuantityTooLarge, detail, current))
        }
    }
}

fn insufficient(adjustment: Adjustment, current: ItemDocument) -> HttpResponse {
    let (id, wanted) = (current.id(), adjustment.by().unsigned_abs());
    let detail = format!("Item {id} has less than the {wanted} that shall be taken.");
    with_current(ProblemCode::InsufficientStock, detail, current)
}
