//! What clients get wrong: each mistake has its error or close code, and nobody else notices.

use anyhow::Result;
use serde_json::json;
use testkit::{SocketClient, SocketOptions, Stack};
use tokio_tungstenite::tungstenite::{Bytes, Message};

async fn closed_with(stack: &Stack, message: Message) -> Result<(Option<u16>, String)> {
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    // The hub may have closed before all of a large frame is out.
    let _ = client.send_message(message).await;
    let closed = client.closed().await?;
    Ok((closed.code, closed.reason))
}

#[tokio::test]
async fn frames_that_are_not_the_protocol_close_the_socket_with_a_reason() -> Result<()> {
    let stack = Stack::start().await?;
    let text = |text: &str| Message::text(text.to_owned());
    let cases = [
        (text("{"), 4400, "not JSON"),
        (text("[]"), 4400, "type"),
        (text(r#"{"type":"hello"}"#), 4400, "unknown type"),
        (text(r#"{"type":"subscribe"}"#), 4400, "topic"),
        (text(r#"{"type":"subscribe","topic":"items","colour":"red"}"#), 4400, "nothing else"),
        (text(r#"{"type":"subscribe","topic":"items","ref":"one"}"#), 4400, "ref (integer)"),
        (text(r#"{"type":"auth","token":"nonsense"}"#), 4001, "not valid"),
        (Message::Binary(Bytes::from_static(b"\x00\x01")), 4400, "binary"),
        (Message::text("x".repeat(1 << 20)), 1009, "at most 16384 bytes"),
    ];
    for (message, code, reason) in cases {
        let shown = message.to_string().chars().take(60).collect::<String>();
        let (found, said) = closed_with(&stack, message).await?;
        assert_eq!(found, Some(code), "{shown}: {said}");
        assert!(said.contains(reason), "{shown}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn unknown_topics_are_refused_and_the_socket_stays() -> Result<()> {
    let stack = Stack::start().await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    for topic in
        ["", "item", "items:", "items:0", "items:-1", "items:99999999999999999999", "session", "items:1:2"]
    {
        client.send(&json!({"type": "subscribe", "ref": 5, "topic": topic})).await?;
        let error = client.expect("error").await?;
        assert_eq!((&error["ref"], &error["code"]), (&json!(5), &json!("unknown_topic")), "{topic}");
    }
    client.send(&json!({"type": "ping", "ref": 6})).await?;
    assert_eq!(client.expect("pong").await?["ref"], 6);
    Ok(())
}

#[tokio::test]
async fn too_many_subscriptions_are_refused() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.max_subscriptions = 2).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    for id in 1..=2 {
        client.send(&json!({"type": "subscribe", "topic": format!("items:{id}")})).await?;
        client.expect("subscribed").await?;
    }
    client.send(&json!({"type": "subscribe", "topic": "items:3"})).await?;
    assert_eq!(client.expect("error").await?["code"], "too_many_subscriptions");
    // Asking again for the same one is no further subscription.
    client.send(&json!({"type": "subscribe", "topic": "items:2"})).await?;
    client.expect("subscribed").await?;
    Ok(())
}

#[tokio::test]
async fn too_many_messages_close_the_socket() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.max_frames_per_second = 1).await?;
    let mut client = stack.hub.connect().await?;
    for _ in 0..30 {
        if client.send(&json!({"type": "ping"})).await.is_err() {
            break;
        }
    }
    assert_eq!(client.closed().await?.code, Some(4009));
    Ok(())
}

#[tokio::test]
async fn a_message_in_fragments_is_read_and_bounded() -> Result<()> {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let stack = Stack::start().await?;
    let fragment = |payload: &str, opcode, last| {
        Message::Frame(Frame::message(payload.to_owned(), OpCode::Data(opcode), last))
    };
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.send_message(fragment(r#"{"type":"#, Data::Text, false)).await?;
    client.send_message(fragment(r#""ping","#, Data::Continue, false)).await?;
    client.send_message(fragment(r#""ref":3}"#, Data::Continue, true)).await?;
    assert_eq!(client.expect("pong").await?["ref"], 3);
    client.send_message(fragment(&"x".repeat(10_000), Data::Text, false)).await?;
    client.send_message(fragment(&"x".repeat(10_000), Data::Continue, false)).await?;
    assert_eq!(client.closed().await?.code, Some(1009));
    Ok(())
}

#[tokio::test]
async fn where_a_token_is_needed_nothing_is_heard_before_it() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.auth.anonymous = service::settings::Anonymous::Never;
        settings.hub.auth_timeout_ms = 600;
    })
    .await?;
    let mut hasty = stack.hub.connect().await?;
    hasty.send(&json!({"type": "subscribe", "topic": "items"})).await?;
    assert_eq!(hasty.closed().await?.code, Some(4001));
    let mut silent = stack.hub.connect().await?;
    assert_eq!(silent.closed().await?.code, Some(4001));
    let mut known = stack.hub.connect().await?;
    known.send(&json!({"type": "auth", "token": stack.token("user:7", 60)?})).await?;
    assert!(known.expect("connected").await?["token_expires_at"].is_string());
    let mut ended = stack.hub.connect().await?;
    ended.send(&json!({"type": "auth", "token": stack.token("user:7", -60)?})).await?;
    assert_eq!(ended.closed().await?.code, Some(4002));
    Ok(())
}

#[tokio::test]
async fn a_token_that_ends_closes_the_socket_unless_it_is_renewed() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.auth.anonymous = service::settings::Anonymous::Never;
    })
    .await?;
    let options = |token| SocketOptions { token: Some(token), ..SocketOptions::default() };
    let mut ending = SocketClient::connect(stack.hub.address(), &options(stack.token("user:7", 2)?)).await?;
    let mut renewed = SocketClient::connect(stack.hub.address(), &options(stack.token("user:7", 2)?)).await?;
    renewed.expect("connected").await?;
    renewed.send(&json!({"type": "auth", "token": stack.token("user:7", 60)?})).await?;
    assert_eq!(ending.closed().await?.code, Some(4002));
    renewed.send(&json!({"type": "ping", "ref": 1})).await?;
    renewed.expect("pong").await?;
    renewed.send(&json!({"type": "auth", "token": stack.token("user:8", 60)?})).await?;
    assert_eq!(renewed.closed().await?.code, Some(1008));
    Ok(())
}
