//! Clients that don't read: bounded, conflated, closed, and nobody else's business.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testkit::{Mirror, Stack, waiting};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{create_items, mirroring, until_equal};

/// A socket whose bytes are read only when the test says so, with as little room in the kernel as possible.
pub(crate) async fn stubborn(hub: SocketAddr) -> Result<TcpStream> {
    stubborn_with(hub, "").await
}

/// As [`stubborn`], with a line more in its head.
pub(crate) async fn stubborn_with(hub: SocketAddr, line: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(hub).await?;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {hub}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{line}\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let payload = br#"{"type":"subscribe","topic":"items"}"#;
    // A mask of zeros leaves the payload as it is.
    let mut frame = vec![0x81, 0x80 | u8::try_from(payload.len())?, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    socket.write_all(&frame).await?;
    Ok(socket)
}

/// Everything that arrives until the other side is quiet or gone, as text with the frames' headers between.
async fn drain(socket: &mut TcpStream) -> Result<(String, bool)> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = vec![0; 1 << 16];
        match tokio::time::timeout(Duration::from_millis(700), socket.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return Ok((String::from_utf8_lossy(&bytes).into_owned(), true)),
            Ok(Ok(count)) => bytes.extend_from_slice(&buffer[..count]),
            Err(_) => return Ok((String::from_utf8_lossy(&bytes).into_owned(), false)),
        }
    }
}

/// How many updates were delivered, and how many left out.
fn conflated(heard: &str) -> (u64, u64) {
    let skipped = heard
        .split(r#"{"type":"conflated","topic":"items","skipped":"#)
        .skip(1)
        .map(|rest| rest.split(',').next().unwrap_or_default().parse::<u64>().unwrap())
        .sum();
    (heard.matches(r#"{"type":"update","topic":"items""#).count() as u64, skipped)
}

/// Far more bytes than the kernel keeps for a socket.
pub(crate) async fn flood(stack: &Stack, ids: &[i64], rounds: usize) -> Result<()> {
    let sql = stack.database.sql().await?;
    for round in 0..rounds {
        let padding = json!({"round": round, "padding": "x".repeat(8000)});
        let update = "update items set attributes = $2 where id = any ($1)";
        sql.execute(update, &[&ids, &padding]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_reads_too_late_gets_the_newest_of_each_item_and_is_told() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.hub.conflate_after = 50;
        // Wires and kernels keep some megabytes of what the client doesn't read; the flood is about 80.
        settings.hub.ring_bytes = 256 << 20;
    })
    .await?;
    let ids = create_items(&stack.api, 10).await?;
    let mut late = stubborn(stack.hub.address()).await?;
    let (mut prompt, mut mirror) = mirroring(&stack).await?;
    let reading = async {
        while mirror.changes + mirror.skipped < 10_000 {
            mirror.take(&prompt.next().await?)?;
        }
        Ok(())
    };
    tokio::try_join!(flood(&stack, &ids, 1000), reading)?;
    until_equal(&stack, &mut prompt, &mut mirror).await?;
    let (heard, ended) = drain(&mut late).await?;
    assert!(!ended, "the socket is still open");
    let (updates, skipped) = conflated(&heard);
    assert!(skipped > 0, "{updates} updates and no conflation");
    assert_eq!(updates + skipped, 10_000, "every change is delivered or counted");
    for id in &ids {
        let newest = format!(r#""id":{id},"#);
        let last =
            heard.rsplit(r#"{"type":"update""#).find(|frame| frame.contains(&newest)).context("no update")?;
        assert!(last.contains(r#""round": 999"#), "the last word on each item is the newest");
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_client_that_fell_behind_the_ring_is_conflated_through_pages() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.hub.conflate_after = 50;
        settings.hub.ring_entries = 100;
        settings.notifier.window_entries = 300;
    })
    .await?;
    let ids = create_items(&stack.api, 10).await?;
    let mut late = stubborn(stack.hub.address()).await?;
    let rounds = 600;
    flood(&stack, &ids, rounds).await?;
    // Until the hub has all of it.
    mirroring(&stack).await?;
    let (heard, ended) = drain(&mut late).await?;
    assert!(!ended, "the socket is still open");
    let (updates, skipped) = conflated(&heard);
    assert!(skipped > 0, "{updates} updates and no conflation");
    assert_eq!(updates + skipped, rounds as u64 * 10, "every change is delivered or counted");
    assert!(!heard.contains("resync"), "it was told to read anew");
    for id in &ids {
        let newest = format!(r#""id":{id},"#);
        let last =
            heard.rsplit(r#"{"type":"update""#).find(|frame| frame.contains(&newest)).context("no update")?;
        assert!(
            last.contains(&format!(r#""round": {}"#, rounds - 1)),
            "the last word on each item is the newest"
        );
    }
    waiting::within(waiting::PATIENCE, "the next change", async {
        create_items(&stack.api, 1).await?;
        let (heard, _) = drain(&mut late).await?;
        ensure!(heard.contains(r#"{"type":"create""#), "it isn't live again");
        anyhow::Ok(())
    })
    .await??;
    Ok(())
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_and_delays_nobody() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.stall_timeout_ms = 500).await?;
    let ids = create_items(&stack.api, 10).await?;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(stubborn(stack.hub.address()).await?);
    }
    let (mut prompt, mut mirror) = mirroring(&stack).await?;
    let reading = async {
        while mirror.changes + mirror.skipped < 3_000 {
            mirror.take(&prompt.next().await?)?;
        }
        Ok(())
    };
    tokio::try_join!(flood(&stack, &ids, 300), reading)?;
    until_equal(&stack, &mut prompt, &mut mirror).await?;
    let sockets = async || {
        let metrics = reqwest::get(format!("http://{}/metrics", stack.hub.address())).await?.text().await?;
        let closes = metrics
            .lines()
            .find(|line| line.starts_with("stockwire_hub_closes_total") && line.contains("too_slow"));
        let count = closes.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default();
        Ok((count >= 3.0).then_some(()))
    };
    waiting::until(waiting::PATIENCE, "three stalled clients to be closed", sockets).await?;
    // The prompt one is still served.
    flood(&stack, &ids, 1).await?;
    until_equal(&stack, &mut prompt, &mut mirror).await?;
    Ok(())
}

#[tokio::test]
async fn a_half_open_socket_is_found() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.heartbeat_ms = 200).await?;
    // Reads, but answers no ping: a browser or a library would.
    let mut deaf = stubborn(stack.hub.address()).await?;
    let begun = tokio::time::Instant::now();
    let mut buffer = [0; 4096];
    let ended = async {
        while deaf.read(&mut buffer).await? > 0 {}
        Ok::<_, anyhow::Error>(())
    };
    waiting::within(waiting::PATIENCE, "the hub to give up", ended).await??;
    assert!(begun.elapsed() >= Duration::from_millis(400));
    Ok(())
}

#[tokio::test]
async fn a_mirror_can_fail() -> Result<()> {
    let mut mirror = Mirror::default();
    mirror
        .take(&json!({"type": "subscribed", "position": 5, "epoch": "00000000000000000000000000000001"}))?;
    let gap = json!({"type": "update", "position": 9, "prev": 7, "id": 1, "version": 2, "data": {}});
    assert!(mirror.take(&gap).is_err());
    Ok(())
}
