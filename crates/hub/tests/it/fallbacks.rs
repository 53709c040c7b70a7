//! Server-Sent Events, and what they share with the long poll: the frames and cursors of the socket, and its limits.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testkit::{EventStream, Hub, Mirror, Stack, items_in_table, waiting};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::{create_items, integer, mirroring, settled, until_equal};

pub(crate) async fn poll(stack: &Stack, query: &str) -> Result<Value> {
    let url = format!("http://{}/poll?{query}", stack.hub.address());
    let answer = reqwest::get(url).await?;
    answer.error_for_status()?.json().await.context("the answer is not JSON")
}

/// Asks where the log is until the hub has reached a position.
async fn poll_at(stack: &Stack, position: i64) -> Result<Value> {
    let reached = waiting::until(waiting::PATIENCE, "the hub to reach the position", async || {
        let page = poll(stack, "topic=items").await?;
        Ok((page["as_of"]["position"] == position).then_some(page))
    });
    Ok(reached.await?.0)
}

/// Takes events until the mirror shows what the table says.
async fn events_until_equal(stack: &Stack, events: &mut EventStream, mirror: &mut Mirror) -> Result<()> {
    let table = items_in_table(&stack.database.sql().await?).await?;
    while !mirror.is_live() || mirror.items() != &table {
        mirror.take(&events.next().await?.context("the stream has ended")?)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_of_events_mirrors_the_table_and_resumes_at_its_last_event() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 5).await?;
    settled(&stack).await?;
    let mut events = EventStream::open(stack.hub.address(), "topic=items&snapshot=true", None).await?;
    let mut mirror = Mirror::default();
    events_until_equal(&stack, &mut events, &mut mirror).await?;
    assert!(events.retry.is_some(), "the stream says when to come back");
    for quantity in 100..105 {
        stack.api.patch_item(ids[0], &json!({"quantity": quantity})).await?;
    }
    events_until_equal(&stack, &mut events, &mut mirror).await?;
    assert_eq!((mirror.changes, events.last_id.clone()), (5, Some(mirror.cursor()?.to_string())));
    let last_id = events.last_id.clone();
    drop(events);
    for quantity in 200..210 {
        stack.api.patch_item(ids[1], &json!({"quantity": quantity})).await?;
    }
    // As a browser's EventSource does: the same address, and the last id in a header.
    let address = "topic=items&snapshot=true";
    let mut events = EventStream::open(stack.hub.address(), address, last_id.as_deref()).await?;
    events.expect("connected").await?;
    events_until_equal(&stack, &mut events, &mut mirror).await?;
    while mirror.changes < 15 {
        mirror.take(&events.next().await?.context("the stream has ended")?)?;
    }
    assert_eq!((mirror.changes, mirror.resyncs), (15, 0), "each change that was missed came once");
    Ok(())
}

