//! Hubs that are killed under their clients, as processes of their own.

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Audience, ServiceName, Stack};

use super::{lively, start_hub};
use crate::{create_items, settled};

/// Enough to share a snapshot; the bench does it with 10,000.
const HERD: usize = 200;

/// Those that can't resume share a snapshot if they ask within the same second, and a machine that is busy may need
/// some seconds for all of them.
const MOST_SNAPSHOTS: f64 = 8.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_of_a_killed_hub_reconnect_at_once_and_share_a_few_snapshots() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    let ids = create_items(&stack.api, 10).await?;
    settled(&stack).await?;
    let hubs = ServiceName::new().await?;
    let killed = start_hub(&stack).await?;
    hubs.lead_to(killed.address());
    let herd = Audience::gather(hubs.address(), HERD).await?;
    let fetched = killed.metric("stockwire_hub_snapshots_fetched_total").await?;
    ensure!((1.0..=MOST_SNAPSHOTS).contains(&fetched), "{fetched} snapshots for {HERD} new clients");

    for round in 0_i64..20 {
        stack.api.patch_item(ids[usize::try_from(round)? % 10], &json!({"quantity": 500 + round})).await?;
    }
    killed.kill().await?;
    for round in 0_i64..20 {
        stack.api.patch_item(ids[usize::try_from(round)? % 10], &json!({"quantity": 900 + round})).await?;
    }
    settled(&stack).await?;
    // The one that takes its place has heard nothing of all that.
    let next = start_hub(&stack).await?;
    hubs.lead_to(next.address());
    let herd = herd.until_equal(&stack.database).await?;
    let fetched = next.metric("stockwire_hub_snapshots_fetched_total").await?;
    let recovered = herd.iter().filter(|client| client.recovered > 0).count();
    println!("{recovered} of {HERD} recovered, {fetched} snapshots fetched");
    ensure!(fetched <= MOST_SNAPSHOTS, "{fetched} snapshots for {HERD} clients that came back");
    for client in &herd {
        ensure!(client.connection_ids.len() == 2, "{:?}", client.closes);
        // A client that read anew had no other choice: none did both, none did neither.
        ensure!(client.recovered + client.read_anew == 2, "{client:?}");
    }
    Ok(())
}

#[tokio::test]
async fn clients_of_a_hub_that_is_killed_again_and_again_miss_nothing() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    let ids = create_items(&stack.api, 5).await?;
    settled(&stack).await?;
    let hubs = ServiceName::new().await?;
    let mut hub = start_hub(&stack).await?;
    hubs.lead_to(hub.address());
    let clients = Audience::gather(hubs.address(), 10).await?;
    for round in 0_i64..3 {
        let next = start_hub(&stack).await?;
        stack.api.patch_item(ids[0], &json!({"quantity": 100 + round})).await?;
        hubs.lead_to(next.address());
        std::mem::replace(&mut hub, next).kill().await?;
        // Nobody is told of this one while it happens.
        stack.api.patch_item(ids[1], &json!({"quantity": 100 + round})).await?;
    }
    // Read once, and then sent everything that the next hub had: all of it, because it was there before.
    for client in clients.until_equal(&stack.database).await? {
        client.mirror.was_sent_the_log(&stack.database.sql().await?).await?;
        ensure!(client.mirror.resyncs == 0 && client.connection_ids.len() >= 2, "{client:?}");
    }
    Ok(())
}
