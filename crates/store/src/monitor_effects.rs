//! Writing what a part of the log came to: what monitors raised, what they remember, and how far the evaluation has got,
//! all in one transaction, and only by whoever knows how far the last one got. Of two that take themselves for the leader,
//! one writes nothing.

use deadpool_postgres::Transaction;
use domain::{Epoch, ItemId, MonitorId, Position};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Error, MemoryRow, Store, WatchedRow};

/// What was raised; amounts as text.
#[derive(Debug, Clone, Serialize)]
pub struct RaisedRow {
    /// Its place among those of the transaction.
    pub place: usize,
    /// Whose.
    pub tenant_id: i64,
    /// Which monitor.
    pub monitor_id: MonitorId,
    /// Its name.
    pub monitor_name: String,
    /// Which item.
    pub item_id: ItemId,
    /// Its sku.
    pub item_sku: Option<String>,
    /// Its name.
    pub item_name: String,
    /// How much it matters.
    pub severity: &'static str,
    /// What was looked at.
    pub measure: &'static str,
    /// The condition's document.
    pub condition: serde_json::Value,
    /// The value that met it.
    pub value: Option<String>,
    /// The value before.
    pub previous_value: Option<String>,
    /// What it was compared with.
    pub threshold: Option<String>,
    /// What a percentage was reckoned from.
    pub reference: Option<String>,
    /// In words.
    pub message: String,
    /// The change that did it.
    pub change_position: Position,
    /// When that was made.
    pub change_at: Timestamp,
    /// Which channels are told.
    pub channels: Vec<i64>,
}

/// What a part of the log came to.
#[derive(Debug, Default)]
pub struct MonitorEffects {
    /// What was raised, in order.
    pub raised: Vec<RaisedRow>,
    /// Monitors that watch from now on, or differently.
    pub watched: Vec<WatchedRow>,
    /// Monitors that watch no longer.
    pub unwatched: Vec<MonitorId>,
    /// Monitors that forget everything, before anything new is remembered.
    pub forgotten: Vec<MonitorId>,
    /// What is remembered of items now.
    pub memories: Vec<MemoryRow>,
    /// Of which items a monitor remembers nothing any more.
    pub blank: Vec<(MonitorId, ItemId)>,
}

impl MonitorEffects {
    /// Whether nothing came of it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raised.is_empty()
            && self.watched.is_empty()
            && self.unwatched.is_empty()
            && self.forgotten.is_empty()
            && self.memories.is_empty()
            && self.blank.is_empty()
    }
}

/// By what it is known who may write, and that it is still the same log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorClaim {
    /// The number that was given when the evaluation was taken over.
    pub term: i64,
    /// How far it had got by what was written last.
    pub position: Position,
    /// The log's identity.
    pub epoch: Epoch,
}

/// How notifications are written.
#[derive(Debug, Clone, Copy)]
enum Care {
    AllAtOnce,
    /// So that one that can't be written leaves the others alone.
    OneByOne,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is written; so many notifications were raised.
    Done {
        /// How many. One that was raised before isn't raised again.
        raised: u64,
    },
    /// Somebody else has taken over.
    Overtaken,
}

impl Store {
    /// Writes what a part of the log came to, if nobody has taken the evaluation over since. A notification that breaks a
    /// rule of the table is left out, with a line in the log: it must not keep what lies behind it from being raised.
    ///
    /// # Errors
    /// The database is away.
    pub async fn commit_monitors(
        &self,
        claim: MonitorClaim,
        to: Position,
        effects: &MonitorEffects,
    ) -> Result<Committed, Error> {
        match self.try_to_commit(claim, to, effects, Care::AllAtOnce).await {
            Err(error) if breaks_a_rule(&error) && !effects.raised.is_empty() => {
                self.try_to_commit(claim, to, effects, Care::OneByOne).await
            }
            ended => ended,
        }
    }

