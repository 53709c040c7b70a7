//! Deleting from the log's beginning: what goes, what stays, what is held, and what a crash may do to it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::{Cursor, ItemId, Position, TenantId};
use store::{HistoryFilter, LogHolder, Sequencer, Store, TrimEnd, TrimRules};
use testkit::{Database, log_contents, waiting};
use tokio_postgres::Client;

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// Everything that is older than a day, ten entries at once.
const RULES: TrimRules = TrimRules { older_than: DAY, least_entries: 0, batch: 10, heed_holds: true };

/// A log of so many changes, all placed, and all made two days ago.
async fn old_log(entries: i64) -> Result<(Database, Store, Sequencer, Client)> {
    let database = Database::create().await?;
    let (store, sql) = (database.store()?, database.sql().await?);
    // As if monitors had always seen everything.
    sql.batch_execute("update monitor_cursor set position = 1000000").await?;
    let sequencer = Sequencer::lead(&store).await?;
    insert(&sql, entries).await?;
    sequencer.step().await?;
    sql.batch_execute("update changes set at = at - interval '2 days'").await?;
    Ok((database, store, sequencer, sql))
}

async fn insert(sql: &Client, how_many: i64) -> Result<()> {
    let insert = "insert into items (tenant_id, name) select 1, 'kept' from generate_series(1, $1::bigint)";
    sql.execute(insert, &[&how_many]).await?;
    Ok(())
}

fn position(value: i64) -> Position {
    Position::new(value).unwrap_or_default()
}

async fn first(store: &Store) -> Result<i64> {
    Ok(store.log_head().await?.first.get())
}

#[tokio::test]
async fn batches_delete_the_oldest_with_their_changes_and_leave_one_run_up_to_the_head() -> Result<()> {
    let (database, store, _sequencer, _sql) = old_log(25).await?;
    for (deleted, begins, end) in
        [(10, 11, TrimEnd::Full), (10, 21, TrimEnd::Full), (5, 26, TrimEnd::LeastEntries)]
    {
        let trimmed = store.trim_log(&RULES).await?;
        ensure!((trimmed.deleted, trimmed.first.get(), trimmed.end) == (deleted, begins, end), "{trimmed:?}");
        let log = log_contents::read_log(&database).await?;
        log_contents::what_is_kept_is_one_run(&database, &log).await?;
        ensure!(first(&store).await? == begins && log.len() == 26 - usize::try_from(begins)?);
    }
    let trimmed = store.trim_log(&RULES).await?;
    ensure!((trimmed.deleted, trimmed.end) == (0, TrimEnd::LeastEntries), "{trimmed:?}");
    ensure!(store.log_age().await?.is_none(), "nothing has no age");
    Ok(())
}

#[tokio::test]
async fn what_monitors_have_not_seen_stays_however_long_that_takes() -> Result<()> {
    let (_database, store, _sequencer, sql) = old_log(25).await?;
    sql.batch_execute("update monitor_cursor set position = 4").await?;
    let not_heeded = TrimRules { heed_holds: false, ..RULES };
    let trimmed = store.trim_log(&not_heeded).await?;
    ensure!((trimmed.deleted, trimmed.first.get(), trimmed.end) == (4, 5, TrimEnd::Unseen), "{trimmed:?}");
    ensure!(store.trim_log(&not_heeded).await?.deleted == 0);
    sql.batch_execute("update monitor_cursor set position = 25").await?;
    ensure!(store.trim_log(&not_heeded).await?.deleted == 10);
    Ok(())
}

#[tokio::test]
async fn what_is_young_stays_and_so_does_everything_behind_it() -> Result<()> {
    let (_database, store, _sequencer, sql) = old_log(9).await?;
    // As of a transaction that took long: its change is older than those placed before it.
    let young =
        "update changes set at = clock_timestamp() from change_log where change_id = id and position = 5";
    sql.batch_execute(young).await?;
    let trimmed = store.trim_log(&RULES).await?;
    ensure!((trimmed.deleted, trimmed.first.get(), trimmed.end) == (4, 5, TrimEnd::Age), "{trimmed:?}");
    ensure!(store.log_age().await?.is_some_and(|age| age < MINUTE));
    ensure!(store.trim_log(&RULES).await?.deleted == 0);
    // A clock that was wrong by years doesn't keep everything for years.
    sql.batch_execute(
        "update changes set at = now() + interval '10 years' where at > now() - interval '1 day'",
    )
    .await?;
    ensure!(store.log_age().await? == Some(Duration::ZERO));
    ensure!(store.trim_log(&RULES).await?.deleted == 5);
    Ok(())
}

/// A machine that starts in the wrong year, before it has asked for the time, must not find that everything may go.
#[tokio::test]
async fn a_clock_that_was_set_back_deletes_nothing() -> Result<()> {
    let (_database, store, _sequencer, sql) = old_log(25).await?;
    sql.batch_execute("update changes set at = at + interval '10 years'").await?;
    let trimmed = store.trim_log(&RULES).await?;
    ensure!((trimmed.deleted, trimmed.end) == (0, TrimEnd::Age), "{trimmed:?}");
    // What is made meanwhile is as wrong, and not old.
    insert(&sql, 3).await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 0);
    // Once the clock is right again, what it had wrong goes with what is old behind it, and no sooner.
    let right = "update changes set at = at - interval '10 years' from change_log
        where change_id = changes.id and position > 12";
    sql.batch_execute(right).await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 10);
    ensure!(store.trim_log(&RULES).await?.deleted == 10);
    Ok(())
}

