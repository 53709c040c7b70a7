//! Each condition, by itself.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Scene;

/// What a monitor over all items raises of one item that takes these quantities.
async fn of_quantities(columns: Value, quantities: &[i64]) -> Result<Vec<Value>> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", quantities[0], None).await?;
    let monitor = scene.monitor(&columns).await?;
    for quantity in &quantities[1..] {
        scene.quantity(item, *quantity).await?;
    }
    scene.values(monitor).await
}

#[tokio::test]
async fn below_is_raised_once_for_each_time_that_the_value_falls_below() -> Result<()> {
    let below = json!({"condition": {"kind": "below", "threshold": 10}});
    ensure!(of_quantities(below, &[12, 10, 9, 5, 10, 11, 3, 12]).await? == [json!(9), json!(3)]);
    Ok(())
}

#[tokio::test]
async fn hysteresis_keeps_a_value_on_the_edge_quiet() -> Result<()> {
    let columns = json!({"condition": {"kind": "above", "threshold": 10}, "hysteresis": 3});
    ensure!(of_quantities(columns, &[8, 11, 10, 11, 8, 12, 7, 13]).await? == [json!(11), json!(13)]);
    Ok(())
}

#[tokio::test]
async fn a_range_is_left_on_both_sides() -> Result<()> {
    let columns = json!({"condition": {"kind": "outside", "low": 5, "high": 8}});
    ensure!(of_quantities(columns, &[6, 4, 9, 8, 9, 5]).await? == [json!(4), json!(9)]);
    Ok(())
}

#[tokio::test]
async fn percentages_are_reckoned_from_what_is_named_or_from_the_value_at_the_start() -> Result<()> {
    let named = json!({"condition": {"kind": "rises_by", "percent": "20", "base": 50}});
    ensure!(of_quantities(named, &[10, 59, 60, 61, 59, 100]).await? == [json!(60), json!(100)]);
    let own = json!({"condition": {"kind": "falls_by", "percent": "10"}, "hysteresis": 5});
    ensure!(of_quantities(own, &[200, 181, 180, 189, 180, 191, 179]).await? == [json!(180), json!(179)]);
    Ok(())
}

#[tokio::test]
async fn a_move_within_the_window_is_raised_and_begins_a_new_one() -> Result<()> {
    let columns = json!({"condition": {"kind": "changes_by", "percent": "10", "window_seconds": 3600}});
    ensure!(
        of_quantities(columns, &[100, 105, 110, 115, 121, 108]).await?
            == [json!(110), json!(121), json!(108)]
    );
    Ok(())
}

#[tokio::test]
async fn a_window_forgets_what_is_older() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 100, None).await?;
    let condition = json!({"kind": "changes_by", "percent": "10", "window_seconds": 1});
    let monitor = scene.monitor(&json!({"condition": condition})).await?;
    for quantity in [106, 112] {
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
        scene.quantity(item, quantity).await?;
    }
    // Each held until now, so each change is compared with the one before, and no older one.
    ensure!(scene.values(monitor).await? == [] as [Value; 0]);
    Ok(())
}

#[tokio::test]
async fn prices_are_watched_exactly_and_an_item_without_one_has_none() -> Result<()> {
    let scene = Scene::set().await?;
    let (item, without) = (scene.item("bolt", 1, Some("10.0000")).await?, scene.item("nut", 1, None).await?);
    let condition = json!({"kind": "above", "threshold": "10.0001"});
    let monitor = scene.monitor(&json!({"measure": "price", "condition": condition})).await?;
    scene.price(item, "10.0001").await?;
    scene.price(item, "10.0002").await?;
    scene.sql.execute("update items set price = null where id = $1", &[&item]).await?;
    scene.price(item, "11").await?;
    scene.price(without, "12").await?;
    ensure!(scene.values(monitor).await? == [json!("10.0002"), json!("11.0000"), json!("12.0000")]);
    Ok(())
}

#[tokio::test]
async fn the_reorder_point_is_a_monitor_that_every_tenant_has() -> Result<()> {
    let database = testkit::Database::create().await?;
    let sql = database.sql().await?;
    let _notifier = testkit::Notifier::start(&testkit::settings(&database)?).await?;
    sql.batch_execute(
        "insert into tenants (name) values ('other');
         insert into items (tenant_id, name, quantity, reorder_point)
         select tenants.id, 'bolt', 5, 3 from tenants order by tenants.id",
    )
    .await?;
    for quantity in [4, 3, 2, 4, 0] {
        sql.execute("update items set quantity = $1::int8", &[&i64::from(quantity)]).await?;
    }
    sql.batch_execute("update items set quantity = 8; update items set reorder_point = 8").await?;
    super::looked_through(&database).await?;
    let raised = "select tenant_id, value::int8, threshold::int8 from notifications order by tenant_id, id";
    let raised = sql.query(raised, &[]).await?;
    let raised: Vec<[i64; 3]> = raised.iter().map(|row| [0, 1, 2].map(|column| row.get(column))).collect();
    ensure!(raised == [[1, 3, 3], [1, 0, 3], [1, 8, 8], [2, 3, 3], [2, 0, 3], [2, 8, 8]], "{raised:?}");
    Ok(())
}

