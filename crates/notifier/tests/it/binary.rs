//! The notifier as a process: it stops when it is asked to, and what it leaves behind is in order.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::{Database, FeedClient, log_contents, process, settings};
use tokio::time::Instant;

use crate::fleet;

/// The default of `shutdown.deadline_ms`.
const DEADLINE: Duration = Duration::from_secs(9);

async fn insert(database: &Database, how_many: i64) -> Result<()> {
    let insert = "insert into items (tenant_id, name) select 1, 'kept' from generate_series(1, $1::bigint)";
    database.sql().await?.execute(insert, &[&how_many]).await?;
    Ok(())
}

#[tokio::test]
async fn asked_to_stop_it_drains_and_a_second_start_goes_on() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let mut first = fleet::start_binary(&settings).await?;
    let url = format!("ws://{}", first.address());
    let mut feed = FeedClient::connect(&url, settings.internal.secret.expose(), None).await?;
    let start = feed.hello().await?;
    insert(&database, 10).await?;
    feed.entries_until(database.sequenced(10).await?).await?;

    let begun = Instant::now();
    first.ask_to_stop()?;
    feed.ended().await?;
    let status = first.exit_status(DEADLINE).await?;
    println!("drained within {:?}", begun.elapsed());
    ensure!(status.success(), "it ended with {status}");

    // Nobody sequences, nobody is held up.
    insert(&database, 5).await?;
    let mut second = fleet::start_binary(&settings).await?;
    let url = format!("ws://{}", second.address());
    let mut feed = FeedClient::connect(&url, settings.internal.secret.expose(), Some(start)).await?;
    feed.hello().await?;
    let seen = feed.entries_until(database.sequenced(15).await?).await?;
    let log = log_contents::read_log(&database).await?;
    log_contents::the_feed_was_the_log(&seen, &log)?;
    log_contents::each_change_has_one_dense_position(&database, &log).await?;
    feed.close().await;
    second.ask_to_stop()?;
    ensure!(second.exit_status(DEADLINE).await?.success(), "the second one failed");
    Ok(())
}

#[tokio::test]
async fn it_brings_an_empty_server_up_to_date_by_itself() -> Result<()> {
    let database = Database::only_named().await?;
    let notifier = fleet::start_binary(&settings(&database)?).await?;
    insert(&database, 1).await?;
    database.sequenced(1).await?;
    drop(notifier);
    Ok(())
}

#[tokio::test]
async fn asked_to_stop_while_it_waits_for_a_database_it_stops() -> Result<()> {
    let database = Database::create().await?;
    let mut environment = process::environment(&settings(&database)?);
    // Port 1 is nobody's.
    let nowhere = "postgres://nobody:x@127.0.0.1:1/nothing".to_owned();
    environment.insert("STOCKWIRE__DATABASE__URL".to_owned(), nowhere);
    let binary = env!("CARGO_BIN_EXE_notifier");
    let mut waiting = process::Service::spawn(binary, "STOCKWIRE__NOTIFIER__LISTEN", &environment)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    waiting.ask_to_stop()?;
    let status = waiting.exit_status(DEADLINE).await?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said_at_once() -> Result<()> {
    let database = Database::create().await?;
    let mut environment = process::environment(&settings(&database)?);
    environment.insert("STOCKWIRE__NOTIFIER__LISTNE".to_owned(), "127.0.0.1:0".to_owned());
    let binary = env!("CARGO_BIN_EXE_notifier");
    let mut refused = process::Service::spawn(binary, "STOCKWIRE__NOTIFIER__LISTEN", &environment)?;
    let status = refused.exit_status(DEADLINE).await?;
    ensure!(status.code() == Some(2), "it ended with {status}");
    Ok(())
}
