//! One-time tickets: for one stream, poll or socket, on one hub, for as long as the token that they were asked for with.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use domain::{Identity, Login};
use serde_json::{Value, json};
use service::settings::Anonymous;
use testkit::{EventStream, Hub, Scratch, SocketClient, SocketOptions, Stack, process, waiting};

async fn start() -> Result<Stack> {
    Stack::start_with(|settings| settings.auth.anonymous = Anonymous::Never).await
}

async fn connect(hub: SocketAddr, ticket: &str) -> Result<SocketClient> {
    let options = SocketOptions { ticket: Some(ticket.to_owned()), ..SocketOptions::default() };
    Ok(SocketClient::connect(hub, &options).await?)
}

async fn poll(hub: SocketAddr, ticket: &str) -> Result<(u16, Value)> {
    let answer = reqwest::get(format!("http://{hub}/poll?topic=items&ticket={ticket}")).await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

/// It opens nothing any more, whatever is asked for.
async fn is_unusable(hub: SocketAddr, ticket: &str) -> Result<()> {
    let closed = connect(hub, ticket).await?.closed().await?;
    ensure!(closed.code == Some(4001), "{closed:?}");
    let (status, problem) = poll(hub, ticket).await?;
    ensure!(status == 401 && problem["code"] == "not_authenticated", "{problem}");
    let stream = EventStream::open(hub, &format!("topic=items&ticket={ticket}"), None).await;
    ensure!(stream.is_err_and(|refused| refused.to_string().contains("401")));
    Ok(())
}

#[tokio::test]
async fn a_ticket_opens_one_stream_poll_or_socket_on_one_of_several_hubs() -> Result<()> {
    let stack = start().await?;
    let other = Hub::start(&stack.settings).await?;
    let (here, there) = (stack.hub.address(), other.address());
    let alice = stack.sign_in("alice").await?;

    let ticket = stack.ticket(&alice.token).await?;
    let mut client = connect(here, &ticket).await?;
    // What a client sends before it hears anything isn't lost.
    client.send(&json!({"type": "subscribe", "topic": "items"})).await?;
    ensure!(client.expect("connected").await?["token_expires_at"].is_string());
    client.expect("subscribed").await?;
    is_unusable(there, &ticket).await?;
    is_unusable(here, &ticket).await?;

    let ticket = stack.ticket(&alice.token).await?;
    let mut events = EventStream::open(there, &format!("topic=items&ticket={ticket}"), None).await?;
    events.expect("connected").await?;
    is_unusable(here, &ticket).await?;

    let ticket = stack.ticket(&alice.token).await?;
    ensure!(poll(here, &ticket).await?.0 == 200);
    is_unusable(there, &ticket).await?;

    stack.end_in_psql(alice.login).await?;
    ensure!(client.logged_out().await? == "revoked");
    events.expect("subscribed").await?;
    ensure!(events.expect("force_logout").await?["reason"] == "revoked");
    Ok(())
}

#[tokio::test]
async fn of_many_who_show_the_same_ticket_at_once_one_is_let_in() -> Result<()> {
    let stack = start().await?;
    let other = Hub::start(&stack.settings).await?;
    let alice = stack.sign_in("alice").await?;
    for _ in 0..5 {
        let ticket = stack.ticket(&alice.token).await?;
        let hubs = [stack.hub.address(), other.address()].into_iter().cycle().take(8);
        let outcomes = futures_util::future::try_join_all(hubs.map(|hub| poll(hub, &ticket))).await?;
        let mut statuses: Vec<u16> = outcomes.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        ensure!(statuses == [200, 401, 401, 401, 401, 401, 401, 401], "{outcomes:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_ticket_or_too_old_opens_nothing() -> Result<()> {
    let stack = start().await?;
    let hub = stack.hub.address();
    let alice = stack.sign_in("alice").await?;
    for ticket in ["", "hunter2", &"x".repeat(43), &"%20".repeat(43)] {
        is_unusable(hub, ticket).await?;
    }
    let ticket = stack.ticket(&alice.token).await?;
    let sql = stack.database.sql().await?;
    sql.batch_execute("update tickets set expires_at = now() - interval '1 s'").await?;
    is_unusable(hub, &ticket).await?;
    // A good token beside it doesn't help: what is shown is never ignored.
    let ticket = stack.ticket(&alice.token).await?;
    ensure!(poll(hub, &ticket).await?.0 == 200);
    let url = format!("http://{hub}/poll?topic=items&ticket={ticket}");
    ensure!(reqwest::Client::new().get(url).bearer_auth(&alice.token).send().await?.status() == 401);
    // Nobody but a hub can use one up, and only its hash is kept.
    let ticket = stack.ticket(&alice.token).await?;
    let redeem = format!("{}/internal/v1/tickets/redeem", stack.api.url());
    let redeem = reqwest::Client::new().post(redeem).json(&json!({"ticket": ticket}));
    ensure!(redeem.bearer_auth(&alice.token).send().await?.status() == 401);
    let kept: String =
        sql.query_one("select string_agg(tickets::text, '') from tickets", &[]).await?.try_get(0)?;
    ensure!(!kept.contains(&ticket), "{kept}");
    ensure!(poll(hub, &ticket).await?.0 == 200);
    Ok(())
}

#[tokio::test]
async fn a_ticket_ends_with_the_login_and_what_it_opens_with_the_token() -> Result<()> {
    let stack = start().await?;
    let hub = stack.hub.address();
    let alice = stack.sign_in("alice").await?;
    let (socket, polled) = (stack.ticket(&alice.token).await?, stack.ticket(&alice.token).await?);
    stack.end_in_psql(alice.login).await?;
    ensure!(connect(hub, &socket).await?.logged_out().await? == "revoked");
    let (status, problem) = poll(hub, &polled).await?;
    ensure!(status == 401 && problem["logout_reason"] == "revoked", "{problem}");

    let bob = stack.sign_in("bob").await?;
    let identity =
        Identity { login: Some(bob.login), actor: bob.actor.as_str().into(), ..Identity::anonymous() };
    let ticket = stack.ticket(&stack.token_of(&identity, 2)?).await?;
    let mut client = connect(hub, &ticket).await?;
    client.expect("connected").await?;
    ensure!(client.closed().await?.code == Some(4002));
    Ok(())
}

#[tokio::test]
async fn without_inventory_api_a_ticket_is_for_later() -> Result<()> {
    let mut stack = start().await?;
    let alice = stack.sign_in("alice").await?;
    let ticket = stack.ticket(&alice.token).await?;
    let nobody = testkit::free_listener()?.local_addr()?;
    stack.settings.api.url = format!("http://{nobody}");
    let hub = Hub::start(&stack.settings).await?;
    ensure!(connect(hub.address(), &ticket).await?.closed().await?.code == Some(1013));
    ensure!(poll(hub.address(), &ticket).await?.0 == 503);
    // It is still good.
    ensure!(poll(stack.hub.address(), &ticket).await?.0 == 200);
    Ok(())
}

#[tokio::test]
async fn a_ticket_is_in_no_log_line() -> Result<()> {
    let stack = start().await?;
    let alice = stack.sign_in("alice").await?;
    let scratch = Scratch::new()?;
    let log = scratch.path().join("hub.log");
    let mut environment = process::environment(&stack.settings);
    environment.remove("STOCKWIRE__DATABASE__URL");
    environment.insert("STOCKWIRE__LOG__FILTER".to_owned(), "trace".to_owned());
    let binary = env!("CARGO_BIN_EXE_hub");
    let mut hub = process::Service::spawn_with_log(binary, "STOCKWIRE__HUB__LISTEN", &environment, &log)?;
    hub.ready().await?;
    let mut tickets = Vec::new();
    for _ in 0..3 {
        tickets.push(stack.ticket(&alice.token).await?);
    }
    connect(hub.address(), &tickets[0]).await?.expect("connected").await?;
    ensure!(poll(hub.address(), &tickets[1]).await?.0 == 200);
    let query = format!("topic=items&ticket={}", tickets[2]);
    EventStream::open(hub.address(), &query, None).await?.expect("connected").await?;
    for ticket in &tickets {
        is_unusable(hub.address(), ticket).await?;
    }
    hub.ask_to_stop()?;
    hub.exit_status(waiting::PATIENCE).await?;
    let written = std::fs::read_to_string(&log)?;
    ensure!(written.contains("/poll") && written.contains("tickets/redeem"), "nothing was logged: {written}");
    for ticket in &tickets {
        let line = written.lines().find(|line| line.contains(ticket.as_str()));
        ensure!(line.is_none(), "{}", line.context("a line")?);
    }
    Ok(())
}

#[tokio::test]
async fn a_ticket_of_a_program_is_its_keys() -> Result<()> {
    let stack = start().await?;
    let key = stack.key("till").await?;
    ensure!(matches!(key.login, Login::Key(_)));
    let ticket = stack.ticket(&key.token).await?;
    let mut client = connect(stack.hub.address(), &ticket).await?;
    client.expect("connected").await?;
    stack.end_in_psql(key.login).await?;
    ensure!(client.logged_out().await? == "revoked");
    Ok(())
}

/// Hubs and inventory-apis remember for an hour which logins were ended: nothing that belongs to one may be open for longer.
#[tokio::test]
async fn what_a_ticket_of_a_key_without_an_end_opens_has_an_end() -> Result<()> {
    let stack = start().await?;
    let alice = stack.sign_in("alice").await?;
    let making = reqwest::Client::new().post(format!("{}/api/v1/api-keys", stack.api.url()));
    let making = making.bearer_auth(&alice.token).json(&json!({"name": "till", "scopes": ["read"]}));
    let made: Value = making.send().await?.error_for_status()?.json().await?;
    let key = made["key"].as_str().with_context(|| format!("no key: {made}"))?;
    let mut client = connect(stack.hub.address(), &stack.ticket(key).await?).await?;
    let connected = client.expect("connected").await?;
    ensure!(connected["token_expires_at"].is_string(), "{connected}");
    // And it stays with its login.
    client.send(&json!({"type": "auth", "token": alice.token})).await?;
    ensure!(client.closed().await?.code == Some(1008));
    Ok(())
}