#[tokio::test]
async fn only_items_in_scope_are_watched_and_coming_into_it_counts() -> Result<()> {
    let scene = Scene::set().await?;
    let below = json!({"kind": "below", "threshold": 10});
    let (bolt, nut) = (scene.item("B-1", 20, None).await?, scene.item("N-1", 20, None).await?);
    let of = async |scope: Value| scene.monitor(&json!({"scope": scope, "condition": below})).await;
    let one = of(json!({"kind": "item", "item_id": bolt})).await?;
    let prefix = of(json!({"kind": "sku_prefix", "prefix": "N-"})).await?;
    let red = of(json!({"kind": "attribute", "name": "colour", "value": "red"})).await?;
    scene.quantity(bolt, 1).await?;
    scene.quantity(nut, 2).await?;
    scene
        .sql
        .batch_execute("update items set attributes = '{\"colour\": \"red\", \"n\": [1]}' where sku = 'N-1'")
        .await?;
    scene
        .sql
        .batch_execute(
            "update items set sku = 'N-2', attributes = '{\"colour\": \"blue\"}' where sku = 'B-1'",
        )
        .await?;
    scene.sql.batch_execute("update items set quantity = 3, attributes = '{}' where sku = 'N-1'").await?;
    let items = async |monitor| {
        let raised = scene.raised(monitor).await?;
        anyhow::Ok(raised.into_iter().map(|(item, value, _)| (item, value)).collect::<Vec<_>>())
    };
    ensure!(items(one).await? == [(bolt, json!(1))]);
    ensure!(items(prefix).await? == [(nut, json!(2)), (bolt, json!(1))]);
    ensure!(items(red).await? == [(nut, json!(2))]);
    Ok(())
}

#[tokio::test]
async fn an_item_that_is_created_low_or_deleted_is_treated_as_people_expect() -> Result<()> {
    let scene = Scene::set().await?;
    let monitor = scene.monitor(&json!({"condition": {"kind": "below", "threshold": 10}})).await?;
    let item = scene.item("bolt", 3, None).await?;
    scene.sql.execute("delete from items where id = $1", &[&item]).await?;
    let again = scene.item("bolt", 4, None).await?;
    let raised = scene.raised(monitor).await?;
    ensure!(raised.iter().map(|(item, ..)| *item).collect::<Vec<_>>() == [item, again], "{raised:?}");
    let left: i64 = scene.sql.query_one("select count(*) from monitor_states", &[]).await?.get(0);
    ensure!(left == 1, "what is gone is forgotten, {left} are remembered");
    Ok(())
}

#[tokio::test]
async fn a_notification_says_what_happened_where_and_in_which_words() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("B-1", 20, None).await?;
    let message = "{item.name}/{item.sku} {previous_value}->{value} {{{threshold}}} {severity}";
    let columns = json!({"name": "Low", "condition": {"kind": "below", "threshold": 10}, "severity": "critical",
        "message": message});
    let (own, usual) = (
        scene.monitor(&columns).await?,
        scene.monitor(&json!({"condition": {"kind": "below", "threshold": 10}})).await?,
    );
    scene.quantity(item, 7).await?;
    scene.looked_through().await?;
    let document = "select notification_document(notifications) from notifications where monitor_id = $1";
    let said: Value = scene.sql.query_one(document, &[&own]).await?.get(0);
    let change =
        "select position from change_log join changes on changes.id = change_id where resource = 'item'
        order by position desc limit 1";
    let position: i64 = scene.sql.query_one(change, &[]).await?.get(0);
    for (field, value) in [
        ("monitor_name", json!("Low")),
        ("item_id", json!(item)),
        ("item_sku", json!("B-1")),
        ("value", json!(7)),
        ("previous_value", json!(20)),
        ("threshold", json!(10)),
        ("reference", Value::Null),
        ("severity", json!("critical")),
        ("message", json!("B-1/B-1 20->7 {10} critical")),
        ("change_position", json!(position)),
        ("muted", json!(false)),
        ("version", json!(1)),
    ] {
        ensure!(said[field] == value, "{field}: {said}");
    }
    let said: Value = scene.sql.query_one(document, &[&usual]).await?.get(0);
    ensure!(said["message"] == "B-1: quantity is 7, below 10", "{said}");
    Ok(())
}
