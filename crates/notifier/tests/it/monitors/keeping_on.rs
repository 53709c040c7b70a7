//! What goes on whoever looks after monitors: time, and notifiers that come and go.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Notifier, settings, waiting};

use super::{Raised, Scene};

/// Waits until a monitor has raised so many.
async fn has_raised(scene: &Scene, monitor: i64, many: usize) -> Result<Vec<Raised>> {
    let raised = waiting::until(waiting::PATIENCE, "what is due", async || {
        Ok(Some(scene.raised(monitor).await?).filter(|raised| raised.len() >= many))
    });
    Ok(raised.await?.0)
}

#[tokio::test]
async fn stillness_is_told_once_whoever_dies_meanwhile_and_however_many_there_are() -> Result<()> {
    let Scene { database, sql, notifier } = Scene::set().await?;
    let settings = settings(&database)?;
    let (second, scene) = (Notifier::start(&settings).await?, Scene { database, sql, notifier });
    let (still, moving) = (scene.item("still", 5, None).await?, scene.item("moving", 5, None).await?);
    let monitor = scene.monitor(&json!({"condition": {"kind": "unchanged_for", "seconds": 2}})).await?;
    let started: i64 = {
        scene.looked_through().await?;
        scene.sql.query_one("select since_position from watched_monitors", &[]).await?.get(0)
    };
    let Scene { database, sql, notifier } = scene;
    notifier.kill().await;
    let scene = Scene { database, sql, notifier: second };
    let _third = Notifier::start(&settings).await?;
    for quantity in 6..12 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        scene.quantity(moving, quantity).await?;
        // Another field is no change of the quantity.
        scene.sql.batch_execute("update items set description = coalesce(description, '') || 'x'").await?;
    }
    let raised = has_raised(&scene, monitor, 2).await?;
    ensure!(raised[0] == (still, json!(5), started), "{raised:?}");
    ensure!(raised[1].0 == moving && raised[1].1 == json!(11), "{raised:?}");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    ensure!(scene.raised(monitor).await?.len() == 2, "once for each stillness");
    scene.quantity(still, 6).await?;
    let raised = has_raised(&scene, monitor, 3).await?;
    ensure!(raised[2].0 == still && raised.len() == 3, "{raised:?}");
    Ok(())
}

#[tokio::test]
async fn a_crossing_in_the_cooldown_is_told_at_its_end_if_it_is_still_true() -> Result<()> {
    let scene = Scene::set().await?;
    let (stays, returns) = (scene.item("stays", 20, None).await?, scene.item("returns", 20, None).await?);
    let columns = json!({"condition": {"kind": "below", "threshold": 10}, "cooldown_seconds": 2});
    let monitor = scene.monitor(&columns).await?;
    for item in [stays, returns] {
        for quantity in [9, 20, 8] {
            scene.quantity(item, quantity).await?;
        }
    }
    scene.quantity(returns, 30).await?;
    ensure!(scene.values(monitor).await? == [json!(9), json!(9)], "the others wait");
    let raised = has_raised(&scene, monitor, 3).await?;
    ensure!((raised[2].0, &raised[2].1) == (stays, &json!(8)), "{raised:?}");
    let row = scene
        .sql
        .query_one(
            "select created_at - change_at > interval '1500 ms' from notifications order by id desc limit 1",
            &[],
        )
        .await?;
    ensure!(row.get::<_, bool>(0), "it was held back");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    ensure!(scene.raised(monitor).await?.len() == 3);
    Ok(())
}

#[tokio::test]
async fn outside_of_the_schedule_a_crossing_waits() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    // Half a day away from now, for an hour.
    let opens = "select to_char((now() at time zone 'UTC') + interval '12 hours', 'HH24:MI'),
        to_char((now() at time zone 'UTC') + interval '13 hours', 'HH24:MI')";
    let row = scene.sql.query_one(opens, &[]).await?;
    let week = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let (from, until): (String, String) = (row.get(0), row.get(1));
    let schedule = json!({"time_zone": "UTC", "weekdays": week, "from": from, "until": until});
    let below = json!({"kind": "below", "threshold": 10});
    let monitor = scene.monitor(&json!({"condition": below, "schedule": schedule})).await?;
    scene.quantity(item, 9).await?;
    ensure!(scene.values(monitor).await?.is_empty());
    let waits = "select due_at - now() between interval '11 hours 58 minutes' and interval '12 hours'
        from monitor_states where held_back is not null";
    ensure!(scene.sql.query_one(waits, &[]).await?.get::<_, bool>(0));
    scene.quantity(item, 20).await?;
    scene.looked_through().await?;
    let waiting: i64 = scene.sql.query_one("select count(*) from monitor_states", &[]).await?.get(0);
    ensure!(waiting == 0, "it isn't true any more");
    Ok(())
}

#[tokio::test]
async fn changes_of_a_time_without_any_notifier_are_looked_at_later() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&json!({"condition": {"kind": "below", "threshold": 10}})).await?;
    scene.quantity(item, 9).await?;
    scene.looked_through().await?;
    let Scene { database, sql, notifier } = scene;
    notifier.stop().await?;
    for quantity in [8, 15, 7, 16] {
        sql.execute("update items set quantity = $2 where id = $1", &[&item, &i64::from(quantity)]).await?;
    }
    // It was defined otherwise when they were made.
    sql.batch_execute("update monitors set state = 'stopped'").await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let scene = Scene { database, sql, notifier };
    ensure!(scene.values(monitor).await? == [json!(9), json!(7)]);
    Ok(())
}

#[tokio::test]
async fn a_restored_database_goes_on_where_it_was() -> Result<()> {
    let scene = Scene::set().await?;
    let item = scene.item("bolt", 20, None).await?;
    let monitor = scene.monitor(&json!({"condition": {"kind": "below", "threshold": 10}})).await?;
    scene.quantity(item, 9).await?;
    ensure!(scene.values(monitor).await? == [json!(9)]);
    let Scene { database, notifier, .. } = scene;
    let backup = database.back_up().await?;
    // Everybody lost their connections meanwhile.
    let scene = Scene { sql: database.sql().await?, database, notifier };
    scene.quantity(item, 20).await?;
    scene.quantity(item, 8).await?;
    ensure!(scene.values(monitor).await? == [json!(9), json!(8)]);
    let Scene { database, sql, notifier } = scene;
    drop(sql);
    database.restore(&backup).await?;
    let scene = Scene { sql: database.sql().await?, database, notifier };
    scene.quantity(item, 5).await?;
    ensure!(scene.values(monitor).await? == [json!(9)], "it was low in the backup");
    scene.quantity(item, 20).await?;
    scene.quantity(item, 4).await?;
    ensure!(scene.values(monitor).await? == [json!(9), json!(4)]);
    Ok(())
}
