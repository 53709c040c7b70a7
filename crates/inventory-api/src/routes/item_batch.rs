//! Many items in one request, as an import sends them.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{BatchReport, ItemBatch};
use service::ApiError;

use crate::{
    Api, body,
    caller::{Caller, Items},
    documented_problems::BatchProblems,
    error::store_error,
};

/// The most bytes of rows at once.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Create and change many items at once.
///
/// A row that is about an item which is there changes the fields that it names, like a merge patch; else it creates one.
/// Rows are applied in their order. A row that fails stops no other one: the answer says of each what became of it. With
/// `dry_run` it says what would, and nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/items/batch",
    tag = "items",
    security(("bearer" = ["items"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    request_body(content = ItemBatch, content_type = "application/json",
        example = json!({"match": "sku", "rows": [{"sku": "B-8", "name": "Bolt M8", "quantity": 12}], "dry_run": true})),
    responses((status = 200, description = "What became of each row.", body = BatchReport), BatchProblems)
)]
pub(crate) async fn apply_item_batch(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read_large(&request, payload, MOST_BYTES).await?;
    let batch = ItemBatch::from_json(body).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    // Those of one tenant wait for one another, each with a connection.
    let _turn = api.batch_turns().take().await?;
    let report = api.store().apply_item_batch(caller.tenant(), &batch, &context).await;
    Ok(HttpResponse::Ok().json(report.map_err(store_error)?))
}
