//! How the sequencer wakes up: by the bell, by looking, and never too late when the one gives way to the other.

use std::time::Duration;

use anyhow::Result;
use service::Settings;
use testkit::{Database, Notifier, settings, waiting};
use tokio::time::Instant;
use tokio_postgres::Client;

/// So long that nothing in these tests arrives by looking.
const NEVER_LOOKS: u64 = 60_000;

async fn insert(client: &Client) -> Result<()> {
    Ok(client.batch_execute("insert into items (tenant_id, name) values (1, 'bolt')").await?)
}

async fn bell_is_connected(client: &Client) -> Result<bool> {
    // Looked at from outside, so that looking silences nobody and holds nobody up.
    let silenced = "select not exists (
        select from pg_locks join pg_database on pg_database.oid = pg_locks.database
        where datname = current_database() and locktype = 'advisory' and mode = 'ExclusiveLock' and granted
          and (classid::bigint << 32 | objid::bigint) = x'535742454c4c'::bigint)";
    Ok(client.query_one(silenced, &[]).await?.try_get(0)?)
}

/// Waits until it sleeps, so that what comes next can only be found by what wakes it up.
async fn asleep(database: &Database, notifier: &Notifier, position: i64) -> Result<()> {
    database.sequenced(position).await?;
    let mut feed = notifier.feed(None).await?;
    let head = feed.hello().await?;
    anyhow::ensure!(head.position.get() <= position, "more than {position} changes");
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

fn polling_every(database: &Database, poll_interval_ms: u64) -> Result<Settings> {
    let mut settings = settings(database)?;
    settings.notifier.poll_interval_ms = poll_interval_ms;
    Ok(settings)
}

#[tokio::test]
async fn an_idle_sequencer_is_woken_by_a_plain_writer() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&polling_every(&database, NEVER_LOOKS)?).await?;
    let writer = database.sql().await?;
    insert(&writer).await?;
    asleep(&database, &notifier, 1).await?;

    let mut feed = notifier.feed(None).await?;
    feed.hello().await?;
    let begun = Instant::now();
    insert(&writer).await?;
    let head = database.sequenced(2).await?;
    feed.entries_until(head).await?;
    println!("woken by the bell after {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn without_notifications_everything_arrives_within_the_poll_interval() -> Result<()> {
    let database = Database::create().await?;
    let mut settings = polling_every(&database, 250)?;
    settings.notifier.doorbell = false;
    let notifier = Notifier::start(&settings).await?;
    // This one only follows: it isn't told of new positions either.
    let follower = Notifier::start(&settings).await?;
    let writer = database.sql().await?;
    let (mut feed, mut far_feed) = (notifier.feed(None).await?, follower.feed(None).await?);
    feed.hello().await?;
    far_feed.hello().await?;
    for position in 1..=4 {
        let begun = Instant::now();
        insert(&writer).await?;
        let head = database.sequenced(position).await?;
        let placed = begun.elapsed();
        feed.entries_until(head).await?;
        far_feed.entries_until(head).await?;
        let (limit, seen) = (Duration::from_millis(2_000), begun.elapsed());
        anyhow::ensure!(seen < limit, "position {position} after {placed:?}, on both feeds after {seen:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_bell_whose_connection_was_killed_rings_again() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&polling_every(&database, NEVER_LOOKS)?).await?;
    let writer = database.sql().await?;
    insert(&writer).await?;
    asleep(&database, &notifier, 1).await?;

    anyhow::ensure!(database.terminate("%doorbell").await? == 2, "one bell for changes, one for the log");
    // Nobody listens at this moment: found when the bell is back, because it might have rung meanwhile.
    insert(&writer).await?;
    asleep(&database, &notifier, 2).await?;
    insert(&writer).await?;
    database.sequenced(3).await.map(drop)
}

/// Writes without a pause until the sequencer has told writers to be silent.
async fn flood_until_silent(writer: &Client) -> Result<i64> {
    let mut written = 0;
    waiting::until(waiting::PATIENCE, "a flood to silence the writers", async || {
        for _ in 0..50 {
            insert(writer).await?;
            written += 1;
        }
        Ok((!bell_is_connected(writer).await?).then_some(()))
    })
    .await?;
    Ok(written)
}

async fn quiet(observer: &Client) -> Result<()> {
    let ringing = waiting::until(waiting::PATIENCE, "the bell to be connected again", async || {
        Ok(bell_is_connected(observer).await?.then_some(()))
    });
    ringing.await.map(drop)
}

#[tokio::test]
async fn a_flood_silences_writers_and_quiet_lets_them_ring_again() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&polling_every(&database, NEVER_LOOKS)?).await?;
    let writer = database.sql().await?;
    for round in 1..=2 {
        let written = flood_until_silent(&writer).await?;
        println!("round {round}: silent after {written} changes");
        quiet(&writer).await?;
    }
    let written: i64 = writer.query_one("select count(*) from changes", &[]).await?.try_get(0)?;
    asleep(&database, &notifier, written).await?;
    insert(&writer).await?;
    database.sequenced(written + 1).await.map(drop)
}

#[tokio::test]
async fn a_slow_writer_that_found_the_bell_disconnected_is_waited_for() -> Result<()> {
    let database = Database::create().await?;
    let _notifier = Notifier::start(&polling_every(&database, NEVER_LOOKS)?).await?;
    let (writer, slow) = (database.sql().await?, database.sql().await?);
    let written = flood_until_silent(&writer).await?;
    // Its trigger sees that the bell is disconnected, and so nobody will ring for it.
    slow.batch_execute("begin").await?;
    insert(&slow).await?;
    quiet(&writer).await?;
    database.sequenced(written).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    slow.batch_execute("commit").await?;
    database.sequenced(written + 1).await.map(drop)
}

#[tokio::test]
async fn a_writer_whose_snapshot_is_older_than_the_bell_arrives_within_the_poll_interval() -> Result<()> {
    let database = Database::create().await?;
    let _notifier = Notifier::start(&polling_every(&database, 500)?).await?;
    let (writer, slow) = (database.sql().await?, database.sql().await?);
    let written = flood_until_silent(&writer).await?;
    // It has read only, so no snapshot shows that it is there; and it will see the bell as it is now for ever.
    slow.batch_execute("begin isolation level repeatable read; select count(*) from items").await?;
    quiet(&writer).await?;
    database.sequenced(written).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    insert(&slow).await?;
    slow.batch_execute("commit").await?;
    database.sequenced(written + 1).await.map(drop)
}

#[tokio::test]
async fn a_flood_silences_writers_also_while_an_older_transaction_is_open() -> Result<()> {
    let database = Database::create().await?;
    let (writer, long) = (database.sql().await?, database.sql().await?);
    long.batch_execute("begin").await?;
    insert(&long).await?;
    // It begins to lead while the long transaction is open, which may have found the bell in any state.
    let _notifier = Notifier::start(&polling_every(&database, 250)?).await?;
    let written = flood_until_silent(&writer).await?;
    database.sequenced(written).await?;
    long.batch_execute("commit").await?;
    database.sequenced(written + 1).await.map(drop)
}
