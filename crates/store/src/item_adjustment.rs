//! Changing a quantity by so much, whatever it is. One statement locks the row and judges what it finds there, so of two
//! who take the last one, one is refused, and is told what there really is.

use domain::{Adjustment, ItemDocument, ItemId, TenantId, Version, WriteContext};

use crate::{Error, Expected, Store, item_writes::versions, row};

/// How an adjustment ended.
#[derive(Debug, Clone)]
pub enum AdjustOutcome {
    /// Done.
    Done(ItemDocument),
    /// There is no such item.
    NotFound,
    /// It has another version: this is the item as it is now. Nothing was changed.
    Mismatch(ItemDocument),
    /// It would fall below 0: this is the item as it is now. Nothing was changed.
    Insufficient(ItemDocument),
    /// It would rise above what can be counted: this is the item as it is now. Nothing was changed.
    TooLarge(ItemDocument),
}

impl Store {
    /// Adds to the quantity of an item, or takes from it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn adjust_item(
        &self,
        tenant: TenantId,
        id: ItemId,
        adjustment: Adjustment,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<AdjustOutcome, Error> {
        const ADJUST: &str = "/* store::adjust_item */
            with writer as materialized (
              select set_config('stockwire.actor', $1, true), set_config('stockwire.reason', $2, true),
                set_config('stockwire.request_id', $3, true)
            ), found as materialized (
              select items as item, items.id, items.version, items.quantity + $7 as quantity
              from items where items.id = $4 and items.tenant_id = $5 for no key update
            ), adjusted as (
              update items set quantity = found.quantity from writer, found
              where items.id = found.id and found.quantity between 0 and 9007199254740991
                and ($6::bigint[] is null or found.version = any ($6))
              returning items.id, items.version, item_document(items)::text as document
            )
            select found.id, coalesce(adjusted.version, found.version) as version,
              coalesce(adjusted.document, item_document(found.item)::text) as document,
              adjusted.id is not null as done, found.quantity
            from found left join adjusted on adjusted.id = found.id";
        let client = self.client().await?;
        let found = client
            .row_if_any(
                ADJUST,
                &[
                    &context.actor,
                    &context.reason.as_deref().unwrap_or_default(),
                    &context.request_id.as_deref().unwrap_or_default(),
                    &id.get(),
                    &tenant.get(),
                    &versions(expected),
                    &adjustment.by(),
                ],
            )
            .await?;
        let Some(found) = found else { return Ok(AdjustOutcome::NotFound) };
        let (item, quantity) = (row::item(&found)?, found.try_get::<_, i64>("quantity")?);
        Ok(if found.try_get("done")? {
            AdjustOutcome::Done(item)
        } else if !is_expected(expected, item.version()) {
            AdjustOutcome::Mismatch(item)
        } else if quantity < 0 {
            AdjustOutcome::Insufficient(item)
        } else {
            AdjustOutcome::TooLarge(item)
        })
    }
}

fn is_expected(expected: &Expected, version: Version) -> bool {
    match expected {
        Expected::Exists => true,
        Expected::Versions(versions) => versions.contains(&version),
    }
}