#[tokio::test]
async fn one_cursor_leads_from_socket_to_events_to_poll_to_the_pull_feed() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 2).await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    let change = async |quantity: i64| stack.api.patch_item(ids[0], &json!({"quantity": quantity})).await;
    change(100).await?;
    until_equal(&stack, &mut client, &mut mirror).await?;
    drop(client);
    change(101).await?;
    let query = format!("topic=items&after={}", mirror.cursor()?);
    let mut events = EventStream::open(stack.hub.address(), &query, None).await?;
    events_until_equal(&stack, &mut events, &mut mirror).await?;
    let cursor = events.last_id.clone().context("no id")?;
    drop(events);
    change(102).await?;
    let polled = poll(&stack, &format!("topic=items&after={cursor}")).await?;
    assert_eq!((&polled["recovered"], &polled["has_more"]), (&json!(true), &json!(false)));
    for frame in polled["data"].as_array().context("no data")? {
        mirror.take(frame)?;
    }
    assert_eq!(mirror.changes, 3);
    let cursor = polled["next_cursor"].as_str().context("no cursor")?.to_owned();
    change(103).await?;
    let pulled: Value = reqwest::get(format!("{}/api/v1/changes?wait=5&after={cursor}", stack.api.url()))
        .await?
        .json()
        .await?;
    assert_eq!(pulled["data"][0]["data"]["quantity"], 103);
    let cursor = pulled["next_cursor"].as_str().context("no cursor")?.parse()?;
    change(104).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", cursor, false).await?;
    // The hub may hear of the change before or after it made the client live.
    let update = loop {
        let frame = client.next().await?;
        if frame["type"] == "update" {
            break frame;
        }
    };
    assert_eq!(update["data"]["quantity"], 104);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() -> Result<()> {
    let stack =
        Stack::start_with(|settings| settings.hub.allowed_origins = vec!["https://shop.example".into()])
            .await?;
    let http = reqwest::Client::new();
    let url = |path: &str| format!("http://{}{path}", stack.hub.address());
    for (path, says) in [
        ("/events", "topic"),
        ("/events?topic=itms", "topic"),
        ("/events?topic=session", "topic"),
        ("/events?topic=items&after=7", "after"),
        ("/events?topic=items&wait=1", "wait"),
        ("/events?topic=items&snapshot=maybe", "snapshot"),
        ("/poll?topic=items&wait=31", "wait"),
        ("/poll?topic=items&limit=3", "limit"),
    ] {
        let answer = http.get(url(path)).send().await?;
        assert_eq!(answer.status(), 400, "{path}");
        let problem: Value = answer.json().await?;
        assert_eq!(problem["errors"][0]["pointer"], says, "{path}: {problem}");
    }
    let last_id = http.get(url("/events?topic=items")).header("last-event-id", "x").send().await?;
    assert_eq!(last_id.status(), 400);
    let token = http.get(url("/events?topic=items")).bearer_auth("nonsense").send().await?;
    assert_eq!((token.status().as_u16(), token.headers().contains_key("www-authenticate")), (401, true));
    let elsewhere =
        http.get(url("/poll?topic=items")).header("origin", "https://evil.example").send().await?;
    assert_eq!(elsewhere.status(), 403);
    assert!(!elsewhere.headers().contains_key("access-control-allow-origin"));
    let page = http.get(url("/poll?topic=items")).header("origin", "https://shop.example").send().await?;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["access-control-allow-origin"], "https://shop.example");
    let asks = http.request(reqwest::Method::OPTIONS, url("/events?topic=items"));
    let asks = asks.header("origin", "https://shop.example").send().await?;
    assert_eq!(asks.status(), 204);
    assert!(asks.headers().contains_key("access-control-allow-headers"));
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_when_its_client_is_gone_and_when_the_hub_stops() -> Result<()> {
    let mut stack = Stack::start_with(|settings| {
        settings.hub.max_sockets = 1;
        settings.hub.heartbeat_ms = 200;
    })
    .await?;
    let address = stack.hub.address();
    let first = EventStream::open(address, "topic=items", None).await?;
    assert!(EventStream::open(address, "topic=items", None).await.is_err(), "there is one place");
    // A browser would never come back after a 503.
    let browser = reqwest::Client::new().get(format!("http://{address}/events?topic=items"));
    let sent_away = browser.header("accept", "text/event-stream").send().await?;
    assert_eq!(sent_away.status(), 200);
    let sent_away = sent_away.text().await?;
    assert!(sent_away.starts_with("retry: ") && sent_away.contains(r#""code":"try_later""#), "{sent_away}");
    drop(first);
    let again = waiting::until(waiting::PATIENCE, "the place of a client that went", async || {
        Ok(EventStream::open(address, "topic=items", None).await.ok())
    });
    let (mut second, _) = again.await?;
    second.expect("connected").await?;
    let subscribed = second.expect("subscribed").await?;
    let heartbeat = second.next().await?.context("the stream has ended")?;
    assert_eq!((&heartbeat["type"], &heartbeat["position"]), (&json!("heartbeat"), &subscribed["position"]));
    let next = Hub::start(&stack.settings).await?;
    let stopping = tokio::spawn(std::mem::replace(&mut stack.hub, next).stop());
    assert_eq!(second.expect("error").await?["code"], "restart");
    assert_eq!(second.next().await?, None);
    stopping.await??;
    Ok(())
}

#[tokio::test]
async fn a_stream_gets_its_state_anew_after_a_restore() -> Result<()> {
    let stack = Stack::start().await?;
    create_items(&stack.api, 3).await?;
    settled(&stack).await?;
    let mut events = EventStream::open(stack.hub.address(), "topic=items&snapshot=true", None).await?;
    let mut mirror = Mirror::default();
    events_until_equal(&stack, &mut events, &mut mirror).await?;
    let before = mirror.cursor()?.epoch;
    stack.database.sql().await?.batch_execute("update sequencer set origin = 'elsewhere'").await?;
    assert_eq!(stack.database.terminate("stockwire notifier sequencer").await?, 1);
    while mirror.resyncs == 0 {
        mirror.take(&events.next().await?.context("the stream has ended")?)?;
    }
    create_items(&stack.api, 1).await?;
    events_until_equal(&stack, &mut events, &mut mirror).await?;
    assert_ne!(mirror.cursor()?.epoch, before);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_read_too_late_is_conflated_and_ends_with_the_truth() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.hub.conflate_after = 50;
        settings.hub.ring_bytes = 256 << 20;
    })
    .await?;
    let ids = create_items(&stack.api, 5).await?;
    settled(&stack).await?;
    // As little room in the kernel as possible: what isn't read shall be the hub's.
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut late = socket.connect(stack.hub.address()).await?;
    let request = format!("GET /events?topic=items HTTP/1.1\r\nHost: {}\r\n\r\n", stack.hub.address());
    late.write_all(request.as_bytes()).await?;
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("subscribed") {
        late.read_buf(&mut heard).await?;
    }
    let sql = stack.database.sql().await?;
    let update =
        "update items set attributes = jsonb_build_object('n', $1::int, 'padding', repeat('x', 8000))";
    for round in 0..200 {
        sql.execute(update, &[&round]).await?;
    }
    settled(&stack).await?;
    let mut finished = async || {
        while ids.iter().any(|id| !said_last(&heard, *id)) {
            late.read_buf(&mut heard).await?;
        }
        Ok::<_, anyhow::Error>(())
    };
    waiting::within(Duration::from_secs(30), "the newest of each item", finished()).await??;
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.contains(r#""type":"conflated""#), "{} bytes without a conflation", heard.len());
    Ok(())
}

/// Whether the last change of an item was heard.
fn said_last(heard: &[u8], id: i64) -> bool {
    // The newest lies near the end; looking through everything each time would take minutes.
    let tail = String::from_utf8_lossy(&heard[heard.len().saturating_sub(200_000)..]);
    tail.split("\ndata: ")
        .any(|event| event.contains(&format!(r#""id":{id},"#)) && event.contains(r#""n": 199,"#))
}

#[tokio::test]
async fn streams_and_polls_resume_from_behind_the_ring() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.ring_entries = 5).await?;
    let ids = create_items(&stack.api, 3).await?;
    settled(&stack).await?;
    let begin = poll_at(&stack, 3).await?;
    let mut cursor = begin["next_cursor"].as_str().context("no cursor")?.to_owned();
    let update = "update items set quantity = quantity + 1";
    let sql = stack.database.sql().await?;
    for _ in 0..500 {
        sql.batch_execute(update).await?;
    }
    settled(&stack).await?;
    let query = format!("topic=items,items:{}&after={cursor}", ids[1]);
    let mut events = EventStream::open(stack.hub.address(), &query, None).await?;
    events.expect("connected").await?;
    let (mut all, mut of_one) = (Vec::new(), 0);
    while all.len() < 1500 || of_one < 500 {
        let frame = events.expect("update").await?;
        if frame["topic"] == "items" { all.push(integer(&frame, "position")) } else { of_one += 1 }
    }
    assert_eq!(all, (4..=1503).collect::<Vec<i64>>());
    assert_eq!(events.expect("subscribed").await?["recovered"], json!(true));
    let mut polled = 0;
    while polled < 500 {
        let page = poll(&stack, &format!("topic=items:{}&after={cursor}", ids[1])).await?;
        assert_eq!(page["recovered"], json!(true));
        polled += page["data"].as_array().map_or(0, Vec::len);
        cursor = page["next_cursor"].as_str().context("no cursor")?.to_owned();
    }
    assert_eq!(polled, 500);
    Ok(())
}

#[tokio::test]
async fn a_cursor_that_the_log_never_reached_is_given_up() -> Result<()> {
    let stack = Stack::start().await?;
    create_items(&stack.api, 2).await?;
    let begin = poll_at(&stack, 2).await?;
    let epoch = begin["as_of"]["epoch"].as_str().context("no epoch")?;
    let query = format!("topic=items&after={epoch}:1000000");
    let mut events = EventStream::open(stack.hub.address(), &query, None).await?;
    events.expect("connected").await?;
    let resync = events.expect("resync").await?;
    assert_eq!((&resync["reason"], &resync["position"]), (&json!("epoch"), &json!(2)));
    assert_eq!(events.expect("subscribed").await?["recovered"], json!(false));
    Ok(())
}
