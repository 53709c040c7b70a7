//! inventory-api as a process: asked to stop, it answers what was asked before.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Database, process, settings, waiting};
use tokio::net::TcpStream;
use tokio_postgres::Client;

/// The default of `shutdown.deadline_ms`.
const DEADLINE: Duration = Duration::from_secs(9);

/// Waits until the database shows at least one of something.
async fn seen(observer: &Client, count: &str, awaited: &str) -> Result<()> {
    let some = async || Ok((observer.query_one(count, &[]).await?.try_get::<_, i64>(0)? > 0).then_some(()));
    waiting::until(waiting::PATIENCE, awaited, some).await.map(drop)
}

#[tokio::test]
async fn asked_to_stop_it_answers_what_is_under_way_takes_nothing_new_and_exits_cleanly() -> Result<()> {
    let database = Database::create().await?;
    let environment = process::environment(&settings(&database)?);
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let mut api = process::Service::start(binary, "STOCKWIRE__HTTP__LISTEN", &environment).await?;
    let items = Arc::<str>::from(format!("http://{}/api/v1/items", api.address()));
    let client = reqwest::Client::new();
    let created = client.post(&*items).json(&json!({"name": "Bolt"})).send().await?;
    ensure!(created.status() == 201, "{created:?}");
    let idle = TcpStream::connect(api.address()).await?;

    // A write that waits for a lock is under way for as long as the test likes.
    let sql = database.sql().await?;
    sql.batch_execute("begin; select from items for update").await?;
    let patch = client.patch(format!("{items}/1")).json(&json!({"quantity": 7})).send();
    let written = tokio::spawn(patch);
    let observer = database.sql().await?;
    let waits = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    seen(&observer, waits, "the write to wait for its lock").await?;

    api.ask_to_stop()?;
    let closed = async || Ok(TcpStream::connect(api.address()).await.is_err().then_some(()));
    waiting::until(waiting::PATIENCE, "nobody to be let in any more", closed).await?;
    sql.batch_execute("commit").await?;
    let written = waiting::within(waiting::PATIENCE, "the answer", written).await???;
    ensure!(written.status() == 200, "{written:?}");
    let status = api.exit_status(DEADLINE).await?;
    ensure!(status.success(), "it ended with {status}");
    drop(idle);
    Ok(())
}

#[tokio::test]
async fn asked_to_stop_while_somebody_waits_for_a_change_it_answers_and_exits_cleanly() -> Result<()> {
    let database = Database::create().await?;
    let environment = process::environment(&settings(&database)?);
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let mut api = process::Service::start(binary, "STOCKWIRE__HTTP__LISTEN", &environment).await?;
    let waiting_for = format!("http://{}/api/v1/changes?wait=30", api.address());
    let polling = tokio::spawn(reqwest::get(waiting_for));
    let observer = database.sql().await?;
    let looked = "select count(*) from pg_stat_activity
        where datname = current_database() and query like '/* store::changes */%'";
    seen(&observer, looked, "the request to have looked and to wait").await?;
    let begun = tokio::time::Instant::now();
    api.ask_to_stop()?;
    let status = api.exit_status(DEADLINE).await?;
    println!("drained within {:?}", begun.elapsed());
    ensure!(status.success(), "it ended with {status}");
    let answered = waiting::within(waiting::PATIENCE, "the answer", polling).await???;
    ensure!(answered.status() == 200, "{answered:?}");
    Ok(())
}

/// As in a cluster where migrations are a job of their own.
#[tokio::test]
async fn one_that_may_not_migrate_is_alive_and_not_ready_until_the_schema_is_the_one_it_knows() -> Result<()>
{
    let database = Database::of_the_first_release().await?;
    let mut environment = process::environment(&settings(&database)?);
    environment.insert("STOCKWIRE__DATABASE__MIGRATE".to_owned(), "false".to_owned());
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let mut api = process::Service::spawn(binary, "STOCKWIRE__HTTP__LISTEN", &environment)?;
    let ask = async |path: &str| {
        let url = format!("http://{}{path}", api.address());
        let said = waiting::until(waiting::PATIENCE, "an answer", async || {
            let Ok(answer) = reqwest::get(&url).await else { return Ok(None) };
            Ok(Some((answer.status().as_u16(), answer.text().await?)))
        });
        anyhow::Ok(said.await?.0)
    };
    ensure!(ask("/health").await?.0 == 200);
    let (status, text) = ask("/ready").await?;
    ensure!(status == 503 && text.contains("waiting for the database and its schema"), "{status} {text}");
    store::migrate(&database.options()).await?;
    api.ready().await?;
    api.ask_to_stop()?;
    ensure!(api.exit_status(DEADLINE).await?.success(), "it failed");

    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum)
        values (9999, 'from_the_future', now()::text, '0')";
    database.sql().await?.batch_execute(newer).await?;
    let mut refuses = process::Service::spawn(binary, "STOCKWIRE__HTTP__LISTEN", &environment)?;
    let status = refuses.exit_status(DEADLINE).await?;
    ensure!(status.code() == Some(1), "it ended with {status}");
    Ok(())
}
