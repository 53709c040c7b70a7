//! Who, why and which request: from the store's writes into the change, and no further.

use anyhow::{Context, Result, ensure};
use domain::{ItemDocument, ItemId, ItemPatch, NewItem, TenantId, WriteContext};
use serde_json::json;
use store::{Expected, Store, WriteOutcome};
use testkit::Database;

type Told = (String, Option<String>, Option<String>);

async fn told(database: &Database) -> Result<Vec<Told>> {
    let query = "select actor, reason, request_id from changes order by id";
    let rows = database.sql().await?.query(query, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

fn context(actor: &str, reason: Option<&str>, request_id: Option<&str>) -> WriteContext {
    WriteContext {
        actor: actor.to_owned(),
        reason: reason.map(ToOwned::to_owned),
        request_id: request_id.map(ToOwned::to_owned),
        ..WriteContext::default()
    }
}

fn bolt() -> Result<NewItem> {
    NewItem::from_json(json!({"name": "Bolt", "quantity": 10}))
        .map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

fn id(item: &ItemDocument) -> Result<ItemId> {
    ItemId::new(item.id()).context("an id")
}

fn quantity(quantity: i64) -> Result<ItemPatch> {
    ItemPatch::from_json(json!({"quantity": quantity})).map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

#[tokio::test]
async fn each_write_carries_its_own_context_and_none_is_left_behind() -> Result<()> {
    let database = Database::create().await?;
    // One connection, so that whatever stays in the session shows.
    let options = store::Options { pool_size: 1, ..database.options() };
    let store = Store::new(&options)?;
    let tenant = TenantId::DEFAULT;

    let first = context("user:7", Some("stocktaking"), Some("request-1"));
    let item = store.create_item(tenant, &bolt()?, &first).await?;
    let second = context("key:3", None, None);
    store.update_item(tenant, id(&item)?, &quantity(9)?, &Expected::Exists, &second).await?;
    let third = context("", Some("damaged"), None);
    store.delete_item(tenant, id(&item)?, &Expected::Exists, &third).await?;

    let text = |text: &str| Some(text.to_owned());
    let expected = vec![
        ("user:7".to_owned(), text("stocktaking"), text("request-1")),
        ("key:3".to_owned(), None, None),
        ("db:postgres".to_owned(), text("damaged"), None),
    ];
    ensure!(told(&database).await? == expected, "{:?}", told(&database).await?);
    Ok(())
}

#[tokio::test]
async fn settings_of_one_transaction_do_not_reach_the_next_on_the_same_connection() -> Result<()> {
    let database = Database::create().await?;
    let client = database.sql().await?;
    client
        .batch_execute(
            "begin; select set_config('stockwire.actor', 'user:7', true), set_config('stockwire.reason', 'why', true);
             insert into items (tenant_id, name) values (1, 'Bolt');
             commit;
             insert into items (tenant_id, name) values (1, 'Nut')",
        )
        .await?;
    let expected =
        vec![("user:7".to_owned(), Some("why".to_owned()), None), ("db:postgres".to_owned(), None, None)];
    ensure!(told(&database).await? == expected, "{:?}", told(&database).await?);
    Ok(())
}

#[tokio::test]
async fn a_write_with_a_stale_expectation_changes_nothing_and_shows_the_current_state() -> Result<()> {
    let database = Database::create().await?;
    let (store, tenant) = (database.store()?, TenantId::DEFAULT);
    let context = context("user:7", None, None);
    let item = store.create_item(tenant, &bolt()?, &context).await?;
    let stale = Expected::Versions(vec![item.version()]);
    store.update_item(tenant, id(&item)?, &quantity(9)?, &stale, &context).await?;

    let refused = store.update_item(tenant, id(&item)?, &quantity(8)?, &stale, &context).await?;
    let WriteOutcome::Mismatch(current) = refused else { anyhow::bail!("{refused:?}") };
    ensure!(current.parse()?.quantity.get() == 9 && current.version().get() == 2, "{current:?}");
    let refused = store.delete_item(tenant, id(&item)?, &stale, &context).await?;
    ensure!(matches!(refused, WriteOutcome::Mismatch(_)), "{refused:?}");
    ensure!(told(&database).await?.len() == 2, "{:?}", told(&database).await?);
    Ok(())
}

#[tokio::test]
async fn a_tenant_can_neither_see_nor_change_the_items_of_another() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let context = context("user:7", None, None);
    let create = "insert into tenants (name) values ('other') returning id";
    let other = TenantId::new(database.sql().await?.query_one(create, &[]).await?.get(0));
    let item = store.create_item(TenantId::DEFAULT, &bolt()?, &context).await?;

    ensure!(store.item(other, id(&item)?).await?.0.is_none(), "it is shown");
    let updated = store.update_item(other, id(&item)?, &quantity(9)?, &Expected::Exists, &context).await?;
    ensure!(matches!(updated, WriteOutcome::NotFound), "{updated:?}");
    let deleted = store.delete_item(other, id(&item)?, &Expected::Exists, &context).await?;
    ensure!(matches!(deleted, WriteOutcome::NotFound), "{deleted:?}");
    let history = store.item_history(other, id(&item)?, store::HistoryFilter::default(), 10).await?;
    ensure!(history.changes.is_empty(), "{history:?}");
    store.item(TenantId::DEFAULT, id(&item)?).await?.0.context("it is gone")?;
    Ok(())
}
