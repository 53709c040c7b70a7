//! When a monitor begins to count, rests, goes on, begins anew and ends.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Scene;

fn below() -> Value {
    json!({"condition": {"kind": "below", "threshold": 10}})
}

#[tokio::test]
async fn items_that_meet_the_condition_already_are_told_of_only_if_that_is_wanted() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("low", 3, None).await?;
    scene.item("high", 30, None).await?;
    let quiet = scene.monitor(&below()).await?;
    let mut columns = below();
    columns["notify_existing"] = json!(true);
    let eager = scene.monitor(&columns).await?;
    scene.looked_through().await?;
    scene.quantity(item, 2).await?;
    ensure!(scene.values(quiet).await?.is_empty());
    ensure!(scene.values(eager).await? == [json!(3)], "told once");
    scene.quantity(item, 11).await?;
    scene.quantity(item, 1).await?;
    ensure!(scene.values(quiet).await? == [json!(1)]);
    ensure!(scene.values(eager).await? == [json!(3), json!(1)]);
    Ok(())
}

#[tokio::test]
async fn what_stops_forgets_and_what_is_paused_goes_on() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 100, None).await?;
    let rise = json!({"condition": {"kind": "rises_by", "percent": "50"}});
    let (stopped, paused) = (scene.monitor(&rise).await?, scene.monitor(&rise).await?);
    // From here on both reckon from 100.
    scene.quantity(item, 101).await?;
    scene.looked_through().await?;
    scene.set_state(stopped, "stopped").await?;
    scene.set_state(paused, "paused").await?;
    scene.quantity(item, 120).await?;
    scene.set_state(stopped, "running").await?;
    scene.set_state(paused, "running").await?;
    scene.quantity(item, 150).await?;
    ensure!(scene.values(paused).await? == [json!(150)]);
    ensure!(scene.values(stopped).await?.is_empty(), "it reckons from 120");
    scene.quantity(item, 180).await?;
    ensure!(scene.values(stopped).await? == [json!(180)]);
    Ok(())
}

#[tokio::test]
async fn what_happens_while_a_monitor_rests_is_not_raised_and_counts_as_the_state_before() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&below()).await?;
    scene.quantity(item, 19).await?;
    scene.set_state(monitor, "paused").await?;
    scene.quantity(item, 5).await?;
    scene.set_state(monitor, "running").await?;
    scene.quantity(item, 4).await?;
    ensure!(scene.values(monitor).await?.is_empty(), "it was low already");
    scene.quantity(item, 15).await?;
    scene.quantity(item, 6).await?;
    ensure!(scene.values(monitor).await? == [json!(6)]);
    Ok(())
}

#[tokio::test]
async fn another_condition_begins_anew_and_another_name_does_not() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&below()).await?;
    scene.quantity(item, 9).await?;
    scene.sql.batch_execute("update monitors set name = 'another', severity = 'critical'").await?;
    scene.quantity(item, 8).await?;
    ensure!(scene.values(monitor).await? == [json!(9)], "it is raised, whatever it is called");
    scene.sql.batch_execute(r#"update monitors set condition = '{"kind":"below","threshold":5}'"#).await?;
    scene.quantity(item, 4).await?;
    ensure!(scene.values(monitor).await? == [json!(9), json!(4)]);
    let severities = "select array_agg(severity order by id) from notifications";
    let severities: Vec<String> = scene.sql.query_one(severities, &[]).await?.get(0);
    ensure!(severities == ["warning", "critical"]);
    Ok(())
}

#[tokio::test]
async fn a_deleted_monitor_raises_nothing_and_leaves_nothing_but_what_it_raised() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&below()).await?;
    scene.quantity(item, 9).await?;
    ensure!(scene.values(monitor).await? == [json!(9)]);
    scene.sql.batch_execute("delete from monitors").await?;
    scene.quantity(item, 20).await?;
    scene.quantity(item, 9).await?;
    ensure!(scene.values(monitor).await? == [json!(9)]);
    let left = "select (select count(*) from monitor_states) + (select count(*) from watched_monitors)";
    ensure!(scene.sql.query_one(left, &[]).await?.get::<_, i64>(0) == 0);
    Ok(())
}

#[tokio::test]
async fn a_monitor_that_is_none_watches_nothing_and_holds_nobody_up() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    scene.monitor(&json!({"condition": {"kind": "magic"}})).await?;
    scene
        .monitor(&json!({"scope": {"kind": "item"}, "condition": {"kind": "below", "threshold": 10}}))
        .await?;
    let monitor = scene.monitor(&below()).await?;
    scene.quantity(item, 9).await?;
    ensure!(scene.values(monitor).await? == [json!(9)]);
    Ok(())
}

#[tokio::test]
async fn what_is_muted_is_kept_and_no_channel_is_told() -> Result<()> {
    let scene = Scene::set().await?;
    let (item, other) = (scene.item("bolt", 20, None).await?, scene.item("nut", 20, None).await?);
    let monitor = scene.monitor(&below()).await?;
    scene
        .sql
        .batch_execute(&format!(
            "insert into tenants (name) values ('other');
             insert into channels (tenant_id, name, kind, recipients, enabled)
             select tenant, 'mail', 'email', '{{a@shop.example}}', enabled
             from (values (1, true), (1, false), (2, true)) as made (tenant, enabled);
             insert into mutes (tenant_id, monitor_id, item_id, until, created_by)
             values (1, null, {item}, now() + interval '1 hour', 'test'), (1, {monitor}, {other}, now(), 'test');
             update monitors set channels = (select array_agg(id) from channels) where id = {monitor}"
        ))
        .await?;
    scene.quantity(item, 1).await?;
    scene.quantity(other, 1).await?;
    ensure!(scene.raised(monitor).await?.len() == 2);
    let muted = "select array_agg(muted order by id) from notifications";
    ensure!(scene.sql.query_one(muted, &[]).await?.get::<_, Vec<bool>>(0) == [true, false]);
    let told = "select array_agg((item_id, channel_id)::text) from deliveries
        join notifications on notifications.id = notification_id";
    ensure!(scene.sql.query_one(told, &[]).await?.get::<_, Vec<String>>(0) == [format!("({other},1)")]);
    Ok(())
}
