//! One round: many connections that write for a time, and what that cost the server.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;

use crate::{stage::Stage, usage};

/// How long sessions may take to end.
const GOODBYE_LIMIT: Duration = Duration::from_secs(10);

/// What a round, or several, came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Round {
    writes: f64,
    took: Duration,
    cpu: Duration,
    log_bytes: f64,
    log_syncs: f64,
}

impl Round {
    pub(crate) fn per_second(self) -> f64 {
        self.writes / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// Processor time of Postgres for a write, in microseconds.
    pub(crate) fn cpu_of_a_write(self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.writes.max(1.0)
    }

    /// Bytes of the write-ahead log for a write.
    pub(crate) fn log_bytes_of_a_write(self) -> f64 {
        self.log_bytes / self.writes.max(1.0)
    }

    /// Writes that shared a flush of the write-ahead log.
    pub(crate) fn writes_a_sync(self) -> f64 {
        self.writes / self.log_syncs.max(1.0)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            writes: self.writes + other.writes,
            took: self.took + other.took,
            cpu: self.cpu + other.cpu,
            log_bytes: self.log_bytes + other.log_bytes,
            log_syncs: self.log_syncs + other.log_syncs,
        }
    }
}

/// What Postgres had used when a round began.
pub(crate) struct Meter {
    client: Client,
    cpu: Duration,
    log_bytes: f64,
    log_syncs: f64,
}

impl Meter {
    pub(crate) async fn begin(stage: &Stage, database: &str) -> Result<Self> {
        let client = stage.connect(database).await?;
        let (log_bytes, log_syncs) = read_log(&client).await?;
        Ok(Self { client, cpu: usage::cpu_of_family(stage.postmaster())?, log_bytes, log_syncs })
    }

    /// A round is over: what it cost, once its sessions have ended and their counts are in.
    pub(crate) async fn end(self, stage: &Stage, writes: f64, took: Duration) -> Result<Round> {
        let writers = "select count(*) from pg_stat_activity where application_name = 'bench writer'";
        let begun = Instant::now();
        while self.client.query_one(writers, &[]).await?.try_get::<_, i64>(0)? > 0 {
            ensure!(begun.elapsed() < GOODBYE_LIMIT, "the writers' sessions don't end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (log_bytes, log_syncs) = read_log(&self.client).await?;
        Ok(Round {
            writes,
            took,
            cpu: usage::cpu_of_family(stage.postmaster())?.saturating_sub(self.cpu),
            log_bytes: log_bytes - self.log_bytes,
            log_syncs: log_syncs - self.log_syncs,
        })
    }
}

async fn read_log(client: &Client) -> Result<(f64, f64)> {
    let log = "select (pg_current_wal_lsn() - '0/0')::float8, wal_sync::float8 from pg_stat_wal";
    let row = client.query_one(log, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Single-row updates by so many connections for a time: how many there were, and how long it really took.
pub(crate) async fn write(
    stage: &Stage,
    database: &str,
    writers: u32,
    items: u32,
    time: Duration,
) -> Result<(f64, Duration)> {
    let mut clients = Vec::new();
    for _ in 0..writers {
        let client = stage.connect(database).await?;
        client.batch_execute("set application_name = 'bench writer'").await?;
        let update = client.prepare("update items set quantity = quantity + 1 where id = $1").await?;
        clients.push((client, update));
    }
    let begun = Instant::now();
    let end = begun + time;
    let tasks: Vec<_> = clients
        .into_iter()
        .zip(0_u32..)
        .map(|((client, update), number)| {
            tokio::spawn(async move {
                // A walk with a large stride: every writer sees all items, and they seldom meet.
                let mut item = u64::from(number) * 7919;
                let mut written = 0_u32;
                while Instant::now() < end {
                    item = (item + 6_700_417) % u64::from(items);
                    client.execute(&update, &[&(item + 1).cast_signed()]).await?;
                    written += 1;
                }
                anyhow::Ok(written)
            })
        })
        .collect();
    let mut written = 0.0;
    for task in tasks {
        written += f64::from(task.await?.with_context(|| format!("writing to {database}"))?);
    }
    Ok((written, begun.elapsed()))
}
