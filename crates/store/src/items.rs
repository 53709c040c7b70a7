//! Reading items: one, or a tenant's whole stock at one moment of the log.

use domain::{Cursor, ItemDocument, ItemId, TenantId};
use futures_util::Stream;

use crate::{Error, Snapshot, Store, row, snapshot};

impl Store {
    /// One item, with the moment of the log that it shows.
    ///
    /// # Errors
    /// The database is away.
    pub async fn item(&self, tenant: TenantId, id: ItemId) -> Result<(Option<ItemDocument>, Cursor), Error> {
        const ITEM: &str = "/* store::item */
            select sequencer.epoch, sequencer.last, items.id, items.version,
              case when items.id is not null then item_document(items)::text end as document
            from sequencer left join items on items.tenant_id = $1 and items.id = $2";
        let client = self.client().await?;
        let found = client.row(ITEM, &[&tenant.get(), &id.get()]).await?;
        let exists = found.try_get::<_, Option<i64>>("id")?.is_some();
        Ok((exists.then(|| row::item(&found)).transpose()?, row::head(&found)?))
    }

    /// All items of a tenant, or one of them, read in one statement and so at one moment.
    ///
    /// # Errors
    /// The database is away; the stream ends with an error if that happens on the way.
    pub async fn item_snapshot(
        &self,
        tenant: TenantId,
        only: Option<ItemId>,
    ) -> Result<Snapshot<impl Stream<Item = Result<String, Error>> + use<>>, Error> {
        // The left join gives one row without a document where there are no items.
        const SNAPSHOT: &str = "/* store::item_snapshot */
            select sequencer.epoch, sequencer.last,
              case when items.id is not null then item_document(items)::text end as document
            from sequencer left join items on items.tenant_id = $1 and ($2::bigint is null or items.id = $2)
            order by items.id";
        snapshot::stream(self.client().await?, SNAPSHOT, &[&tenant.get(), &only.map(ItemId::get)]).await
    }
}
