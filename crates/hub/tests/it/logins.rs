//! Logins that are ended, wherever and by whomever: who is connected hears of it, on every hub and in every form, and who
//! comes later is told.

use anyhow::{Context as _, Result, ensure};
use domain::Login;
use serde_json::{Value, json};
use testkit::{EventStream, Hub, SignedIn, SocketClient, SocketOptions, Stack, process, waiting};
use tokio::task::JoinHandle;

use crate::{
    create_items,
    failures::{start_hub, start_hub_with},
    slow_clients::{flood, stubborn_with},
};

async fn connected(hub: &Hub, who: &SignedIn) -> Result<SocketClient> {
    let mut client = hub.connect_with(&who.token).await?;
    client.expect("connected").await?;
    Ok(client)
}

/// What somebody with a token is told who asks for events, or polls.
async fn asked(hub: std::net::SocketAddr, path: &str, token: &str) -> Result<(u16, Value)> {
    let answer = reqwest::Client::new().get(format!("http://{hub}{path}")).bearer_auth(token).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

fn is_session_ended((status, problem): &(u16, Value), reason: &str) -> Result<()> {
    ensure!(*status == 401 && problem["code"] == "session_ended", "{status} {problem}");
    ensure!(problem["logout_reason"] == reason, "{problem}");
    Ok(())
}

/// Everybody who comes with a token of an ended login is told so, in the form that they can read.
async fn lets_nobody_in(hub: std::net::SocketAddr, who: &SignedIn, reason: &str) -> Result<()> {
    let bearer = SocketOptions { token: Some(who.token.clone()), ..SocketOptions::default() };
    let cookie = SocketOptions { cookie: Some(who.token.clone()), ..SocketOptions::default() };
    for options in [bearer, cookie] {
        let told = SocketClient::connect(hub, &options).await?.logged_out().await?;
        ensure!(told == reason, "{told}");
    }
    let mut late = SocketClient::connect(hub, &SocketOptions::default()).await?;
    late.send(&json!({"type": "auth", "token": who.token})).await?;
    ensure!(late.logged_out().await? == reason, "the first frame");
    is_session_ended(&asked(hub, "/events?topic=items", &who.token).await?, reason)?;
    is_session_ended(&asked(hub, "/poll?topic=items", &who.token).await?, reason)
}

#[tokio::test]
async fn a_second_login_ends_the_first_on_every_hub_and_its_tabs_go_together() -> Result<()> {
    let stack = Stack::start().await?;
    let other = Hub::start(&stack.settings).await?;
    let alice = stack.sign_in("alice").await?;
    let bob = stack.sign_in("bob").await?;
    let mut tabs = Vec::new();
    for hub in [&stack.hub, &stack.hub, &other] {
        tabs.push(connected(hub, &alice).await?);
    }
    let (mut bobs, mut nobodys) = (connected(&other, &bob).await?, other.connect().await?);
    nobodys.expect("connected").await?;

    let elsewhere = stack.sign_in("alice").await?;
    for tab in &mut tabs {
        ensure!(tab.logged_out().await? == "other_device_login");
    }
    let mut newest = connected(&other, &elsewhere).await?;
    for client in [&mut bobs, &mut nobodys, &mut newest] {
        client.goes_on().await?;
    }
    for hub in [&stack.hub, &other] {
        lets_nobody_in(hub.address(), &alice, "other_device_login").await?;
    }
    Ok(())
}

#[tokio::test]
async fn where_several_logins_are_allowed_one_ends_without_the_others() -> Result<()> {
    let stack = Stack::start().await?;
    let several = "insert into tenant_settings (tenant_id, session_policy) values (1, 'multiple')";
    stack.database.sql().await?.batch_execute(several).await?;
    let (phone, desk) = (stack.sign_in("alice").await?, stack.sign_in("alice").await?);
    let (mut on_phone, mut at_desk) =
        (connected(&stack.hub, &phone).await?, connected(&stack.hub, &desk).await?);
    at_desk.goes_on().await?;
    stack.end_in_psql(phone.login).await?;
    ensure!(on_phone.logged_out().await? == "revoked");
    at_desk.goes_on().await?;
    // A key has the same number as a session, and is another login.
    let key = stack.key("till").await?;
    ensure!(matches!(key.login, Login::Key(_)) && key.id() == phone.id(), "{key:?}");
    connected(&stack.hub, &key).await?.goes_on().await
}

#[tokio::test]
async fn whatever_ends_a_login_is_heard_with_its_reason() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    let (keys, users) = ("api_keys", "users");
    for (statement, reason) in [
        (format!("update {keys} set revoked_at = now()"), "revoked"),
        (format!("delete from {keys}"), "revoked"),
        (format!("update {users} set password_hash = 'another'"), "password_changed"),
        (format!("update {users} set disabled_at = now()"), "revoked"),
        (format!("update {users} set disabled_at = null, role = 'viewer'"), "revoked"),
        (format!("delete from {users}"), "revoked"),
        ("update sessions set ended_at = now(), end_reason = 'expired'".to_owned(), "expired"),
    ] {
        let who = match statement.contains(keys) {
            true => stack.key("till").await?,
            false => {
                let back = "update users set disabled_at = null, role = 'manager'";
                sql.batch_execute(back).await?;
                stack.sign_in("alice").await?
            }
        };
        let mut client = connected(&stack.hub, &who).await?;
        sql.batch_execute(&statement).await?;
        ensure!(client.logged_out().await? == reason, "{statement}");
        lets_nobody_in(stack.hub.address(), &who, reason).await?;
    }
    Ok(())
}

