//! Hubs that connect to the feed and never read it.

use anyhow::{Result, ensure};
use testkit::{Hub, LastingClient, Stack, waiting};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{lively, noticed_nothing};
use crate::{create_items, slow_clients::flood};

/// Opens a feed and reads only the beginning of the answer.
async fn hub_that_never_reads(stack: &Stack) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(stack.notifier.address()).await?;
    let request = format!(
        "GET /feed HTTP/1.1\r\nHost: notifier\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {}\r\n\r\n",
        stack.settings.internal.secret.expose()
    );
    socket.write_all(request.as_bytes()).await?;
    let mut status = [0; 12];
    waiting::within(waiting::PATIENCE, "the feed to open", socket.read_exact(&mut status)).await??;
    ensure!(&status == b"HTTP/1.1 101", "{}", String::from_utf8_lossy(&status));
    Ok(socket)
}

#[tokio::test]
async fn hubs_that_never_read_their_feed_delay_neither_the_notifier_nor_other_hubs() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        lively(settings);
        settings.hub.conflate_after = 1_000_000;
        settings.hub.ring_bytes = 256 << 20;
    })
    .await?;
    let ids = create_items(&stack.api, 10).await?;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(hub_that_never_reads(&stack).await?);
    }
    let mut client = LastingClient::connect(stack.hub.address()).await?;
    let reading =
        async { client.until("the flood on a socket", |client| client.mirror.changes >= 2000).await };
    tokio::try_join!(flood(&stack, &ids, 200), reading)?;
    client.until_equal(&stack.database).await?;
    noticed_nothing(&stack.database, &client).await?;
    // A hub that comes now is served, too.
    let another = Hub::start(&stack.settings).await?;
    let mut newcomer = LastingClient::connect(another.address()).await?;
    flood(&stack, &ids, 1).await?;
    newcomer.until_equal(&stack.database).await?;
    client.until_equal(&stack.database).await?;
    drop(stalled);
    noticed_nothing(&stack.database, &newcomer).await
}