#[tokio::test]
async fn so_many_entries_stay_however_old_they_are() -> Result<()> {
    let (_database, store, _sequencer, _sql) = old_log(25).await?;
    for (least, deleted) in [(30, 0), (25, 0), (18, 7), (18, 0), (0, 10)] {
        let trimmed = store.trim_log(&TrimRules { least_entries: least, ..RULES }).await?;
        ensure!(trimmed.deleted == deleted, "{least} must stay: {trimmed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_has_no_position_yet_stays_and_gets_the_next_one() -> Result<()> {
    let (database, store, sequencer, sql) = old_log(8).await?;
    let long = database.sql().await?;
    long.batch_execute("begin; insert into items (tenant_id, name) values (1, 'in flight')").await?;
    insert(&sql, 3).await?;
    sql.batch_execute("update changes set at = at - interval '2 days' where at > now() - interval '1 day'")
        .await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 8);
    let left: i64 = sql.query_one("select count(*) from changes", &[]).await?.get(0);
    ensure!(left == 3, "{left} changes are left");
    ensure!(sequencer.step().await?.head.position.get() == 11);
    long.batch_execute("commit").await?;
    ensure!(sequencer.step().await?.head.position.get() == 12);
    let log = log_contents::read_log(&database).await?;
    ensure!(log.iter().map(|row| row.position).eq(9..=12), "{log:?}");
    log_contents::what_is_kept_is_one_run(&database, &log).await
}

#[tokio::test]
async fn what_is_held_stays_until_the_hold_moves_on_ends_or_is_not_heeded() -> Result<()> {
    let (_database, store, _sequencer, sql) = old_log(40).await?;
    let (slow, dead) = (LogHolder::new(), LogHolder::new());
    ensure!(store.hold_log(slow, position(4), MINUTE).await?.get() == 1);
    store.hold_log(dead, position(9), Duration::ZERO).await?;
    let trimmed = store.trim_log(&RULES).await?;
    ensure!((trimmed.deleted, trimmed.end) == (4, TrimEnd::Held(position(4))), "{trimmed:?}");
    ensure!(store.trim_log(&RULES).await?.deleted == 0);
    // It moves on.
    ensure!(store.hold_log(slow, position(6), MINUTE).await?.get() == 5);
    ensure!(store.trim_log(&RULES).await?.first.get() == 7);
    let not_heeded = store.trim_log(&TrimRules { heed_holds: false, ..RULES }).await?;
    ensure!((not_heeded.deleted, not_heeded.end) == (10, TrimEnd::Full), "{not_heeded:?}");
    // Who holds what is gone learns where the log begins.
    ensure!(store.hold_log(slow, position(6), MINUTE).await?.get() == 17);
    ensure!(store.trim_log(&RULES).await?.deleted == 0);
    sql.batch_execute("update log_holds set expires_at = now() - interval '1 second'").await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 10, "nobody says it again");
    store.hold_log(slow, position(26), MINUTE).await?;
    store.release_log(slow).await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 10, "it was released");
    Ok(())
}

/// Whoever is told that an entry is there, and holds it, finds it there: a batch under way is waited for.
#[tokio::test]
async fn a_hold_waits_for_the_batch_under_way_and_is_told_what_it_left() -> Result<()> {
    let (database, store, _sequencer, _sql) = old_log(20).await?;
    let batch = database.sql().await?;
    batch.batch_execute("begin; select from log_start for update").await?;
    let holding = tokio::spawn({
        let store = store.clone();
        async move { store.hold_log(LogHolder::new(), position(2), MINUTE).await }
    });
    let observer = database.sql().await?;
    let waits = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '/* store::hold_log%'";
    let waiting = waiting::until(waiting::PATIENCE, "the hold to wait", async || {
        Ok((observer.query_one(waits, &[]).await?.try_get::<_, i64>(0)? == 1).then_some(()))
    });
    waiting.await?;
    let delete = "with gone as (delete from change_log where position < 8 returning change_id)
        delete from changes using gone where id = change_id; update log_start set first = 8; commit";
    batch.batch_execute(delete).await?;
    ensure!(holding.await??.get() == 8, "it was told what was there before");
    let trimmed = store.trim_log(&RULES).await?;
    ensure!((trimmed.deleted, trimmed.first.get()) == (0, 8), "{trimmed:?}");
    Ok(())
}