/// A poll that is sure to wait: no other test's polls are counted in a process of its own.
async fn waiting_poll(
    hub: &process::Service,
    path: String,
    token: &str,
) -> Result<JoinHandle<Result<(u16, Value)>>> {
    let (address, token) = (hub.address(), token.to_owned());
    let polling = tokio::spawn(async move { asked(address, &path, &token).await });
    let there = waiting::until(waiting::PATIENCE, "the poll to wait", async || {
        let polls = hub.metric("stockwire_hub_sockets{kind=\"poll\"}").await?;
        Ok((polls >= 1.0).then_some(()))
    });
    there.await?;
    Ok(polling)
}

#[tokio::test]
async fn streams_and_polls_learn_it() -> Result<()> {
    let stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    let hub = start_hub(&stack).await?;
    let mut events = EventStream::open_with(hub.address(), "topic=items", &who.token).await?;
    events.expect("connected").await?;
    events.expect("subscribed").await?;
    let (_, begin) = asked(hub.address(), "/poll?topic=items", &who.token).await?;
    let cursor = begin["next_cursor"].as_str().context("no cursor")?;
    let poll = waiting_poll(&hub, format!("/poll?topic=items&wait=25&after={cursor}"), &who.token).await?;
    stack.end_in_psql(who.login).await?;
    let logout = events.expect("force_logout").await?;
    ensure!(logout["reason"] == "revoked" && logout["message"].is_string(), "{logout}");
    ensure!(events.next().await?.is_none(), "the stream goes on");
    is_session_ended(&waiting::within(waiting::PATIENCE, "the poll's answer", poll).await???, "revoked")
}

#[tokio::test]
async fn a_hub_that_was_not_there_refuses_the_old_token() -> Result<()> {
    let stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    let hub = start_hub(&stack).await?;
    let options = SocketOptions { token: Some(who.token.clone()), ..SocketOptions::default() };
    let mut client = SocketClient::connect(hub.address(), &options).await?;
    client.expect("connected").await?;
    hub.kill().await?;
    stack.end_in_psql(who.login).await?;
    // Not even the log has it any more.
    stack.api.create_item(&json!({"name": "newer"})).await?;
    stack.database.all_sequenced().await?;
    stack.database.keep_newest(1).await?;
    let back = start_hub(&stack).await?;
    lets_nobody_in(back.address(), &who, "revoked").await
}

#[tokio::test]
async fn a_hub_that_missed_the_end_in_a_hole_of_its_stream_ends_the_socket() -> Result<()> {
    let notifiers = testkit::ServiceName::new().await?;
    let mut stack = Stack::start().await?;
    let (gone, staying) = (stack.sign_in("alice").await?, stack.sign_in("bob").await?);
    notifiers.lead_to(stack.notifier.address());
    stack.settings.notifier.url = format!("ws://{}", notifiers.address());
    let hub = Hub::start(&stack.settings).await?;
    let (mut client, mut other) = (connected(&hub, &gone).await?, connected(&hub, &staying).await?);
    // A notifier with a short memory takes over while the hub hears nothing.
    let mut settings = stack.settings.clone();
    settings.notifier.window_entries = 1;
    let next = testkit::Notifier::start(&settings).await?;
    stack.notifier.kill().await;
    stack
        .database
        .sql()
        .await?
        .execute("update sessions set ended_at = now() where id = $1", &[&gone.id()])
        .await?;
    for number in 0..3 {
        stack.api.create_item(&json!({"name": format!("newer {number}")})).await?;
    }
    stack.database.all_sequenced().await?;
    stack.database.keep_newest(1).await?;
    notifiers.lead_to(next.address());
    ensure!(client.logged_out().await? == "revoked");
    other.goes_on().await
}

