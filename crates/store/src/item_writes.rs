//! Writing items: each write is one statement, and so one round trip and one transaction. The statement itself
//! hands actor, reason and request id to the triggers, through settings that end with the transaction.

use domain::{ItemDocument, ItemId, ItemPatch, NewItem, TenantId, Version, WriteContext};
use rust_decimal::Decimal;
use tokio_postgres::types::Json;

use crate::{Error, Store, row};

/// What the caller believes about the item it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It exists.
    Exists,
    /// It has one of these versions.
    Versions(Vec<Version>),
}

/// How a conditional write ended.
#[derive(Debug, Clone)]
pub enum WriteOutcome {
    /// Done; for a deletion this is the item as it was.
    Done(ItemDocument),
    /// There is no such item.
    NotFound,
    /// It has another version: this is the item as it is now. Nothing was changed.
    Mismatch(ItemDocument),
}

impl Store {
    /// Creates an item.
    ///
    /// # Errors
    /// The sku is taken, or the database is away.
    pub async fn create_item(
        &self,
        tenant: TenantId,
        new: &NewItem,
        context: &WriteContext,
    ) -> Result<ItemDocument, Error> {
        const CREATE: &str = "/* store::create_item */
            with writer as materialized (
              select set_config('stockwire.actor', $1, true), set_config('stockwire.reason', $2, true),
                set_config('stockwire.request_id', $3, true)
            )
            insert into items (tenant_id, sku, name, description, quantity, unit, price, reorder_point, attributes)
            select $4, $5::text, $6::text, $7::text, $8::bigint, $9::text, $10::numeric, $11::bigint, $12::jsonb
            from writer
            returning items.id, items.version, item_document(items)::text as document";
        let client = self.client().await?;
        let created = client
            .row(
                CREATE,
                &[
                    &context.actor,
                    &context.reason.as_deref().unwrap_or_default(),
                    &context.request_id.as_deref().unwrap_or_default(),
                    &tenant.get(),
                    &new.sku.as_ref().map(domain::Sku::as_str),
                    &new.name.as_str(),
                    &new.description.as_ref().map(domain::Description::as_str),
                    &new.quantity.get(),
                    &new.unit.as_str(),
                    &new.price.map(domain::Price::get),
                    &new.reorder_point.map(domain::Quantity::get),
                    &Json(new.attributes.get()),
                ],
            )
            .await?;
        row::item(&created)
    }

    /// Changes the fields that the patch names. A patch that changes nothing leaves the version as it is.
    ///
    /// # Errors
    /// The sku is taken, or the database is away.
    pub async fn update_item(
        &self,
        tenant: TenantId,
        id: ItemId,
        patch: &ItemPatch,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<WriteOutcome, Error> {
        const UPDATE: &str = "/* store::update_item */
            with writer as materialized (
              select set_config('stockwire.actor', $1, true), set_config('stockwire.reason', $2, true),
                set_config('stockwire.request_id', $3, true)
            )
            update items set
              sku = case when $7 then $8::text else sku end,
              name = coalesce($9::text, name),
              description = case when $10 then $11::text else description end,
              quantity = coalesce($12::bigint, quantity),
              unit = coalesce($13::text, unit),
              price = case when $14 then $15::numeric else price end,
              reorder_point = case when $16 then $17::bigint else reorder_point end,
              attributes = coalesce($18::jsonb, attributes)
            from writer
            where items.id = $4 and items.tenant_id = $5
              and ($6::bigint[] is null or items.version = any ($6))
            returning items.id, items.version, item_document(items)::text as document";
        let client = self.client().await?;
        let text = |value: &Option<Option<domain::Sku>>| {
            value.as_ref().and_then(|sku| sku.as_ref().map(|sku| sku.as_str().to_owned()))
        };
        let description =
            patch.description.as_ref().and_then(|text| text.as_ref().map(domain::Description::as_str));
        let price: Option<Decimal> = patch.price.flatten().map(domain::Price::get);
        let updated = client
            .row_if_any(
                UPDATE,
                &[
                    &context.actor,
                    &context.reason.as_deref().unwrap_or_default(),
                    &context.request_id.as_deref().unwrap_or_default(),
                    &id.get(),
                    &tenant.get(),
                    &versions(expected),
                    &patch.sku.is_some(),
                    &text(&patch.sku),
                    &patch.name.as_ref().map(domain::Name::as_str),
                    &patch.description.is_some(),
                    &description,
                    &patch.quantity.map(domain::Quantity::get),
                    &patch.unit.as_ref().map(domain::Unit::as_str),
                    &patch.price.is_some(),
                    &price,
                    &patch.reorder_point.is_some(),
                    &patch.reorder_point.flatten().map(domain::Quantity::get),
                    &patch.attributes.as_ref().map(|attributes| Json(attributes.get())),
                ],
            )
            .await?;
        drop(client);
        self.outcome(updated.as_ref(), tenant, id).await
    }

    /// Deletes an item. Its history stays.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delete_item(
        &self,
        tenant: TenantId,
        id: ItemId,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<WriteOutcome, Error> {
        const DELETE: &str = "/* store::delete_item */
            with writer as materialized (
              select set_config('stockwire.actor', $1, true), set_config('stockwire.reason', $2, true),
                set_config('stockwire.request_id', $3, true)
            )
            delete from items using writer
            where items.id = $4 and items.tenant_id = $5
              and ($6::bigint[] is null or items.version = any ($6))
            returning items.id, items.version, item_document(items)::text as document";
        let client = self.client().await?;
        let deleted = client
            .row_if_any(
                DELETE,
                &[
                    &context.actor,
                    &context.reason.as_deref().unwrap_or_default(),
                    &context.request_id.as_deref().unwrap_or_default(),
                    &id.get(),
                    &tenant.get(),
                    &versions(expected),
                ],
            )
            .await?;
        drop(client);
        self.outcome(deleted.as_ref(), tenant, id).await
    }

    /// The row that a write returned, or why it returned none.
    async fn outcome(
        &self,
        row: Option<&tokio_postgres::Row>,
        tenant: TenantId,
        id: ItemId,
    ) -> Result<WriteOutcome, Error> {
        if let Some(row) = row {
            return Ok(WriteOutcome::Done(row::item(row)?));
        }
        let (current, _) = self.item(tenant, id).await?;
        Ok(current.map_or(WriteOutcome::NotFound, WriteOutcome::Mismatch))
    }
}

/// What a statement compares the version with; null if any will do.
pub(crate) fn versions(expected: &Expected) -> Option<Vec<i64>> {
    match expected {
        Expected::Exists => None,
        Expected::Versions(versions) => Some(versions.iter().map(|version| version.get()).collect()),
    }
}
