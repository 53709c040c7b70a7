//! Handshakes that are refused, each with a problem document.

use anyhow::Result;
use testkit::{SocketClient, SocketOptions, SocketRefused, Stack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn refused(stack: &Stack, options: SocketOptions) -> SocketRefused {
    SocketClient::connect(stack.hub.address(), &options).await.unwrap_err()
}

fn code(refused: &SocketRefused) -> String {
    let problem: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
    assert!(problem["request_id"].is_string() && problem["instance"].is_string(), "{problem}");
    problem["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn pages_elsewhere_bad_tokens_and_other_protocols_are_refused() -> Result<()> {
    let stack = Stack::start().await?;
    let page = SocketOptions { origin: Some("https://evil.example".into()), ..SocketOptions::default() };
    let page = refused(&stack, page).await;
    assert_eq!((page.status, code(&page)), (Some(403), "forbidden".to_owned()));
    let token = SocketOptions { token: Some("nonsense".into()), ..SocketOptions::default() };
    let token = refused(&stack, token).await;
    assert_eq!((token.status, code(&token)), (Some(401), "not_authenticated".to_owned()));
    let protocol = SocketOptions { subprotocol: Some("chat".into()), ..SocketOptions::default() };
    let protocol = refused(&stack, protocol).await;
    assert_eq!((protocol.status, code(&protocol)), (Some(400), "invalid_parameter".to_owned()));
    let own = format!("http://{}", stack.hub.address());
    let own = SocketOptions { origin: Some(own), ..SocketOptions::default() };
    SocketClient::connect(stack.hub.address(), &own).await?.expect("connected").await?;
    Ok(())
}

#[tokio::test]
async fn a_full_hub_says_when_to_come_back_and_evicts_nobody() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.max_sockets = 2).await?;
    let mut first = stack.hub.connect().await?;
    let mut second = stack.hub.connect().await?;
    first.expect("connected").await?;
    second.expect("connected").await?;
    let third = stack.hub.connect().await.unwrap_err();
    let seconds: u32 = third.retry_after.unwrap().parse()?;
    assert_eq!((third.status, (1..=5).contains(&seconds)), (Some(503), true), "{seconds}");
    first.send(&serde_json::json!({"type": "ping"})).await?;
    first.expect("pong").await?;
    drop(second);
    let again = testkit::waiting::until(testkit::waiting::PATIENCE, "a free place", async || {
        Ok(stack.hub.connect().await.ok())
    });
    again.await?.0.expect("connected").await?;
    Ok(())
}

#[tokio::test]
async fn one_address_gets_its_share_and_a_storm_of_handshakes_is_slowed() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.hub.max_sockets_per_address = 2;
        settings.hub.trusted_proxies = vec!["127.0.0.1".into()];
        // On loopback, what a proxy passes on is nobody's.
        settings.auth.anonymous = service::settings::Anonymous::Anywhere;
    })
    .await?;
    let poll = format!("http://{}/poll?topic=items&wait=0", stack.hub.address());
    let behind_a_proxy =
        |client: &'static str| reqwest::Client::new().get(&poll).header("x-forwarded-for", client);
    let mut first = stack.hub.connect().await?;
    first.expect("connected").await?;
    let _second = stack.hub.connect().await?;
    let third = stack.hub.connect().await.unwrap_err();
    assert_eq!((third.status, third.retry_after.is_some()), (Some(503), true));
    assert_eq!(behind_a_proxy("192.0.2.7").send().await?.status(), 200);
    assert_eq!(behind_a_proxy("127.0.0.1").send().await?.status(), 503);
    let mut settings = stack.settings.clone();
    settings.hub.max_handshakes_per_second = 5;
    let slow = testkit::Hub::start(&settings).await?;
    let mut refused = 0;
    for _ in 0..50 {
        let answer = reqwest::get(format!("http://{}/poll?topic=items&wait=0", slow.address())).await?;
        refused += usize::from(answer.status() == 503 && answer.headers().contains_key("retry-after"));
    }
    assert!(refused > 0, "fifty handshakes at once are more than five");
    first.send(&serde_json::json!({"type": "ping"})).await?;
    first.expect("pong").await?;
    Ok(())
}

#[tokio::test]
async fn a_handshake_that_is_never_finished_is_given_up() -> Result<()> {
    let stack = Stack::start().await?;
    let mut idle = tokio::net::TcpStream::connect(stack.hub.address()).await?;
    idle.write_all(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n").await?;
    let mut heard = Vec::new();
    testkit::waiting::within(testkit::waiting::PATIENCE, "the hub to give up", idle.read_to_end(&mut heard))
        .await??;
    assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&heard));
    Ok(())
}
