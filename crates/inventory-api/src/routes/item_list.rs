//! The list of items: filters, sort, pages.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Item, Page, Sku};
use jiff::Timestamp;
use serde::{Deserialize, de::IntoDeserializer};
use service::{ApiError, QueryReader};
use store::{ItemFilter, ItemKey, ItemSort, ItemSortField};
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::ListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
};

/// A search text that is longer finds nothing anyway.
const MOST_SEARCH_CHARACTERS: usize = 200;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemListQuery {
    /// Only items whose name or sku contains this text, in any case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only the item with exactly this sku.
    #[param(value_type = Option<String>, min_length = 1, max_length = 64)]
    sku: Option<Sku>,
    /// Only items at or below their reorder point (`true`), or only the others (`false`).
    low_stock: Option<bool>,
    /// Only items that were changed at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    updated_since: Option<Timestamp>,
    /// What to sort by: `id`, `name`, `sku`, `quantity`, `price` or `updated_at`; with a leading `-` the largest
    /// first.
    #[param(value_type = Option<String>, pattern = "^-?(id|name|sku|quantity|price|updated_at)$", default = "id")]
    sort: ItemSort,
    /// How many items a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before. It holds for the same sort only.
    #[param(value_type = Option<String>)]
    after: Option<ItemKey>,
}

/// List items.
#[utoipa::path(
    get,
    path = "/api/v1/items",
    tag = "items",
    security(("bearer" = ["read"])),
    params(ItemListQuery),
    responses(
        (status = 200, description = "A page of items, and the moment of the log that it shows.",
            body = Page<Item>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_items(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = ItemListQuery::read(request.query_string())?;
    let filter = ItemFilter {
        text: query.q,
        sku: query.sku,
        low_stock: query.low_stock,
        updated_since: query.updated_since,
    };
    let list =
        api.store().item_list(caller.tenant(), &filter, query.sort, query.after.as_ref(), query.limit).await;
    let list = list.map_err(store_error)?;
    let page = Page {
        data: list.items,
        has_more: list.next.is_some(),
        next_cursor: list.next.as_ref().map(pagination::encode_cursor),
        as_of: list.as_of.into(),
    };
    Ok(pagination::respond(&request, &page))
}

impl ItemListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            q: reader.take("q", search_text),
            sku: reader.take("sku", |text| Sku::parse(text).map_err(|error| error.to_string())),
            low_stock: reader.take("low_stock", boolean),
            updated_since: reader.take("updated_since", time),
            sort: reader.take("sort", sort).unwrap_or_default(),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor),
        };
        reader.finish()?;
        Ok(read)
    }
}

fn search_text(text: &str) -> Result<String, String> {
    let has = text.chars().count();
    if has > MOST_SEARCH_CHARACTERS {
        return Err(format!("must have at most {MOST_SEARCH_CHARACTERS} characters, has {has}"));
    }
    Ok(text.to_owned())
}

pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

/// Reads a time that Postgres can hold.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    // Postgres' calendar begins later than ours, and nobody kept stock before.
    let after_christ = |time: &Timestamp| time.as_second() >= -62_135_596_800;
    text.parse().ok().filter(after_christ).ok_or_else(|| {
        "must be a time such as 2026-11-22T08:30:00Z (in a query, + is written %2B)".to_owned()
    })
}

fn sort(text: &str) -> Result<ItemSort, String> {
    let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    let field: Result<ItemSortField, serde::de::value::Error> =
        ItemSortField::deserialize(name.into_deserializer());
    field.map(|field| ItemSort { field, descending }).map_err(|_| {
        "must be id, name, sku, quantity, price or updated_at, with - before it for the largest first"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_are_read() {
        let by_price = ItemSort { field: ItemSortField::Price, descending: true };
        assert_eq!(sort("-price"), Ok(by_price));
        assert_eq!(sort("id"), Ok(ItemSort::default()));
        for text in ["", "-", "--id", "Name", "name,price"] {
            assert!(sort(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_that_postgres_cannot_hold_are_refused() {
        assert!(time("2026-11-22T08:30:00.5+01:00").is_ok());
        for text in ["-009999-01-02T01:59:59Z", "2026-11-22", "x", ""] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
