//! The history of one item, of a deleted one too: who, when, what it was before, why.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::HistoryPage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, QueryReader};
use store::HistoryFilter;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::ItemListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    routes::{item_id, item_list::time, items::not_found},
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Which changes come first.
    #[param(value_type = Option<HistoryOrder>)]
    order: HistoryOrder,
    /// Only what was changed at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only what was changed before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many changes a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before, in the same order.
    #[param(value_type = Option<String>)]
    after: Option<i64>,
}

/// In which order changes are listed: `oldest` first, unless something else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HistoryOrder {
    /// As they happened.
    #[default]
    Oldest,
    /// The other way round.
    Newest,
}

/// List an item's changes, of a deleted one too, for as long as some of them are kept.
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
    let filter = HistoryFilter {
        newest_first: query.order == HistoryOrder::Newest,
        since: query.since,
        until: query.until,
        after: query.after,
    };
    let history = api.store().item_history(caller.tenant(), id, filter, query.limit).await;
    let history = history.map_err(store_error)?;
    // Every item has a change that made it, unless that is no longer kept.
    if query.after.is_none() && !history.known {
        return Err(not_found(id));
    }
    let page = HistoryPage {
        data: history.changes,
        has_more: history.next.is_some(),
        next_cursor: history.next.map(|id| pagination::encode_cursor(&(query.order, id))),
        as_of: history.as_of.into(),
        complete: history.complete,
    };
    Ok(pagination::respond_with(&request, page.next_cursor.as_deref(), &page))
}

impl HistoryQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let order = reader.take("order", order).unwrap_or_default();
        let read = Self {
            order,
            since: reader.take("since", time),
            until: reader.take("until", time),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", |text| place(text, order)),
        };
        reader.finish()?;
        Ok(read)
    }
}

fn order(text: &str) -> Result<HistoryOrder, String> {
    match text {
        "oldest" => Ok(HistoryOrder::Oldest),
        "newest" => Ok(HistoryOrder::Newest),
        _ => Err("must be oldest or newest".to_owned()),
    }
}

/// Reads a cursor. In the other order, it would go on where the client has come from.
fn place(text: &str, order: HistoryOrder) -> Result<i64, String> {
    let (made_in, id): (HistoryOrder, i64) = pagination::decode_cursor(text)?;
    if made_in != order {
        return Err("is a cursor of the other order; start without one".to_owned());
    }
    Ok(id)
}