/// The other way round: a batch never overlooks a hold that was answered before it took its turn, and gives up rather
/// than to wait for long.
#[tokio::test]
async fn a_batch_that_cannot_have_its_turn_gives_up_and_deletes_nothing() -> Result<()> {
    let (database, store, sequencer, sql) = old_log(20).await?;
    let busy = database.sql().await?;
    busy.batch_execute("begin; select from log_start for share").await?;
    let refused = store.trim_log(&RULES).await;
    ensure!(matches!(refused, Err(store::Error::Unavailable(_))), "{refused:?}");
    // Nobody else waits for that row.
    insert(&sql, 1).await?;
    ensure!(sequencer.step().await?.head.position.get() == 21);
    busy.batch_execute("rollback").await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 10);
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_killed_in_the_middle_of_a_batch_leaves_the_log_as_it_was() -> Result<()> {
    let (database, store, _sequencer, sql) = old_log(30).await?;
    // A row that somebody locks holds the batch up after it has begun to delete.
    let lock = database.sql().await?;
    lock.batch_execute(
        "begin; select from changes where id = (select change_id from change_log where position = 9) for update",
    )
    .await?;
    let options = store::Options { application_name: "doomed".to_owned(), ..database.options() };
    let doomed = Store::new(&options)?;
    let trimming = tokio::spawn(async move { doomed.trim_log(&RULES).await });
    let waits = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and application_name = 'doomed'";
    let waiting = waiting::until(waiting::PATIENCE, "the batch to be under way", async || {
        Ok((sql.query_one(waits, &[]).await?.try_get::<_, i64>(0)? == 1).then_some(()))
    });
    waiting.await?;
    ensure!(database.terminate("doomed").await? == 1);
    ensure!(trimming.await?.is_err(), "its session was killed");
    lock.batch_execute("rollback").await?;
    ensure!(first(&store).await? == 1 && log_contents::read_log(&database).await?.len() == 30);
    ensure!(store.trim_log(&RULES).await?.first.get() == 11);
    let log = log_contents::read_log(&database).await?;
    log_contents::what_is_kept_is_one_run(&database, &log).await
}

#[tokio::test]
async fn two_that_delete_at_once_take_turns() -> Result<()> {
    let (database, store, _sequencer, _sql) = old_log(300).await?;
    let deleting = (0..6).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut deleted = 0;
            loop {
                match store.trim_log(&RULES).await {
                    Ok(trimmed) if trimmed.deleted == 0 => return anyhow::Ok(deleted),
                    Ok(trimmed) => deleted += trimmed.deleted,
                    Err(store::Error::Unavailable(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        })
    });
    let mut deleted = 0;
    for task in deleting.collect::<Vec<_>>() {
        deleted += task.await??;
    }
    ensure!(deleted == 300 && first(&store).await? == 301, "{deleted} were deleted");
    log_contents::what_is_kept_is_one_run(&database, &[]).await
}

/// A restored log: what has no position gets one behind the head, and what was deleted stays deleted.
#[tokio::test]
async fn a_restored_log_is_adopted_behind_what_was_deleted() -> Result<()> {
    let (database, store, sequencer, sql) = old_log(20).await?;
    store.trim_log(&RULES).await?;
    let before = sequencer.epoch();
    drop(sequencer);
    insert(&sql, 4).await?;
    let elsewhere = "update changes set xid = ((xid::text)::bigint + 1000000)::text::xid8;
        update sequencer set origin = 'another cluster', seen = '2000000:2000000:'::pg_snapshot";
    sql.batch_execute(elsewhere).await?;
    let sequencer = Sequencer::lead(&store).await?;
    ensure!(sequencer.epoch() != before, "it was restored");
    let head = store.log_head().await?;
    ensure!((head.first.get(), head.cursor.position.get()) == (11, 24), "{head:?}");
    insert(&sql, 1).await?;
    ensure!(sequencer.step().await?.head == Cursor { epoch: sequencer.epoch(), position: position(25) });
    let log = log_contents::read_log(&database).await?;
    log_contents::what_is_kept_is_one_run(&database, &log).await?;
    ensure!(store.trim_log(&RULES).await?.first.get() == 21, "it goes on");
    Ok(())
}

#[tokio::test]
async fn readers_behind_the_beginning_get_what_is_kept_and_are_told_where_it_begins() -> Result<()> {
    let (_database, store, _sequencer, sql) = old_log(20).await?;
    sql.batch_execute("update items set quantity = 1 where id = 3").await?;
    ensure!(store.trim_log(&RULES).await?.deleted == 10);
    let entries = store.log_entries(position(2), 3).await?;
    ensure!(entries.iter().map(|entry| entry.position.get()).eq(11..=13), "{entries:?}");
    let page = store.changes(TenantId::DEFAULT, position(2), 3).await?;
    ensure!(page.first.get() == 11 && page.has_more && page.changes.len() == 3, "{page:?}");
    let history = async |id| {
        let id = ItemId::new(id).context("an id")?;
        anyhow::Ok(store.item_history(TenantId::DEFAULT, id, HistoryFilter::default(), 9).await?)
    };
    let (gone, cut, whole) = (history(1).await?, history(3).await?, history(11).await?);
    ensure!(gone.changes.is_empty() && gone.known && !gone.complete, "{gone:?}");
    ensure!(cut.changes.len() == 1 && cut.known && !cut.complete, "{cut:?}");
    ensure!(whole.changes.len() == 1 && whole.known && whole.complete, "{whole:?}");
    Ok(())
}
