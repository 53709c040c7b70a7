//! What could wedge the evaluation, starve what is due, or make it tell a crossing twice or never.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Notifier, settings, waiting};
use tokio::time::Instant;

use super::Scene;

fn below() -> Value {
    json!({"condition": {"kind": "below", "threshold": 10}})
}

#[tokio::test]
async fn what_is_due_is_told_while_writes_never_end() -> Result<()> {
    let scene = Scene::set().await?;
    let (still, busy) = (scene.item("still", 5, None).await?, scene.item("busy", 5, None).await?);
    let scope = json!({"kind": "item", "item_id": still});
    let condition = json!({"kind": "unchanged_for", "seconds": 1});
    let monitor = scene.monitor(&json!({"scope": scope, "condition": condition})).await?;
    let begun = Instant::now();
    let told = "select count(*) from notifications where monitor_id = $1";
    for quantity in 6.. {
        ensure!(begun.elapsed() < waiting::PATIENCE * 2, "nothing was told in {quantity} writes");
        scene.quantity(busy, quantity).await?;
        if scene.sql.query_one(told, &[&monitor]).await?.get::<_, i64>(0) == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test]
async fn an_item_that_changes_as_a_monitor_starts_is_told_of_as_it_was_and_once() -> Result<()> {
    let scene = Scene::set().await?;
    let (falls, rises) = (scene.item("falls", 20, None).await?, scene.item("rises", 3, None).await?);
    let (enters, falls_late) = (scene.item("enters", 30, None).await?, scene.item("late", 4, None).await?);
    scene
        .sql
        .batch_execute(&format!(
            r#"begin;
            insert into monitors (tenant_id, name, scope, measure, condition, notify_existing, created_by)
            values (1, 'eager', '{{"kind":"all"}}', 'quantity', '{{"kind":"below","threshold":10}}', true, 'test');
            update items set quantity = 5 where id = {falls};
            update items set quantity = 30 where id = {rises};
            update items set name = 'another' where id = {falls_late};
            update items set quantity = 2 where id = {falls_late};
            update items set quantity = 6 where id = {enters};
            commit"#
        ))
        .await?;
    let monitor: i64 = scene.sql.query_one("select max(id) from monitors", &[]).await?.get(0);
    let mut raised: Vec<(i64, Value)> =
        scene.raised(monitor).await?.into_iter().map(|(item, value, _)| (item, value)).collect();
    raised.sort_by_key(|(item, _)| *item);
    let wanted = [(falls, json!(5)), (rises, json!(3)), (enters, json!(6)), (falls_late, json!(4))];
    ensure!(raised == wanted, "{raised:?}");
    scene.quantity(rises, 9).await?;
    ensure!(scene.raised(monitor).await?.len() == 5, "it crosses again");
    Ok(())
}

#[tokio::test]
async fn a_notification_that_cannot_be_written_holds_nobody_up() -> Result<()> {
    let scene = Scene::set().await?;
    let (odd, good) = (scene.item("odd", 20, None).await?, scene.item("good", 20, None).await?);
    let monitor = scene.monitor(&below()).await?;
    let refuse = format!(
        "alter table notifications add constraint notifications_not_odd check (item_id <> {odd});
         update items set quantity = 1"
    );
    scene.sql.batch_execute(&refuse).await?;
    let raised = scene.raised(monitor).await?;
    ensure!(raised.len() == 1 && raised[0].0 == good, "{raised:?}");
    Ok(())
}

#[tokio::test]
async fn a_channel_that_is_named_twice_is_told_once() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&below()).await?;
    scene
        .sql
        .batch_execute(
            "insert into channels (tenant_id, name, kind, recipients) values (1, 'mail', 'email', '{a@shop.example}');
             update monitors set channels = (select array[max(id), max(id)] from channels)",
        )
        .await?;
    scene.quantity(item, 1).await?;
    ensure!(scene.raised(monitor).await?.len() == 1);
    let told: i64 = scene.sql.query_one("select count(*) from deliveries", &[]).await?.get(0);
    ensure!(told == 1);
    Ok(())
}

