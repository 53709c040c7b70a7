//! The property test of the log: 32 writers do all that writers can do, one transaction stays open for seconds, and
//! notifiers are killed and replaced meanwhile.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use domain::Position;
use testkit::{
    Database, SeededNumbers,
    log_contents::{self, Snapshot},
    settings, waiting,
    writer::{SharedItems, Tally, Writer},
};
use tokio::time::Instant;

use crate::{feed_follower::FeedFollower, fleet::Fleet};

const WRITERS: usize = 32;
const WRITING: Duration = Duration::from_secs(9);

/// A change that was committed while the long transaction was open must not wait for it; a takeover may come between.
const PLACED_WITHIN: Duration = Duration::from_secs(3);

/// Set it to repeat the choices of a run; the interleaving stays the machine's.
const SEED: &str = "STOCKWIRE_TEST_SEED";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_committed_change_gets_one_position_in_order_whatever_happens_to_notifiers() -> Result<()> {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(SeededNumbers::fresh_seed);
    println!("{SEED}={seed}");
    let mut numbers = SeededNumbers::new(seed);

    let database = Database::create().await?;
    let settings = settings(&database)?;
    let store = database.store()?;
    let mut fleet = Fleet::start(&database, &settings).await?;
    let secret = settings.internal.secret.expose().to_owned();
    let from = store.log_head().await?.cursor;
    let follower = FeedFollower::start(fleet.addresses.clone(), secret, from, numbers.branch());

    let deadline = Instant::now() + WRITING;
    let writing = write(&database, numbers.branch(), deadline);
    let long = hold_a_transaction_open(&database, deadline);
    let mut moments = numbers.branch();
    let looking = async {
        let mut snapshots = Vec::new();
        while Instant::now() < deadline {
            snapshots.push(Snapshot::take(&store).await?);
            tokio::time::sleep(Duration::from_millis(100 + moments.below(500))).await;
        }
        anyhow::Ok(snapshots)
    };
    let mut bad_luck = numbers.branch();
    let accidents = async {
        while Instant::now() < deadline {
            fleet.have_an_accident(&mut bad_luck).await?;
            tokio::time::sleep(Duration::from_millis(50 + bad_luck.below(400))).await;
        }
        anyhow::Ok(fleet.accidents)
    };
    let (written, long, snapshots, accidents) = tokio::try_join!(writing, long, looking, accidents)?;

    let (mut committed, tally) = written;
    committed.extend(long.committed);
    let head = database.sequenced(i64::try_from(committed.len())?).await?;
    let followed = follower.finish(head).await?;
    // Whatever should not come would come now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let log = log_contents::read_log(&database).await?;
    println!(
        "changes {}, positions {head}, {tally:?}, {accidents:?}, snapshots {}, feed connections {}, \
         longest wait beside the long transaction {} ms",
        committed.len(),
        snapshots.len(),
        followed.connections,
        long.longest_wait.as_millis()
    );
    log_contents::each_change_has_one_dense_position(&database, &log).await?;
    log_contents::each_item_is_in_order(&log)?;
    log_contents::nothing_but_what_was_committed(&log, &committed)?;
    log_contents::the_feed_was_the_log(&followed.entries, &log)?;
    log_contents::snapshots_lead_to_the_table(&database, snapshots, &log).await
}

/// All writers side by side, until the deadline: what they committed.
async fn write(
    database: &Database,
    mut numbers: SeededNumbers,
    deadline: Instant,
) -> Result<(BTreeSet<(i64, i64)>, Tally)> {
    let items = SharedItems::default();
    let seed = "insert into items (tenant_id, name, quantity)
        select 1, 'seed ' || number, number from generate_series(1, 40) as number returning id, version";
    let created = database.sql().await?.query(seed, &[]).await?;
    let mut committed: BTreeSet<(i64, i64)> = created.iter().map(|row| (row.get(0), row.get(1))).collect();
    items.add(committed.iter().map(|(item, _)| *item));

    let mut writing = tokio::task::JoinSet::new();
    for index in 0..WRITERS {
        let says_who = index % 2 == 1;
        let mut writer = Writer::connect(database, numbers.branch(), items.clone(), says_who).await?;
        writing.spawn(async move {
            writer.write_until(deadline).await.with_context(|| format!("writer {index}"))?;
            anyhow::Ok(writer)
        });
    }
    let mut tally = Tally::default();
    while let Some(writer) = writing.join_next().await {
        let writer = writer??;
        committed.extend(writer.committed);
        tally += writer.tally;
    }
    Ok((committed, tally))
}

