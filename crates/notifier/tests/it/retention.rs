//! Deleting old entries while everything goes on: by the leader alone, never what a hub reads, and whatever is killed.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use domain::{Cursor, Position, ResyncReason};
use service::Settings;
use store::LogHolder;
use testkit::{
    Database, FeedClient, FeedEvent, Notifier, SeededNumbers, log_contents, process, settings, waiting,
};
use tokio::time::Instant;
use tokio_postgres::Client;

const DAY: Duration = Duration::from_secs(86_400);

/// Changes are two days old when they are made: the triggers leave the time to the column.
const OLD_AT_BIRTH: &str =
    "alter table changes alter column at set default clock_timestamp() - interval '2 days'";

/// Everything older than a day but the newest so many entries, in batches of so many, without pauses.
fn keep(settings: &mut Settings, least: u32, batch: u32) {
    settings.notifier.window_entries = 20;
    settings.hub.backfill_entries = 20;
    settings.retention.days = 1;
    settings.retention.least_entries = least;
    settings.retention.batch_entries = batch;
    settings.retention.pause_ms = 1;
}

async fn insert(sql: &Client, how_many: i64) -> Result<()> {
    let insert = "insert into items (tenant_id, name) select 1, 'old' from generate_series(1, $1::bigint)";
    sql.execute(insert, &[&how_many]).await?;
    Ok(())
}

async fn begins_at(database: &Database, first: i64) -> Result<()> {
    let store = database.store()?;
    let awaited = format!("the log to begin at {first}");
    let begins = waiting::until(waiting::PATIENCE, &awaited, async || {
        Ok((store.log_head().await?.first.get() >= first).then_some(()))
    });
    begins.await.with_context(|| format!("it should begin at {first}"))?;
    let first_now = store.log_head().await?.first.get();
    ensure!(first_now == first, "it begins at {first_now}, not at {first}");
    Ok(())
}

fn environment(settings: &Settings) -> BTreeMap<String, String> {
    let mut environment = process::environment(settings);
    let Settings { retention, notifier, hub, .. } = settings;
    for (key, value) in [
        ("RETENTION__DAYS", u64::from(retention.days)),
        ("RETENTION__LEAST_ENTRIES", u64::from(retention.least_entries)),
        ("RETENTION__BATCH_ENTRIES", u64::from(retention.batch_entries)),
        ("RETENTION__PAUSE_MS", retention.pause_ms),
        ("RETENTION__LONGEST_HOLD_MS", retention.longest_hold_ms),
        ("NOTIFIER__WINDOW_ENTRIES", notifier.window_entries as u64),
        ("HUB__BACKFILL_ENTRIES", hub.backfill_entries as u64),
    ] {
        environment.insert(format!("STOCKWIRE__{key}"), value.to_string());
    }
    environment
}

async fn start_binary(settings: &Settings) -> Result<process::Service> {
    let binary = env!("CARGO_BIN_EXE_notifier");
    process::Service::start(binary, "STOCKWIRE__NOTIFIER__LISTEN", &environment(settings)).await
}

#[tokio::test]
async fn nothing_is_deleted_unless_the_settings_say_so() -> Result<()> {
    let database = Database::create().await?;
    let sql = database.sql().await?;
    sql.batch_execute(OLD_AT_BIRTH).await?;
    insert(&sql, 300).await?;
    let mut kept = settings(&database)?;
    keep(&mut kept, 0, 100);
    kept.retention.days = 0;
    let keeping = start_binary(&kept).await?;
    database.sequenced(300).await?;
    let measured = waiting::until(waiting::PATIENCE, "the age to be measured", async || {
        Ok((keeping.metric("stockwire_log_first_position").await? > 0.0).then_some(()))
    });
    measured.await?;
    ensure!(database.store()?.log_head().await?.first.get() == 1);
    keeping.kill().await?;

    // Never less than what hubs may ask for.
    keep(&mut kept, 0, 100);
    kept.hub.backfill_entries = 130;
    let deleting = start_binary(&kept).await?;
    begins_at(&database, 171).await?;
    ensure!(deleting.metric("stockwire_retention_deleted_total").await? as i64 == 170);
    let shown = waiting::until(waiting::PATIENCE, "the metric to show where the log begins", async || {
        Ok((deleting.metric("stockwire_log_first_position").await? as i64 == 171).then_some(()))
    });
    shown.await?;
    let log = log_contents::read_log(&database).await?;
    log_contents::what_is_kept_is_one_run(&database, &log).await
}

