//! Parts of the log for hubs whose clients come back from afar: the same entries as on the feed, a bounded number of
//! reads, and a word where there are none.

use anyhow::{Context, Result, bail, ensure};
use domain::{Cursor, Epoch, Position, ResyncReason, feed::FeedPage};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use service::Settings;
use testkit::{Database, Notifier, settings};

/// A notifier that keeps only the newest entries in memory, and a log of 60.
async fn start(database: &Database) -> Result<(Settings, Notifier, Epoch)> {
    let mut settings = settings(database)?;
    settings.notifier.window_entries = 20;
    let notifier = Notifier::start(&settings).await?;
    let insert = "insert into items (tenant_id, name) select 1, 'fed' from generate_series(1, 60)";
    database.sql().await?.execute(insert, &[]).await?;
    database.sequenced(60).await?;
    let head = database.store()?.log_head().await?.cursor;
    // Until it has taken them in.
    let mut feed = notifier.feed(Some(Cursor { position: Position::START, ..head })).await?;
    feed.hello().await?;
    feed.entries_until(head.position).await?;
    Ok((settings, notifier, head.epoch))
}

async fn ask(notifier: &Notifier, secret: &str, question: &str) -> Result<Response> {
    let url = format!("{}/feed/entries?{question}", notifier.url().replacen("ws", "http", 1));
    Ok(reqwest::Client::new().get(url).bearer_auth(secret).send().await?)
}

/// The head and the entries' texts behind a position.
async fn entries(
    notifier: &Notifier,
    secret: &str,
    epoch: Epoch,
    after: i64,
    limit: i64,
) -> Result<(i64, Vec<(i64, String)>)> {
    let answer = ask(notifier, secret, &format!("epoch={epoch}&after={after}&limit={limit}")).await?;
    let text = answer.error_for_status()?.text().await?;
    match serde_json::from_str(&text)? {
        FeedPage::Entries { head, entries } => {
            let read = |entry| anyhow::Ok(serde_json::to_string(entry)?);
            let texts = entries.iter().map(|entry| Ok((entry.position.get(), read(entry)?)));
            Ok((head.get(), texts.collect::<Result<_>>()?))
        }
        FeedPage::Reset { cursor, reason } => bail!("reset to {cursor}: {reason:?}"),
    }
}

async fn reset(notifier: &Notifier, secret: &str, epoch: Epoch, after: i64) -> Result<ResyncReason> {
    let answer = ask(notifier, secret, &format!("epoch={epoch}&after={after}&limit=1000")).await?;
    match serde_json::from_str(&answer.error_for_status()?.text().await?)? {
        FeedPage::Reset { reason, .. } => Ok(reason),
        FeedPage::Entries { entries, .. } => bail!("{} entries behind {after}", entries.len()),
    }
}

#[tokio::test]
async fn it_is_for_those_who_show_the_secret_and_ask_for_something_that_makes_sense() -> Result<()> {
    let database = Database::create().await?;
    let (settings, notifier, epoch) = start(&database).await?;
    let whole = format!("epoch={epoch}&after=0&limit=10");
    ensure!(ask(&notifier, "a secret that was guessed", &whole).await?.status() == StatusCode::UNAUTHORIZED);
    for (question, names) in [
        (format!("epoch={epoch}&after=0"), "limit"),
        (format!("epoch={epoch}&after=0&limit=0"), "limit"),
        (format!("epoch={epoch}&after=0&limit=1001"), "limit"),
        (format!("epoch={epoch}&after=0&limit=-1"), "query"),
        (format!("epoch={epoch}&after=-1&limit=10"), "after"),
        ("epoch=x&after=0&limit=10".to_owned(), "epoch"),
        (format!("{whole}&behind=1"), "behind"),
    ] {
        let refused = ask(&notifier, settings.internal.secret.expose(), &question).await?;
        ensure!(refused.status() == StatusCode::BAD_REQUEST, "{question}: {}", refused.status());
        let problem: Value = refused.json().await?;
        ensure!(problem["code"] == "invalid_parameter", "{question}: {problem}");
        ensure!(problem.to_string().contains(names), "{question}: {problem}");
    }
    Ok(())
}

