//! The long poll: it waits, it answers in pieces, and it never keeps anybody.

use anyhow::{Context as _, Result};
use serde_json::json;
use testkit::{EventStream, Hub, Mirror, Stack, items_in_table, waiting};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{create_items, fallbacks::poll, integer, settled};

#[tokio::test]
async fn a_poll_waits_for_a_change_and_says_where_to_go_on_without_one() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 2).await?;
    settled(&stack).await?;
    let begin = poll(&stack, "topic=items").await?;
    assert_eq!((&begin["data"], &begin["recovered"]), (&json!([]), &json!(false)));
    let cursor = begin["next_cursor"].as_str().context("no cursor")?;
    let quiet = poll(&stack, &format!("topic=items:{}&after={cursor}&wait=0", ids[0])).await?;
    assert_eq!((&quiet["data"], &quiet["as_of"]["position"]), (&json!([]), &json!(2)));
    let query = format!("topic=items:{}&after={cursor}&wait=30", ids[0]);
    let (waited, _) = tokio::join!(poll(&stack, &query), async {
        // A change of something else doesn't end the wait.
        stack.api.patch_item(ids[1], &json!({"quantity": 7})).await?;
        stack.api.patch_item(ids[0], &json!({"quantity": 8})).await
    });
    let waited = waited?;
    assert_eq!(waited["data"][0]["data"]["quantity"], 8, "{waited}");
    assert_eq!((waited["data"].as_array().map(Vec::len), &waited["as_of"]["position"]), (Some(1), &json!(4)));
    let state = poll(&stack, "topic=items&snapshot=true").await?;
    let mut mirror = Mirror::default();
    for frame in state["data"].as_array().context("no data")? {
        mirror.take(frame)?;
    }
    assert_eq!(mirror.items(), &items_in_table(&stack.database.sql().await?).await?);
    Ok(())
}

#[tokio::test]
async fn a_poll_far_behind_gets_everything_in_pieces() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 1).await?;
    settled(&stack).await?;
    let begin = poll(&stack, "topic=items").await?;
    let mut cursor = begin["next_cursor"].as_str().context("no cursor")?.to_owned();
    let sql = stack.database.sql().await?;
    let update = "update items set attributes = jsonb_build_object('n', $2::int, 'padding', repeat('x', 4000)) where id = $1";
    for round in 0..200 {
        sql.execute(update, &[&ids[0], &round]).await?;
    }
    settled(&stack).await?;
    let (mut polls, mut rounds) = (0, Vec::new());
    while rounds.len() < 200 {
        let page = poll(&stack, &format!("topic=items&after={cursor}")).await?;
        assert_eq!(page["recovered"], json!(true));
        let data = page["data"].as_array().context("no data")?;
        rounds.extend(data.iter().map(|frame| integer(&frame["data"]["attributes"], "n")));
        assert!(page.to_string().len() < 400_000, "an answer is bounded");
        cursor = page["next_cursor"].as_str().context("no cursor")?.to_owned();
        polls += 1;
    }
    assert_eq!(rounds, (0..200).collect::<Vec<i64>>());
    assert!(polls > 3, "{polls}");
    Ok(())
}

/// An inventory-api that has the state of `items`, and lets whoever asks for one item wait.
async fn half_an_api(epoch: String, position: i64) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let epoch = epoch.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let count = socket.read(&mut request).await.unwrap_or_default();
                if String::from_utf8_lossy(&request[..count]).contains("items:") {
                    return std::future::pending().await;
                }
                let as_of = json!({"as_of": {"epoch": epoch, "position": position}});
                let body = format!("{as_of}\n{{\"end\":0}}\n");
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                // The hub may be gone.
                let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    Ok(url)
}

#[tokio::test]
async fn a_hub_stops_although_a_poll_has_half_of_what_it_asked_for() -> Result<()> {
    let stack = Stack::start().await?;
    create_items(&stack.api, 2).await?;
    settled(&stack).await?;
    let begin = poll(&stack, "topic=items").await?;
    let epoch = begin["as_of"]["epoch"].as_str().context("no epoch")?.to_owned();
    let mut settings = stack.settings.clone();
    settings.api.url = half_an_api(epoch, 2).await?;
    settings.hub.workers = 1;
    let hub = Hub::start(&settings).await?;
    let mut other = EventStream::open(hub.address(), "topic=items", None).await?;
    other.expect("connected").await?;
    other.expect("subscribed").await?;
    let url = format!("http://{}/poll?topic=items,items:1&snapshot=true&wait=25", hub.address());
    let polling = tokio::spawn(async move { reqwest::get(url).await });
    let shared = waiting::until(waiting::PATIENCE, "the poll to be there", async || {
        let metrics = reqwest::get(format!("http://{}/metrics", hub.address())).await?.text().await?;
        Ok(metrics
            .lines()
            .any(|line| line.starts_with("stockwire_hub_sockets{kind=\"poll\"} 1"))
            .then_some(()))
    });
    shared.await?;
    let stopping = tokio::spawn(hub.stop());
    assert_eq!(other.expect("error").await?["code"], "restart");
    waiting::within(waiting::PATIENCE, "the hub to stop", stopping).await???;
    assert_eq!(polling.await??.status(), 503);
    Ok(())
}

#[tokio::test]
async fn the_shortest_poll_gets_the_state_that_it_asks_for() -> Result<()> {
    let stack = Stack::start().await?;
    create_items(&stack.api, 20).await?;
    settled(&stack).await?;
    let state = poll(&stack, "topic=items&snapshot=true&wait=0").await?;
    assert_eq!(state["data"][0]["data"].as_array().map(Vec::len), Some(20));
    assert_eq!(state["has_more"], json!(false));
    Ok(())
}

#[tokio::test]
async fn a_short_poll_is_answered_as_soon_as_there_is_an_answer() -> Result<()> {
    let stack = Stack::start_with(|settings| settings.hub.ring_entries = 5).await?;
    let ids = create_items(&stack.api, 2).await?;
    settled(&stack).await?;
    let begin = poll(&stack, "topic=items").await?;
    let cursor = begin["next_cursor"].as_str().context("no cursor")?.to_owned();
    for quantity in 0..20 {
        stack.api.patch_item(ids[0], &json!({"quantity": 100 + quantity})).await?;
    }
    settled(&stack).await?;
    // Nothing of it is about the item that is asked for, and the ring doesn't reach back so far.
    let begun = tokio::time::Instant::now();
    let answer = poll(&stack, &format!("topic=items:{}&after={cursor}&wait=0", ids[1])).await?;
    assert_eq!((&answer["data"], &answer["as_of"]["position"]), (&json!([]), &json!(22)));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "it waited for {:?}", begun.elapsed());
    // A cursor that the log never reached isn't believed by a short poll either.
    let beyond =
        poll(&stack, &format!("topic=items&after={}:1000&wait=0", cursor.split(':').next().unwrap())).await?;
    assert_eq!((&beyond["data"][0]["reason"], &beyond["recovered"]), (&json!("epoch"), &json!(false)));
    Ok(())
}
