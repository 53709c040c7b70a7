//! Handshakes that are refused, each with a problem document.

use anyhow::Result;
use testkit::{SocketClient, SocketOptions, SocketRefused, Stack};

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
    assert_eq!((third.status, third.retry_after.as_deref()), (Some(503), Some("2")));
    first.send(&serde_json::json!({"type": "ping"})).await?;
    first.expect("pong").await?;
    drop(second);
    let again = testkit::waiting::until(testkit::waiting::PATIENCE, "a free place", async || {
        Ok(stack.hub.connect().await.ok())
    });
    again.await?.0.expect("connected").await?;
    Ok(())
}
