//! Lists of items: filters, sorts, and pages by keyset, so that a page costs the same at any depth and an item
//! that moves meanwhile is not the reason that another one is missed.

use std::fmt::Write;

use domain::{Cursor, ItemDocument, Sku, TenantId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::ToSql;

use crate::{Error, Store, row};

/// What a list is sorted by. The id always decides among equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSortField {
    /// By id: the order of creation.
    #[default]
    Id,
    /// By name, as the database collates.
    Name,
    /// By sku; items without come first.
    Sku,
    /// By quantity.
    Quantity,
    /// By price; items without come first.
    Price,
    /// By the time of the last change.
    UpdatedAt,
}

impl ItemSortField {
    /// The expression that is sorted by; never null, so that a keyset can stand on it.
    const fn expression(self) -> &'static str {
        match self {
            Self::Id => "items.id",
            Self::Name => "items.name",
            Self::Sku => "coalesce(items.sku, '')",
            Self::Quantity => "items.quantity",
            Self::Price => "coalesce(items.price, -1)",
            Self::UpdatedAt => "items.updated_at",
        }
    }

    /// The type of the expression, for the parameter of the keyset. A time goes to and fro as text, because
    /// Postgres' calendar has days that ours hasn't, and an infinity.
    const fn sql_type(self) -> &'static str {
        match self {
            Self::Id | Self::Quantity => "bigint",
            Self::Name | Self::Sku => "text",
            Self::Price => "numeric",
            Self::UpdatedAt => "text::timestamptz",
        }
    }
}

/// A field and a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemSort {
    /// By what.
    pub field: ItemSortField,
    /// Largest first.
    pub descending: bool,
}

/// Which items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// A text that name or sku contains, in any case.
    pub text: Option<String>,
    /// Exactly this sku.
    pub sku: Option<Sku>,
    /// Quantity at or below the reorder point (true), or not (false).
    pub low_stock: Option<bool>,
    /// Changed at or after this time.
    pub updated_since: Option<Timestamp>,
}

/// Where a page ended: the sort and the last row's place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemKey {
    sort: ItemSort,
    value: String,
    id: i64,
}

/// A page of items.
#[derive(Debug, Clone)]
pub struct ItemList {
    /// In the order asked for.
    pub items: Vec<ItemDocument>,
    /// Where the next page starts, if there is one.
    pub next: Option<ItemKey>,
    /// The moment of the log that the page shows.
    pub as_of: Cursor,
}

impl Store {
    /// A page of at most `limit` items behind `after`.
    ///
    /// # Errors
    /// The database is away, or the key belongs to another sort.
    pub async fn item_list(
        &self,
        tenant: TenantId,
        filter: &ItemFilter,
        sort: ItemSort,
        after: Option<&ItemKey>,
        limit: u16,
    ) -> Result<ItemList, Error> {
        let key = after.map(|key| KeyValue::read(key, sort)).transpose()?;
        let pattern = filter.text.as_deref().map(like_pattern);
        let sku = filter.sku.as_ref().map(Sku::as_str);
        // One more than asked for says whether another page follows.
        let rows = i64::from(limit) + 1;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(8);
        let tenant = tenant.get();
        parameters.extend::<[&(dyn ToSql + Sync); 6]>([
            &tenant,
            &pattern,
            &sku,
            &filter.low_stock,
            &filter.updated_since,
            &rows,
        ]);
        if let Some((value, id)) = &key {
            parameters.extend([value.parameter(), id]);
        }
        let client = self.client().await?;
        let found = client.rows(&list_statement(sort, key.is_some()), &parameters).await.map_err(
            |error| match error.code() {
                // A data exception: of all parameters, Postgres only reads the cursor's time, which may be made up.
                Some(state) if key.is_some() && state.code().starts_with("22") => Error::ForeignCursor,
                _ => Error::from(error),
            },
        )?;
        read_page(&found, sort, usize::from(limit))
    }
}

