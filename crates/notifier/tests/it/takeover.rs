//! The leader goes, another one leads.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::{Database, Notifier, settings, waiting};
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::fleet;

/// DESIGN promises 2 s; the rest is for a machine that is busy with other tests.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(5);

async fn insert(client: &Client) -> Result<()> {
    Ok(client.batch_execute("insert into items (tenant_id, name) values (1, 'nut')").await?)
}

async fn taken_over(database: &Database, position: i64) -> Result<()> {
    let begun = Instant::now();
    insert(&database.sql().await?).await?;
    waiting::within(TAKEN_OVER_WITHIN, "another notifier to lead", database.sequenced(position)).await??;
    println!("sequenced {:?} after the leader had gone", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn another_notifier_leads_when_the_leader_is_killed() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let leader = Notifier::start(&settings).await?;
    insert(&database.sql().await?).await?;
    database.sequenced(1).await?;
    let next = Notifier::start(&settings).await?;
    let mut feed = next.feed(None).await?;
    feed.hello().await?;

    leader.kill().await;
    taken_over(&database, 2).await?;
    let entries = feed.entries_until(database.sequenced(2).await?).await?;
    ensure!(entries.len() == 1, "{entries:?}");
    Ok(())
}

#[tokio::test]
async fn another_notifier_leads_when_the_leaders_process_is_killed() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let leader = fleet::start_binary(&settings).await?;
    insert(&database.sql().await?).await?;
    database.sequenced(1).await?;
    let _next = Notifier::start(&settings).await?;

    leader.kill().await?;
    taken_over(&database, 2).await
}

#[tokio::test]
async fn another_notifier_leads_when_the_leader_stops() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let leader = Notifier::start(&settings).await?;
    insert(&database.sql().await?).await?;
    database.sequenced(1).await?;
    let _next = Notifier::start(&settings).await?;
    leader.stop().await?;
    taken_over(&database, 2).await
}

#[tokio::test]
async fn a_leader_whose_session_is_terminated_leads_again_or_is_replaced() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let _first = Notifier::start(&settings).await?;
    let _second = Notifier::start(&settings).await?;
    for position in 1..=5 {
        database.terminate("%sequencer").await?;
        taken_over(&database, position).await?;
    }
    Ok(())
}

/// A session that waits inside a statement keeps its snapshot, and with it every row version since: the tables would
/// grow for as long as there is a second notifier.
#[tokio::test]
async fn a_notifier_that_waits_to_lead_holds_no_snapshot() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let _leader = Notifier::start(&settings).await?;
    let _waiting = Notifier::start(&settings).await?;
    let client = database.sql().await?;
    let sessions = "select count(*), count(*) filter (where backend_xmin is not null) from pg_stat_activity
        where application_name = 'stockwire notifier sequencer' and datname = current_database()";
    let both = waiting::until(waiting::PATIENCE, "both to have a session", async || {
        let row = client.query_one(sessions, &[]).await?;
        Ok((row.try_get::<_, i64>(0)? == 2).then_some(()))
    });
    both.await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // A look lasts microseconds, a wait would be seen every time.
    let mut holding = 0;
    for _ in 0..10 {
        holding += client.query_one(sessions, &[]).await?.try_get::<_, i64>(1)?;
        tokio::time::sleep(Duration::from_millis(17)).await;
    }
    ensure!(holding < 5, "{holding} times out of 10 someone held a snapshot");
    Ok(())
}

/// Notifiers that were killed while they waited must not stay in the server, or a crash loop uses up its connections.
#[tokio::test]
async fn a_notifier_that_was_killed_while_it_waited_leaves_no_session() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let _leader = Notifier::start(&settings).await?;
    for _ in 0..2 {
        let waiting = fleet::start_binary(&settings).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        waiting.kill().await?;
    }
    let client = database.sql().await?;
    let sessions = "select count(*) from pg_stat_activity
        where application_name = 'stockwire notifier sequencer' and datname = current_database()";
    let alone = waiting::until(waiting::PATIENCE, "the leader to be alone", async || {
        let sessions: i64 = client.query_one(sessions, &[]).await?.try_get(0)?;
        Ok((sessions == 1).then_some(()))
    });
    alone.await.map(drop)
}
