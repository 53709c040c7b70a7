//! Rows that a direct writer may make and our own parsers would refuse: they are read like any other, and nothing that
//! reads many rows stops at one of them.

use anyhow::{Context, Result, ensure};
use domain::{Change, ItemDocument, ItemId, ItemPatch, NewItem, Position, TenantId, WriteContext};
use futures_util::TryStreamExt;
use serde_json::{json, value::RawValue};
use store::{Expected, HistoryFilter, ItemFilter, ItemSort, ItemSortField, Sequencer, Store, WriteOutcome};
use testkit::Database;
use tokio_postgres::Client;

/// One odd row per statement; attributes as deep as their size allows.
const ODD_ROWS: [&str; 10] = [
    "insert into items (tenant_id, name) values (1, E'\\t')",
    "insert into items (tenant_id, name) values (1, E'\\u0001\\u2028\\uFFFD')",
    "insert into items (tenant_id, sku, name, description, unit) values (1, E'\\n', 'x', '  ', E'\\r')",
    "insert into items (tenant_id, name, attributes) values (1, 'x', '{\"n\": 1e400, \"m\": -1.50}')",
    "insert into items (tenant_id, name, attributes) values (1, 'x', '{\"n\": 1e-300, \"m\": 1e16000}')",
    "insert into items (tenant_id, name, attributes)
       values (1, 'x', ('{\"deep\": ' || repeat('[', 200) || repeat(']', 200) || '}')::jsonb)",
    "insert into items (tenant_id, name, attributes)
       values (1, 'x', (repeat('{\"a\": ', 2000) || '1' || repeat('}', 2000))::jsonb)",
    "insert into items (tenant_id, name, created_at, updated_at) values (1, 'x', '-infinity', 'infinity')",
    "insert into items (tenant_id, name, created_at, updated_at)
       values (1, 'x', '4713-01-01 00:00:00+00 BC', '294276-12-31 23:59:59+00')",
    "insert into items (id, tenant_id, name) overriding system value values (-5, 1, 'x')",
];

async fn database_with_odd_rows() -> Result<(Database, Client)> {
    let database = Database::create().await?;
    let client = database.sql().await?;
    for row in ODD_ROWS {
        client.batch_execute(row).await.context(row)?;
    }
    Ok((database, client))
}

/// The documents as Postgres writes them, by id.
async fn in_table(client: &Client) -> Result<Vec<String>> {
    let rows = client.query("select item_document(items)::text from items order by id", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn texts<'a>(documents: impl IntoIterator<Item = &'a ItemDocument>) -> Vec<&'a str> {
    documents.into_iter().map(ItemDocument::json).collect()
}

fn data(change: &Change) -> &str {
    change.data.as_deref().map_or("", RawValue::get)
}

/// Every page, one item each, so that every row's key is a cursor once.
async fn walk(store: &Store, sort: ItemSort) -> Result<Vec<ItemDocument>> {
    let (mut documents, mut after) = (Vec::new(), None);
    loop {
        let page =
            store.item_list(TenantId::DEFAULT, &ItemFilter::default(), sort, after.as_ref(), 1).await?;
        documents.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(documents);
        }
    }
}