#[tokio::test]
async fn the_log_is_kept_from_a_days_old_entry_on_and_its_age_is_shown() -> Result<()> {
    let database = Database::create().await?;
    let sql = database.sql().await?;
    insert(&sql, 50).await?;
    sql.batch_execute("update changes set at = at - interval '36 hours' where id <= 33").await?;
    sql.batch_execute("update changes set at = at - interval '12 hours' where id > 33").await?;
    let mut settings = settings(&database)?;
    keep(&mut settings, 0, 7);
    let notifier = start_binary(&settings).await?;
    begins_at(&database, 31).await?;
    // Twenty entries stay for the window: three of them are older.
    let age = waiting::until(waiting::PATIENCE, "the age", async || {
        let age = notifier.metric("stockwire_log_oldest_age_seconds").await?;
        Ok((age > 0.0).then_some(age))
    });
    let (age, _) = age.await?;
    ensure!((129_600.0..130_000.0).contains(&age), "36 hours are not {age} s");
    Ok(())
}

/// A hub that reads old entries from a notifier that doesn't lead keeps them for as long as it gets on.
#[tokio::test]
async fn what_a_hub_still_reads_elsewhere_stays_until_it_has_got_on() -> Result<()> {
    let database = Database::create().await?;
    let sql = database.sql().await?;
    sql.batch_execute(OLD_AT_BIRTH).await?;
    // More than fits between a notifier and a hub that doesn't read.
    let large = "insert into items (tenant_id, name, attributes)
        select 1, 'old', jsonb_build_object('x', repeat('y', 1500)) from generate_series(1, 30000)";
    sql.batch_execute(large).await?;
    let mut settings = settings(&database)?;
    keep(&mut settings, 100, 5000);
    settings.retention.days = 0;
    let follower = start_binary(&settings).await?;
    database.sequenced(30000).await?;
    let head = database.store()?.log_head().await?.cursor;
    let start = Cursor { position: Position::START, ..head };
    let url = format!("ws://{}", follower.address());
    let secret = settings.internal.secret.expose();
    let mut slow = FeedClient::connect(&url, secret, Some(start)).await?;
    slow.hello().await?;
    let held = "select count(*) from log_holds where expires_at > now()";
    let holds = async |holds: i64| {
        let said = waiting::until(waiting::PATIENCE, "a hold", async || {
            Ok((sql.query_one(held, &[]).await?.try_get::<_, i64>(0)? == holds).then_some(()))
        });
        said.await.map(drop)
    };
    holds(1).await?;
    // Now somebody leads that deletes.
    database.terminate("stockwire notifier sequencer").await?;
    settings.retention.days = 1;
    let leader = start_binary(&settings).await?;
    let leads = waiting::until(waiting::PATIENCE, "the right one to lead", async || {
        if leader.metric("stockwire_sequencer_leading").await? > 0.0 {
            return Ok(Some(()));
        }
        database.terminate("stockwire notifier sequencer").await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(None)
    });
    leads.await?;
    let warned = waiting::until(waiting::PATIENCE, "deleting to be held up", async || {
        let row = sql.query_one("select position, first from log_holds, log_start", &[]).await?;
        let (position, first): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        ensure!(first <= position + 1, "the log begins at {first}, a hub has got to {position}");
        Ok((first > 1 && first == position + 1).then_some(first))
    });
    let (first, _) = warned.await?;
    println!("held at {first}");
    // It gets every entry, although the leader would rather have deleted them.
    let entries = slow.entries_until(head.position).await?;
    ensure!(entries.len() == 30000, "{} entries", entries.len());
    holds(0).await?;
    begins_at(&database, 29_901).await?;

    // One that is too far behind is told so.
    let mut late = FeedClient::connect(&url, secret, Some(start)).await?;
    ensure!(late.reset().await? == (head, ResyncReason::TooOld));
    Ok(())
}

/// A hub that has got to a position and stays there, elsewhere, for longer than anybody should wait.
#[tokio::test]
async fn a_hub_that_does_not_get_on_holds_up_deleting_for_so_long_and_no_longer() -> Result<()> {
    let database = Database::create().await?;
    let (sql, store) = (database.sql().await?, database.store()?);
    sql.batch_execute(OLD_AT_BIRTH).await?;
    insert(&sql, 100).await?;
    let hold = store.hold_log(LogHolder::new(), Position::new(40).context("a position")?, DAY);
    ensure!(hold.await?.get() == 1);
    let mut settings = settings(&database)?;
    keep(&mut settings, 0, 7);
    settings.retention.longest_hold_ms = 2500;
    let notifier = start_binary(&settings).await?;
    begins_at(&database, 41).await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ensure!(store.log_head().await?.first.get() == 41, "it was not waited for");
    begins_at(&database, 81).await?;
    ensure!(notifier.metric("stockwire_retention_deleted_total").await? as i64 == 80);
    Ok(())
}

