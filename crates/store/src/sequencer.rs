//! The ordering step: gives every committed change its dense position, exactly once.
//!
//! One statement finds what became visible since the last step, appends it to `change_log` in the order of
//! `changes.id`, and stores its own snapshot: the rows it saw and the snapshot it stores are the same moment, and
//! a crash repeats the step whole or not at all. What became visible is exactly: the changes of transactions that
//! began after the last snapshot's horizon (`xid >= xmax`), and of those that were in flight then and have
//! committed since (`xid` in its in-progress list). Why that keeps each item's order is told in the notifier's
//! crate documentation.
//!
//! Only the session that holds the advisory lock may step; lock and steps share one connection, so that a leader
//! that lost its lock has lost its connection too, and can't step.

use std::time::Duration;

use domain::{Cursor, Epoch};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use crate::{
    Error, LogEntry, Store,
    error::kind,
    log::{ENTRY_COLUMNS, read_entry},
    pooled::failed,
    row,
};

/// The advisory lock that the leader's session holds.
const LEADER_LOCK: i64 = 0x5354_4f43_4b57_4952;

/// The advisory lock that silences writers; the capture triggers ask about it by this number.
const BELL_LOCK: i64 = 0x5357_4245_4c4c;

/// The most entries that a step hands back; whoever needs more reads the log.
const MOST_RETURNED: i64 = 2000;

/// How often a notifier that doesn't lead asks whether it may.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// A step that takes longer than this is given up with its connection. Generous: a transaction that changed millions of
/// rows is placed in one step, and would be tried again and again; a server that is gone is found by keepalives.
const STEP_TIMEOUT: Duration = Duration::from_secs(600);

/// The leader: holds the lock and a connection of its own.
#[derive(Debug)]
pub struct Sequencer {
    client: Client,
    step: Statement,
    epoch: Epoch,
    connection: JoinHandle<()>,
}

/// What a step did.
#[derive(Debug)]
pub struct Step {
    /// The log's identity and newest position after the step.
    pub head: Cursor,
    /// How many changes got their position.
    pub placed: i64,
    /// The first of them, at most 2,000.
    pub entries: Vec<LogEntry>,
}

impl Sequencer {
    /// Waits until no other session leads, then takes over.
    ///
    /// # Errors
    /// The database is away, now or while waiting.
    pub async fn lead(store: &Store) -> Result<Self, Error> {
        let (client, connection) = store.dedicated("sequencer").await?;
        let connection = tokio::spawn(async move {
            // The client's calls report the failure; here it only ends the task.
            let _ = connection.await;
        });
        client.batch_execute(PREPARE_SESSION).await?;
        wait_for_the_lock(&client).await?;
        let epoch = adopt_log(&client).await?;
        let step = client.prepare(&step_statement()).await?;
        Ok(Self { client, step, epoch, connection })
    }

    /// The log's identity.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Places what became visible since the last step.
    ///
    /// # Errors
    /// The database is away, or leadership is lost: then this sequencer is of no use any more.
    pub async fn step(&self) -> Result<Step, Error> {
        let rows = within(STEP_TIMEOUT, self.client.query(&self.step, &[&MOST_RETURNED])).await?;
        let Some(first) = rows.first() else { return Err(crate::history::missing_sequencer()) };
        let head = row::head(first)?;
        let placed: i64 = first.try_get("placed")?;
        let entries =
            if placed == 0 { Vec::new() } else { rows.iter().map(read_entry).collect::<Result<_, _>>()? };
        Ok(Step { head, placed, entries })
    }

    /// Tells writers not to ring, by holding a lock that their triggers ask about. It ends with this connection, so
    /// that a leader which dies leaves nobody silent. Says whether it worked: a writer may be asking just now.
    ///
    /// # Errors
    /// The database is away.
    pub async fn silence_writers(&self) -> Result<bool, Error> {
        const SILENCE: &str =
            "/* store::Sequencer::silence_writers */ select pg_try_advisory_lock($1) as held";
        let row = within(STEP_TIMEOUT, self.client.query_one(SILENCE, &[&BELL_LOCK])).await?;
        Ok(row.try_get("held")?)
    }

    /// Tells writers to ring again.
    ///
    /// # Errors
    /// The database is away.
    pub async fn let_writers_ring(&self) -> Result<(), Error> {
        const RING: &str = "/* store::Sequencer::let_writers_ring */ select pg_advisory_unlock($1)";
        within(STEP_TIMEOUT, self.client.execute(RING, &[&BELL_LOCK])).await?;
        Ok(())
    }

    /// A moment, as a transaction id of its own, above all that were drawn before: the snapshot's own bound lies only
    /// above those that have ended. Transactions that began to write before it may have found that they needn't ring. Look until
    /// [`Sequencer::all_ended_before`] says that they have ended.
    ///
    /// # Errors
    /// The database is away.
    pub async fn horizon(&self) -> Result<Horizon, Error> {
        const HORIZON: &str = "/* store::Sequencer::horizon */
            select pg_current_xact_id()::text as horizon";
        let row = within(STEP_TIMEOUT, self.client.query_one(HORIZON, &[])).await?;
        Ok(Horizon(row.try_get("horizon")?))
    }

