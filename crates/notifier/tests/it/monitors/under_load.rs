//! A thousand monitors over two hundred items that many write at once, while the notifier that looks after them is killed:
//! what was raised is what a plain replay of the history computes, none twice.

use std::{
    collections::BTreeSet,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Database, SeededNumbers, settings};
use tokio_postgres::{Client, error::SqlState};

use super::{
    looked_through, make_monitor,
    replay::{Crossing, replay},
};
use crate::fleet;

const ITEMS: i64 = 200;
const MONITORS: usize = 1000;
const WRITERS: usize = 6;
const ROUNDS: usize = 250;
const COLOURS: [&str; 4] = ["red", "green", "blue", "grey"];

fn quantity(numbers: &mut SeededNumbers) -> i64 {
    numbers.below(40) as i64
}

/// From 8.0000 to 12.0000.
fn price(numbers: &mut SeededNumbers) -> String {
    format!("{}.{:04}", 8 + numbers.below(4), numbers.below(10_000))
}

fn condition(numbers: &mut SeededNumbers, measure: &str) -> Value {
    let value = |numbers: &mut SeededNumbers| {
        if measure == "price" { json!(price(numbers)) } else { json!(quantity(numbers)) }
    };
    match numbers.below(if measure == "price" { 6 } else { 7 }) {
        0 => json!({"kind": "below", "threshold": value(numbers)}),
        1 => json!({"kind": "above", "threshold": value(numbers)}),
        2 if measure == "price" => json!({"kind": "outside", "low": "9.0000", "high": "11.0000"}),
        2 => json!({"kind": "outside", "low": 10, "high": 30}),
        3 => json!({"kind": "rises_by", "percent": "12.5", "base": Value::Null}),
        4 => json!({"kind": "falls_by", "percent": "10", "base": value(numbers)}),
        5 => json!({"kind": "changes_by", "percent": "20", "window_seconds": 1 + numbers.below(3)}),
        _ => json!({"kind": "at_reorder_point"}),
    }
}

fn monitor(numbers: &mut SeededNumbers) -> Value {
    let scope = match numbers.below(100) {
        0..80 => json!({"kind": "item", "item_id": 1 + numbers.below(ITEMS as u64)}),
        80..90 => json!({"kind": "sku_prefix", "prefix": format!("S-{}", numbers.below(20))}),
        90..98 => json!({"kind": "attribute", "name": "colour", "value": *numbers.pick(&COLOURS)}),
        _ => json!({"kind": "all"}),
    };
    let measure = *numbers.pick(&["quantity", "price"]);
    let condition = condition(numbers, measure);
    let slack = if numbers.percent(30) { numbers.below(4) } else { 0 };
    // It has a meaning only where one value is compared.
    let hysteresis = if condition["kind"] == "changes_by" { 0 } else { slack };
    json!({"scope": scope, "measure": measure, "condition": condition, "hysteresis": hysteresis})
}

/// One statement of a writer, as text.
fn statement(numbers: &mut SeededNumbers) -> String {
    let item = 1 + numbers.below(ITEMS as u64);
    match numbers.below(100) {
        0..45 => format!("update items set quantity = {} where id = {item}", quantity(numbers)),
        45..75 => format!("update items set price = {} where id = {item}", price(numbers)),
        75..80 => format!("update items set price = null where id = {item}"),
        80..86 => format!(
            "update items set quantity = {}, price = {}, reorder_point = {}, sku = 'S-{}-' || id where id = {item}",
            quantity(numbers),
            price(numbers),
            quantity(numbers),
            numbers.below(30)
        ),
        86..92 => format!(
            "update items set attributes = '{{\"colour\": \"{}\"}}' where id = {item}",
            numbers.pick(&COLOURS)
        ),
        92..96 => format!("update items set quantity = {} where id % 17 = {}", quantity(numbers), item % 17),
        96..98 => format!(
            "insert into items (tenant_id, name, sku, quantity, price) values (1, 'new', gen_random_uuid(), {}, {})",
            quantity(numbers),
            price(numbers)
        ),
        _ => format!("delete from items where id = (select max(id) from items where id > {ITEMS})"),
    }
}

