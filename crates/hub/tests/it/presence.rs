//! Who is connected, with several hubs: told once when they come to any, and once when they have left all.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use domain::{Cursor, Identity, Login, TenantId};
use jiff::Timestamp;
use serde_json::{Value, json};
use service::{Settings, access::Access};
use testkit::{
    EventStream, Hub, InventoryApi, ServiceName, SocketClient, SocketOptions, Stack, free_listener, waiting,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{failures::start_hub_with, settled};

const GRACE_MS: u64 = 300;
/// Long enough for a machine that is busy to report in time, short enough to wait for.
const LASTS_MS: u32 = 6000;
/// Somebody leaves within this time after a hub was killed, with the time that a busy machine takes.
const SWEPT: Duration = Duration::from_secs(30);

fn quick(settings: &mut Settings) {
    settings.hub.presence_grace_ms = GRACE_MS;
    settings.hub.presence_lasts_ms = LASTS_MS;
    settings.hub.reconnect_jitter_ms = 100;
    // Nobody reads these clients, so none of them answers a ping.
    settings.hub.heartbeat_ms = 60_000;
}

fn token(settings: &Settings, tenant: i64, actor: &str, login: Option<Login>) -> Result<String> {
    let identity =
        Identity { tenant: TenantId::new(tenant), actor: actor.into(), login, ..Identity::anonymous() };
    let access = Access::new(&settings.token_secret()?, settings.auth.anonymous);
    Ok(access.issue(&identity, Timestamp::from_second(Timestamp::now().as_second() + 600)?)?)
}

/// Connects someone of a tenant who has signed in.
async fn connect_of(stack: &Stack, hub: &Hub, tenant: i64, actor: &str) -> Result<SocketClient> {
    let token = Some(token(&stack.settings, tenant, actor, Some(Login::Session(1)))?);
    let options = SocketOptions { token, ..SocketOptions::default() };
    let mut client = SocketClient::connect(hub.address(), &options).await?;
    client.expect("connected").await?;
    Ok(client)
}

async fn connect(stack: &Stack, hub: &Hub, actor: &str) -> Result<SocketClient> {
    connect_of(stack, hub, 1, actor).await
}

/// A client that has seen who is here.
async fn watch(hub: &Hub) -> Result<(SocketClient, Value)> {
    let mut watcher = hub.connect().await?;
    watcher.expect("connected").await?;
    watcher.subscribe_with_snapshot("presence").await?;
    let initial = watcher.expect("initial").await?;
    watcher.expect("subscribed").await?;
    Ok((watcher, initial["data"].clone()))
}

/// What inventory-api answers, page by page.
async fn list(api: &str, token: Option<&str>) -> Result<Vec<Value>> {
    let (client, mut people, mut after) = (reqwest::Client::new(), Vec::new(), String::new());
    loop {
        let request = client.get(format!("{api}/api/v1/presence?limit=200{after}"));
        let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        let page: Value = request.send().await?.error_for_status()?.json().await?;
        people.extend(page["data"].as_array().context("no data")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(people),
        }
    }
}

async fn listed(stack: &Stack) -> Result<BTreeSet<String>> {
    let people = list(&stack.api.url(), None).await?;
    Ok(people.iter().filter_map(|person| person["actor"].as_str().map(ToOwned::to_owned)).collect())
}

async fn until_listed(stack: &Stack, expected: &[&str], limit: Duration) -> Result<()> {
    let expected: BTreeSet<String> = expected.iter().map(|actor| (*actor).to_owned()).collect();
    let awaited = format!("{expected:?} to be present");
    let seen = waiting::until(limit, &awaited, async || Ok((listed(stack).await? == expected).then_some(())));
    seen.await.map(drop)
}

/// How often anybody came or went.
async fn told(stack: &Stack) -> Result<i64> {
    let count = "select count(*) from changes where resource = 'presence'";
    Ok(stack.database.sql().await?.query_one(count, &[]).await?.get(0))
}

#[tokio::test]
async fn someone_on_two_hubs_is_present_until_the_last_connection_has_ended() -> Result<()> {
    let stack = Stack::start_with(quick).await?;
    let insert =
        "insert into users (tenant_id, email, name, role) values (1, 'a@shop.example', 'Anna', 'clerk')";
    stack.database.sql().await?.batch_execute(insert).await?;
    // The end of a stream is noticed when something is written to it.
    let mut lively = stack.settings.clone();
    lively.hub.heartbeat_ms = 300;
    let other = Hub::start(&lively).await?;
    let (mut watcher, before) = watch(&stack.hub).await?;
    ensure!(before == json!([]), "{before}");
    let first = connect(&stack, &stack.hub, "user:1").await?;
    let create = watcher.expect("create").await?;
    let person = &create["data"];
    let only = vec![person.clone()];
    ensure!((&person["actor"], &person["name"]) == (&json!("user:1"), &json!("Anna")), "{create}");
    ensure!(create["topic"] == "presence" && create["resource"] == "presence", "{create}");
    let here = connect(&stack, &stack.hub, "user:1").await?;
    // The other hub's is an event stream.
    let token = token(&stack.settings, 1, "user:1", Some(Login::Session(2)))?;
    let url = format!("http://{}/events?topic=items", other.address());
    let stream = reqwest::Client::new().get(url).bearer_auth(token).send().await?.error_for_status()?;
    ensure!(list(&stack.api.url(), None).await? == only);
    drop((first, here));
    watcher.stays_quiet(Duration::from_millis(GRACE_MS * 4)).await?;
    ensure!(list(&stack.api.url(), None).await? == only);
    drop(stream);
    let delete = watcher.expect("delete").await?;
    ensure!(delete["previous"] == *person && delete["data"].is_null(), "{delete}");
    ensure!(listed(&stack).await?.is_empty() && told(&stack).await? == 2);
    Ok(())
}

#[tokio::test]
async fn loading_a_page_anew_is_no_leaving() -> Result<()> {
    // Long enough for whatever a busy machine does between two connections.
    let grace = |settings: &mut Settings| settings.hub.presence_grace_ms = 20_000;
    let stack = Stack::start_with(grace).await?;
    let (mut watcher, _) = watch(&stack.hub).await?;
    let mut page = connect(&stack, &stack.hub, "user:1").await?;
    watcher.expect("create").await?;
    for _ in 0..5 {
        drop(page);
        tokio::time::sleep(Duration::from_millis(50)).await;
        page = connect(&stack, &stack.hub, "user:1").await?;
    }
    watcher.stays_quiet(Duration::from_millis(500)).await
}

#[tokio::test]
async fn a_poller_is_present_and_who_has_no_login_or_another_tenant_is_not_seen() -> Result<()> {
    let stack = Stack::start_with(quick).await?;
    stack.database.sql().await?.batch_execute("insert into tenants (name) values ('other')").await?;
    let (mut watcher, _) = watch(&stack.hub).await?;
    let mut theirs = connect_of(&stack, &stack.hub, 2, "user:9").await?;
    theirs.subscribe_with_snapshot("presence").await?;
    theirs.expect("initial").await?;
    let token = token(&stack.settings, 1, "operator", None)?;
    let options = SocketOptions { token: Some(token), ..SocketOptions::default() };
    let _operator = SocketClient::connect(stack.hub.address(), &options).await?;
    settled(&stack).await?;
    let http = reqwest::Client::new();
    let key = self::token(&stack.settings, 1, "key:3", Some(Login::Key(3)))?;
    let url = format!("http://{}/poll?topic=notifications", stack.hub.address());
    let page: Value = http.get(&url).bearer_auth(&key).send().await?.json().await?;
    let cursor: Cursor = page["next_cursor"].as_str().context("no cursor")?.parse()?;
    let polling = tokio::spawn(http.get(format!("{url}&after={cursor}&wait=2")).bearer_auth(&key).send());
    let create = watcher.expect("create").await?;
    ensure!(create["data"]["actor"] == "key:3" && create["data"]["name"] == "key:3", "{create}");
    ensure!(listed(&stack).await? == BTreeSet::from(["key:3".to_owned()]));
    let token = self::token(&stack.settings, 2, "user:9", Some(Login::Session(1)))?;
    let seen = list(&stack.api.url(), Some(&token)).await?;
    ensure!(seen.len() == 1 && seen[0]["actor"] == "user:9", "{seen:?}");
    polling.await??;
    watcher.expect("delete").await?;
    Ok(())
}

#[tokio::test]
async fn who_was_with_a_killed_hub_leaves_when_its_last_report_has_run_out() -> Result<()> {
    let stack = Stack::start_with(quick).await?;
    let lasts = LASTS_MS.to_string();
    let killed = start_hub_with(&stack, &[("PRESENCE_LASTS_MS", &lasts)]).await?;
    let mut clients = Vec::new();
    for actor in ["user:1", "user:2"] {
        let token = Some(token(&stack.settings, 1, actor, Some(Login::Session(1)))?);
        let options = SocketOptions { token, ..SocketOptions::default() };
        clients.push(SocketClient::connect(killed.address(), &options).await?);
    }
    let stays = connect(&stack, &stack.hub, "user:1").await?;
    until_listed(&stack, &["user:1", "user:2"], waiting::PATIENCE).await?;
    let (mut watcher, _) = watch(&stack.hub).await?;
    killed.kill().await?;
    until_listed(&stack, &["user:1"], SWEPT).await?;
    ensure!(watcher.expect("delete").await?["previous"]["actor"] == "user:2");
    ensure!(told(&stack).await? == 3);
    drop(stays);
    Ok(())
}

#[tokio::test]
async fn who_moves_from_a_hub_that_stops_to_another_one_never_leaves() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        quick(settings);
        settings.hub.presence_grace_ms = 2000;
    })
    .await?;
    let stopping = Hub::start(&stack.settings).await?;
    let (mut moves, mut goes) =
        (connect(&stack, &stopping, "user:1").await?, connect(&stack, &stopping, "user:2").await?);
    until_listed(&stack, &["user:1", "user:2"], waiting::PATIENCE).await?;
    let stop = tokio::spawn(stopping.stop());
    ensure!(moves.closed().await?.code == Some(1012) && goes.closed().await?.code == Some(1012));
    let _moved = connect(&stack, &stack.hub, "user:1").await?;
    stop.await??;
    until_listed(&stack, &["user:1"], SWEPT).await?;
    ensure!(told(&stack).await? == 3, "one has left, and nobody came twice");
    Ok(())
}

