//! `--demo`: fills once, trades for ever, and leaves alone what isn't its own.

use std::time::Duration;

use anyhow::Result;
use domain::{NewItem, TenantId, WriteContext};
use serde_json::json;
use standalone::demo;
use testkit::{Database, waiting};
use tokio_postgres::Client;

/// Changes a second: as fast as the database allows.
const FAST: f64 = 10_000.0;

async fn count(client: &Client, what: &str) -> Result<i64> {
    Ok(client.query_one(&format!("select count(*) from {what}"), &[]).await?.try_get(0)?)
}

/// Waits until the demo has made so many changes more.
async fn traded(client: &Client, changes: i64) -> Result<()> {
    let condition = "changes where actor like 'demo:%'";
    let wanted = count(client, condition).await? + changes;
    let awaited = format!("{changes} changes of the demo");
    let enough = waiting::until(waiting::PATIENCE, &awaited, async || {
        Ok((count(client, condition).await? >= wanted).then_some(()))
    });
    enough.await.map(drop)
}

#[tokio::test]
async fn an_empty_database_is_filled_once() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let filled = demo::fill(&store).await?;
    assert!((200..=600).contains(&filled), "{filled}");
    assert_eq!(demo::fill(&store).await?, 0);
    let client = database.sql().await?;
    assert_eq!(count(&client, "items").await?, i64::try_from(filled)?);
    let said = "changes where actor = 'demo:office' and reason = 'opening stock'";
    assert_eq!(count(&client, said).await?, i64::try_from(filled)?);
    assert_eq!(count(&client, "monitors where created_by = 'demo:office'").await?, 3);
    Ok(())
}

#[tokio::test]
async fn somebodys_real_stock_is_neither_filled_up_nor_traded() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let theirs = NewItem::from_json(json!({"name": "Anvil", "sku": "ANVIL", "quantity": 3})).unwrap();
    store.create_item(TenantId::DEFAULT, &theirs, &WriteContext::default()).await?;
    assert_eq!(demo::fill(&store).await?, 0);
    let _ = tokio::time::timeout(Duration::from_millis(300), demo::trade(store, FAST)).await;
    let client = database.sql().await?;
    assert_eq!(count(&client, "changes").await?, 1);
    assert_eq!(count(&client, "monitors where built_in is null").await?, 0);
    Ok(())
}

#[tokio::test]
async fn trading_says_who_and_why_and_loses_nobody_elses_update() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    demo::fill(&store).await?;
    let client = database.sql().await?;
    let trading = tokio::spawn(demo::trade(store, FAST));
    let others = database.sql().await?;
    // So much more in stock at once that selling from an outdated quantity would show.
    let receiving = tokio::spawn(async move {
        while others.batch_execute("update items set quantity = quantity + 1000").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    traded(&client, 500).await?;
    receiving.abort();
    trading.abort();
    let sold = "changes where actor like 'demo:till-%' and reason like 'sale, receipt %'";
    assert!(count(&client, sold).await? > 300);
    let implausible = format!(
        "{sold} and ((previous->>'quantity')::bigint - (data->>'quantity')::bigint) not between 1 and 12"
    );
    assert_eq!(count(&client, &implausible).await?, 0);
    assert_eq!(count(&client, "changes where actor like 'demo:%' and reason is null").await?, 0);
    Ok(())
}

#[tokio::test]
async fn trading_goes_on_after_the_database_was_away() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    demo::fill(&store).await?;
    let client = database.sql().await?;
    let trading = tokio::spawn(demo::trade(store, FAST));
    traded(&client, 20).await?;
    assert!(database.terminate("stockwire test").await? > 0);
    traded(&client, 20).await?;
    trading.abort();
    Ok(())
}
