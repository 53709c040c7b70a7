//! A database that is replaced by its backup, under services and clients that go on.

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Audience, LastingClient, Mirror, Stack, waiting};

use super::lively;
use crate::{create_items, mirroring, settled};

/// Creates an item as soon as inventory-api has found its database again.
async fn create_once_it_is_back(stack: &Stack, name: &str) -> Result<()> {
    let created = waiting::until(waiting::PATIENCE, "writes to be taken again", async || {
        Ok(stack.api.create_item(&json!({"name": name})).await.ok().map(drop))
    });
    created.await.map(drop)
}

fn names(mirror: &Mirror) -> Vec<&str> {
    mirror.items().values().filter_map(|item| item["name"].as_str()).collect()
}

#[tokio::test]
async fn a_restore_from_a_backup_gives_the_log_a_new_epoch_and_every_client_reads_anew() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    create_items(&stack.api, 5).await?;
    settled(&stack).await?;
    let backup = stack.database.back_up().await?;
    let audience = Audience::gather(stack.hub.address(), 5).await?;
    for number in 0..10 {
        create_once_it_is_back(&stack, &format!("too late for the backup {number}")).await?;
    }
    let (mut live, mut mirror) = mirroring(&stack).await?;
    let (away, away_mirror) = mirroring(&stack).await?;
    drop(away);
    let before = mirror.cursor()?;

    stack.database.restore(&backup).await?;
    // For a moment notifiers may know that the log has become shorter, and not yet that it is another one.
    while mirror.cursor()?.epoch == before.epoch {
        let frame = live.next().await?;
        ensure!(frame["type"] != "resync" || frame["reason"] == "epoch", "{frame}");
        mirror.take(&frame)?;
    }
    // Positions are given again from where the backup ends.
    for number in 0..20 {
        create_once_it_is_back(&stack, &format!("after the restore {number}")).await?;
    }
    live.subscribe_with_snapshot("items").await?;
    testkit::until_equal(&stack.database, &mut live, &mut mirror).await?;
    for client in audience.until_equal(&stack.database).await? {
        ensure!(client.connection_ids.len() == 1 && client.mirror.resyncs > 0, "{client:?}");
        let names = names(&client.mirror);
        ensure!(names.len() == 25 && !names.iter().any(|name| name.starts_with("too late")), "{names:?}");
        client.mirror.was_sent_the_log(&stack.database.sql().await?).await?;
    }

    let mut back = stack.hub.connect().await?;
    back.expect("connected").await?;
    back.resume("items", away_mirror.cursor()?, false).await?;
    ensure!(back.expect("resync").await?["reason"] == "epoch");
    let mut fresh = LastingClient::connect(stack.hub.address()).await?;
    fresh.until_equal(&stack.database).await?;
    ensure!(fresh.mirror.cursor()?.epoch == mirror.cursor()?.epoch);
    Ok(())
}