#[tokio::test]
async fn what_happened_while_inventory_api_was_away_is_told_when_it_is_back() -> Result<()> {
    let mut stack = Stack::start_with(quick).await?;
    let apis = ServiceName::new().await?;
    apis.lead_to(stack.api.address());
    let mut settings = stack.settings.clone();
    settings.api.url = format!("http://{}", apis.address());
    stack.hub = Hub::start(&settings).await?;
    let _stays = connect(&stack, &stack.hub, "user:1").await?;
    let leaves = connect(&stack, &stack.hub, "user:2").await?;
    until_listed(&stack, &["user:1", "user:2"], waiting::PATIENCE).await?;
    let (mut watcher, _) = watch(&stack.hub).await?;
    let next = InventoryApi::start(&settings).await?;
    apis.lead_to(free_listener()?.local_addr()?);
    std::mem::replace(&mut stack.api, next).kill().await;
    drop(leaves);
    let _comes = connect(&stack, &stack.hub, "user:3").await?;
    watcher.stays_quiet(Duration::from_millis(GRACE_MS * 3)).await?;
    apis.lead_to(stack.api.address());
    until_listed(&stack, &["user:1", "user:3"], SWEPT).await?;
    ensure!(told(&stack).await? == 4, "who stayed has neither left nor come");
    Ok(())
}