#[tokio::test]
async fn nobody_holds_up_who_no_longer_leads() -> Result<()> {
    let database = Database::create().await?;
    let (sql, store) = (database.sql().await?, database.store()?);
    sql.batch_execute(OLD_AT_BIRTH).await?;
    insert(&sql, 100).await?;
    store.hold_log(LogHolder::new(), Position::new(40).context("a position")?, DAY).await?;
    let mut settings = settings(&database)?;
    keep(&mut settings, 0, 7);
    let notifier = start_binary(&settings).await?;
    let held_up = async |is: bool| {
        let shown = waiting::until(waiting::PATIENCE, "the metric to change", async || {
            let held = notifier.metric("stockwire_retention_held_seconds").await?;
            Ok(((held > 0.0) == is).then_some(()))
        });
        shown.await.map(drop)
    };
    held_up(true).await?;
    // Somebody else waits for the leader's lock, and keeps it.
    let other = database.sql().await?;
    let leading = other.batch_execute(
        "select pg_advisory_lock(objid::bigint + (classid::bigint << 32)) from pg_locks
        where locktype = 'advisory' and granted and pid =
          (select pid from pg_stat_activity where application_name = 'stockwire notifier sequencer'
            and datname = current_database())",
    );
    let (led, terminated) = tokio::join!(leading, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        database.terminate("stockwire notifier sequencer").await
    });
    led?;
    ensure!(terminated? == 1, "it led");
    held_up(false).await
}

/// Nothing but what every reader could check at any moment: the log is one run, and the hub that follows misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_in_the_middle_the_log_is_one_run_and_a_hub_misses_nothing() -> Result<()> {
    let seed = SeededNumbers::fresh_seed();
    println!("seed {seed}");
    let mut numbers = SeededNumbers::new(seed);
    let database = Database::create().await?;
    let (sql, writer) = (database.sql().await?, database.sql().await?);
    sql.batch_execute(OLD_AT_BIRTH).await?;
    // So many that there is something to delete all the time.
    insert(&sql, 20_000).await?;
    let mut settings = settings(&database)?;
    keep(&mut settings, 5000, 10);
    let lasting = Notifier::start(&settings).await?;
    database.sequenced(20_000).await?;
    let mut feed = lasting.feed(Some(database.store()?.log_head().await?.cursor)).await?;
    let followed = feed.hello().await?;

    let writing = tokio::spawn(async move {
        for round in 0_i64.. {
            let update =
                "update items set quantity = quantity + 1 where id = 1 + $1::bigint % 2000 or id = 7";
            if writer.execute(update, &[&round]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let (mut kills, mut terminated, deadline) = (0, 0, Instant::now() + Duration::from_secs(8));
    while Instant::now() < deadline {
        let doomed = start_binary(&settings).await?;
        // Whoever deletes is killed in the middle of it, more often than not.
        database.terminate("stockwire notifier sequencer").await?;
        tokio::time::sleep(Duration::from_millis(numbers.below(300))).await;
        if numbers.percent(50) {
            terminated += database.terminate("stockwire notifier%").await?;
        }
        doomed.kill().await?;
        kills += 1;
        is_one_run_now(&sql).await?;
    }
    ensure!(!writing.is_finished(), "the writer has failed");
    writing.abort();
    database.all_sequenced().await?;
    let head = database.store()?.log_head().await?.cursor.position;
    misses_nothing(&lasting, feed, followed, head).await?;
    begins_at(&database, head.get() - 4999).await?;
    let log = log_contents::read_log(&database).await?;
    log_contents::what_is_kept_is_one_run(&database, &log).await?;
    println!("{head} changes, {kills} notifiers killed, {terminated} sessions terminated");
    Ok(())
}

/// While everything goes on: of one moment, what is kept is one run, and each position has its change.
async fn is_one_run_now(sql: &Client) -> Result<()> {
    let moment = "select log_start.first, sequencer.last, min(position), max(position), count(*),
          count(changes.id), (select count(*) from changes)
        from log_start cross join sequencer cross join change_log left join changes on changes.id = change_id
        group by log_start.first, sequencer.last";
    let row = sql.query_one(moment, &[]).await?;
    let [first, last, least, most, positions, changes, all] =
        [0, 1, 2, 3, 4, 5, 6].map(|column| row.get::<_, i64>(column));
    ensure!((first, last) == (least, most), "{first} to {last} should be {least} to {most}");
    ensure!(positions == last - first + 1 && changes == positions && all >= positions, "a hole: {row:?}");
    Ok(())
}

/// A feed gives every entry behind a cursor up to the head; it may end and be opened again.
async fn misses_nothing(
    notifier: &Notifier,
    mut feed: FeedClient,
    mut followed: Cursor,
    head: Position,
) -> Result<()> {
    while followed.position < head {
        match waiting::within(waiting::PATIENCE, "the feed to go on", feed.next()).await?? {
            Some(FeedEvent::Entries(entries)) => {
                for entry in entries {
                    ensure!(
                        entry.position == followed.position.next(),
                        "{} follows {followed}",
                        entry.position
                    );
                    followed.position = entry.position;
                }
            }
            Some(FeedEvent::Heartbeat(_)) => {}
            Some(FeedEvent::Hello(cursor)) if cursor == followed => {}
            // Its notifier lost its connection to the database.
            None => feed = notifier.feed(Some(followed)).await?,
            other => anyhow::bail!("the feed says {other:?}"),
        }
    }
    Ok(())
}
