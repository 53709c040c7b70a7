//! The feed: who may have it, where it starts, what happens to cursors that can't be served.

use anyhow::{Context, Result, ensure};
use domain::{Cursor, Position, ResyncReason};
use serde_json::Value;
use testkit::{Database, FeedClient, FeedEvent, FeedRefused, Notifier, log_contents, settings, waiting};

async fn insert(database: &Database, how_many: i64) -> Result<()> {
    let insert = "insert into items (tenant_id, name) select 1, 'fed' from generate_series(1, $1::bigint)";
    database.sql().await?.execute(insert, &[&how_many]).await?;
    Ok(())
}

fn behind(head: Cursor, position: i64) -> Result<Cursor> {
    Ok(Cursor { position: Position::new(position).context("a position")?, ..head })
}

async fn refusal(url: &str, secret: &str) -> Result<FeedRefused> {
    match FeedClient::connect_to(url, secret).await {
        Ok(_) => anyhow::bail!("{url} was served"),
        Err(refused) => Ok(refused),
    }
}

#[tokio::test]
async fn it_is_for_those_who_show_the_secret() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let refused = refusal(&format!("{}/feed", notifier.url()), "a secret that was guessed").await?;
    ensure!(refused.status == Some(401), "{refused}");
    ensure!(refused.content_type.starts_with("application/problem+json"), "{refused:?}");
    let problem: Value = serde_json::from_str(&refused.body)?;
    ensure!(problem["code"] == "not_authenticated" && problem["request_id"].is_string(), "{problem}");
    Ok(())
}

#[tokio::test]
async fn a_start_that_makes_no_sense_is_a_problem_that_names_it() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let notifier = Notifier::start(&settings).await?;
    let epoch = database.store()?.log_head().await?.cursor.epoch;
    for (start, names) in [
        ("epoch=x&after=1".to_owned(), "epoch"),
        (format!("epoch={epoch}&after=-1"), "after"),
        (format!("epoch={epoch}&after=one"), "query"),
        (format!("epoch={epoch}"), "after"),
        ("after=1".to_owned(), "epoch"),
        ("behind=1".to_owned(), "behind"),
    ] {
        let url = format!("{}/feed?{start}", notifier.url());
        let refused = refusal(&url, settings.internal.secret.expose()).await?;
        ensure!(refused.status == Some(400), "{start}: {refused}");
        let problem: Value = serde_json::from_str(&refused.body)?;
        ensure!(problem["code"] == "invalid_parameter", "{start}: {problem}");
        ensure!(refused.body.contains(names), "{start}: {problem}");
    }
    Ok(())
}

#[tokio::test]
async fn it_resumes_behind_a_cursor_and_goes_on_without_a_gap() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let head = database.store()?.log_head().await?.cursor;
    insert(&database, 30).await?;
    database.sequenced(30).await?;
    for after in [0, 1, 17, 29, 30] {
        let cursor = behind(head, after)?;
        let mut feed = notifier.feed(Some(cursor)).await?;
        ensure!(feed.hello().await? == cursor, "it starts elsewhere");
        let entries = feed.entries_until(database.sequenced(30).await?).await?;
        ensure!(i64::try_from(entries.len())? == 30 - after, "{} entries behind {after}", entries.len());
    }
    let mut feed = notifier.feed(Some(behind(head, 0)?)).await?;
    feed.hello().await?;
    insert(&database, 5).await?;
    let seen = feed.entries_until(database.sequenced(35).await?).await?;
    log_contents::the_feed_was_the_log(&seen, &log_contents::read_log(&database).await?)
}

#[tokio::test]
async fn what_is_not_in_memory_any_more_is_read_from_the_log() -> Result<()> {
    let database = Database::create().await?;
    let mut settings = settings(&database)?;
    settings.notifier.window_entries = 5;
    let notifier = Notifier::start(&settings).await?;
    let head = database.store()?.log_head().await?.cursor;
    // More than fits into a message, a step's answer, or a page.
    insert(&database, 2500).await?;
    insert(&database, 700).await?;
    let end = database.sequenced(3200).await?;
    let mut feed = notifier.feed(Some(behind(head, 0)?)).await?;
    feed.hello().await?;
    let seen = feed.entries_until(end).await?;
    log_contents::the_feed_was_the_log(&seen, &log_contents::read_log(&database).await?)
}