#[tokio::test]
async fn many_are_told_of_in_parts_and_anew_when_their_hub_was_forgotten() -> Result<()> {
    const MANY: usize = 620;
    let stack = Stack::start_with(quick).await?;
    let mut clients = Vec::new();
    for number in 1..=MANY {
        clients.push(connect(&stack, &stack.hub, &format!("user:{number}")).await?);
    }
    let everybody = async |awaited: &str| {
        let all = waiting::until(SWEPT, awaited, async || {
            let count = "select count(distinct actor) from hub_people";
            let count: i64 = stack.database.sql().await?.query_one(count, &[]).await?.get(0);
            let listed = listed(&stack).await?.len();
            Ok((usize::try_from(count)? == MANY && listed == MANY).then_some(()))
        });
        all.await.map(drop)
    };
    everybody("all to be present").await?;
    ensure!(usize::try_from(told(&stack).await?)? == MANY);
    // As the sweep does when nothing was heard of it for too long.
    stack.database.sql().await?.batch_execute("delete from hubs").await?;
    everybody("all to be present again").await?;
    drop(clients);
    until_listed(&stack, &[], SWEPT).await
}

#[tokio::test]
async fn a_snapshot_of_who_is_here_joins_the_stream_without_a_hole_and_can_be_resumed() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        quick(settings);
        settings.hub.presence_grace_ms = 20;
        settings.hub.snapshot_reuse_ms = 0;
    })
    .await?;
    let crowd = async {
        for round in 0..30 {
            let _one = connect(&stack, &stack.hub, &format!("user:{}", round % 7)).await?;
            let _two = connect(&stack, &stack.hub, &format!("key:{}", round % 5)).await?;
            // Longer than newcomers are collected, or nobody was ever here.
            tokio::time::sleep(Duration::from_millis(130)).await;
        }
        connect(&stack, &stack.hub, "user:100").await
    };
    let watchers = async {
        let mut watchers = Vec::new();
        for _ in 0..20 {
            watchers.push(watch(&stack.hub).await?);
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        anyhow::Ok(watchers)
    };
    let (last, watchers) = tokio::join!(crowd, watchers);
    let (last, mut seen) = (last?, 0);
    for (mut watcher, initial) in watchers? {
        let id = |person: &Value| person["id"].as_i64().context("no id");
        let mut here: BTreeSet<i64> =
            initial.as_array().context("no people")?.iter().map(id).collect::<Result<_>>()?;
        loop {
            let frame = watcher.next().await?;
            match frame["type"].as_str() {
                Some("create") => {
                    here.insert(id(&frame["data"])?);
                }
                Some("delete") => {
                    here.remove(&id(&frame["previous"])?);
                }
                _ => continue,
            }
            seen += 1;
            let only = list(&stack.api.url(), None).await?;
            if only.len() == 1 && only[0]["actor"] == "user:100" && here == BTreeSet::from([id(&only[0])?]) {
                break;
            }
        }
    }
    ensure!(seen > 20, "{seen}");
    resumes(&stack, last).await
}

