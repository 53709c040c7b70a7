//! Resuming from further back than the hub keeps: through the feed, exactly, at a bounded price, or with a word.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use domain::{Cursor, Position};
use serde_json::{Value, json};
use service::Settings;
use testkit::{Hub, Notifier, SeededNumbers, ServiceName, SocketClient, SocketOptions, Stack, process};
use tokio_postgres::Client;

use crate::{create_items, integer, mirroring, settled, until_equal};

/// A hub that keeps next to nothing, and a notifier that keeps little more.
fn forgetful(settings: &mut Settings) {
    settings.hub.ring_entries = 5;
    settings.notifier.window_entries = 300;
}

/// Changes every item so many times.
async fn change(sql: &Client, rounds: i64) -> Result<()> {
    for _ in 0..rounds {
        sql.execute("update items set quantity = (quantity + 1) % 1000", &[]).await?;
    }
    Ok(())
}

/// Positions on a topic behind one and up to another, as the tables have them.
async fn positions(sql: &Client, topic: &str, after: i64, until: i64) -> Result<Vec<i64>> {
    let item: i64 = topic.strip_prefix("items:").map_or(Ok(0), str::parse)?;
    let select = "select position from change_log join changes on changes.id = change_id
        where position > $1 and position <= $2 and ($3::bigint = 0 or resource_id = $3) order by position";
    sql.query(select, &[&after, &until, &item]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// What came on a topic until it was live.
#[derive(Debug)]
struct Resumed {
    positions: Vec<i64>,
    /// The `subscribed` frame.
    subscribed: Value,
}

/// Reads until a topic is live; each change must name the one before it.
async fn read_resumed(client: &mut SocketClient, topic: &str, after: i64) -> Result<Resumed> {
    let mut positions = Vec::new();
    let mut last = after;
    loop {
        let frame = client.next().await?;
        let kind = frame["type"].as_str().unwrap();
        if kind == "heartbeat" {
            ensure!(integer(&frame, "position") <= last.max(after), "a heartbeat proves too much: {frame}");
        }
        if frame["topic"] != topic {
            continue;
        }
        match kind {
            "create" | "update" | "delete" => {
                ensure!(integer(&frame, "prev") == last, "{frame} follows {last}");
                last = integer(&frame, "position");
                positions.push(last);
            }
            "subscribed" => return Ok(Resumed { positions, subscribed: frame }),
            _ => anyhow::bail!("expected what was missed on {topic}, got {frame}"),
        }
    }
}

/// Resumes, and compares what comes with the tables.
async fn resume_and_compare(hub: &Hub, sql: &Client, topic: &str, after: Cursor) -> Result<()> {
    let mut client = hub.connect().await?;
    client.expect("connected").await?;
    client.resume(topic, after, false).await?;
    let resumed = read_resumed(&mut client, topic, after.position.get()).await?;
    let live_from = integer(&resumed.subscribed, "position");
    let expected = positions(sql, topic, after.position.get(), live_from).await?;
    ensure!(resumed.subscribed["recovered"] == json!(true), "{}", resumed.subscribed);
    ensure!(resumed.positions == expected, "{topic} behind {after}: {resumed:?}, expected {expected:?}");
    Ok(())
}

fn behind(head: Cursor, position: i64) -> Result<Cursor> {
    Ok(Cursor { position: Position::new(position).context("a position")?, ..head })
}

#[tokio::test]
async fn a_client_that_was_away_for_thousands_of_changes_gets_every_one_while_others_write() -> Result<()> {
    let stack = Stack::start_with(forgetful).await?;
    let ids = create_items(&stack.api, 25).await?;
    let (client, mut mirror) = mirroring(&stack).await?;
    drop(client);
    let cursor = mirror.cursor()?;
    let sql = stack.database.sql().await?;
    change(&sql, 100).await?;
    let others = stack.database.sql().await?;
    let writing = async {
        loop {
            let update = "update items set quantity = quantity + 1 where id = $1";
            if let Err(error) = others.execute(update, &[&ids[3]]).await {
                break error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let resuming = async {
        for topic in ["items".to_owned(), format!("items:{}", ids[7])] {
            resume_and_compare(&stack.hub, &sql, &topic, cursor).await?;
        }
        let mut client = stack.hub.connect().await?;
        client.resume("items", cursor, false).await?;
        while !mirror.is_live() || mirror.changes < 2500 {
            mirror.take(&client.next().await?)?;
        }
        anyhow::Ok(client)
    };
    let mut client = tokio::select! {
        error = writing => return Err(error.into()),
        client = resuming => client?,
    };
    until_equal(&stack, &mut client, &mut mirror).await?;
    assert_eq!((mirror.resyncs, mirror.skipped), (0, 0));
    Ok(())
}

#[tokio::test]
async fn whatever_the_cursor_a_resumed_client_gets_exactly_what_the_tables_have_behind_it() -> Result<()> {
    let seed = SeededNumbers::fresh_seed();
    println!("seed {seed}");
    let mut numbers = SeededNumbers::new(seed);
    let stack = Stack::start_with(|settings| {
        forgetful(settings);
        // A page is not always at hand, and not always from the same place.
        settings.hub.backfill_bytes = 500_000;
    })
    .await?;
    let sql = stack.database.sql().await?;
    for _ in 0..400 {
        let first = i64::try_from(numbers.below(60))?;
        let statement = match numbers.below(10) {
            0..3 => {
                "insert into items (tenant_id, name) select 1, 'n' from generate_series(0, $1::bigint % 10)"
            }
            3 => "delete from items where id = $1",
            _ => "update items set quantity = quantity + 1 where id between $1 and $1 + 12",
        };
        sql.execute(statement, &[&first]).await?;
    }
    settled(&stack).await?;
    let head = stack.database.store()?.log_head().await?.cursor;
    let last = u64::try_from(head.position.get())?;
    ensure!(last > 2000, "only {last} changes");
    for _ in 0..15 {
        let cursor = behind(head, i64::try_from(numbers.below(last + 1))?)?;
        let item = format!("items:{}", 1 + numbers.below(60));
        resume_and_compare(&stack.hub, &sql, "items", cursor).await?;
        resume_and_compare(&stack.hub, &sql, &item, cursor).await?;
    }
    // Two topics of one socket, one far behind the other.
    for _ in 0..5 {
        let (far, near) = (numbers.below(last / 2), last / 2 + numbers.below(last / 2));
        let (far, near) = (behind(head, far.try_into()?)?, behind(head, near.try_into()?)?);
        let item = format!("items:{}", 1 + numbers.below(60));
        let mut client = stack.hub.connect().await?;
        client.resume("items", near, false).await?;
        client.resume(&item, far, false).await?;
        let (mut all, mut one, mut live) = (Vec::new(), Vec::new(), 0);
        while live < 2 {
            let frame = client.next().await?;
            match frame["type"].as_str().unwrap() {
                "subscribed" => live += 1,
                "connected" | "heartbeat" => {}
                _ if frame["topic"] == "items" => all.push(integer(&frame, "position")),
                _ => one.push(integer(&frame, "position")),
            }
        }
        let until = head.position.get();
        assert_eq!(all, positions(&sql, "items", near.position.get(), until).await?);
        assert_eq!(one, positions(&sql, &item, far.position.get(), until).await?);
    }
    Ok(())
}

/// The value of a series that a process counts.
async fn counted(address: std::net::SocketAddr, series: &str) -> Result<f64> {
    let metrics = reqwest::get(format!("http://{address}/metrics")).await?.text().await?;
    let line =
        metrics.lines().find(|line| line.starts_with(series)).with_context(|| format!("no {series}"))?;
    line.rsplit(' ').next().context("no value")?.parse().context("not a number")
}

#[tokio::test]
async fn thirty_clients_that_come_back_from_afar_together_cost_no_more_than_one() -> Result<()> {
    let stack = Stack::start_with(forgetful).await?;
    create_items(&stack.api, 25).await?;
    settled(&stack).await?;
    let cursor = stack.database.store()?.log_head().await?.cursor;
    change(&stack.database.sql().await?, 100).await?;
    settled(&stack).await?;
    // A process of its own, because services in this one count together.
    let mut environment = process::environment(&stack.settings);
    environment.remove("STOCKWIRE__DATABASE__URL");
    for (key, value) in [("NOTIFIER__URL", stack.notifier.url()), ("HUB__RING_ENTRIES", "5".to_owned())] {
        environment.insert(format!("STOCKWIRE__{key}"), value);
    }
    let binary = env!("CARGO_BIN_EXE_hub");
    let hub = process::Service::start(binary, "STOCKWIRE__HUB__LISTEN", &environment).await?;
    // The hub starts at the head: its ring is empty, and reaches back to the head only.
    let fetched = r#"stockwire_hub_backfill_pages_total{source="feed"}"#;
    assert!(counted(hub.address(), fetched).await? < 0.5);
    assert!(counted(hub.address(), "stockwire_hub_feed_lag_positions").await? < 0.5);
    assert!(counted(hub.address(), "stockwire_hub_feed_lag_seconds").await? < 0.5);
    let mut clients = tokio::task::JoinSet::new();
    let address = hub.address();
    for _ in 0..30 {
        clients.spawn(async move {
            let mut client = SocketClient::connect(address, &SocketOptions::default()).await?;
            client.expect("connected").await?;
            client.resume("items", cursor, false).await?;
            read_resumed(&mut client, "items", cursor.position.get()).await
        });
    }
    while let Some(resumed) = clients.join_next().await {
        assert_eq!(resumed??.positions.len(), 2500);
    }
    let pages = counted(hub.address(), fetched).await?;
    println!("{pages} pages fetched for 30 clients and 2500 changes");
    assert!((3.0..3.5).contains(&pages), "{pages} pages were fetched");
    let resumes = counted(hub.address(), r#"stockwire_hub_resumes_total{outcome="backfill"}"#).await?;
    assert!((30.0..30.5).contains(&resumes), "{resumes} resumes");
    Ok(())
}

#[tokio::test]
async fn deeper_than_allowed_is_too_old_or_gets_a_snapshot_if_that_was_asked_for() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        forgetful(settings);
        settings.hub.backfill_entries = 40;
    })
    .await?;
    create_items(&stack.api, 10).await?;
    let (_live, mirror) = mirroring(&stack).await?;
    let start = mirror.cursor()?;
    let sql = stack.database.sql().await?;
    change(&sql, 3).await?;
    // Until the hub has seen them all.
    mirroring(&stack).await?;
    resume_and_compare(&stack.hub, &sql, "items", start).await?;
    change(&sql, 2).await?;
    mirroring(&stack).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", start, false).await?;
    assert_eq!(client.expect("resync").await?["reason"], "too_old");
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    client.resume("items", start, true).await?;
    assert_eq!(client.expect("initial").await?["data"].as_array().unwrap().len(), 10);
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    Ok(())
}

#[tokio::test]
async fn a_notifier_killed_in_the_middle_of_a_backfill_and_replaced_costs_a_moment() -> Result<()> {
    let mut stack = Stack::start_with(forgetful).await?;
    create_items(&stack.api, 25).await?;
    let (client, mut mirror) = mirroring(&stack).await?;
    drop(client);
    let cursor = mirror.cursor()?;
    change(&stack.database.sql().await?, 160).await?;
    settled(&stack).await?;
    let notifiers = Arc::new(ServiceName::new().await?);
    notifiers.add(stack.notifier.address());
    let mut settings = stack.settings.clone();
    settings.notifier.url = format!("ws://{}", notifiers.address());
    // Slow enough for a kill between two pages.
    settings.hub.backfill_pages_per_second = 1;
    settings.hub.heartbeat_ms = 100;
    stack.hub = Hub::start(&settings).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", cursor, false).await?;
    let (mut replaced, mut subscribed, mut waited) = (false, false, 0);
    while !subscribed {
        let frame = client.next().await?;
        if frame["type"] == "heartbeat" {
            let position = integer(&frame, "position");
            let known = mirror.cursor()?.position.get();
            assert!(position <= known, "a heartbeat proves {position}, and {known} is known");
            waited += 1;
        }
        mirror.take(&frame)?;
        if mirror.changes == 1000 && !replaced {
            replaced = true;
            let next = Notifier::start(&settings).await?;
            let address = next.address();
            std::mem::replace(&mut stack.notifier, next).kill().await;
            let notifiers = notifiers.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                notifiers.add(address);
            });
        }
        if frame["type"] == "subscribed" {
            assert_eq!(frame["recovered"], json!(true));
            subscribed = true;
        }
    }
    assert!(replaced && waited > 0, "nothing happened meanwhile: {waited} heartbeats");
    create_items(&stack.api, 1).await?;
    until_equal(&stack, &mut client, &mut mirror).await?;
    assert_eq!((mirror.resyncs, mirror.changes), (0, 4001));
    Ok(())
}

#[tokio::test]
async fn a_topic_that_needs_no_page_does_not_wait_for_another_one_that_does() -> Result<()> {
    let mut stack = Stack::start_with(|settings| settings.hub.backfill_pages_per_second = 1).await?;
    let ids = create_items(&stack.api, 25).await?;
    settled(&stack).await?;
    let start = stack.database.store()?.log_head().await?.cursor;
    let sql = stack.database.sql().await?;
    change(&sql, 100).await?;
    settled(&stack).await?;
    // One that has nothing of that in its ring.
    stack.hub = Hub::start(&stack.settings).await?;
    let near = stack.database.store()?.log_head().await?.cursor;
    change(&sql, 3).await?;
    let far = format!("items:{}", ids[7]);
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume(&far, start, false).await?;
    client.resume("items", near, false).await?;
    let (mut nearer, mut farther, mut live) = (Vec::new(), Vec::new(), Vec::new());
    while live.len() < 2 {
        let frame = client.next().await?;
        match frame["type"].as_str().unwrap() {
            "subscribed" => live.push((frame["topic"].clone(), integer(&frame, "position"))),
            "update" if frame["topic"] == "items" => nearer.push(integer(&frame, "position")),
            "update" => farther.push(integer(&frame, "position")),
            _ => {}
        }
        if live.len() == 1 && nearer.len() == 75 {
            change(&sql, 1).await?;
        }
    }
    assert_eq!(live[0].0, "items", "{live:?}");
    assert!(nearer.len() > 75, "it isn't live while the other one waits");
    let last = nearer[nearer.len() - 1];
    assert_eq!(nearer, positions(&sql, "items", near.position.get(), last).await?);
    assert_eq!(farther, positions(&sql, &far, start.position.get(), live[1].1).await?);
    Ok(())
}

#[tokio::test]
async fn a_notifier_that_stays_away_is_answered_with_a_word_and_not_with_silence() -> Result<()> {
    let stack = Stack::start_with(forgetful).await?;
    create_items(&stack.api, 10).await?;
    let (client, mirror) = mirroring(&stack).await?;
    drop(client);
    change(&stack.database.sql().await?, 5).await?;
    mirroring(&stack).await?;
    let Stack { notifier, hub, api: _api, .. } = stack;
    notifier.kill().await;
    let mut client = hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", mirror.cursor()?, false).await?;
    let mut other = hub.connect().await?;
    other.expect("connected").await?;
    other.resume("items", mirror.cursor()?, true).await?;
    let begun = tokio::time::Instant::now();
    assert_eq!(client.expect("resync").await?["reason"], "too_old");
    assert_eq!(other.expect("initial").await?["data"].as_array().unwrap().len(), 10);
    println!("after {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_was_removed_from_the_log_is_too_old_and_what_was_not_is_delivered() -> Result<()> {
    let stack = Stack::start_with(forgetful).await?;
    create_items(&stack.api, 25).await?;
    let sql = stack.database.sql().await?;
    change(&sql, 100).await?;
    mirroring(&stack).await?;
    // In the middle of the second page.
    sql.execute("delete from change_log where position < 1500", &[]).await?;
    let head = stack.database.store()?.log_head().await?.cursor;
    for position in [3, 999, 1000, 1498] {
        let mut client = stack.hub.connect().await?;
        client.expect("connected").await?;
        client.resume("items", behind(head, position)?, false).await?;
        assert_eq!(client.expect("resync").await?["reason"], "too_old", "behind {position}");
        assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    }
    for position in [1499, 1600, 2100] {
        resume_and_compare(&stack.hub, &sql, "items", behind(head, position)?).await?;
    }
    Ok(())
}