async fn write(sql: Client, mut numbers: SeededNumbers) -> Result<usize> {
    let mut lost = 0;
    for _ in 0..ROUNDS {
        let several = (0..=numbers.below(3)).map(|_| statement(&mut numbers)).collect::<Vec<_>>().join("; ");
        let end = if numbers.percent(10) { "rollback" } else { "commit" };
        match sql.batch_execute(&format!("begin; {several}; {end}")).await {
            Ok(()) => {}
            Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {
                sql.batch_execute("rollback").await?;
                lost += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(lost)
}

/// Monitors are made, changed, stopped, started and deleted all the while.
async fn meddle(sql: Client, mut numbers: SeededNumbers, done: Arc<AtomicBool>) -> Result<usize> {
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        let state = *numbers.pick(&["running", "stopped"]);
        let some = format!("(select id from monitors offset {} limit 1)", numbers.below(MONITORS as u64));
        match numbers.below(10) {
            0..4 => drop(make_monitor(&sql, &monitor(&mut numbers)).await?),
            4..8 => {
                sql.batch_execute(&format!("update monitors set state = '{state}' where id = {some}"))
                    .await?;
            }
            8 => {
                let condition = json!({"kind": "below", "threshold": quantity(&mut numbers)});
                let update =
                    format!("update monitors set condition = $1 where id = {some} and measure = 'quantity'");
                sql.execute(&update, &[&condition]).await?;
            }
            _ => sql.batch_execute(&format!("delete from monitors where id = {some}")).await?,
        }
        count += 1;
        tokio::time::sleep(Duration::from_millis(numbers.below(20))).await;
    }
    Ok(count)
}

async fn raised(sql: &Client) -> Result<Vec<Crossing>> {
    let raised = "select monitor_id, item_id, change_position from notifications order by id";
    let rows = sql.query(raised, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

#[tokio::test]
async fn what_is_raised_is_what_a_replay_of_the_history_computes() -> Result<()> {
    let seed = SeededNumbers::fresh_seed();
    println!("seed {seed}");
    let mut numbers = SeededNumbers::new(seed);
    let database = Database::create().await?;
    let sql = database.sql().await?;
    sql.batch_execute(&format!(
        "delete from monitors;
         insert into items (tenant_id, name, sku, quantity, price, reorder_point, attributes)
         select 1, 'item ' || n, 'S-' || n % 30 || '-' || n, n % 40, 8 + n % 4, n % 20,
           jsonb_build_object('colour', (array['red', 'green', 'blue', 'grey'])[1 + n % 4])
         from generate_series(1, {ITEMS}) as n"
    ))
    .await?;
    for _ in 0..MONITORS {
        make_monitor(&sql, &monitor(&mut numbers)).await?;
    }
    let settings = settings(&database)?;
    let doomed = fleet::start_binary(&settings).await?;
    let second = fleet::start_binary(&settings).await?;

    let done = Arc::new(AtomicBool::new(false));
    let meddling = tokio::spawn(meddle(database.sql().await?, numbers.branch(), done.clone()));
    let mut writing = Vec::new();
    for _ in 0..WRITERS {
        writing.push(tokio::spawn(write(database.sql().await?, numbers.branch())));
    }
    // In the middle: the one that looks after monitors dies, then the next one, then one loses its sessions.
    half_way(&sql).await?;
    doomed.kill().await?;
    let third = fleet::start_binary(&settings).await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    second.kill().await?;
    let _fourth = fleet::start_binary(&settings).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    database.terminate("stockwire notifier%").await?;
    let mut lost = 0;
    for writer in writing {
        lost += writer.await??;
    }
    done.store(true, Ordering::Relaxed);
    let meddled = meddling.await??;
    third.kill().await?;
    looked_through(&database).await?;

    let (replay, raised) = (replay(&sql).await?, raised(&sql).await?);
    let once: BTreeSet<Crossing> = raised.iter().copied().collect();
    println!(
        "{} changes of items, {lost} transactions lost to deadlocks, {meddled} changes of monitors, {} crossings",
        replay.changes,
        replay.crossings.len()
    );
    ensure!(once.len() == raised.len(), "{} were raised twice", raised.len() - once.len());
    let missing: Vec<_> = replay.crossings.difference(&once).take(5).collect();
    let invented: Vec<_> = once.difference(&replay.crossings).take(5).collect();
    ensure!(missing.is_empty() && invented.is_empty(), "missing {missing:?}, invented {invented:?}");
    ensure!(once.len() > 1000, "hardly anything was raised");
    Ok(())
}

/// Waits until something was raised, and then for a while.
async fn half_way(sql: &Client) -> Result<()> {
    let begun =
        testkit::waiting::until(testkit::waiting::PATIENCE * 3, "something to be raised", async || {
            let count: i64 = sql.query_one("select count(*) from notifications", &[]).await?.get(0);
            Ok((count > 300).then_some(()))
        });
    begun.await.context("nothing is raised")?;
    Ok(())
}