    async fn try_to_commit(
        &self,
        claim: MonitorClaim,
        to: Position,
        effects: &MonitorEffects,
        care: Care,
    ) -> Result<Committed, Error> {
        // Another log, or one that lost its end when a replica took over, is not the one that was looked at.
        const ADVANCE: &str = "/* store::commit_monitors */
            update monitor_cursor set position = $2, seen_at = clock_timestamp() from sequencer
            where monitor_cursor.term = $1 and monitor_cursor.position = $3
              and sequencer.epoch = $4 and sequencer.last >= $2";
        let MonitorClaim { term, position, epoch } = claim;
        let (from, epoch) = (position.get(), epoch.get());
        if effects.is_empty() {
            let client = self.client().await?;
            let moved =
                client.rows(&format!("{ADVANCE} returning 1"), &[&term, &to.get(), &from, &epoch]).await?;
            return Ok(if moved.is_empty() { Committed::Overtaken } else { Committed::Done { raised: 0 } });
        }
        let mut client = self.client().await?;
        let mut transaction = client.transaction().await?;
        if !effects.forgotten.is_empty() {
            // What many monitors remember of many items goes in one statement, however long that takes: given up, it
            // would be tried again and again.
            transaction.batch_execute("/* store::commit_monitors */ set local statement_timeout = 0").await?;
        }
        // Whoever else thinks to lead waits here, and then finds that it is overtaken.
        let advance = transaction.prepare_cached(ADVANCE).await?;
        if transaction.execute(&advance, &[&term, &to.get(), &from, &epoch]).await? == 0 {
            return Ok(Committed::Overtaken);
        }
        for (statement, rows) in statements(effects)? {
            let statement = transaction.prepare_cached(statement).await?;
            transaction.execute(&statement, &[&rows]).await?;
        }
        let raised = match care {
            Care::AllAtOnce => raise(&transaction, &effects.raised).await?,
            Care::OneByOne => raise_what_can_be(&mut transaction, &effects.raised).await?,
        };
        transaction.commit().await?;
        Ok(Committed::Done { raised })
    }
}

async fn raise(transaction: &Transaction<'_>, rows: &[RaisedRow]) -> Result<u64, Error> {
    let mut raised = 0;
    for rows in parts(rows)? {
        let statement = transaction.prepare_cached(RAISE).await?;
        let counted: i64 = transaction.query_one(&statement, &[&rows]).await?.try_get("raised")?;
        raised += counted.unsigned_abs();
    }
    Ok(raised)
}

