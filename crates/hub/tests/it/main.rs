//! The hub as its clients see it, behind a real notifier, a real API and a real Postgres.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod backfill;
mod bad_frames;
mod binary;
mod credentials;
mod failures;
mod fallbacks;
mod handshakes;
mod logins;
mod metrics;
mod notifications;
mod polls;
mod presence;
mod request_ids;
mod restarts;
mod resume;
mod retention;
mod slow_clients;
mod subscribe;
mod tickets;
mod transcripts;

use anyhow::Result;
use serde_json::{Value, json};
use testkit::{InventoryApi, Mirror, SocketClient, Stack};

/// Creates items named after their number.
async fn create_items(api: &InventoryApi, count: usize) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    for number in 0..count {
        let item = api.create_item(&json!({"name": format!("item {number}"), "quantity": number})).await?;
        ids.push(item["id"].as_i64().unwrap());
    }
    Ok(ids)
}

/// Takes frames until the mirror shows what the table says.
async fn until_equal(stack: &Stack, client: &mut SocketClient, mirror: &mut Mirror) -> Result<()> {
    testkit::until_equal(&stack.database, client, mirror).await
}

/// Waits until every change has its place in the log, so that a snapshot's position says all that is in it.
async fn settled(stack: &Stack) -> Result<()> {
    stack.database.all_sequenced().await
}

/// Connects a client that mirrors all items.
async fn mirroring(stack: &Stack) -> Result<(SocketClient, Mirror)> {
    settled(stack).await?;
    mirroring_meanwhile(stack).await
}

/// Connects a client that mirrors all items, while others write.
async fn mirroring_meanwhile(stack: &Stack) -> Result<(SocketClient, Mirror)> {
    let mut client = stack.hub.connect().await?;
    client.subscribe_with_snapshot("items").await?;
    let mut mirror = Mirror::default();
    while !mirror.is_live() {
        mirror.take(&client.next().await?)?;
    }
    Ok((client, mirror))
}

fn integer(frame: &Value, field: &str) -> i64 {
    frame[field].as_i64().unwrap()
}
