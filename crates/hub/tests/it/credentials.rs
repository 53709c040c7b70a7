//! What lets a client in besides a token in the header, and what it may ask for then.

use anyhow::{Result, ensure};
use domain::{Identity, Permissions};
use serde_json::{Value, json};
use service::settings::Anonymous;
use testkit::{EventStream, SocketClient, SocketOptions, Stack};

fn with_cookie(token: &str) -> SocketOptions {
    SocketOptions { cookie: Some(token.to_owned()), ..SocketOptions::default() }
}

#[tokio::test]
async fn a_cookie_is_as_good_as_a_token_for_pages_that_may_use_it() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.auth.anonymous = Anonymous::Never;
        settings.hub.allowed_origins = vec!["*".into(), "https://shop.example".into()];
    })
    .await?;
    let hub = stack.hub.address();
    let alice = stack.sign_in("alice").await?;
    for (origin, let_in) in [
        (None, true),
        (Some(format!("http://{hub}")), true),
        (Some("https://shop.example".to_owned()), true),
        (Some("https://evil.example".to_owned()), false),
    ] {
        let options = SocketOptions { origin: origin.clone(), ..with_cookie(&alice.token) };
        match SocketClient::connect(hub, &options).await {
            Ok(mut client) => {
                ensure!(let_in, "{origin:?}");
                client.expect("connected").await?;
            }
            Err(refused) => ensure!(!let_in && refused.status == Some(403), "{origin:?}: {refused}"),
        }
        for path in ["/poll?topic=items", "/events?topic=items"] {
            let mut request = reqwest::Client::new().get(format!("http://{hub}{path}"));
            if let Some(origin) = &origin {
                request = request.header("origin", origin);
            }
            let cookie = format!("other=1; stockwire_access={}", alice.token);
            let status = request.header("cookie", cookie).send().await?.status();
            ensure!(status == if let_in { 200 } else { 403 }, "{path} from {origin:?}: {status}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_page_whose_cookie_is_old_is_told_on_the_socket() -> Result<()> {
    let stack = Stack::start().await?;
    let old = with_cookie(&stack.token("user:7", -5)?);
    let closed = SocketClient::connect(stack.hub.address(), &old).await?.closed().await?;
    ensure!(closed.code == Some(4002), "{closed:?}");
    let forged = with_cookie("nonsense");
    let refused = SocketClient::connect(stack.hub.address(), &forged).await.unwrap_err();
    ensure!(refused.status == Some(401), "{refused}");
    Ok(())
}

#[tokio::test]
async fn who_may_not_read_gets_no_topic() -> Result<()> {
    let stack = Stack::start().await?;
    let identity = |permissions| Identity { actor: "key:7".into(), permissions, ..Identity::anonymous() };
    let blind = stack.token_of(&identity(Permissions::NONE), 600)?;
    let seeing = stack.token_of(&identity(Identity::anonymous().permissions), 600)?;
    let mut client = stack.hub.connect_with(&blind).await?;
    client.expect("connected").await?;
    let subscribe = json!({"type": "subscribe", "ref": 3, "topic": "items", "snapshot": true});
    client.send(&subscribe).await?;
    let refused = client.expect("error").await?;
    ensure!(refused["code"] == "forbidden" && refused["ref"] == 3, "{refused}");
    for path in ["/poll?topic=items", "/events?topic=items"] {
        let url = format!("http://{}{path}", stack.hub.address());
        ensure!(reqwest::Client::new().get(url).bearer_auth(&blind).send().await?.status() == 403, "{path}");
    }
    client.send(&json!({"type": "auth", "token": seeing})).await?;
    client.send(&subscribe).await?;
    client.expect("initial").await?;
    client.expect("subscribed").await?;
    // A token that allows less ends what it doesn't allow.
    client.send(&json!({"type": "auth", "token": blind})).await?;
    ensure!(client.closed().await?.code == Some(1008));
    Ok(())
}

#[tokio::test]
async fn a_key_opens_sockets_streams_and_polls_until_it_is_revoked() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.auth.anonymous = Anonymous::Never).await?;
    let (hub, http) = (stack.hub.address(), reqwest::Client::new());
    let manager = stack.sign_in("manager").await?;
    let keys = format!("{}/api/v1/api-keys", stack.api.url());
    let make = async |body: Value| {
        let made = http.post(&keys).bearer_auth(&manager.token).json(&body).send().await?;
        let made: Value = made.error_for_status()?.json().await?;
        anyhow::Ok((made["id"].to_string(), made["key"].as_str().unwrap_or_default().to_owned()))
    };
    let (id, key) = make(json!({"name": "till", "scopes": ["read"]})).await?;
    let (_, elsewhere) =
        make(json!({"name": "far", "scopes": ["read"], "addresses": ["192.0.2.0/24"]})).await?;
    let (_, blind) = make(json!({"name": "blind", "scopes": ["stock"]})).await?;
    let poll = async |key: &str| {
        anyhow::Ok(
            http.get(format!("http://{hub}/poll?topic=items"))
                .bearer_auth(key)
                .send()
                .await?
                .status()
                .as_u16(),
        )
    };
    let mut socket = stack.hub.connect_with(&key).await?;
    socket.expect("connected").await?;
    socket.subscribe_with_snapshot("items").await?;
    socket.expect("initial").await?;
    socket.expect("subscribed").await?;
    let mut stream = EventStream::open_with(hub, "topic=items", &key).await?;
    ensure!(poll(&key).await? == 200 && poll(&blind).await? == 403);
    for wrong in [&key[..key.len() - 1], "sw_", &elsewhere, &format!("{}x", &key[..key.len() - 1])] {
        ensure!(poll(wrong).await? == 401, "{wrong}");
        let closed = stack.hub.connect_with(wrong).await?.closed().await?;
        ensure!(closed.code == Some(4001), "{closed:?}");
    }
    http.delete(format!("{keys}/{id}")).bearer_auth(&manager.token).send().await?.error_for_status()?;
    ensure!(socket.logged_out().await? == "revoked");
    while let Some(event) = stream.next().await? {
        ensure!(
            ["connected", "subscribed", "force_logout", "heartbeat"]
                .iter()
                .any(|kind| event["type"] == *kind),
            "{event}"
        );
    }
    ensure!(poll(&key).await? == 401);
    Ok(())
}

#[tokio::test]
async fn who_shows_an_api_key_in_a_frame_is_told_to_exchange_it() -> Result<()> {
    let stack = Stack::start().await?;
    let mut client = SocketClient::connect(stack.hub.address(), &SocketOptions::default()).await?;
    client.send(&json!({"type": "auth", "token": "sw_0123456789_abcdefghijklmnop"})).await?;
    let closed = client.closed().await?;
    ensure!(closed.code == Some(4001) && closed.reason.contains("/api/v1/tokens"), "{closed:?}");
    Ok(())
}