/// What the long transaction committed in the end, and how long others' changes took meanwhile.
struct LongTransaction {
    committed: Vec<(i64, i64)>,
    longest_wait: Duration,
}

/// Writes, stays open while others write, writes again, and commits late.
async fn hold_a_transaction_open(database: &Database, deadline: Instant) -> Result<LongTransaction> {
    let (client, observer) = (database.sql().await?, database.sql().await?);
    client.batch_execute("begin").await?;
    let create = "insert into items (tenant_id, name) values (1, 'long') returning id, version";
    let row = client.query_one(create, &[]).await?;
    let mut committed = vec![(row.get(0), row.get(1))];
    let mut longest_wait = Duration::ZERO;
    while Instant::now() + Duration::from_secs(2) < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let waited = match all_that_is_committed_gets_a_position(&observer).await {
            Ok(waited) => waited,
            Err(error) => return Err(error.context(database.activity().await?)),
        };
        longest_wait = longest_wait.max(waited);
        let item: i64 = committed[0].0;
        let update = "update items set quantity = quantity + 1 where id = $1 returning id, version";
        let row = client.query_one(update, &[&item]).await?;
        committed.push((row.get(0), row.get(1)));
    }
    client.batch_execute("commit").await?;
    Ok(LongTransaction { committed, longest_wait })
}

async fn all_that_is_committed_gets_a_position(observer: &tokio_postgres::Client) -> Result<Duration> {
    let unplaced = "select coalesce(array_agg(id), '{}') from changes
        where not exists (select from change_log where change_id = changes.id)";
    let still_unplaced = "select count(*) from unnest($1::bigint[]) as waiting (id)
        where not exists (select from change_log where change_id = waiting.id)";
    let waiting: Vec<i64> = observer.query_one(unplaced, &[]).await?.try_get(0)?;
    let awaited = "changes beside a long transaction to get their position";
    let placed = waiting::until(PLACED_WITHIN, awaited, async || {
        let left: i64 = observer.query_one(still_unplaced, &[&waiting]).await?.try_get(0)?;
        Ok((left == 0).then_some(()))
    });
    Ok(placed.await?.1)
}

/// The tests above would prove little on a log that nobody wrote to.
#[test]
fn the_laws_of_the_log_find_what_breaks_them() {
    use serde_json::Value;

    let row = |position, item, op: &str, version| log_contents::LogRow {
        position,
        item,
        op: op.to_owned(),
        version,
        actor: String::new(),
        data: Value::Null,
        previous: Value::Null,
    };
    let good = [row(1, 5, "create", 1), row(2, 5, "update", 2), row(3, 5, "delete", 3)];
    assert!(log_contents::each_item_is_in_order(&good).is_ok());
    for bad in [
        vec![row(1, 5, "update", 1)],
        vec![row(1, 5, "create", 1), row(2, 5, "update", 3)],
        vec![row(1, 5, "create", 1), row(2, 5, "delete", 2), row(3, 5, "update", 3)],
    ] {
        assert!(log_contents::each_item_is_in_order(&bad).is_err(), "{bad:?}");
    }
    let committed = BTreeSet::from([(5, 1), (5, 2), (5, 3)]);
    assert!(log_contents::nothing_but_what_was_committed(&good, &committed).is_ok());
    assert!(log_contents::nothing_but_what_was_committed(&good[..2], &committed).is_err());
    assert_eq!(Position::START.get(), 0);
}
