//! Today's notifier on a database of the first release: it brings the schema up to date, or waits until someone has, and
//! goes on with the log where it is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::Cursor;
use serde_json::json;
use service::Settings;
use testkit::{
    Database, FirstRelease, Hub, InventoryApi, SocketClient, SocketOptions, log_contents, process, settings,
    waiting,
};

use crate::fleet;

/// The default of `shutdown.deadline_ms`.
const DEADLINE: Duration = Duration::from_secs(9);

const INSERT: &str = "insert into items (tenant_id, name) select 1, 'x' from generate_series(1, 5)";

/// A log of ten positions; behind them five changes that were in flight at the last step, and five that came later.
async fn with_an_unfinished_tail() -> Result<(Database, Cursor)> {
    let database = Database::of_the_first_release().await?;
    let old = FirstRelease::lead(&database).await?;
    let (sql, long) = (database.sql().await?, database.sql().await?);
    sql.batch_execute(INSERT).await?;
    long.batch_execute(&format!("begin; {INSERT}")).await?;
    sql.batch_execute(INSERT).await?;
    ensure!(old.step().await? == 10);
    long.batch_execute("commit").await?;
    sql.batch_execute("update items set quantity = 7 where id <= 5").await?;
    let (head, _) = old.log_head().await?;
    Ok((database, head))
}

async fn schema(database: &Database) -> Result<Vec<i32>> {
    let applied = "select version from refinery_schema_history order by version";
    Ok(database.sql().await?.query(applied, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// A notifier that may not change the schema.
fn spawn_waiting(settings: &Settings) -> Result<process::Service> {
    let mut environment = process::environment(settings);
    environment.insert("STOCKWIRE__DATABASE__MIGRATE".to_owned(), "false".to_owned());
    let binary = env!("CARGO_BIN_EXE_notifier");
    process::Service::spawn(binary, "STOCKWIRE__NOTIFIER__LISTEN", &environment)
}

/// What `/ready` says, once it is asked with success: the status and the text.
async fn says(service: &process::Service, path: &str) -> Result<(u16, String)> {
    let url = format!("http://{}{path}", service.address());
    let said = waiting::until(waiting::PATIENCE, "an answer", async || {
        let Ok(answer) = reqwest::get(&url).await else { return Ok(None) };
        Ok(Some((answer.status().as_u16(), answer.text().await?)))
    });
    Ok(said.await?.0)
}

#[tokio::test]
async fn a_log_of_the_first_release_goes_on_and_a_client_with_an_old_cursor_resumes() -> Result<()> {
    let (database, head) = with_an_unfinished_tail().await?;
    let placed = log_contents::read_log(&database).await?;
    database.terminate("%").await?;

    let mut settings = settings(&database)?;
    let notifier = fleet::start_binary(&settings).await?;
    database.sequenced(20).await?;
    ensure!(schema(&database).await? == [1, 2, 3, 4, 5, 6]);
    settings.notifier.url = format!("ws://{}", notifier.address());
    let api = InventoryApi::start(&settings).await?;
    settings.api.url = api.url();
    let hub = Hub::start(&settings).await?;

    let log = log_contents::read_log(&database).await?;
    ensure!(log[..10] == placed[..], "positions have changed");
    log_contents::each_change_has_one_dense_position(&database, &log).await?;
    log_contents::each_item_is_in_order(&log)?;
    let today = database.store()?.log_head().await?;
    ensure!((today.cursor.epoch, today.first.get()) == (head.epoch, 1), "{today:?}");

    // From the middle of what the first release had placed.
    let after = Cursor { position: domain::Position::new(4).context("a position")?, ..head };
    let mut client = SocketClient::connect(hub.address(), &SocketOptions::default()).await?;
    client.expect("connected").await?;
    client.resume("items", after, false).await?;
    for row in &log[4..] {
        let frame = client.expect(&row.op).await?;
        ensure!(
            frame["position"] == json!(row.position) && frame["data"] == row.data,
            "{frame}, not {row:?}"
        );
    }
    let subscribed = client.expect("subscribed").await?;
    ensure!(subscribed["recovered"] == json!(true), "{subscribed}");
    api.create_item(&json!({"name": "of today"})).await?;
    ensure!(client.expect("create").await?["position"] == json!(21));
    let removed = reqwest::get(format!("{}/api/v1/changes?after={after}", api.url())).await?;
    ensure!(removed.status() == 200, "nothing was removed: {removed:?}");
    Ok(())
}

#[tokio::test]
async fn two_that_start_at_the_same_moment_on_the_old_schema_upgrade_it_once_and_one_leads() -> Result<()> {
    let (database, head) = with_an_unfinished_tail().await?;
    database.terminate("%").await?;
    let settings = settings(&database)?;
    let (one, other) = tokio::try_join!(fleet::start_binary(&settings), fleet::start_binary(&settings))?;
    database.sequenced(20).await?;
    ensure!(schema(&database).await? == [1, 2, 3, 4, 5, 6]);
    let mut leading = 0.0;
    for notifier in [&one, &other] {
        leading += notifier.metric("stockwire_sequencer_leading").await?;
    }
    ensure!(leading.total_cmp(&1.0).is_eq(), "{leading} lead");
    ensure!(database.store()?.log_head().await?.cursor.epoch == head.epoch);
    let log = log_contents::read_log(&database).await?;
    log_contents::each_change_has_one_dense_position(&database, &log).await
}

#[tokio::test]
async fn one_that_may_not_migrate_is_alive_waits_and_leads_once_the_schema_is_there() -> Result<()> {
    let (database, _) = with_an_unfinished_tail().await?;
    database.terminate("%").await?;
    let mut notifier = spawn_waiting(&settings(&database)?)?;
    ensure!(says(&notifier, "/health").await?.0 == 200);
    let (status, text) = says(&notifier, "/ready").await?;
    ensure!(status == 503 && text.contains("waiting for the schema"), "{status} {text}");
    // Long enough for one that led to have placed the rest.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let last: i64 = database.sql().await?.query_one("select last from sequencer", &[]).await?.get(0);
    ensure!(last == 10 && schema(&database).await? == [1], "it didn't wait: {last}");
    store::migrate(&database.options()).await?;
    notifier.ready().await?;
    database.sequenced(20).await?;
    notifier.ask_to_stop()?;
    ensure!(notifier.exit_status(DEADLINE).await?.success(), "it failed");
    Ok(())
}

#[tokio::test]
async fn one_that_waits_for_a_schema_stops_when_it_is_asked_to() -> Result<()> {
    let database = Database::create_empty().await?;
    let mut notifier = spawn_waiting(&settings(&database)?)?;
    ensure!(says(&notifier, "/health").await?.0 == 200);
    notifier.ask_to_stop()?;
    ensure!(notifier.exit_status(DEADLINE).await?.success(), "it failed");
    Ok(())
}

#[tokio::test]
async fn a_newer_schema_is_refused_whether_it_may_migrate_or_not() -> Result<()> {
    let database = Database::create().await?;
    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum)
        values (9999, 'from_the_future', now()::text, '0')";
    database.sql().await?.batch_execute(newer).await?;
    let settings = settings(&database)?;
    let binary = env!("CARGO_BIN_EXE_notifier");
    let migrating =
        process::Service::spawn(binary, "STOCKWIRE__NOTIFIER__LISTEN", &process::environment(&settings))?;
    for mut notifier in [migrating, spawn_waiting(&settings)?] {
        let status = notifier.exit_status(DEADLINE).await?;
        ensure!(status.code() == Some(1), "it ended with {status}");
    }
    Ok(())
}
