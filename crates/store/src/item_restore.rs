//! Bringing a deleted item back, under its id and with everything it had, from the change that tells of its deletion.

use domain::{ItemDocument, ItemId, TenantId, WriteContext};

use crate::{Error, Store, row, transaction::begin};

/// Two who bring back one item take turns: what the second one reads must not be of an earlier deletion.
const TURNS: i64 = 0x5357_5245_5354;

/// How bringing back an item ended.
#[derive(Debug, Clone)]
pub enum RestoreOutcome {
    /// It is there again.
    Done(ItemDocument),
    /// There never was one, or its deletion is no longer kept.
    NotFound,
    /// It is there: this is the item as it is.
    Exists(ItemDocument),
}

impl Store {
    /// Brings back a deleted item. Its version goes on behind the deletion's.
    ///
    /// # Errors
    /// Its sku is taken by now, or the database is away.
    pub async fn restore_item(
        &self,
        tenant: TenantId,
        id: ItemId,
        context: &WriteContext,
    ) -> Result<RestoreOutcome, Error> {
        const TURN: &str = "/* store::restore_item */
            select pg_advisory_xact_lock(hashint8extended($1, $2))";
        // The trigger says which version it gets, because it is given one.
        const RESTORE: &str = "/* store::restore_item */
            with newest as materialized (
              select op, version, previous from changes
              where tenant_id = $1 and resource = 'item' and resource_id = $2 order by id desc limit 1
            )
            insert into items (id, tenant_id, sku, name, description, quantity, unit, price, reorder_point, attributes,
              version, created_at, updated_at)
            overriding system value
            select item.id, $1, item.sku, item.name, item.description, item.quantity, item.unit, item.price,
              item.reorder_point, item.attributes, newest.version + 1, item.created_at, clock_timestamp()
            from newest cross join json_populate_record(null::items, newest.previous) as item
            where newest.op = 'delete'
            on conflict on constraint items_pkey do nothing
            returning items.id, items.version, item_document(items)::text as document";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(TURN).await?;
        transaction.query_one(&statement, &[&id.get(), &TURNS]).await?;
        let statement = transaction.prepare_cached(RESTORE).await?;
        let restored = transaction.query_opt(&statement, &[&tenant.get(), &id.get()]).await?;
        transaction.commit().await?;
        drop(client);
        if let Some(restored) = restored {
            return Ok(RestoreOutcome::Done(row::item(&restored)?));
        }
        let (current, _) = self.item(tenant, id).await?;
        Ok(current.map_or(RestoreOutcome::NotFound, RestoreOutcome::Exists))
    }
}
