//! Deleting the oldest entries of the log, in batches, and holding on to those that somebody still reads.
//!
//! What is left is always a contiguous run of positions up to the head, each with its change: a batch deletes the oldest
//! positions, their changes, and moves `log_start.first`, all in one transaction. Changes without a position are never
//! touched, because a change is only found through its position. Correctness doesn't depend on there being one that
//! deletes: two take turns at the row of `log_start`.
//!
//! A hold and a batch take turns at that row, too. So whoever holds is told where the log begins, and from then on
//! nothing behind the held position goes away for as long as the hold is renewed.

use std::time::Duration;

use domain::Position;
use uuid::Uuid;

use crate::{Error, Store, history::missing_sequencer, row};

/// What may be deleted, and how much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrimRules {
    /// Only entries whose changes were made longer ago than this.
    pub older_than: Duration,
    /// So many of the newest entries stay, however old they are.
    pub least_entries: u32,
    /// The most entries that one call deletes, in one transaction.
    pub batch: u32,
    /// Whether to spare what somebody holds ([`Store::hold_log`]).
    pub heed_holds: bool,
}

/// Why a batch ended where it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrimEnd {
    /// It is full: there may be more.
    Full,
    /// The next entry is not old enough.
    Age,
    /// Only as many are left as must stay.
    LeastEntries,
    /// Somebody who has got to this position still reads what follows.
    Held(Position),
    /// Monitors haven't seen the next entry. However long that takes, what they would raise there isn't lost.
    Unseen,
}

/// What a batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// How many entries it deleted, with their changes.
    pub deleted: u64,
    /// The oldest position that is still kept; one past the newest if none is.
    pub first: Position,
    /// Why it ended there.
    pub end: TrimEnd,
}

/// Who holds on to a part of the log: one for each process that reads for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHolder(Uuid);

impl LogHolder {
    /// Somebody who never was.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one, which a default never is")]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The turn at the log's beginning. Whoever waits longer for a lock gives up, before the server looks for a deadlock;
/// the next try is soon enough. The planner can't know how few rows a batch has, and is told not to read whole tables. A
/// batch that a crash takes back is deleted again, so nobody waits for the disk.
const TAKE_TURN: &str = "/* store::trim_log */
    set local lock_timeout = '500ms'; set local synchronous_commit = off; set local enable_seqscan = off;
    set local enable_bitmapscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
    select from log_start for update";

/// A statement of its own, behind the lock: its snapshot sees every hold that was taken before. A time far in the future
/// was made by a clock that was wrong, and must not keep everything behind it for years; unless it is today's clock that
/// is wrong, and everything lies in the future. So it only counts as old where something further on is old for certain,
/// which is looked for at ever longer steps: entries lie nearly in the order of their times.
const TRIM: &str = "/* store::trim_log */
    with bounds as materialized (
      select log_start.first, sequencer.last - $1::bigint + 1 as by_entries,
        (select min(position) + 1 from log_holds where $2 and expires_at > now()) as by_hold,
        (select position + 1 from monitor_cursor) as by_monitors
      from log_start cross join sequencer
    ),
    batch as materialized (
      select *, greatest(first, least(by_entries, by_hold, by_monitors, first + $3::bigint)) as until from bounds
    ),
    young as materialized (
      select found.position from batch cross join lateral (
        select change_log.position
        from change_log join changes on changes.id = change_log.change_id
        where change_log.position >= batch.first and change_log.position < batch.until
          and changes.at >= now() - make_interval(secs => $4)
          and (changes.at < now() + interval '1 day' or not exists (
            select from generate_series(0, 62) as step
            join change_log as later on later.position = change_log.position + (1::bigint << step)
            join changes as made on made.id = later.change_id
            where made.at < now() - make_interval(secs => $4)
          ))
        order by change_log.position limit 1
      ) as found
    ),
    cut as materialized (
      select first, by_entries, by_hold, by_monitors, coalesce((select position from young), until) as until,
        exists (select from young) as by_age
      from batch
    ),
    entries as (
      delete from change_log using cut
      where change_log.position >= cut.first and change_log.position < cut.until
      returning change_log.change_id
    ),
    gone as (
      delete from changes using entries where changes.id = entries.change_id
      returning 1
    ),
    moved as (
      update log_start set first = cut.until from cut where cut.until > cut.first
      returning 1
    )
    select cut.until, cut.by_entries, cut.by_hold, cut.by_monitors, cut.by_age, (select count(*) from entries) as deleted,
      (select count(*) from gone) as gone, (select count(*) from moved) as moved
    from cut";

impl Store {
    /// Deletes a batch of the oldest entries with their changes.
    ///
    /// # Errors
    /// The database is away, or somebody else is at it for longer than half a second.
    pub async fn trim_log(&self, rules: &TrimRules) -> Result<Trimmed, Error> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute(TAKE_TURN).await?;
        let statement = transaction.prepare_cached(TRIM).await?;
        let (least, batch) = (i64::from(rules.least_entries), i64::from(rules.batch.max(1)));
        let age = rules.older_than.as_secs_f64();
        let row = transaction.query_opt(&statement, &[&least, &rules.heed_holds, &batch, &age]).await?;
        let row = row.ok_or_else(missing_sequencer)?;
        transaction.commit().await?;
        let until: i64 = row.try_get("until")?;
        let end = match row.try_get::<_, Option<i64>>("by_hold")? {
            _ if row.try_get("by_age")? => TrimEnd::Age,
            _ if row.try_get::<_, i64>("by_entries")? <= until => TrimEnd::LeastEntries,
            _ if row.try_get::<_, i64>("by_monitors")? <= until => TrimEnd::Unseen,
            Some(held) if held <= until => TrimEnd::Held(row::position("log_holds", "position", held - 1)?),
            _ => TrimEnd::Full,
        };
        let deleted: i64 = row.try_get("deleted")?;
        Ok(Trimmed {
            deleted: deleted.unsigned_abs(),
            first: row::position("log_start", "first", until)?,
            end,
        })
    }

