//! Services that go and come back under clients.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Hub, Mirror, Notifier, SocketClient, SocketClosed, Stack};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{create_items, mirroring, until_equal};

/// Resumes a mirror at a hub, with a snapshot if that isn't possible.
async fn come_back(hub: std::net::SocketAddr, mirror: &mut Mirror) -> Result<SocketClient> {
    let mut client = SocketClient::connect(hub, &testkit::SocketOptions::default()).await?;
    mirror.take(&client.expect("connected").await?)?;
    client.resume("items", mirror.cursor()?, true).await?;
    loop {
        let frame = client.next().await?;
        mirror.take(&frame)?;
        if frame["type"] == "subscribed" {
            return Ok(client);
        }
    }
}

#[tokio::test]
async fn a_hub_that_is_killed_under_a_hundred_clients_leaves_none_of_them_stale() -> Result<()> {
    let mut stack = Stack::start().await?;
    let ids = create_items(&stack.api, 10).await?;
    let mut clients = JoinSet::new();
    let address = stack.hub.address();
    for _ in 0..100 {
        clients.spawn(async move {
            let mut client = SocketClient::connect(address, &testkit::SocketOptions::default()).await?;
            client.subscribe_with_snapshot("items").await?;
            let mut mirror = Mirror::default();
            loop {
                match client.next().await {
                    Ok(frame) => mirror.take(&frame)?,
                    Err(error) => {
                        ensure!(error.is::<SocketClosed>(), error);
                        return Ok::<Mirror, anyhow::Error>(mirror);
                    }
                }
            }
        });
    }
    for round in 0_i64..30 {
        stack.api.patch_item(ids[usize::try_from(round)? % 10], &json!({"quantity": 500 + round})).await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let second = Hub::start(&stack.settings).await?;
    let first = std::mem::replace(&mut stack.hub, second);
    first.kill().await;
    for round in 0_i64..30 {
        stack.api.patch_item(ids[usize::try_from(round)? % 10], &json!({"quantity": 900 + round})).await?;
    }
    let (mut count, mut snapshots) = (0, 0);
    while let Some(mirror) = clients.join_next().await {
        let mut mirror = mirror??;
        let mut client = come_back(stack.hub.address(), &mut mirror).await?;
        until_equal(&stack, &mut client, &mut mirror).await?;
        count += 1;
        snapshots += u32::from(mirror.changes == 0);
    }
    println!("{count} clients came back, {snapshots} of them had seen no change before");
    assert_eq!(count, 100);
    Ok(())
}

#[tokio::test]
async fn a_hub_that_stops_tells_its_clients_to_come_back() -> Result<()> {
    let mut stack = Stack::start().await?;
    create_items(&stack.api, 2).await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    let next = Hub::start(&stack.settings).await?;
    let stopped = std::mem::replace(&mut stack.hub, next);
    let stopping = tokio::spawn(stopped.stop());
    assert_eq!(client.closed().await?.code, Some(1012));
    stopping.await??;
    create_items(&stack.api, 1).await?;
    let mut client = come_back(stack.hub.address(), &mut mirror).await?;
    until_equal(&stack, &mut client, &mut mirror).await?;
    Ok(())
}

/// What a service name does in production: leads to whichever notifier lives.
pub(crate) async fn service_name(notifiers: Arc<Mutex<Vec<String>>>) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("ws://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let notifiers = notifiers.lock().unwrap().clone();
            tokio::spawn(async move {
                for notifier in notifiers {
                    if let Ok(mut server) = TcpStream::connect(notifier.trim_start_matches("ws://")).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                        return;
                    }
                }
            });
        }
    });
    Ok(url)
}

#[tokio::test]
async fn notifiers_that_are_killed_and_replaced_cost_clients_nothing_but_a_moment() -> Result<()> {
    let mut stack = Stack::start().await?;
    let ids = create_items(&stack.api, 5).await?;
    let notifiers = Arc::new(Mutex::new(vec![stack.notifier.url()]));
    let mut settings = stack.settings.clone();
    settings.notifier.url = service_name(notifiers.clone()).await?;
    stack.hub = Hub::start(&settings).await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    for round in 0_i64..3 {
        stack.api.patch_item(ids[0], &json!({"quantity": 100 + round})).await?;
        // It waits for its turn to lead, and follows meanwhile.
        let next = Notifier::start(&settings).await?;
        notifiers.lock().unwrap().push(next.url());
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