#[tokio::test]
async fn a_hub_asks_each_notifier_what_the_one_before_may_have_kept_back() -> Result<()> {
    let notifiers = testkit::ServiceName::new().await?;
    let mut stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    notifiers.lead_to(stack.notifier.address());
    stack.settings.notifier.url = format!("ws://{}", notifiers.address());
    let hub = Hub::start(&stack.settings).await?;
    let mut client = connected(&hub, &who).await?;
    // No entry tells of it, as none did that a notifier of the release before has fed.
    let ended = format!(
        "insert into ended_logins (tenant_id, login, reason) values (1, '{}', 'password_changed')",
        who.login
    );
    stack.database.sql().await?.batch_execute(&ended).await?;
    let next = testkit::Notifier::start(&stack.settings).await?;
    notifiers.lead_to(next.address());
    stack.notifier.kill().await;
    ensure!(client.logged_out().await? == "password_changed");
    Ok(())
}

#[tokio::test]
async fn a_restored_database_brings_its_own_ended_logins() -> Result<()> {
    let stack = Stack::start().await?;
    let (first, second) = (stack.sign_in("alice").await?, stack.sign_in("bob").await?);
    let mut seconds = connected(&stack.hub, &second).await?;
    let mut firsts = connected(&stack.hub, &first).await?;
    stack.end_in_psql(first.login).await?;
    ensure!(firsts.logged_out().await? == "revoked");
    // As a backup would have it in which only the second one was ended, of which this log has no entry.
    let restored = format!(
        "update ended_logins set login = '{}', reason = 'expired'; update sequencer set origin = 'elsewhere'",
        second.login
    );
    stack.database.sql().await?.batch_execute(&restored).await?;
    ensure!(stack.database.terminate("stockwire notifier sequencer").await? == 1);
    ensure!(seconds.logged_out().await? == "expired");
    connected(&stack.hub, &first).await?.goes_on().await
}

#[tokio::test]
async fn a_hub_lets_nobody_in_before_it_knows_which_logins_were_ended() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    sql.batch_execute("alter table ended_logins rename to away").await?;
    let mut environment = process::environment(&stack.settings);
    environment.remove("STOCKWIRE__DATABASE__URL");
    let mut hub = process::Service::spawn(env!("CARGO_BIN_EXE_hub"), "STOCKWIRE__HUB__LISTEN", &environment)?;
    let url = |path: &str| format!("http://{}{path}", hub.address());
    let (ready, poll) = (url("/ready"), url("/poll?topic=items&wait=0"));
    let tried = "stockwire_hub_feed_reconnects_total";
    let trying = waiting::until(waiting::PATIENCE, "the hub to have tried", async || {
        Ok(process::metric(hub.address(), tried).await.ok().filter(|count| *count >= 2.0))
    });
    trying.await?;
    for url in [&ready, &poll] {
        ensure!(reqwest::get(url).await?.status() == 503, "{url}");
    }
    sql.batch_execute("alter table away rename to ended_logins").await?;
    hub.ready().await?;
    ensure!(reqwest::get(&poll).await?.status() == 200);
    Ok(())
}

#[tokio::test]
async fn a_client_that_waits_for_its_state_hears_it_too() -> Result<()> {
    let mut stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    // Takes connections and never answers.
    let silent = testkit::free_listener()?;
    stack.settings.api.url = format!("http://{}", silent.local_addr()?);
    let hub = start_hub(&stack).await?;
    let options = SocketOptions { token: Some(who.token.clone()), ..SocketOptions::default() };
    let mut client = SocketClient::connect(hub.address(), &options).await?;
    client.expect("connected").await?;
    client.subscribe_with_snapshot("items").await?;
    client.goes_on().await?;
    let poll = waiting_poll(&hub, "/poll?topic=items&snapshot=true".to_owned(), &who.token).await?;
    stack.end_in_psql(who.login).await?;
    ensure!(client.logged_out().await? == "revoked");
    is_session_ended(&waiting::within(waiting::PATIENCE, "the poll's answer", poll).await???, "revoked")
}

