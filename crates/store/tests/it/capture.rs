//! The triggers: one change for each row that really changed, with what it was before, whoever writes.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testkit::Database;
use tokio_postgres::{Client, error::SqlState};

/// A change as the table keeps it.
#[derive(Debug, PartialEq)]
struct Change {
    op: String,
    item: i64,
    version: i64,
    data: Option<Value>,
    previous: Option<Value>,
    actor: String,
}

async fn changes(client: &Client) -> Result<Vec<Change>> {
    let query = "select op, resource_id, version, data, previous, actor from changes order by id";
    let rows = client.query(query, &[]).await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(Change {
            op: row.try_get(0)?,
            item: row.try_get(1)?,
            version: row.try_get(2)?,
            data: row.try_get(3)?,
            previous: row.try_get(4)?,
            actor: row.try_get(5)?,
        })
    };
    rows.iter().map(read).collect()
}

/// What a statement adds to the changes.
async fn changes_of(client: &Client, statement: &str) -> Result<Vec<Change>> {
    let before = changes(client).await?.len();
    client.batch_execute(statement).await?;
    Ok(changes(client).await?.split_off(before))
}

async fn database_with_a_bolt() -> Result<(Database, Client)> {
    let database = Database::create().await?;
    let client = database.sql().await?;
    let bolt = "insert into items (tenant_id, sku, name, quantity, price, attributes)
        values (1, 'B-8', 'Bolt M8', 100, 0.25, '{\"color\": \"blue\"}')";
    client.batch_execute(bolt).await?;
    Ok((database, client))
}

async fn document(client: &Client) -> Result<Value> {
    Ok(client.query_one("select item_document(items) from items", &[]).await?.try_get(0)?)
}

#[tokio::test]
async fn a_life_is_a_creation_updates_and_a_deletion() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    let created = changes(&client).await?;
    ensure!(created.len() == 1 && created[0].op == "create" && created[0].version == 1, "{created:?}");
    ensure!(
        created[0].data == Some(document(&client).await?) && created[0].previous.is_none(),
        "{created:?}"
    );

    let updated = changes_of(&client, "update items set quantity = 90").await?;
    ensure!(updated.len() == 1 && updated[0].op == "update" && updated[0].version == 2, "{updated:?}");
    let last = document(&client).await?;
    ensure!(updated[0].data.as_ref() == Some(&last), "{updated:?}");

    let deleted = changes_of(&client, "delete from items").await?;
    ensure!(deleted.len() == 1 && deleted[0].op == "delete" && deleted[0].version == 3, "{deleted:?}");
    ensure!(deleted[0].data.is_none() && deleted[0].previous == Some(last), "{deleted:?}");
    Ok(())
}

#[tokio::test]
async fn previous_has_exactly_the_fields_that_changed() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    for (set, previous) in [
        ("quantity = 99", json!({"quantity": 100})),
        ("name = 'Bolt M10'", json!({"name": "Bolt M8"})),
        ("price = null", json!({"price": "0.2500"})),
        ("price = 1", json!({"price": null})),
        ("quantity = 98, sku = null", json!({"quantity": 99, "sku": "B-8"})),
        ("description = 'zinc', reorder_point = 5", json!({"description": null, "reorder_point": null})),
        ("unit = 'box of 10', attributes = '{}'", json!({"unit": "each", "attributes": {"color": "blue"}})),
        // Equal values are no change, however they are written.
        ("quantity = 97, attributes = ' { } ', price = 1.0000", json!({"quantity": 98})),
    ] {
        let found = changes_of(&client, &format!("update items set {set}")).await?;
        ensure!(found.len() == 1 && found[0].previous.as_ref() == Some(&previous), "{set}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_no_change() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    let before = document(&client).await?;
    for statement in [
        "update items set quantity = quantity",
        "update items set name = 'Bolt M8', price = 0.250",
        "update items set quantity = 5 where false",
        "delete from items where false",
        "insert into items (tenant_id, name) select 1, 'x' where false",
        // Object-relational mappers do that, and nobody but the trigger says when and how often an item changed.
        "update items set updated_at = now() + interval '1 day'",
        "update items set version = version + 41",
    ] {
        let found = changes_of(&client, statement).await?;
        ensure!(found.is_empty(), "{statement}: {found:?}");
        ensure!(document(&client).await? == before, "{statement}: {}", document(&client).await?);
    }
    Ok(())
}

#[tokio::test]
async fn the_version_is_counted_by_us_whatever_a_writer_says() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    let updated = changes_of(&client, "update items set quantity = 1, version = 70").await?;
    ensure!(updated[0].version == 2, "{updated:?}");
    let created = "insert into items (tenant_id, name, version) values (1, 'Nut', 70)";
    let created = changes_of(&client, created).await?;
    ensure!(created[0].version == 1, "{created:?}");
    Ok(())
}

#[tokio::test]
async fn one_statement_may_change_many_rows_and_each_is_a_change() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    let create = "insert into items (tenant_id, name, quantity)
        select 1, 'Nut ' || n, n from generate_series(1, 50) as n";
    ensure!(changes_of(&client, create).await?.len() == 50, "creations");
    // Half of them have an even quantity already.
    let update = "update items set quantity = quantity - quantity % 2 where name like 'Nut %'";
    let updated = changes_of(&client, update).await?;
    ensure!(updated.len() == 25 && updated.iter().all(|change| change.version == 2), "{updated:?}");
    let delete = changes_of(&client, "delete from items where name like 'Nut %'").await?;
    ensure!(delete.iter().filter(|change| change.version == 3).count() == 25, "{delete:?}");
    Ok(())
}