/// What was missed of the topic comes behind the cursor.
async fn resumes(stack: &Stack, last: SocketClient) -> Result<()> {
    settled(stack).await?;
    let mut stream = EventStream::open(stack.hub.address(), "topic=presence&snapshot=true", None).await?;
    stream.expect("connected").await?;
    ensure!(stream.expect("initial").await?["data"][0]["actor"] == "user:100");
    stream.expect("subscribed").await?;
    let cursor: Cursor = stream.last_id.clone().context("no cursor")?.parse()?;
    drop((stream, last));
    until_listed(stack, &[], SWEPT).await?;
    settled(stack).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("presence", cursor, true).await?;
    ensure!(client.expect("delete").await?["previous"]["actor"] == "user:100");
    ensure!(client.expect("subscribed").await?["recovered"] == true);
    Ok(())
}

/// A hub of this release may come before its inventory-api does.
#[tokio::test]
async fn an_inventory_api_that_knows_no_presence_is_asked_seldom_and_nobody_suffers() -> Result<()> {
    let listener = free_listener()?;
    listener.set_nonblocking(true)?;
    let older = tokio::net::TcpListener::from_std(listener)?;
    let address = older.local_addr()?;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let answering = tokio::spawn(async move {
        while let Ok((mut socket, _)) = older.accept().await {
            let mut head = [0; 4096];
            while socket.read(&mut head).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
                if socket.write_all(answer).await.is_err() {
                    break;
                }
            }
        }
    });
    let stack = Stack::start_with(quick).await?;
    let mut settings = stack.settings.clone();
    settings.api.url = format!("http://{address}");
    let hub = Hub::start(&settings).await?;
    let mut client = connect(&stack, &hub, "user:1").await?;
    client.send(&json!({"type": "subscribe", "topic": "items"})).await?;
    client.expect("subscribed").await?;
    stack.api.create_item(&json!({"name": "Bolt"})).await?;
    client.expect("create").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // One report may be read in two pieces.
    ensure!((1..=2).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
    hub.stop().await?;
    answering.abort();
    Ok(())
}
