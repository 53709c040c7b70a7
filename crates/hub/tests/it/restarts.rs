//! Services that go and come back under clients, one at a time; the whole table of failures is in `failures`.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use testkit::{
    Hub, LastingClient, Notifier, ServiceName, SocketClient, SocketClosed, SocketOptions, Stack, waiting,
};

use crate::{create_items, mirroring, settled, until_equal};

#[tokio::test]
async fn a_hub_that_stops_tells_its_clients_to_come_back() -> Result<()> {
    let mut stack = Stack::start().await?;
    create_items(&stack.api, 2).await?;
    settled(&stack).await?;
    let hubs = ServiceName::new().await?;
    hubs.lead_to(stack.hub.address());
    let mut client = LastingClient::connect(hubs.address()).await?;
    let next = Hub::start(&stack.settings).await?;
    hubs.lead_to(next.address());
    let stopped = std::mem::replace(&mut stack.hub, next);
    let stopping = tokio::spawn(stopped.stop());
    client.until("the hub to say goodbye", |client| !client.closes.is_empty()).await?;
    assert_eq!(client.closes[0].code, Some(1012));
    stopping.await??;
    create_items(&stack.api, 1).await?;
    client.until_equal(&stack.database).await?;
    assert_eq!((client.recovered, client.read_anew), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_client_that_waits_for_its_goodbye_still_sees_changes() -> Result<()> {
    let mut stack = Stack::start().await?;
    let ids = create_items(&stack.api, 1).await?;
    settled(&stack).await?;
    let mut settings = stack.settings.clone();
    settings.hub.drain_ms = 6000;
    stack.hub = Hub::start(&settings).await?;
    // One says goodbye at once, the others wait for seconds.
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(mirroring(&stack).await?);
    }
    let address = stack.hub.address();
    let stopped = std::mem::replace(&mut stack.hub, Hub::start(&stack.settings).await?);
    let stopping = tokio::spawn(stopped.stop());
    waiting::until(waiting::PATIENCE, "the hub to stop", async || {
        Ok(SocketClient::connect(address, &SocketOptions::default()).await.is_err().then_some(()))
    })
    .await?;
    stack.api.patch_item(ids[0], &json!({"quantity": 77})).await?;
    let mut saw = 0;
    for (client, mut mirror) in clients {
        let mut client = client;
        let closed = loop {
            match client.next().await {
                Ok(frame) => mirror.take(&frame)?,
                Err(error) => break error.downcast::<SocketClosed>()?,
            }
        };
        assert_eq!(closed.code, Some(1012));
        saw += usize::from(mirror.items()[&ids[0]]["quantity"] == 77);
    }
    assert_eq!(saw, 2, "all but the one that went at once");
    stopping.await??;
    Ok(())
}

#[tokio::test]
async fn notifiers_that_are_killed_and_replaced_cost_clients_nothing_but_a_moment() -> Result<()> {
    let mut stack = Stack::start().await?;
    let ids = create_items(&stack.api, 5).await?;
    let notifiers = ServiceName::new().await?;
    notifiers.add(stack.notifier.address());
    let mut settings = stack.settings.clone();
    settings.notifier.url = format!("ws://{}", notifiers.address());
    stack.hub = Hub::start(&settings).await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    for round in 0_i64..3 {
        stack.api.patch_item(ids[0], &json!({"quantity": 100 + round})).await?;
        // It waits for its turn to lead, and follows meanwhile.
        let next = Notifier::start(&settings).await?;
        notifiers.add(next.address());
        stack.api.patch_item(ids[1], &json!({"quantity": 200 + round})).await?;
        std::mem::replace(&mut stack.notifier, next).kill().await;
        stack.api.patch_item(ids[2], &json!({"quantity": 300 + round})).await?;
        until_equal(&stack, &mut client, &mut mirror).await?;
    }
    assert_eq!((mirror.resyncs, mirror.skipped, mirror.changes), (0, 0, 9));
    Ok(())
}

#[tokio::test]
async fn without_inventory_api_live_changes_flow_and_snapshots_say_so() -> Result<()> {
    let stack = Stack::start().await?;
    let (mut live, _) = mirroring(&stack).await?;
    let Stack { database, api, hub, notifier: _notifier, .. } = stack;
    api.kill().await;
    let mut client = hub.connect().await?;
    client.expect("connected").await?;
    // The snapshot of a moment ago may still be shared.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    client.subscribe_with_snapshot("items").await?;
    database
        .sql()
        .await?
        .batch_execute("insert into items (tenant_id, name) values (1, 'all the same')")
        .await?;
    live.expect("create").await?;
    assert_eq!(client.expect("error").await?["code"], "snapshot_unavailable");
    Ok(())
}
