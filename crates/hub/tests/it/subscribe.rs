//! Subscribing, live changes, snapshots.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use testkit::Stack;

use crate::{create_items, integer, mirroring, mirroring_meanwhile, settled, until_equal};

#[tokio::test]
async fn a_change_made_in_psql_reaches_a_client_with_the_role_as_actor() -> Result<()> {
    let stack = Stack::start().await?;
    let id = create_items(&stack.api, 1).await?[0];
    let (mut client, mirror) = mirroring(&stack).await?;
    let known = mirror.cursor()?.position.get();
    let sql = stack.database.sql().await?;
    sql.execute("update items set quantity = 41, name = 'renamed' where id = $1", &[&id]).await?;
    let update = client.expect("update").await?;
    assert_eq!(update["actor"], "db:postgres");
    assert_eq!(update["topic"], "items");
    assert_eq!(integer(&update, "version"), 2);
    assert_eq!(update["data"]["quantity"], 41);
    assert_eq!(update["previous"], json!({"quantity": 0, "name": "item 0"}));
    assert!(integer(&update, "prev") <= known && known < integer(&update, "position"));
    Ok(())
}

#[tokio::test]
async fn create_update_and_delete_arrive_in_order_with_who_and_why() -> Result<()> {
    let stack = Stack::start().await?;
    let (mut client, _) = mirroring(&stack).await?;
    let id = create_items(&stack.api, 1).await?[0];
    stack.api.patch_item(id, &json!({"quantity": 5})).await?;
    stack.database.sql().await?.execute("delete from items where id = $1", &[&id]).await?;
    let (create, update, delete) =
        (client.expect("create").await?, client.expect("update").await?, client.expect("delete").await?);
    assert_eq!(create["actor"], "anonymous");
    assert_eq!(update["previous"], json!({"quantity": 0}));
    assert_eq!(delete["data"], json!(null));
    assert_eq!(delete["previous"]["quantity"], 5);
    assert_eq!(integer(&update, "prev"), integer(&create, "position"));
    assert_eq!(integer(&delete, "prev"), integer(&update, "position"));
    assert_eq!(integer(&delete, "version"), 3);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_joins_the_stream_without_a_hole_while_others_write() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 20).await?;
    let writer = stack.database.sql().await?;
    let writing = tokio::spawn(async move {
        for round in 0_i64..300 {
            let id = ids[usize::try_from(round).unwrap() % ids.len()];
            writer
                .execute("update items set quantity = $2 where id = $1", &[&id, &(1000 + round)])
                .await
                .unwrap();
            if round % 10 == 0 {
                let insert = "insert into items (tenant_id, name) values (1, $1)";
                writer.execute(insert, &[&format!("new {round}")]).await.unwrap();
            }
        }
    });
    let mut clients = Vec::new();
    while !writing.is_finished() {
        clients.push(mirroring_meanwhile(&stack).await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    writing.await?;
    for (client, mirror) in &mut clients {
        until_equal(&stack, client, mirror).await?;
    }
    assert!(!clients.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_empty_inventory_has_an_empty_snapshot() -> Result<()> {
    let stack = Stack::start().await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.subscribe_with_snapshot("items").await?;
    let initial = client.expect("initial").await?;
    assert_eq!((&initial["data"], &initial["more"]), (&json!([]), &json!(false)));
    let subscribed = client.expect("subscribed").await?;
    assert_eq!((&subscribed["ref"], &subscribed["recovered"]), (&json!(1), &json!(false)));
    Ok(())
}

#[tokio::test]
async fn one_items_topic_carries_only_that_item_with_its_own_prev() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 2).await?;
    settled(&stack).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.subscribe_with_snapshot(&format!("items:{}", ids[0])).await?;
    let initial = client.expect("initial").await?;
    assert_eq!(initial["data"].as_array().unwrap().len(), 1);
    let mut known = integer(&client.expect("subscribed").await?, "position");
    for quantity in 10..13 {
        stack.api.patch_item(ids[1], &json!({"quantity": quantity})).await?;
        stack.api.patch_item(ids[0], &json!({"quantity": quantity})).await?;
        let update = client.expect("update").await?;
        assert_eq!(integer(&update, "id"), ids[0]);
        assert!(integer(&update, "prev") <= known, "{update}");
        known = integer(&update, "position");
    }
    Ok(())
}

#[tokio::test]
async fn a_client_of_two_topics_gets_each_change_once_on_each_in_the_order_of_the_log() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 2).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    let one = format!("items:{}", ids[0]);
    // The hub has seen what was before.
    settled(&stack).await?;
    client.subscribe_with_snapshot("items").await?;
    client.expect("initial").await?;
    client.expect("subscribed").await?;
    for topic in ["items", &one] {
        client.send(&json!({"type": "subscribe", "topic": topic})).await?;
        client.expect("subscribed").await?;
    }
    // One transaction: one step of the sequencer, one batch.
    let sql = "begin; update items set quantity = 7; update items set quantity = 8; commit";
    stack.database.sql().await?.batch_execute(sql).await?;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let update = client.expect("update").await?;
        seen.push((
            integer(&update, "position"),
            update["topic"].as_str().unwrap().to_owned(),
            integer(&update, "id"),
        ));
    }
    let mut sorted = seen.clone();
    sorted.sort_by_key(|(position, ..)| *position);
    assert_eq!(seen, sorted);
    assert_eq!(seen.iter().filter(|(_, topic, id)| *topic == one && *id == ids[0]).count(), 2, "{seen:?}");
    client.stays_quiet(Duration::from_millis(200)).await?;
    Ok(())
}

#[tokio::test]
async fn after_unsubscribing_nothing_more_comes() -> Result<()> {
    let stack = Stack::start().await?;
    let id = create_items(&stack.api, 1).await?[0];
    let (mut client, _) = mirroring(&stack).await?;
    client.send(&json!({"type": "unsubscribe", "topic": "items"})).await?;
    client.send(&json!({"type": "ping", "ref": 9})).await?;
    assert_eq!(client.expect("pong").await?["ref"], 9);
    stack.api.patch_item(id, &json!({"quantity": 77})).await?;
    client.stays_quiet(Duration::from_millis(300)).await?;
    Ok(())
}

#[tokio::test]
async fn other_tenants_changes_are_not_seen() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    sql.batch_execute("insert into tenants (name) values ('other')").await?;
    sql.batch_execute("insert into items (tenant_id, name) values (2, 'theirs before')").await?;
    let (mut client, mirror) = mirroring(&stack).await?;
    assert!(mirror.items().is_empty());
    sql.batch_execute("insert into items (tenant_id, name) values (2, 'theirs after')").await?;
    sql.batch_execute("insert into items (tenant_id, name) values (1, 'ours')").await?;
    assert_eq!(client.expect("create").await?["data"]["name"], "ours");
    Ok(())
}

#[tokio::test]
async fn heartbeats_come_with_the_head_and_pings_are_answered() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.heartbeat_ms = 300).await?;
    let (mut client, _) = mirroring(&stack).await?;
    create_items(&stack.api, 1).await?;
    let head = integer(&client.expect("create").await?, "position");
    for _ in 0..3 {
        let beat = client.next().await?;
        assert_eq!((&beat["type"], &beat["position"]), (&json!("heartbeat"), &json!(head)));
    }
    Ok(())
}