    /// Whether every transaction that could have read the doorbell before the horizon has ended.
    ///
    /// # Errors
    /// The database is away.
    pub async fn all_ended_before(&self, horizon: &Horizon) -> Result<bool, Error> {
        const ENDED: &str = "/* store::Sequencer::all_ended_before */
            select pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 as ended";
        let row = within(STEP_TIMEOUT, self.client.query_one(ENDED, &[&horizon.0])).await?;
        Ok(row.try_get("ended")?)
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        // Closes the connection at once, and with it ends the lock.
        self.connection.abort();
    }
}

/// A moment in the order of transactions.
#[derive(Debug, Clone)]
pub struct Horizon(String);

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => Ok(answer.inspect_err(|error| failed(kind(error)))?),
        Err(elapsed) => {
            failed("statement_timeout");
            Err(Error::Unavailable(Box::new(elapsed)))
        }
    }
}

/// The snapshot that the step compares with is read inside the statement, so the planner can't know how few rows
/// lie behind it and would read the whole table: it is told not to. A sequencer whose machine vanished is found
/// by the server within seconds, so that its lock doesn't outlive it.
const PREPARE_SESSION: &str = "/* store::Sequencer::lead */
    set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
    set plan_cache_mode = force_generic_plan; set jit = off;
    set lock_timeout = 0; set statement_timeout = 0; set idle_in_transaction_session_timeout = '10s';
    set tcp_keepalives_idle = 1; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 2;
    set tcp_user_timeout = 2000;";

fn step_statement() -> String {
    format!(
        "/* store::Sequencer::step */
        with state as materialized (select epoch, seen, last from sequencer),
        now as materialized (select pg_current_snapshot() as seen),
        fresh as (
          select id from changes where xid >= (select pg_snapshot_xmax(seen) from state)
          union all
          select id from changes where xid = any (array(select pg_snapshot_xip(seen) from state))
        ),
        placed as (
          insert into change_log (position, change_id)
          select (select last from state) + row_number() over (order by id), id from fresh
          returning position, change_id
        ),
        total as materialized (select count(*) as placed from placed),
        stepped as (
          update sequencer set seen = (select now.seen from now), last = last + (select placed from total)
          where (select placed from total) > 0
          returning 1
        )
        select state.epoch, state.last + total.placed as last, total.placed,
          (select count(*) from stepped) as stepped, page.*
        from state cross join total left join lateral (
          select placed.position, {ENTRY_COLUMNS}
          from placed join changes on changes.id = placed.change_id
          order by placed.position limit $1
        ) as page on true
        order by page.position"
    )
}

/// Asks again and again. To wait inside a statement would hold a snapshot, so that nowhere in the database an old row
/// version could be cleaned up for as long as there is a second notifier; and the server would keep the session of a
/// notifier that is gone.
async fn wait_for_the_lock(client: &Client) -> Result<(), Error> {
    const TRY: &str = "/* store::Sequencer::lead */ select pg_try_advisory_lock($1) as leads";
    let statement = client.prepare(TRY).await?;
    loop {
        let row = within(STEP_TIMEOUT, client.query_one(&statement, &[&LEADER_LOCK])).await?;
        if row.try_get("leads")? {
            return Ok(());
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Makes the log ours: finds out whether it was written in another cluster, timeline or database, which means
/// that it was restored. Then its transaction ids mean nothing here and its positions may repeat: it gets a new
/// epoch, what has no position yet gets one, and the ids are forgotten.
///
/// No writer is held up: whoever wrote elsewhere has committed, and whoever writes here is either seen by the second
/// statement or in flight in its snapshot.
async fn adopt_log(client: &Client) -> Result<Epoch, Error> {
    const ORIGIN: &str = "/* store::Sequencer::lead */
        select sequencer.epoch, sequencer.origin, here.origin as here from sequencer cross join lateral (
          select system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/'
            || (select oid from pg_database where datname = current_database()) || '/'
            || 'sequencer'::regclass::oid as origin
          from pg_control_system()
        ) as here";
    const ADOPT: &str = "/* store::Sequencer::lead */
        with placed as (
          insert into change_log (position, change_id)
          select (select last from sequencer) + row_number() over (order by id), id
          from changes where not exists (select from change_log where change_log.change_id = changes.id)
          returning 1
        )
        update sequencer set origin = $1, epoch = $2, seen = pg_current_snapshot(),
          last = last + (select count(*) from placed)";
    // Frozen: older than any transaction of any cluster.
    const FORGET_XIDS: &str = "/* store::Sequencer::lead */ update changes set xid = '2' where xid <> '2'";
    let row = client.query_one(ORIGIN, &[]).await?;
    let (epoch, origin, here): (Uuid, String, String) =
        (row.try_get("epoch")?, row.try_get("origin")?, row.try_get("here")?);
    if origin == here {
        return Ok(Epoch::new(epoch));
    }
    // A log that was never led is new, and keeps the epoch it was made with.
    let epoch = if origin.is_empty() { epoch } else { Uuid::new_v4() };
    tracing::info!(log.origin = here, log.epoch = %Epoch::new(epoch), "the log gets a new origin");
    client.batch_execute("/* store::Sequencer::lead */ begin").await?;
    client.execute(FORGET_XIDS, &[]).await?;
    client.execute(ADOPT, &[&here, &epoch]).await?;
    client.batch_execute("/* store::Sequencer::lead */ commit").await?;
    Ok(Epoch::new(epoch))
}