#[tokio::test]
async fn they_are_read_one_by_one_in_lists_and_in_snapshots_as_postgres_wrote_them() -> Result<()> {
    let (database, client) = database_with_odd_rows().await?;
    let (store, tenant, table) = (database.store()?, TenantId::DEFAULT, in_table(&client).await?);
    let list = store.item_list(tenant, &ItemFilter::default(), ItemSort::default(), None, 50).await?;
    ensure!(texts(&list.items) == table, "{list:?}");
    let snapshot: Vec<String> = store.item_snapshot(tenant, None).await?.documents.try_collect().await?;
    ensure!(snapshot == table, "{snapshot:?}");
    for (document, text) in list.items.iter().zip(&table) {
        let Some(id) = ItemId::new(document.id()) else { continue };
        let (found, _) = store.item(tenant, id).await?;
        ensure!(found.is_some_and(|found| found.json() == text), "{text}");
        let history = store.item_history(tenant, id, HistoryFilter::default(), 10).await?;
        ensure!(history.changes.len() == 1 && data(&history.changes[0]) == text, "{history:?}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_go_on_behind_them_in_every_order() -> Result<()> {
    let (database, client) = database_with_odd_rows().await?;
    let (store, table) = (database.store()?, in_table(&client).await?);
    for field in [
        ItemSortField::Id,
        ItemSortField::Name,
        ItemSortField::Sku,
        ItemSortField::Quantity,
        ItemSortField::Price,
        ItemSortField::UpdatedAt,
    ] {
        for descending in [false, true] {
            let mut walked = walk(&store, ItemSort { field, descending }).await?;
            walked.sort_by_key(ItemDocument::id);
            ensure!(texts(&walked) == table, "{field:?} {descending}: {walked:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn another_field_of_them_can_be_changed_and_they_can_be_deleted() -> Result<()> {
    let (database, client) = database_with_odd_rows().await?;
    let (store, tenant, context) = (database.store()?, TenantId::DEFAULT, WriteContext::default());
    let patch =
        ItemPatch::from_json(json!({"quantity": 9})).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let stale = Expected::Versions(vec![]);
    let mut ids = walk(&store, ItemSort::default()).await?.into_iter().map(|document| document.id());
    while let Some(id) = ids.find_map(ItemId::new) {
        let updated = store.update_item(tenant, id, &patch, &Expected::Exists, &context).await?;
        let WriteOutcome::Done(updated) = updated else { anyhow::bail!("{updated:?}") };
        let find = "select item_document(items)::text from items where id = $1";
        let text: String = client.query_one(find, &[&id.get()]).await?.get(0);
        ensure!(updated.json() == text && updated.version().get() == 2, "{updated:?}");
        let refused = store.delete_item(tenant, id, &stale, &context).await?;
        ensure!(matches!(&refused, WriteOutcome::Mismatch(current) if current.json() == text), "{refused:?}");
        let deleted = store.delete_item(tenant, id, &Expected::Exists, &context).await?;
        ensure!(matches!(&deleted, WriteOutcome::Done(last) if last.json() == text), "{deleted:?}");
    }
    Ok(())
}

/// What the notifier does. An error would stop the delivery of everything behind the row.
#[tokio::test]
async fn the_log_carries_them_and_goes_on() -> Result<()> {
    let database = Database::create().await?;
    let (store, client) = (database.store()?, database.sql().await?);
    let sequencer = Sequencer::lead(&store).await?;
    for row in ODD_ROWS {
        client.batch_execute(row).await.context(row)?;
    }
    let table = in_table(&client).await?;
    client.batch_execute("update items set name = E'\\t\\t', attributes = '{}'; delete from items").await?;
    let plain =
        NewItem::from_json(json!({"name": "Bolt"})).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let plain = store.create_item(TenantId::DEFAULT, &plain, &WriteContext::default()).await?;

    let step = sequencer.step().await?;
    let read = store.log_entries(Position::START, 1000).await?;
    let pulled = store.changes(TenantId::DEFAULT, Position::START, 200).await?.changes;
    ensure!(read.len() == 3 * ODD_ROWS.len() + 1, "{} entries", read.len());
    let text = |document: &Option<Box<RawValue>>| document.as_ref().map(ToString::to_string);
    for ((entry, handed_over), change) in read.iter().zip(&step.entries).zip(&pulled) {
        for (data, previous) in [(&handed_over.data, &handed_over.previous), (&change.data, &change.previous)]
        {
            ensure!(text(data) == text(&entry.data) && text(previous) == text(&entry.previous), "{entry:?}");
        }
    }
    let mut created: Vec<(i64, String)> =
        read[..ODD_ROWS.len()].iter().filter_map(|e| Some((e.resource_id, text(&e.data)?))).collect();
    created.sort();
    ensure!(created.iter().map(|(_, data)| data).eq(&table), "{created:?}");
    ensure!(read.last().and_then(|last| text(&last.data)).as_deref() == Some(plain.json()), "{plain:?}");
    Ok(())
}