#[tokio::test]
async fn an_upsert_is_a_creation_or_an_update_and_both_in_one_statement() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    let upsert = "insert into items (tenant_id, sku, name, quantity)
        values (1, 'B-8', 'Bolt M8', 7), (1, 'B-9', 'Bolt M9', 8)
        on conflict on constraint items_sku_unique do update set quantity = excluded.quantity";
    let found = changes_of(&client, upsert).await?;
    let ops: Vec<(&str, i64)> = found.iter().map(|change| (change.op.as_str(), change.version)).collect();
    ensure!(ops.len() == 2 && ops.contains(&("create", 1)) && ops.contains(&("update", 2)), "{found:?}");
    ensure!(changes_of(&client, upsert).await?.is_empty(), "the same again");
    let nothing = upsert.replace("do update set quantity = excluded.quantity", "do nothing");
    ensure!(changes_of(&client, &nothing).await?.is_empty(), "do nothing");
    Ok(())
}

#[tokio::test]
async fn a_merge_and_a_copy_are_captured_too() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    let merge = "merge into items using (values ('B-8', 3), ('B-9', 4)) as delivered (sku, quantity)
          on items.tenant_id = 1 and items.sku = delivered.sku
        when matched then update set quantity = delivered.quantity
        when not matched then insert (tenant_id, sku, name, quantity) values (1, delivered.sku, 'New', 4)";
    let found = changes_of(&client, merge).await?;
    let mut ops: Vec<&str> = found.iter().map(|change| change.op.as_str()).collect();
    ops.sort_unstable();
    ensure!(ops == ["create", "update"], "{found:?}");

    let sink = client.copy_in("copy items (tenant_id, name) from stdin").await?;
    let mut sink = std::pin::pin!(sink);
    futures_util::SinkExt::send(&mut sink, bytes::Bytes::from_static(b"1\tCopied\n1\tCopied too\n")).await?;
    sink.as_mut().finish().await?;
    let all = changes(&client).await?;
    ensure!(all.iter().filter(|change| change.op == "create").count() == 4, "{all:?}");
    Ok(())
}

async fn refusal(client: &Client, statement: &str) -> Result<(SqlState, String)> {
    let Err(error) = client.batch_execute(statement).await else { anyhow::bail!("{statement} was done") };
    let error = error.as_db_error().cloned().ok_or_else(|| anyhow::anyhow!("{error}"))?;
    let constraint = error.constraint().unwrap_or_default().to_owned();
    Ok((error.code().clone(), constraint))
}

#[tokio::test]
async fn what_would_lose_history_is_refused() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    client.batch_execute("insert into tenants (name) values ('other')").await?;
    ensure!(refusal(&client, "truncate items").await?.0 == SqlState::FEATURE_NOT_SUPPORTED, "truncate");
    ensure!(
        refusal(&client, "truncate tenants cascade").await?.0 == SqlState::FEATURE_NOT_SUPPORTED,
        "cascade"
    );
    for statement in
        ["update items set tenant_id = 2", "update items set created_at = now() - interval '1 day'"]
    {
        let (state, constraint) = refusal(&client, statement).await?;
        ensure!(constraint == "items_identity_fixed", "{statement}: {state:?} {constraint}");
    }
    // `generated always` keeps ids ours before any trigger of ours is asked.
    ensure!(refusal(&client, "update items set id = 7").await?.0 == SqlState::GENERATED_ALWAYS, "a new id");
    let given = "insert into items (id, tenant_id, name) values (7, 1, 'x')";
    ensure!(refusal(&client, given).await?.0 == SqlState::GENERATED_ALWAYS, "a given id");
    // The item's, and that of the other tenant's built-in monitor.
    ensure!(changes(&client).await?.len() == 2, "something was captured all the same");
    Ok(())
}

#[tokio::test]
async fn a_rolled_back_write_leaves_nothing() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    client
        .batch_execute(
            "begin; update items set quantity = 1; rollback;
             begin; update items set quantity = 2; savepoint s; update items set quantity = 3; rollback to s; commit",
        )
        .await?;
    let all = changes(&client).await?;
    ensure!(all.len() == 2 && all[1].version == 2 && document(&client).await?["quantity"] == 2, "{all:?}");
    Ok(())
}

#[tokio::test]
async fn an_item_that_somebody_brings_back_by_hand_goes_on_behind_its_deletion() -> Result<()> {
    let (_database, client) = database_with_a_bolt().await?;
    client.batch_execute("delete from items").await?;
    let insert =
        "insert into items (id, tenant_id, name, version) overriding system value values (1, 1, 'Bolt', 99)";
    let back = changes_of(&client, insert).await?;
    ensure!(back.len() == 1 && back[0].op == "create" && back[0].version == 3, "{back:?}");
    let fresh = "insert into items (tenant_id, name, version) values (1, 'Nut', 99)";
    let fresh = changes_of(&client, fresh).await?;
    ensure!(fresh.len() == 1 && fresh[0].version == 1, "{fresh:?}");
    Ok(())
}
