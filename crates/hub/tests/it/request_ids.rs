//! Whom a request is for: from the gateway's header through the hub to what it asks of others, and back.

use anyhow::{Context, Result, ensure};
use testkit::{Collector, Stack, waiting};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Asks for a socket with an id, and gives what is answered, up to the end of the problem document or of the head.
async fn handshake(stack: &Stack, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(stack.hub.address()).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Request-Id: r-77\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut heard = Vec::new();
    loop {
        let read = stream.read_buf(&mut heard);
        let more = waiting::within(waiting::PATIENCE, "the answer", read).await??;
        let text = String::from_utf8_lossy(&heard);
        let complete = match text.split_once("\r\n\r\n") {
            Some((head, body)) => !head.contains("application/problem+json") || body.ends_with('}'),
            None => false,
        };
        if complete || more == 0 {
            return Ok(text.into_owned());
        }
    }
}

#[tokio::test]
async fn a_handshake_has_the_id_that_the_gateway_gave_it() -> Result<()> {
    let stack = Stack::start().await?;
    let accepted = handshake(&stack, "/ws").await?;
    ensure!(accepted.starts_with("HTTP/1.1 101 "), "{accepted}");
    ensure!(accepted.to_ascii_lowercase().contains("\r\nx-request-id: r-77\r\n"), "{accepted}");
    let refused = handshake(&stack, "/elsewhere").await?;
    ensure!(refused.starts_with("HTTP/1.1 404 "), "{refused}");
    ensure!(refused.to_ascii_lowercase().contains("\r\nx-request-id: r-77\r\n"), "{refused}");
    let (_, body) = refused.split_once("\r\n\r\n").context("a body")?;
    let problem: serde_json::Value = serde_json::from_str(body)?;
    ensure!(problem["request_id"] == "r-77", "{problem}");
    Ok(())
}

#[tokio::test]
async fn what_the_hub_asks_for_a_client_carries_its_id_and_its_trace() -> Result<()> {
    let stack = Stack::start().await?;
    // Stands in for inventory-api: what it answers is no snapshot, but it remembers who asked.
    let api = Collector::start().await?;
    let mut settings = stack.settings.clone();
    settings.api.url = api.url().to_owned();
    let hub = testkit::Hub::start(&settings).await?;
    let url = format!("http://{}/poll?topic=items&snapshot=true&wait=1", hub.address());
    let poll =
        reqwest::Client::new().get(url).header("x-request-id", "r-78").header("traceparent", TRACEPARENT);
    let polling = tokio::spawn(poll.send());
    let asked = waiting::until(waiting::PATIENCE, "the hub to ask for a snapshot", async || {
        // The hub tells who is connected, too.
        Ok(api.posted().into_iter().find(|asked| asked.head.starts_with("get")))
    });
    let (asked, _) = asked.await?;
    ensure!(asked.head.starts_with("get /internal/v1/snapshot"), "{}", asked.head);
    ensure!(asked.header("x-request-id") == Some("r-78"), "{}", asked.head);
    // Nothing is recorded here, so the trace is passed on as it came.
    ensure!(asked.header("traceparent") == Some(TRACEPARENT), "{}", asked.head);
    let answered = waiting::within(waiting::PATIENCE, "the poll's end", polling).await???;
    ensure!(answered.headers()["x-request-id"] == "r-78", "{answered:?}");
    Ok(())
}