async fn raise_what_can_be(transaction: &mut Transaction<'_>, rows: &[RaisedRow]) -> Result<u64, Error> {
    let mut raised = 0;
    for row in rows {
        let attempt = transaction.savepoint("one").await?;
        match raise(&attempt, std::slice::from_ref(row)).await {
            Ok(one) => {
                attempt.commit().await?;
                raised += one;
            }
            Err(error) if breaks_a_rule(&error) => {
                attempt.rollback().await?;
                let source = &error as &dyn std::error::Error;
                tracing::error!(
                    monitor.id = row.monitor_id.get(),
                    item.id = row.item_id.get(),
                    log.position = %row.change_position,
                    source,
                    "a notification can't be written, and is left out"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(raised)
}

/// Whether trying again would end the same way.
const fn breaks_a_rule(error: &Error) -> bool {
    matches!(error, Error::Constraint { .. } | Error::Query(_))
}

impl Store {
    /// Goes on from a position further on, because what lies before it was deleted: all monitors start there.
    ///
    /// # Errors
    /// The database is away.
    pub async fn skip_monitors(&self, term: i64, to: Position, at: Timestamp) -> Result<Committed, Error> {
        const SKIP: &str = "/* store::skip_monitors */
            with moved as (
              update monitor_cursor set position = $2, seen_at = clock_timestamp() where term = $1 returning 1
            ),
            started as (
              update watched_monitors set since_position = $2, since_at = $3 from moved returning 1
            )
            select count(*) as moved, (select count(*) from started) as started from moved";
        let client = self.client().await?;
        let row = client.row(SKIP, &[&term, &to.get(), &at]).await?;
        let moved: i64 = row.try_get("moved")?;
        Ok(if moved == 0 { Committed::Overtaken } else { Committed::Done { raised: 0 } })
    }
}

/// The statements that write everything but what was raised, each with its rows as JSON, in the order in which they count.
fn statements(effects: &MonitorEffects) -> Result<Vec<(&'static str, String)>, Error> {
    const UNWATCH: &str = "/* store::commit_monitors */
        delete from watched_monitors using json_array_elements_text($1::text::json) as gone
        where monitor_id = gone::bigint";
    const FORGET: &str = "/* store::commit_monitors */
        delete from monitor_states using json_array_elements_text($1::text::json) as forgotten
        where monitor_id = forgotten::bigint";
    const WATCH: &str = "/* store::commit_monitors */
        insert into watched_monitors (monitor_id, tenant_id, document, since_position, since_at)
        select monitor_id, tenant_id, document, since_position, since_at
        from json_populate_recordset(null::watched_monitors, $1::text::json)
        on conflict on constraint watched_monitors_pkey do update set document = excluded.document,
          since_position = excluded.since_position, since_at = excluded.since_at";
    const BLANK: &str = "/* store::commit_monitors */
        delete from monitor_states using json_array_elements($1::text::json) as blank
        where monitor_id = (blank ->> 0)::bigint and item_id = (blank ->> 1)::bigint";
    const REMEMBER: &str = "/* store::commit_monitors */
        insert into monitor_states (monitor_id, item_id, position, raised, fired_at, fired_count, base, samples, held_back,
          due_at, awaited)
        select monitor_id, item_id, position, raised, fired_at, fired_count, base, samples, held_back, due_at, awaited
        from json_populate_recordset(null::monitor_states, $1::text::json)
        on conflict on constraint monitor_states_pkey do update set position = excluded.position,
          raised = excluded.raised, fired_at = excluded.fired_at, fired_count = excluded.fired_count,
          base = excluded.base, samples = excluded.samples, held_back = excluded.held_back, due_at = excluded.due_at,
          awaited = excluded.awaited";
    let all = [
        (UNWATCH, parts(&effects.unwatched)?),
        (FORGET, parts(&effects.forgotten)?),
        (WATCH, parts(&effects.watched)?),
        (BLANK, parts(&effects.blank)?),
        (REMEMBER, parts(&effects.memories)?),
    ];
    let each = |(statement, parts): (_, Vec<String>)| parts.into_iter().map(move |rows| (statement, rows));
    Ok(all.into_iter().flat_map(each).collect())
}

/// What the table says was raised before is left out, and what is of a tenant that is gone. A channel that is gone, switched
/// off or another tenant's is not told, and none is told of what is muted.
const RAISE: &str = "/* store::commit_monitors */
    with writer as materialized (select set_config('stockwire.actor', 'monitors', true)),
    given as materialized (
      select given.* from writer cross join json_to_recordset($1::text::json) as given (
        place int, tenant_id bigint, monitor_id bigint, monitor_name text, item_id bigint, item_sku text, item_name text,
        severity text, measure text, condition jsonb, value numeric, previous_value numeric, threshold numeric,
        reference numeric, message text, change_position bigint, change_at timestamptz, channels json
      )
    ),
    raised as (
      insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_sku, item_name, severity, measure,
        condition, value, previous_value, threshold, reference, message, change_position, change_at, muted)
      select tenant_id, monitor_id, monitor_name, item_id, item_sku, item_name, severity, measure, condition, value,
        previous_value, threshold, reference, message, change_position, change_at,
        exists (
          select from mutes where mutes.tenant_id = given.tenant_id
            and (mutes.monitor_id is null or mutes.monitor_id = given.monitor_id)
            and (mutes.item_id is null or mutes.item_id = given.item_id)
            and (mutes.until is null or mutes.until > now())
        )
      from given where exists (select from tenants where tenants.id = given.tenant_id) order by place
      on conflict on constraint notifications_once do nothing
      returning id, tenant_id, monitor_id, item_id, change_position, muted
    ),
    told as (
      insert into deliveries (tenant_id, notification_id, channel_id)
      select raised.tenant_id, raised.id, channels.id
      from raised join given using (monitor_id, item_id, change_position)
      cross join json_array_elements_text(given.channels) as chosen
      join channels on channels.id = chosen::bigint and channels.tenant_id = raised.tenant_id and channels.enabled
      where not raised.muted
      order by raised.id, channels.id
      on conflict on constraint deliveries_once do nothing
      returning 1
    )
    select count(*) as raised, (select count(*) from told) as told from raised";

/// Rows as JSON, so many at once that no statement takes long: a monitor over all items may have much to remember.
fn parts<T: Serialize>(rows: &[T]) -> Result<Vec<String>, Error> {
    const ROWS: usize = 2000;
    rows.chunks(ROWS).map(|part| serde_json::to_string(part).map_err(unwritable)).collect()
}

pub(crate) fn unwritable(error: serde_json::Error) -> Error {
    Error::Unavailable(Box::new(error))
}