#[tokio::test]
async fn an_item_that_left_the_scope_of_a_paused_monitor_comes_back_as_a_new_one() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("A-1", 20, None).await?;
    let mut columns = below();
    columns["scope"] = json!({"kind": "sku_prefix", "prefix": "A-"});
    let monitor = scene.monitor(&columns).await?;
    scene.quantity(item, 9).await?;
    ensure!(scene.values(monitor).await? == [json!(9)]);
    scene.set_state(monitor, "paused").await?;
    scene.sql.batch_execute("update items set sku = 'B-1'").await?;
    scene.set_state(monitor, "running").await?;
    scene.sql.batch_execute("update items set sku = 'A-1', quantity = 8").await?;
    ensure!(scene.values(monitor).await? == [json!(9), json!(8)]);
    Ok(())
}

#[tokio::test]
async fn what_waits_for_the_end_of_a_cooldown_is_told_when_that_is_cut_short() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let mut columns = below();
    columns["cooldown_seconds"] = json!(86_400);
    let monitor = scene.monitor(&columns).await?;
    for quantity in [9, 20, 8] {
        scene.quantity(item, quantity).await?;
    }
    ensure!(scene.values(monitor).await? == [json!(9)]);
    scene.sql.batch_execute("update monitors set cooldown_seconds = 0").await?;
    let values = waiting::until(waiting::PATIENCE, "what was held back", async || {
        Ok(Some(scene.values(monitor).await?).filter(|values| values.len() > 1))
    });
    ensure!(values.await?.0 == [json!(9), json!(8)]);
    Ok(())
}

#[tokio::test]
async fn what_is_due_of_items_that_are_gone_is_forgotten_and_bad_rows_are_passed_over() -> Result<()> {
    let Scene { database, sql, notifier } = Scene::set().await?;
    let scene = Scene { database, sql, notifier };
    let item = scene.item("bolt", 20, None).await?;
    scene.monitor(&json!({"condition": {"kind": "unchanged_for", "seconds": 86_400}})).await?;
    scene.looked_through().await?;
    let Scene { database, sql, notifier } = scene;
    notifier.kill().await;
    // As they would be if the log had lost its deletion; and one that nobody can read.
    sql.batch_execute(
        "insert into monitor_states (monitor_id, item_id, position, base, due_at)
         select monitor_id, 1000 + number, since_position, 5, now() - interval '1 hour'
         from watched_monitors cross join generate_series(1, 1500) as number;
         insert into monitor_states (monitor_id, item_id, position, due_at)
         select monitor_id, 1, since_position, 'infinity' from watched_monitors
         on conflict on constraint monitor_states_pkey do update set due_at = excluded.due_at",
    )
    .await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let scene = Scene { database, sql, notifier };
    let left = waiting::until(waiting::PATIENCE, "what is due to be forgotten", async || {
        let left = "select count(*) from monitor_states where item_id > 1000";
        Ok((scene.sql.query_one(left, &[]).await?.get::<_, i64>(0) == 0).then_some(()))
    });
    left.await?;
    let low = scene.monitor(&below()).await?;
    scene.quantity(item, 1).await?;
    ensure!(scene.values(low).await? == [json!(1)]);
    Ok(())
}

/// As the API brings one back. What was remembered of its life before doesn't keep it quiet, and doesn't wait on.
#[tokio::test]
async fn an_item_that_is_brought_back_is_judged_like_a_new_one() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&json!({"condition": {"kind": "below", "threshold": 10}})).await?;
    scene.quantity(item, 5).await?;
    let store = scene.database.store()?;
    let (tenant, id) = (domain::TenantId::DEFAULT, domain::ItemId::new(item).context("an id")?);
    for quantity in [5, 12] {
        scene.quantity(item, quantity).await?;
        scene.sql.execute("delete from items where id = $1", &[&item]).await?;
        let restored = store.restore_item(tenant, id, &domain::WriteContext::default()).await?;
        ensure!(matches!(restored, store::RestoreOutcome::Done(_)), "{restored:?}");
    }
    scene.quantity(item, 3).await?;
    ensure!(
        scene.values(monitor).await? == [json!(5), json!(5), json!(3)],
        "{:?}",
        scene.values(monitor).await?
    );
    Ok(())
}
