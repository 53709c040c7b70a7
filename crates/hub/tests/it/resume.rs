//! Resuming behind a cursor: all of what was missed, or the word that it can't be had.

use anyhow::Result;
use domain::{Cursor, Position};
use serde_json::json;
use testkit::{Mirror, Stack};

use crate::{create_items, integer, mirroring, until_equal};

#[tokio::test]
async fn a_client_that_comes_back_gets_exactly_what_it_missed() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 3).await?;
    let (client, mut mirror) = mirroring(&stack).await?;
    drop(client);
    for quantity in 100..110 {
        stack.api.patch_item(ids[quantity % 3], &json!({"quantity": quantity})).await?;
    }
    let mut client = stack.hub.connect().await?;
    client.resume("items", mirror.cursor()?, false).await?;
    client.expect("connected").await?;
    let mut versions = 0;
    loop {
        let frame = client.next().await?;
        mirror.take(&frame)?;
        if frame["type"] == "subscribed" {
            assert_eq!(frame["recovered"], json!(true));
            break;
        }
        versions += 1;
    }
    until_equal(&stack, &mut client, &mut mirror).await?;
    assert!(versions <= 10 && mirror.changes == 10, "{versions} replayed, {} in all", mirror.changes);
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_another_epoch_is_answered_with_a_resync() -> Result<()> {
    let stack = Stack::start().await?;
    create_items(&stack.api, 1).await?;
    let cursor: Cursor = "00000000000000000000000000000009:1".parse()?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", cursor, false).await?;
    assert_eq!(client.expect("resync").await?["reason"], "epoch");
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    // Live all the same.
    create_items(&stack.api, 1).await?;
    client.expect("create").await?;
    Ok(())
}

#[tokio::test]
async fn a_cursor_behind_the_ring_is_too_old_or_gets_a_snapshot_if_that_was_asked_for() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.hub.ring_entries = 5;
        settings.hub.backfill_entries = 0;
    })
    .await?;
    let (client, mirror) = mirroring(&stack).await?;
    drop(client);
    create_items(&stack.api, 12).await?;
    // Until the hub has seen them all.
    let (probe, mut fresh) = mirroring(&stack).await?;
    drop(probe);
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", mirror.cursor()?, false).await?;
    assert_eq!(client.expect("resync").await?["reason"], "too_old");
    client.expect("subscribed").await?;
    client.resume("items", mirror.cursor()?, true).await?;
    fresh.take(&client.expect("initial").await?)?;
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    assert_eq!(fresh.items().len(), 12);
    Ok(())
}

#[tokio::test]
async fn a_cursor_ahead_of_this_hub_waits_for_the_hub_to_get_there() -> Result<()> {
    let stack = Stack::start().await?;
    let (_first, mirror) = mirroring(&stack).await?;
    let ahead =
        Cursor { position: Position::new(mirror.cursor()?.position.get() + 3).unwrap(), ..mirror.cursor()? };
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", ahead, false).await?;
    create_items(&stack.api, 4).await?;
    let (mut creates, mut subscribed) = (Vec::new(), false);
    while creates.is_empty() || !subscribed {
        let frame = client.next().await?;
        match frame["type"].as_str() {
            Some("create") => creates.push(integer(&frame, "position")),
            Some("subscribed") => {
                assert_eq!(frame["recovered"], json!(true));
                assert!(integer(&frame, "position") >= ahead.position.get());
                subscribed = true;
            }
            _ => {}
        }
    }
    assert_eq!(creates, [ahead.position.get() + 1], "what lies before the cursor is not sent again");
    Ok(())
}

#[tokio::test]
async fn a_restored_database_sends_every_client_back_to_the_start() -> Result<()> {
    let stack = Stack::start().await?;
    create_items(&stack.api, 2).await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    let before = mirror.cursor()?.epoch;
    // What a restore looks like to the next leader: the log was written elsewhere.
    let sql = stack.database.sql().await?;
    sql.batch_execute("update sequencer set origin = 'elsewhere'").await?;
    assert_eq!(stack.database.terminate("stockwire notifier sequencer").await?, 1);
    let resync = client.expect("resync").await?;
    assert_eq!(resync["reason"], "epoch");
    mirror.take(&resync)?;
    assert_ne!(mirror.cursor()?.epoch, before);
    client.subscribe_with_snapshot("items").await?;
    create_items(&stack.api, 1).await?;
    let mut fresh = Mirror::default();
    until_equal(&stack, &mut client, &mut fresh).await?;
    Ok(())
}
