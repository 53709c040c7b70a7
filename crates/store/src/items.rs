//! Reading items: one, or a tenant's whole stock at one moment of the log.

use domain::{Cursor, ItemDocument, ItemId, TenantId};
use futures_util::{Stream, StreamExt};

use crate::{Error, Store, row};

/// A tenant's items as they were at one moment of the log.
pub struct ItemSnapshot<S> {
    /// The state contains every change up to here.
    pub as_of: Cursor,
    /// The items' documents by id, as JSON text, as the database wrote them.
    pub documents: S,
}

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

    /// All items of a tenant, or one of them, read in one statement and so at one moment: every change up to
    /// `as_of` is in it, and perhaps some that were committed and had no position yet. Their versions tell.
    ///
    /// # Errors
    /// The database is away; the stream ends with an error if that happens on the way.
    pub async fn item_snapshot(
        &self,
        tenant: TenantId,
        only: Option<ItemId>,
    ) -> Result<ItemSnapshot<impl Stream<Item = Result<String, Error>> + use<>>, Error> {
        // The left join gives one row without a document where there are no items.
        const SNAPSHOT: &str = "/* store::item_snapshot */
            select sequencer.epoch, sequencer.last,
              case when items.id is not null then item_document(items)::text end as document
            from sequencer left join items on items.tenant_id = $1 and ($2::bigint is null or items.id = $2)
            order by items.id";
        let client = self.client().await?;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
            [&tenant.get(), &only.map(ItemId::get)];
        let rows = client.stream(SNAPSHOT, &parameters).await?;
        let mut rows = Box::pin(rows);
        let Some(first) = rows.next().await.transpose()? else {
            return Err(Error::Corrupt {
                table: "sequencer",
                column: "singleton",
                id: 0,
                detail: "the row is missing".into(),
            });
        };
        let as_of = row::head(&first)?;
        let first: Option<String> = first.try_get("document")?;
        let documents = futures_util::stream::iter(first.map(Ok)).chain(rows.map(move |row| {
            // The pooled connection goes back when the stream is dropped, not before.
            let _connection = &client;
            Ok(row?.try_get("document")?)
        }));
        // Asked once more after its end, the row stream reports a closed connection.
        let documents = documents.fuse();
        Ok(ItemSnapshot { as_of, documents })
    }
}
