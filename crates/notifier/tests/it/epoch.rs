//! A log that was written elsewhere, because it was restored from a backup or copied: it gets a new identity, and goes
//! on from where it is.

use std::time::Duration;

use anyhow::{Result, ensure};
use domain::{Cursor, ResyncReason};
use testkit::{Database, Notifier, log_contents, settings, waiting};
use tokio_postgres::Client;

async fn insert(client: &Client, how_many: i64) -> Result<()> {
    let insert = "insert into items (tenant_id, name) select 1, 'copied' from generate_series(1, $1::bigint)";
    client.execute(insert, &[&how_many]).await?;
    Ok(())
}

async fn head(database: &Database) -> Result<Cursor> {
    Ok(database.store()?.log_head().await?.cursor)
}

#[tokio::test]
async fn a_log_that_was_never_led_keeps_the_epoch_it_was_made_with() -> Result<()> {
    let database = Database::create().await?;
    let made = head(&database).await?.epoch;
    insert(&database.sql().await?, 3).await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    database.sequenced(3).await?;
    notifier.stop().await?;
    let _again = Notifier::start(&settings(&database)?).await?;
    insert(&database.sql().await?, 1).await?;
    database.sequenced(4).await?;
    ensure!(head(&database).await?.epoch == made, "it changed without a reason");
    Ok(())
}

#[tokio::test]
async fn a_copied_database_gets_a_new_epoch_and_what_had_no_position_gets_one() -> Result<()> {
    let original = Database::create().await?;
    let notifier = Notifier::start(&settings(&original)?).await?;
    insert(&original.sql().await?, 3).await?;
    original.sequenced(3).await?;
    notifier.stop().await?;
    // Committed while nobody sequenced: in the backup, without a position.
    insert(&original.sql().await?, 2).await?;
    original.deserted().await?;
    let old = head(&original).await?;
    original.deserted().await?;

    let restored = original.copy().await?;
    let notifier = Notifier::start(&settings(&restored)?).await?;
    insert(&restored.sql().await?, 4).await?;
    restored.sequenced(9).await?;
    let mut feed = notifier.feed(Some(old)).await?;
    let (new, reason) = feed.reset().await?;
    ensure!(new.epoch != old.epoch && reason == ResyncReason::Epoch, "{old} became {new}: {reason:?}");

    insert(&restored.sql().await?, 1).await?;
    feed.entries_until(restored.sequenced(10).await?).await?;
    let log = log_contents::read_log(&restored).await?;
    log_contents::each_change_has_one_dense_position(&restored, &log).await?;
    log_contents::each_item_is_in_order(&log)
}

/// As in a cluster whose transaction ids are far behind those of the one that the log was written in.
#[tokio::test]
async fn transaction_ids_of_another_cluster_do_not_confuse_the_sequencer() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let client = database.sql().await?;
    insert(&client, 5).await?;
    database.sequenced(5).await?;
    notifier.stop().await?;
    insert(&client, 5).await?;
    let elsewhere = "update changes set xid = ((xid::text)::bigint + 1000000)::text::xid8;
        update sequencer set origin = 'another cluster', seen = '2000000:2000000:'::pg_snapshot";
    client.batch_execute(elsewhere).await?;

    let _notifier = Notifier::start(&settings(&database)?).await?;
    database.sequenced(10).await?;
    for position in 11..=20 {
        insert(&client, 1).await?;
        database.sequenced(position).await?;
    }
    let log = log_contents::read_log(&database).await?;
    log_contents::each_change_has_one_dense_position(&database, &log).await?;
    log_contents::each_item_is_in_order(&log)
}

#[tokio::test]
async fn feeds_that_are_open_learn_of_a_new_epoch() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let notifiers = [Notifier::start(&settings).await?, Notifier::start(&settings).await?];
    let client = database.sql().await?;
    insert(&client, 3).await?;
    database.sequenced(3).await?;
    let mut feeds = Vec::new();
    for notifier in &notifiers {
        let mut feed = notifier.feed(None).await?;
        feed.hello().await?;
        feeds.push(feed);
    }
    let old = head(&database).await?;

    client.batch_execute("update sequencer set origin = 'another cluster'").await?;
    database.terminate("%sequencer").await?;
    // Rings without a pause, so that a follower has no quiet moment to look around.
    let ringing = async {
        loop {
            insert(&client, 1).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let learning = async {
        for feed in &mut feeds {
            let new = waiting::within(waiting::PATIENCE, "a feed to learn of the epoch", async {
                loop {
                    feed.next().await?;
                    let cursor = feed.cursor().unwrap_or(old);
                    if cursor.epoch != old.epoch {
                        return anyhow::Ok(cursor);
                    }
                }
            });
            new.await??;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        learnt = learning => learnt,
        rung = ringing => rung,
    }
}

/// A restored database may be written to before its log is led, by transactions that stay open.
#[tokio::test]
async fn adopting_a_log_waits_for_no_transaction_and_holds_up_no_writer() -> Result<()> {
    let database = Database::create().await?;
    let (long, client) = (database.sql().await?, database.sql().await?);
    long.batch_execute("begin").await?;
    insert(&long, 1).await?;
    insert(&client, 2).await?;
    let _notifier = Notifier::start(&settings(&database)?).await?;
    database.sequenced(2).await?;
    waiting::within(waiting::PATIENCE, "another writer", insert(&client, 1)).await??;
    database.sequenced(3).await?;
    long.batch_execute("commit").await?;
    database.sequenced(4).await?;
    let log = log_contents::read_log(&database).await?;
    log_contents::each_change_has_one_dense_position(&database, &log).await
}
