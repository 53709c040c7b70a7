//! Bringing a deleted item back.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{Item, ProblemCode};
use service::ApiError;
use store::RestoreOutcome;

use crate::{
    Api,
    caller::{Caller, Items},
    documented_problems::RestoreProblems,
    error::store_error,
    preconditions,
    routes::{item_id, items::with_current},
};

/// Bring back a deleted item, with its id and everything it had.
///
/// Its version goes on behind the deletion's; in the change log it is created anew. Possible for as long as its deletion is
/// kept there.
#[utoipa::path(
    post,
    path = "/api/v1/items/{id}/restore",
    tag = "items",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 201, description = "The item as it is now.", body = Item,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Location" = String, description = "Where the item is."))),
        RestoreProblems,
    )
)]
pub(crate) async fn restore_item(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = item_id(&request)?;
    let context = caller.write_context(&request)?;
    let restored = api.store().restore_item(caller.tenant(), id, &context).await;
    match restored.map_err(store_error)? {
        RestoreOutcome::Done(item) => Ok(HttpResponse::Created()
            .insert_header((header::LOCATION, format!("/api/v1/items/{id}")))
            .insert_header((header::ETAG, preconditions::entity_tag(item.version())))
            .json(item)),
        RestoreOutcome::Exists(current) => {
            let detail = format!("Item {id} is there: only one that was deleted can be brought back.");
            Ok(with_current(ProblemCode::WrongState, detail, current))
        }
        RestoreOutcome::NotFound => {
            let detail = format!("There is no item {id}, and no deletion of it is kept.");
            Err(ApiError::new(ProblemCode::NotFound, detail))
        }
    }
}
