//! How far the log is behind the writers, and how fast it follows.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::{
    distribution::{Distribution, milliseconds},
    report::thousands,
    stage::{STOCKWIRE, Stage},
};

/// How often the log is looked at; each look costs the server two index lookups.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What is in the log, counted.
#[derive(Debug)]
pub(super) struct LogState {
    pub(super) changes: i64,
    pub(super) placed: i64,
    pub(super) first: i64,
    pub(super) last: i64,
}

impl LogState {
    /// Counts all of it.
    pub(super) async fn read(client: &Client) -> Result<Self> {
        let count = "select (select count(*) from changes) as changes, count(*) as placed,
              coalesce(min(position), 0) as first, coalesce(max(position), 0) as last
            from change_log";
        let row = client.query_one(count, &[]).await?;
        Ok(Self {
            changes: row.try_get("changes")?,
            placed: row.try_get("placed")?,
            first: row.try_get("first")?,
            last: row.try_get("last")?,
        })
    }
}

/// What was seen of the log while writers wrote.
#[derive(Debug)]
pub(super) struct LogWatch {
    placed: i64,
    /// From the first write until the last change had its place.
    took: Duration,
    /// How long ago the oldest change was made that had no place, at each look.
    behind: Distribution,
    caught_up_after: Duration,
}

/// A watch under way.
#[derive(Debug)]
pub(super) struct Watching {
    client: Client,
    begun: Instant,
    first: i64,
    stop: CancellationToken,
    looks: JoinHandle<Result<Vec<Duration>>>,
}

impl LogWatch {
    /// Watches on connections of its own.
    pub(super) async fn begin(stage: &Stage) -> Result<Watching> {
        let client = stage.connect(STOCKWIRE).await?;
        let first = head(&client).await?;
        let stop = CancellationToken::new();
        let looks = tokio::spawn(look(stage.connect(STOCKWIRE).await?, stop.clone()));
        Ok(Watching { client, begun: Instant::now(), first, stop, looks })
    }

    pub(super) fn sequenced_per_second(&self) -> f64 {
        self.placed as f64 / self.took.as_secs_f64()
    }

    /// A row of the table, for several rounds together.
    pub(super) fn cells(writers: impl Display, rounds: &[Self]) -> [String; 5] {
        let placed: f64 = rounds.iter().map(|round| round.placed as f64).sum();
        let took: f64 = rounds.iter().map(|round| round.took.as_secs_f64()).sum();
        let behind: Distribution = rounds.iter().flat_map(|round| round.behind.iter()).collect();
        let slowest = rounds.iter().map(|round| round.caught_up_after).max().unwrap_or_default();
        [
            writers.to_string(),
            thousands(placed / took.max(f64::EPSILON)),
            milliseconds(behind.percentile(50)),
            milliseconds(behind.percentile(100)),
            milliseconds(slowest),
        ]
    }
}

impl Watching {
    /// The writers have ended: waits until everything has its place.
    pub(super) async fn end(self, limit: Duration) -> Result<LogWatch> {
        let ended = Instant::now();
        self.stop.cancel();
        let behind = self.looks.await??.into_iter().collect();
        let newest: Option<i64> =
            self.client.query_one("select max(id) from changes", &[]).await?.try_get(0)?;
        let newest = newest.unwrap_or(0);
        while !is_placed(&self.client, newest).await? {
            if ended.elapsed() > limit {
                bail!("change {newest} has no place in the log after {} s", limit.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (took, caught_up_after) = (self.begun.elapsed(), ended.elapsed());
        let placed = head(&self.client).await? - self.first;
        Ok(LogWatch { placed, took, behind, caught_up_after })
    }
}

async fn head(client: &Client) -> Result<i64> {
    Ok(client.query_one("select last from sequencer", &[]).await?.try_get(0)?)
}

async fn is_placed(client: &Client, change: i64) -> Result<bool> {
    let placed = "select exists (select from change_log where change_id = $1) or $1 = 0";
    Ok(client.query_one(placed, &[&change]).await?.try_get(0)?)
}

/// Looks again and again how old the oldest change without a place is.
async fn look(client: Client, stop: CancellationToken) -> Result<Vec<Duration>> {
    // Ids are drawn in the order of writing and placed in nearly that order: whatever is newer than the newest of the
    // last places waits for its own. The few that were drawn earlier and committed later are overlooked.
    let oldest = "select coalesce(extract(epoch from clock_timestamp() - (
              select at from changes where id > (
                select max(change_id)
                from (select change_id from change_log order by position desc limit 200) as newest
              ) order by id limit 1
            )), 0)::float8";
    let oldest = client.prepare(oldest).await?;
    let mut looks = Vec::new();
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await.is_some() {
        let seconds: f64 = client.query_one(&oldest, &[]).await?.try_get(0)?;
        looks.push(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    }
    Ok(looks)
}