    /// Keeps what lies behind a position from being deleted for so long, unless it is said again; a holder has one
    /// position. The answer is where the log begins: what lies before that is gone already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn hold_log(
        &self,
        holder: LogHolder,
        position: Position,
        during: Duration,
    ) -> Result<Position, Error> {
        const HOLD: &str = "/* store::hold_log */
            with start as materialized (select first from log_start for share)
            insert into log_holds (holder, position, expires_at)
            select $1, $2, now() + make_interval(secs => $3) from start
            on conflict on constraint log_holds_pkey
              do update set position = excluded.position, expires_at = excluded.expires_at
            returning (select first from start) as first";
        let client = self.client().await?;
        let during = during.as_secs_f64();
        let row = client.row_if_any(HOLD, &[&holder.0, &position.get(), &during]).await?;
        let row = row.ok_or_else(missing_sequencer)?;
        row::position("log_start", "first", row.try_get("first")?)
    }

    /// Holds nothing any more.
    ///
    /// # Errors
    /// The database is away; then the hold ends by itself.
    pub async fn release_log(&self, holder: LogHolder) -> Result<(), Error> {
        const RELEASE: &str = "/* store::release_log */
            delete from log_holds where holder = $1 or expires_at < now() - interval '1 hour'";
        let client = self.client().await?;
        client.rows(RELEASE, &[&holder.0]).await?;
        Ok(())
    }

    /// How long ago the oldest change that is kept was made; nothing if none is kept.
    ///
    /// # Errors
    /// The database is away.
    pub async fn log_age(&self) -> Result<Option<Duration>, Error> {
        const AGE: &str = "/* store::log_age */
            select extract(epoch from clock_timestamp() - changes.at)::float8 as seconds
            from log_start join change_log on change_log.position = log_start.first
            join changes on changes.id = change_log.change_id";
        let row = self.client().await?.row_if_any(AGE, &[]).await?;
        let seconds = row.map(|row| row.try_get::<_, f64>("seconds")).transpose()?;
        // Made by a clock that was ahead of the one that is asked now.
        Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    }
}
