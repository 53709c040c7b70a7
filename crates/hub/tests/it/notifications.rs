//! What monitors raise, live: on both of its topics, in every form, resumed, joined to a snapshot, and for its tenant only.

use anyhow::{Context as _, Result, ensure};
use domain::Cursor;
use serde_json::{Value, json};
use testkit::{EventStream, Hub, LastingClient, Mirror, Raise, ServiceName, SocketClient, Stack, Table};
use tokio_postgres::Client;

use crate::{fallbacks::poll, integer, settled};

/// Makes a monitor and says its id.
async fn monitor(sql: &Client, tenant: i64) -> Result<i64> {
    let insert = "insert into monitors (tenant_id, name, scope, measure, condition, created_by)
        values ($1, 'Low', '{\"kind\":\"all\"}', 'quantity', '{\"kind\":\"below\",\"threshold\":10}', 'user:1') returning id";
    Ok(sql.query_one(insert, &[&tenant]).await?.try_get(0)?)
}

/// A client that is live on topics.
async fn live_on(hub: &Hub, topics: &[&str]) -> Result<SocketClient> {
    let mut client = hub.connect().await?;
    client.expect("connected").await?;
    for topic in topics {
        client.send(&json!({"type": "subscribe", "topic": topic})).await?;
        client.expect("subscribed").await?;
    }
    Ok(client)
}

#[tokio::test]
async fn what_a_monitor_raises_comes_on_both_topics_and_what_is_said_of_it_later_too() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    let monitor = monitor(&sql, 1).await?;
    settled(&stack).await?;
    let of_monitor = format!("monitors:{monitor}");
    let mut client = live_on(&stack.hub, &["notifications", &of_monitor, "monitors:1"]).await?;
    let id = Raise { monitor, item: 7, ..Raise::default() }.on(&sql).await?;
    let find = "select notification_document(notifications) from notifications where id = $1";
    let document: Value = sql.query_one(find, &[&id]).await?.get(0);
    for topic in ["notifications", &of_monitor] {
        let raised = client.expect("notification").await?;
        let fields: Vec<&str> = raised.as_object().context("fields")?.keys().map(String::as_str).collect();
        let mut expected = [
            "type", "topic", "prev", "resource", "id", "position", "version", "at", "actor", "reason",
            "data", "previous",
        ];
        expected.sort_unstable();
        ensure!(fields == expected, "{raised}");
        ensure!(raised["topic"] == topic && raised["resource"] == "notification", "{raised}");
        ensure!(integer(&raised, "id") == id && integer(&raised, "version") == 1, "{raised}");
        ensure!(raised["data"] == document && raised["previous"].is_null(), "{raised}");
    }
    let acknowledge = "update notifications set acknowledged_at = now(), acknowledged_by = 'user:7', note = 'Ordered' where id = $1";
    sql.execute(acknowledge, &[&id]).await?;
    for topic in ["notifications", &of_monitor] {
        let update = client.expect("update").await?;
        ensure!(update["topic"] == topic && integer(&update, "version") == 2, "{update}");
        ensure!(update["data"]["note"] == "Ordered" && update["previous"]["note"].is_null(), "{update}");
        ensure!(update["previous"].as_object().context("previous")?.len() == 3, "{update}");
    }
    Ok(())
}