#[tokio::test]
async fn memory_and_log_give_the_same_entries_and_never_more_than_asked_for() -> Result<()> {
    let database = Database::create().await?;
    let (settings, notifier, epoch) = start(&database).await?;
    let secret = settings.internal.secret.expose();
    let (head, all) = entries(&notifier, secret, epoch, 0, 1000).await?;
    ensure!(head == 60 && all.iter().map(|(position, _)| *position).eq(1..=60), "{head}: {all:?}");
    // The newest 20 come from memory.
    for after in [0, 17, 39, 40, 41, 59, 60, 61] {
        for limit in [1, 10, 1000] {
            let (_, some) = entries(&notifier, secret, epoch, after, limit).await?;
            let first = usize::try_from(after)?.min(60);
            let last = (first + usize::try_from(limit)?).min(60);
            ensure!(some == all[first..last], "{limit} behind {after}: {some:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn large_entries_come_in_several_answers() -> Result<()> {
    let database = Database::create().await?;
    let (settings, notifier, epoch) = start(&database).await?;
    let sql = database.sql().await?;
    for round in 0..3 {
        let attributes = "update items set attributes = jsonb_build_object('x', repeat($1::text, 16000))";
        sql.execute(attributes, &[&["a", "b", "c"][round]]).await?;
    }
    database.sequenced(240).await?;
    let (mut after, mut answers) = (60, 0);
    while after < 240 {
        let (_, some) = entries(&notifier, settings.internal.secret.expose(), epoch, after, 1000).await?;
        let count = i64::try_from(some.len())?;
        ensure!(count > 0 && some.iter().map(|(position, _)| *position).eq(after + 1..=after + count));
        (after, answers) = (after + count, answers + 1);
    }
    ensure!(answers > 2, "5 MiB came in {answers} answers");
    Ok(())
}

#[tokio::test]
async fn another_epoch_and_removed_entries_are_answered_with_a_reset() -> Result<()> {
    let database = Database::create().await?;
    let (settings, notifier, epoch) = start(&database).await?;
    let secret = settings.internal.secret.expose();
    let other = "00000000000000000000000000000009".parse()?;
    ensure!(reset(&notifier, secret, other, 0).await? == ResyncReason::Epoch);
    let sql = database.sql().await?;
    sql.batch_execute("delete from change_log where position <= 10 or position = 30").await?;
    for after in [0, 9, 29] {
        ensure!(reset(&notifier, secret, epoch, after).await? == ResyncReason::TooOld, "behind {after}");
    }
    let (_, before_the_hole) = entries(&notifier, secret, epoch, 10, 1000).await?;
    ensure!(before_the_hole.iter().map(|(position, _)| *position).eq(11..=29), "{before_the_hole:?}");
    Ok(())
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_told_to_come_back_while_memory_still_answers() -> Result<()> {
    let database = Database::create().await?;
    let (settings, notifier, epoch) = start(&database).await?;
    let secret = settings.internal.secret.expose();
    let mut sql = database.sql().await?;
    let lock = sql.transaction().await?;
    lock.batch_execute("lock table change_log in access exclusive mode").await?;
    let old = format!("epoch={epoch}&after=0&limit=10");
    let slow = async || ask(&notifier, secret, &old).await;
    let (first, second, third, recent) =
        tokio::join!(slow(), slow(), slow(), entries(&notifier, secret, epoch, 50, 10));
    ensure!(recent?.1.len() == 10, "memory needs no turn");
    let busy = [first?, second?, third?];
    let told = busy.iter().find(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE);
    let told = told.with_context(|| format!("nobody was told: {busy:?}"))?;
    ensure!(told.headers().contains_key("retry-after"), "{told:?}");
    lock.rollback().await?;
    ensure!(entries(&notifier, secret, epoch, 0, 10).await?.1.len() == 10);
    Ok(())
}