#[tokio::test]
async fn clients_that_never_read_are_ended_too() -> Result<()> {
    let stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    let ids = create_items(&stack.api, 10).await?;
    // Nothing else would close them for a while.
    let hub = start_hub_with(&stack, &[("STALL_TIMEOUT_MS", "600000"), ("HEARTBEAT_MS", "600000")]).await?;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let line = format!("Authorization: Bearer {}\r\n", who.token);
        stalled.push(stubborn_with(hub.address(), &line).await?);
    }
    let live = async || Ok((hub.metric("stockwire_hub_live_subscriptions").await? >= 3.0).then_some(()));
    waiting::until(waiting::PATIENCE, "all of them to be live", live).await?;
    // Far more than the kernel keeps for a socket: then they aren't live any more.
    let full = async || {
        flood(&stack, &ids, 10).await?;
        Ok((hub.metric("stockwire_hub_live_subscriptions").await? == 0.0).then_some(()))
    };
    waiting::until(waiting::PATIENCE * 3, "all of them to be full", full).await?;
    stack.end_in_psql(who.login).await?;
    let gone = async || Ok((hub.metric("stockwire_hub_sockets").await? == 0.0).then_some(()));
    waiting::until(waiting::PATIENCE, "all of them to be gone", gone).await?;
    let closed = hub.metric("stockwire_hub_closes_total{code=\"forced_logout\"}").await?;
    ensure!((closed - 3.0).abs() < 0.5, "{closed}");
    Ok(())
}

#[tokio::test]
async fn a_socket_without_a_name_takes_no_ended_login() -> Result<()> {
    let stack = Stack::start().await?;
    let (gone, staying) = (stack.sign_in("alice").await?, stack.sign_in("bob").await?);
    stack.end_in_psql(gone.login).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    let mut second = stack.hub.connect().await?;
    second.expect("connected").await?;
    second.send(&json!({"type": "auth", "token": staying.token})).await?;
    second.goes_on().await?;
    let known = waiting::until(waiting::PATIENCE, "the hub to know", async || {
        let (status, _) = asked(stack.hub.address(), "/poll?topic=items&wait=0", &gone.token).await?;
        Ok((status == 401).then_some(()))
    });
    known.await?;
    client.send(&json!({"type": "auth", "token": gone.token})).await?;
    ensure!(client.logged_out().await? == "revoked");
    // A socket that has a login takes no other's token, ended or not.
    let mut third = connected(&stack.hub, &staying).await?;
    third.send(&json!({"type": "auth", "token": gone.token})).await?;
    ensure!(third.closed().await?.code == Some(1008));
    // Who said later who it is, is found as well.
    stack.end_in_psql(staying.login).await?;
    ensure!(second.logged_out().await? == "revoked");
    Ok(())
}

#[tokio::test]
async fn an_entry_that_names_no_login_is_ignored() -> Result<()> {
    let stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    let mut client = connected(&stack.hub, &who).await?;
    client.send(&json!({"type": "subscribe", "topic": "items"})).await?;
    client.expect("subscribed").await?;
    let malformed = "insert into changes (tenant_id, resource, resource_id, op, version, data, actor)
        select 1, 'session', number, 'delete', 2, data::json, 'db:somebody' from (values
          (1, null), (2, '7'), (3, '{\"login\":\"nobody\",\"reason\":\"revoked\"}'), (4, '{\"reason\":\"revoked\"}')
        ) as wrong (number, data)";
    stack.database.sql().await?.batch_execute(malformed).await?;
    stack.api.create_item(&json!({"name": "behind them"})).await?;
    client.expect("create").await?;
    client.goes_on().await
}

#[tokio::test]
async fn what_was_ended_is_counted_by_its_reason() -> Result<()> {
    let stack = Stack::start().await?;
    let who = stack.sign_in("alice").await?;
    let hub = start_hub_with(&stack, &[]).await?;
    let series = "stockwire_hub_forced_logouts_total{reason=\"other_device_login\"}";
    let count = async || {
        let text = reqwest::get(format!("http://{}/metrics", hub.address())).await?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(series)).context("no series")?;
        anyhow::Ok(line.trim().to_owned())
    };
    ensure!(count().await? == "0");
    let options = SocketOptions { token: Some(who.token.clone()), ..SocketOptions::default() };
    let mut client = SocketClient::connect(hub.address(), &options).await?;
    client.expect("connected").await?;
    stack.sign_in("alice").await?;
    client.logged_out().await?;
    ensure!(count().await? == "1");
    ensure!(hub.metric("stockwire_hub_closes_total{code=\"forced_logout\"}").await? >= 1.0);
    Ok(())
}