#[tokio::test]
async fn monitors_are_told_of_on_their_topics_with_what_they_raise_between() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    let (one, other) = (monitor(&sql, 1).await?, monitor(&sql, 1).await?);
    settled(&stack).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    let find = "select monitor_document(monitors) from monitors where tenant_id = 1 order by id";
    let monitors: Vec<Value> = sql.query(find, &[]).await?.iter().map(|row| row.get(0)).collect();
    client.subscribe_with_snapshot("monitors").await?;
    ensure!(client.expect("initial").await?["data"] == json!(monitors) && monitors.len() == 3);
    client.expect("subscribed").await?;
    client.subscribe_with_snapshot(&format!("monitors:{one}")).await?;
    ensure!(client.expect("initial").await?["data"] == json!([monitors[1]]));
    client.expect("subscribed").await?;
    Raise { monitor: other, ..Raise::default() }.on(&sql).await?;
    let id = Raise { monitor: one, ..Raise::default() }.on(&sql).await?;
    let raised = client.expect("notification").await?;
    ensure!(integer(&raised, "id") == id && raised["topic"] == format!("monitors:{one}"), "{raised}");
    sql.execute("update monitors set state = 'paused' where id = $1", &[&one]).await?;
    sql.execute("delete from monitors where id = $1", &[&one]).await?;
    for (kind, topics) in [("update", ["monitors", "monitors:_"]), ("delete", ["monitors", "monitors:_"])] {
        for topic in topics {
            let frame = client.expect(kind).await?;
            ensure!(frame["topic"] == topic.replace('_', &one.to_string()), "{frame}");
            ensure!(frame["resource"] == "monitor" && integer(&frame, "id") == one, "{frame}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_client_resumes_behind_a_hub_that_was_killed_and_misses_and_repeats_nothing() -> Result<()> {
    // Half of what is missed is no longer in the ring of the hub that comes next.
    let mut stack = Stack::start_with(|settings| settings.hub.ring_entries = 10).await?;
    let sql = stack.database.sql().await?;
    let hubs = ServiceName::new().await?;
    hubs.lead_to(stack.hub.address());
    for _ in 0..3 {
        Raise::default().on(&sql).await?;
    }
    settled(&stack).await?;
    let mut client =
        LastingClient::connect_to(hubs.address(), "notifications", Mirror::of("notification")).await?;
    ensure!(client.mirror.items().len() == 3, "{client:?}");
    Raise::default().on(&sql).await?;
    client.until_knows(&Table::settled_notifications(&stack.database).await?).await?;
    let next = Hub::start(&stack.settings).await?;
    hubs.lead_to(next.address());
    std::mem::replace(&mut stack.hub, next).kill().await;
    for number in 0..20 {
        let id = Raise { item: number + 1, ..Raise::default() }.on(&sql).await?;
        let note =
            "update notifications set acknowledged_at = now(), acknowledged_by = 'user:7' where id = $1";
        sql.execute(note, &[&id]).await?;
    }
    client.until_knows(&Table::settled_notifications(&stack.database).await?).await?;
    ensure!((client.recovered, client.read_anew) == (1, 1), "{client:?}");
    client.mirror.was_sent_the_log(&sql).await
}

#[tokio::test]
async fn a_snapshot_of_notifications_is_the_newest_and_joins_the_stream_while_more_are_raised() -> Result<()>
{
    let stack = Stack::start_with(|settings| settings.hub.snapshot_reuse_ms = 0).await?;
    let raising = stack.database.sql().await?;
    for _ in 0..150 {
        Raise::default().on(&raising).await?;
    }
    let raising = tokio::spawn(async move {
        for _ in 0..150 {
            Raise::default().on(&raising).await?;
        }
        anyhow::Ok(())
    });
    let mut clients = Vec::new();
    while !raising.is_finished() || clients.len() < 3 {
        let mut client = stack.hub.connect().await?;
        client.expect("connected").await?;
        client.subscribe_with_snapshot("notifications").await?;
        let initial = client.expect("initial").await?;
        let shown: Vec<i64> =
            initial["data"].as_array().context("data")?.iter().map(|shown| integer(shown, "id")).collect();
        ensure!(shown.len() <= 200 && shown.is_sorted() && shown.len() >= 150, "{shown:?}");
        let mut mirror = Mirror::of("notification");
        mirror.take(&initial)?;
        clients.push((client, mirror));
    }
    raising.await??;
    let table = Table::settled_notifications(&stack.database).await?;
    for (client, mirror) in &mut clients {
        while !mirror.is_live() || mirror.items().keys().max() != Some(&300) {
            mirror.take(&client.next().await?)?;
        }
        let first = *mirror.items().keys().min().context("none")?;
        ensure!(mirror.items().keys().copied().eq(first..=300), "a hole: {:?}", mirror.items().keys());
        mirror.was_sent_the_log(&stack.database.sql().await?).await?;
    }
    ensure!(table.newest() == 300, "{}", table.newest());
    // What is said of one that is too old to be shown brings it back to nobody.
    let mut late =
        LastingClient::connect_to(stack.hub.address(), "notifications", Mirror::of("notification")).await?;
    let note =
        "update notifications set acknowledged_at = now(), acknowledged_by = 'user:7' where id in (1, 300)";
    stack.database.sql().await?.batch_execute(note).await?;
    late.until("both updates", |client| client.mirror.changes == 2).await?;
    ensure!(late.mirror.items().keys().copied().eq(101..=300), "{late:?}");
    ensure!(late.mirror.items()[&300]["acknowledged_by"] == "user:7", "{late:?}");
    Ok(())
}

#[tokio::test]
async fn events_and_polls_carry_what_is_raised_and_resume() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    let first = Raise::default().on(&sql).await?;
    settled(&stack).await?;
    let topics = "topic=notifications,monitors:1";
    let mut events =
        EventStream::open(stack.hub.address(), "topic=notifications&snapshot=true", None).await?;
    events.expect("connected").await?;
    ensure!(events.expect("initial").await?["data"][0]["id"] == first);
    events.expect("subscribed").await?;
    let page = poll(&stack, topics).await?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?.to_owned();
    let second = Raise::default().on(&sql).await?;
    let raised = events.expect("notification").await?;
    ensure!(integer(&raised, "id") == second, "{raised}");
    let last: Cursor = events.last_id.clone().context("no id")?.parse()?;
    ensure!(last.position.get() == integer(&raised, "position"), "{last}");
    drop(events);
    let page = poll(&stack, &format!("{topics}&after={cursor}&wait=30")).await?;
    let frames = page["data"].as_array().context("data")?;
    let said = |frame: &Value| (frame["type"].clone(), frame["topic"].clone(), integer(frame, "id"));
    let expected = ["notifications", "monitors:1"].map(|topic| (json!("notification"), json!(topic), second));
    ensure!(frames.iter().map(said).eq(expected), "{page}");
    let third = Raise::default().on(&sql).await?;
    let mut events =
        EventStream::open(stack.hub.address(), "topic=notifications", Some(&last.to_string())).await?;
    events.expect("connected").await?;
    loop {
        let frame = events.next().await?.context("the stream has ended")?;
        if frame["type"] == "notification" {
            ensure!(integer(&frame, "id") == third, "{frame}");
            return Ok(());
        }
    }
}

/// One is as new as the other to somebody who fell behind: each is a thing of its own.
#[tokio::test]
async fn nothing_that_was_raised_is_left_out_for_a_client_that_falls_behind() -> Result<()> {
    const MANY: i64 = 3000;
    let stack = Stack::start_with(|settings| settings.hub.conflate_after = 50).await?;
    let sql = stack.database.sql().await?;
    let mut client = live_on(&stack.hub, &["notifications", "items"]).await?;
    // Between them an item changes again and again: of that, the newest state is enough.
    let raise = format!(
        "insert into items (tenant_id, name, quantity) values (1, 'Bolt', 0);
         do $$ begin
           for number in 1..{MANY} loop
             insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure,
               condition, message, change_position, change_at)
             values (1, 1, 'Low', 1, 'Bolt', 'info', 'quantity', '{{}}', repeat('x', 4000), number, now());
             update items set quantity = number;
           end loop;
         end $$"
    );
    sql.batch_execute(&raise).await?;
    settled(&stack).await?;
    let (mut seen, mut left_out) = (Vec::new(), 0);
    while seen.len() < usize::try_from(MANY)? {
        let frame = client.next().await?;
        match frame["type"].as_str() {
            Some("notification") => seen.push(integer(&frame, "id")),
            Some("conflated") => {
                ensure!(frame["topic"] == "items", "{frame}");
                left_out += integer(&frame, "skipped");
            }
            _ => {}
        }
    }
    ensure!(left_out > 0, "the client never fell behind");
    ensure!(seen.iter().copied().eq(1..=MANY), "{} of {MANY}, or in another order", seen.len());
    Ok(())
}

#[tokio::test]
async fn another_tenant_sees_nothing_of_monitors_and_of_what_they_raise() -> Result<()> {
    let stack = Stack::start().await?;
    let sql = stack.database.sql().await?;
    sql.batch_execute("insert into tenants (name) values ('other')").await?;
    let theirs = monitor(&sql, 2).await?;
    let of_theirs = format!("monitors:{theirs}");
    Raise { tenant: 2, monitor: theirs, ..Raise::default() }.on(&sql).await?;
    settled(&stack).await?;
    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    for (topic, shown) in [("notifications", 0), ("monitors", 1), (of_theirs.as_str(), 0)] {
        client.subscribe_with_snapshot(topic).await?;
        let initial = client.expect("initial").await?;
        ensure!(initial["data"].as_array().map(Vec::len) == Some(shown), "{initial}");
        client.expect("subscribed").await?;
    }
    Raise { tenant: 2, monitor: theirs, ..Raise::default() }.on(&sql).await?;
    sql.execute("update monitors set name = 'Lower' where id = $1", &[&theirs]).await?;
    let ours = Raise::default().on(&sql).await?;
    ensure!(
        integer(&client.expect("notification").await?, "id") == ours,
        "what is ours comes behind what isn't"
    );
    Ok(())
}