/// The statement for a sort, with or without a start. Only names from this file are put into the text.
fn list_statement(sort: ItemSort, resumed: bool) -> String {
    let (expression, sql_type) = (sort.field.expression(), sort.field.sql_type());
    let (direction, compare) = if sort.descending { ("desc", "<") } else { ("asc", ">") };
    let mut page = format!(
        "select items.id, items.version, {expression} as key, item_document(items)::text as document
         from items
         where items.tenant_id = $1
           and ($2::text is null or items.name ilike $2 or items.sku ilike $2)
           and ($3::text is null or items.sku = $3)
           and ($4::boolean is null or $4 = (items.quantity <= coalesce(items.reorder_point, -1)))
           and ($5::timestamptz is null or items.updated_at >= $5)"
    );
    if resumed {
        // Writing into a String can't fail.
        let _ = write!(page, " and ({expression}, items.id) {compare} ($7::{sql_type}, $8::bigint)");
    }
    // The order outside repeats the one inside: a join promises none.
    format!(
        "/* store::item_list */
         select sequencer.epoch, sequencer.last, page.id, page.version, page.key::text as key, page.document
         from sequencer left join lateral (
           {page} order by {expression} {direction}, items.id {direction} limit $6
         ) as page on true
         order by page.key {direction}, page.id {direction}"
    )
}

fn read_page(rows: &[tokio_postgres::Row], sort: ItemSort, limit: usize) -> Result<ItemList, Error> {
    let Some(first) = rows.first() else {
        let detail = "the row is missing".to_owned();
        return Err(Error::Corrupt { table: "sequencer", column: "singleton", id: 0, detail });
    };
    let as_of = row::head(first)?;
    let mut items = Vec::with_capacity(limit.min(rows.len()));
    let mut next = None;
    for found in rows.iter().take(limit) {
        if found.try_get::<_, Option<i64>>("id")?.is_none() {
            break;
        }
        items.push(row::item(found)?);
    }
    if rows.len() > limit
        && let Some(last) = rows.get(limit.saturating_sub(1))
    {
        next = Some(ItemKey { sort, value: last.try_get("key")?, id: last.try_get("id")? });
    }
    Ok(ItemList { items, next, as_of })
}

/// The start of a page, in the type that the comparison needs.
enum KeyValue {
    Integer(i64),
    Text(String),
    Decimal(Decimal),
}

impl KeyValue {
    fn read(key: &ItemKey, sort: ItemSort) -> Result<(Self, i64), Error> {
        if key.sort != sort {
            return Err(Error::ForeignCursor);
        }
        let text = key.value.as_str();
        let value = match sort.field {
            ItemSortField::Id | ItemSortField::Quantity => text.parse().ok().map(Self::Integer),
            ItemSortField::Name | ItemSortField::Sku | ItemSortField::UpdatedAt => {
                Some(text).filter(|text| !text.contains('\0')).map(|text| Self::Text(text.to_owned()))
            }
            ItemSortField::Price => text.parse().ok().map(Self::Decimal),
        };
        value.map(|value| (value, key.id)).ok_or(Error::ForeignCursor)
    }

    fn parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Integer(value) => value,
            Self::Text(value) => value,
            Self::Decimal(value) => value,
        }
    }
}

/// A pattern that finds the text anywhere, taken literally.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_text_is_taken_literally() {
        assert_eq!(like_pattern(r"50%_a\b"), r"%50\%\_a\\b%");
    }

    #[test]
    fn a_key_of_another_sort_is_refused() {
        let key = ItemKey { sort: ItemSort::default(), value: "1".into(), id: 1 };
        let by_name = ItemSort { field: ItemSortField::Name, descending: false };
        assert!(matches!(KeyValue::read(&key, by_name), Err(Error::ForeignCursor)));
        let broken = ItemKey { value: "x".into(), ..key };
        assert!(matches!(KeyValue::read(&broken, ItemSort::default()), Err(Error::ForeignCursor)));
    }
}
