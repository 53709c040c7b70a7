//! Old entries are deleted: whoever comes back from before them is told, on every way in, and whoever doesn't notices
//! nothing.

use anyhow::{Context as _, Result, ensure};
use domain::{Cursor, Position};
use serde_json::{Value, json};
use service::Settings;
use testkit::{Database, EventStream, Hub, InventoryApi, Notifier, ServiceName, Stack, settings, waiting};

use crate::{create_items, fallbacks::poll, mirroring, settled, until_equal};

/// Nothing is kept in memory that would hide what the log no longer has.
fn forgetful(settings: &mut Settings) {
    settings.hub.ring_entries = 5;
    settings.hub.backfill_bytes = 0;
    settings.notifier.window_entries = 10;
}

fn behind(head: Cursor, position: i64) -> Result<Cursor> {
    Ok(Cursor { position: Position::new(position).context("a position")?, ..head })
}

#[tokio::test]
async fn a_client_from_before_what_is_kept_is_told_whichever_way_it_comes() -> Result<()> {
    let stack = Stack::start_with(forgetful).await?;
    create_items(&stack.api, 10).await?;
    let sql = stack.database.sql().await?;
    for _ in 0..9 {
        sql.batch_execute("update items set quantity = quantity + 1").await?;
    }
    let (mut live, mut mirror) = mirroring(&stack).await?;
    let head = stack.database.store()?.log_head().await?.cursor;
    stack.database.keep_newest(40).await?;
    let (old, kept) = (behind(head, 59)?, behind(head, 60)?);
    let hub = stack.hub.address();

    let mut client = stack.hub.connect().await?;
    client.expect("connected").await?;
    client.resume("items", old, false).await?;
    let resync = client.expect("resync").await?;
    assert_eq!((&resync["reason"], &resync["position"]), (&json!("too_old"), &json!(100)));
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    client.resume("items", old, true).await?;
    assert_eq!(client.expect("initial").await?["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(false));
    client.resume("items", kept, false).await?;
    for position in 61..=100 {
        assert_eq!(client.expect("update").await?["position"], json!(position));
    }
    assert_eq!(client.expect("subscribed").await?["recovered"], json!(true));

    let mut events = EventStream::open(hub, "topic=items", Some(&old.to_string())).await?;
    events.expect("connected").await?;
    assert_eq!(events.expect("resync").await?["reason"], "too_old");
    assert_eq!(events.expect("subscribed").await?["recovered"], json!(false));
    let mut events = EventStream::open(hub, "topic=items", Some(&kept.to_string())).await?;
    events.expect("connected").await?;
    assert_eq!(events.expect("update").await?["position"], json!(61));

    let page = poll(&stack, &format!("topic=items&after={old}&wait=0")).await?;
    assert_eq!((&page["data"][0]["type"], &page["data"][0]["reason"]), (&json!("resync"), &json!("too_old")));
    assert_eq!(page["recovered"], json!(false));
    let page = poll(&stack, &format!("topic=items&after={kept}&wait=0")).await?;
    assert_eq!((&page["data"][0]["position"], &page["recovered"]), (&json!(61), &json!(true)));

    let pulled: Value =
        reqwest::get(format!("{}/api/v1/changes?after={old}", stack.api.url())).await?.json().await?;
    assert_eq!((&pulled["code"], &pulled["status"]), (&json!("changes_removed"), &json!(410)));

    // Who was there all the time.
    create_items(&stack.api, 1).await?;
    until_equal(&stack, &mut live, &mut mirror).await?;
    ensure!((mirror.resyncs, mirror.skipped) == (0, 0), "{mirror:?}");
    Ok(())
}

#[tokio::test]
async fn the_clients_of_a_hub_that_was_cut_off_for_too_long_are_told_and_go_on() -> Result<()> {
    let database = Database::create().await?;
    let mut settings = settings(&database)?;
    forgetful(&mut settings);
    let notifiers = ServiceName::new().await?;
    let first = Notifier::start(&settings).await?;
    notifiers.add(first.address());
    settings.notifier.url = format!("ws://{}", notifiers.address());
    let api = InventoryApi::start(&settings).await?;
    settings.api.url = api.url();
    let hub = Hub::start(&settings).await?;
    create_items(&api, 5).await?;
    database.all_sequenced().await?;
    let stack = Stack { database, settings, notifier: first, api, hub };
    let (mut client, mut mirror) = mirroring(&stack).await?;

    let Stack { database, settings, notifier, api, hub } = stack;
    notifiers.remove(notifier.address());
    notifier.kill().await;
    let elsewhere = Notifier::start(&settings).await?;
    for _ in 0..10 {
        database.sql().await?.batch_execute("update items set quantity = quantity + 1").await?;
    }
    database.all_sequenced().await?;
    // Not before monitors have seen what goes, and they are looked after by whoever leads.
    database.keep_newest(20).await?;
    elsewhere.kill().await;
    // It knows nothing of what was written before it came.
    let last = Notifier::start(&settings).await?;
    notifiers.add(last.address());
    let resync = waiting::within(waiting::PATIENCE, "a resync", async {
        loop {
            let frame = client.next().await?;
            mirror.take(&frame)?;
            if frame["type"] == "resync" {
                return anyhow::Ok(frame);
            }
        }
    });
    // Those who were live learn that something is missing between what they have and what comes.
    assert_eq!(resync.await??["reason"], "gap");

    let stack = Stack { database, settings, notifier: last, api, hub };
    settled(&stack).await?;
    client.subscribe_with_snapshot("items").await?;
    create_items(&stack.api, 1).await?;
    until_equal(&stack, &mut client, &mut mirror).await
}
