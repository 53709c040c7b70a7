//! The history of one item, of a deleted one too: who, when, what it was before, why.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::HistoryPage;
use service::{ApiError, QueryReader};
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::ItemListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    routes::{item_id, items::not_found},
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// How many changes a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// List an item's changes, oldest first; of a deleted item too, for as long as some of them are kept.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}/history",
    tag = "items",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."), HistoryQuery),
    responses(
        (status = 200, description = "A page of changes, the moment of the log that it shows, and \
            whether they go back to the item's creation (`complete`).",
            body = HistoryPage,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ItemListProblems,
    )
)]
pub(crate) async fn item_history(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = item_id(&request)?;
    let query = HistoryQuery::read(request.query_string())?;
    let history = api.store().item_history(caller.tenant(), id, query.after, query.limit).await;
    let history = history.map_err(store_error)?;
    // Every item has a change that made it, unless that is no longer kept.
    if history.changes.is_empty() && query.after == 0 && !history.exists {
        return Err(not_found(id));
    }
    let page = HistoryPage {
        data: history.changes,
        has_more: history.next.is_some(),
        next_cursor: history.next.as_ref().map(pagination::encode_cursor),
        as_of: history.as_of.into(),
        complete: history.complete,
    };
    Ok(pagination::respond_with(&request, page.next_cursor.as_deref(), &page))
}

impl HistoryQuery {
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