/// The log grows while a notifier that has just started reads what it missed.
#[tokio::test]
async fn reading_on_while_the_log_grows_is_no_reason_for_a_reset() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let head = database.store()?.log_head().await?.cursor;
    let _leader = Notifier::start(&settings).await?;
    insert(&database, 100).await?;
    database.sequenced(100).await?;
    let writing = async {
        for _ in 0..400 {
            insert(&database, 1).await?;
        }
        anyhow::Ok(())
    };
    let joining = async {
        for _ in 0..8 {
            let fresh = Notifier::start(&settings).await?;
            let mut feed = fresh.feed(Some(behind(head, 40)?)).await?;
            feed.hello().await?;
            feed.entries_until(behind(head, 100)?.position).await?;
            let more = feed.cursor().context("a cursor")?.position.next();
            feed.entries_until(more).await?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(writing, joining).map(drop)
}

#[tokio::test]
async fn a_cursor_whose_entries_are_gone_is_reset() -> Result<()> {
    let database = Database::create().await?;
    let mut settings = settings(&database)?;
    settings.notifier.window_entries = 5;
    let notifier = Notifier::start(&settings).await?;
    let head = database.store()?.log_head().await?.cursor;
    insert(&database, 50).await?;
    database.sequenced(50).await?;
    database.sql().await?.batch_execute("delete from change_log where position <= 20").await?;

    let mut feed = notifier.feed(Some(behind(head, 10)?)).await?;
    feed.hello().await?;
    let (to, reason) = feed.reset().await?;
    ensure!(to == behind(head, 50)? && reason == ResyncReason::TooOld, "reset to {to}: {reason:?}");
    // It goes on from there.
    insert(&database, 1).await?;
    feed.entries_until(database.sequenced(51).await?).await?;

    let mut edge = notifier.feed(Some(behind(head, 20)?)).await?;
    edge.hello().await?;
    let kept = edge.entries_until(behind(head, 51)?.position).await?;
    ensure!(kept.len() == 31, "{} entries", kept.len());
    Ok(())
}

#[tokio::test]
async fn a_cursor_from_the_future_is_reset() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    insert(&database, 3).await?;
    database.sequenced(3).await?;
    let head = database.store()?.log_head().await?.cursor;
    let mut feed = notifier.feed(Some(behind(head, 1000)?)).await?;
    let (to, reason) = feed.reset().await?;
    ensure!(to == head && reason == ResyncReason::Epoch, "reset to {to}: {reason:?}");
    Ok(())
}

#[tokio::test]
async fn a_silent_feed_has_a_heartbeat() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let mut feed = notifier.feed(None).await?;
    let head = feed.hello().await?;
    let heartbeat = waiting::within(waiting::PATIENCE, "a heartbeat", feed.next()).await??;
    ensure!(matches!(heartbeat, Some(FeedEvent::Heartbeat(at)) if at == head.position), "{heartbeat:?}");
    Ok(())
}

#[tokio::test]
async fn a_notifier_that_stops_ends_its_feeds() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let mut feeds = [notifier.feed(None).await?, notifier.feed(None).await?];
    notifier.stop().await?;
    for feed in &mut feeds {
        feed.ended().await?;
    }
    Ok(())
}

/// Rows that our parsers would refuse, between rows that everybody waits for.
#[tokio::test]
async fn no_row_that_postgres_accepts_stops_the_delivery_of_what_follows() -> Result<()> {
    const ODD_ROWS: &str = r#"
        insert into items (tenant_id, name, description) values (1, E'\t', '  ');
        insert into items (tenant_id, name, attributes) values (1, 'huge', '{"n": 1e400}');
        insert into items (tenant_id, name, attributes)
          values (1, 'deep', ('{"a": ' || repeat('[', 4000) || repeat(']', 4000) || '}')::jsonb);
        insert into items (tenant_id, name, created_at, updated_at) values (1, 'late', '-infinity', 'infinity');
        insert into items (id, tenant_id, name) overriding system value values (-5, 1, 'nobody''s');
        update items set name = E'\t\t', attributes = '{}';
        delete from items"#;
    let database = Database::create().await?;
    let head = database.store()?.log_head().await?.cursor;
    let notifier = Notifier::start(&settings(&database)?).await?;
    // The test's client takes documents apart, and so starts behind them.
    database.sql().await?.batch_execute(ODD_ROWS).await?;
    let odd = database.sequenced(15).await?;
    insert(&database, 1).await?;
    let end = database.sequenced(16).await?;
    let mut feed = notifier.feed(Some(Cursor { position: odd, ..head })).await?;
    feed.hello().await?;
    ensure!(feed.entries_until(end).await?.len() == 1, "more than the row behind them");
    Ok(())
}
