//! A part of the log behind some moment, as one tenant sees it: for what asks how things would have gone.

use domain::{Cursor, ItemId, Position, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    Error, LogEntry, Store,
    change_ids::ChangeIds,
    error::unless_too_slow,
    history::missing_sequencer,
    log::{ENTRY_COLUMNS, read_entry},
    row,
};

/// The changes of a tenant's items behind a place in the log, up to its end.
#[derive(Debug, Clone)]
pub struct Past {
    tenant: TenantId,
    item: Option<ItemId>,
    /// It begins behind this position.
    pub after: Position,
    /// When that was.
    pub since: Timestamp,
    /// Whether it begins as early as was asked for.
    pub complete: bool,
    /// Where it ends.
    pub as_of: Cursor,
    /// When that was, by the database's clock.
    pub now: Timestamp,
    /// Up to which change it was read.
    read_up_to: i64,
}

/// Entries of all tenants that are looked through at most. Of one item, an index finds its own.
const MOST_ENTRIES: i64 = 1_000_000;

impl Store {
    /// The past since a moment, or since later if that would be more than so many changes, or is no longer kept.
    ///
    /// # Errors
    /// There are too many entries to look through in time, or the database is away.
    pub async fn past(
        &self,
        (tenant, item): (TenantId, Option<ItemId>),
        since: Timestamp,
        most: u32,
    ) -> Result<Past, Error> {
        // Positions are dense, and made in the order of time but for transactions that last: halving finds the first
        // entry that isn't older.
        const BEGIN: &str = "/* store::past */
            with recursive halves as (
              select log_start.first as low, sequencer.last + 1 as high from log_start cross join sequencer
              union all
              select case when changes.at < $1 then (halves.low + halves.high) / 2 + 1 else halves.low end,
                case when changes.at < $1 then halves.high else (halves.low + halves.high) / 2 end
              from halves
              left join change_log on change_log.position = (halves.low + halves.high) / 2
              left join changes on changes.id = change_log.change_id
              where halves.low < halves.high
            )
            select sequencer.epoch, sequencer.last, clock_timestamp() as now, halves.low as first,
              halves.low > log_start.first or log_start.first = 1 as complete,
              (
                select changes.at from change_log join changes on changes.id = change_log.change_id
                where change_log.position = halves.low
              ) as first_at
            from halves cross join sequencer cross join log_start where halves.low >= halves.high";
        let client = self.client().await?;
        let begin = client.row_if_any(BEGIN, &[&since]).await.map_err(unless_too_slow)?;
        let begin = begin.ok_or_else(missing_sequencer)?;
        let first: i64 = begin.try_get("first")?;
        let complete: bool = begin.try_get("complete")?;
        let now: Timestamp = begin.try_get("now")?;
        let kept_since = begin.try_get::<_, Option<Timestamp>>("first_at")?.unwrap_or(now);
        let mut past = Past {
            tenant,
            item,
            after: row::position("log_start", "first", first - 1)?,
            since: if complete { since } else { kept_since },
            complete,
            as_of: row::head(&begin)?,
            now,
            read_up_to: 0,
        };
        past.shorten(&client, most).await?;
        if item.is_some() {
            past.read_up_to = ChangeIds::long_before(&client, past.since).await? - 1;
        }
        Ok(past)
    }

    /// What comes next of it, in the order of the log as far as one item is concerned; nothing at its end.
    ///
    /// # Errors
    /// The database is away.
    pub async fn read_past(&self, past: &mut Past, limit: u16) -> Result<Vec<LogEntry>, Error> {
        let (places, order) = match past.item {
            Some(_) => ("changes.resource_id = $5 and changes.id > $6", "changes.id"),
            None => ("$5::bigint is null and change_log.position > $6", "change_log.position"),
        };
        let page = format!(
            "/* store::read_past */
            select change_log.position, {ENTRY_COLUMNS}
            from change_log join changes on changes.id = change_log.change_id
            where changes.tenant_id = $1 and changes.resource = 'item' and change_log.position > $2
              and change_log.position <= $3 and {places}
            order by {order} limit $4"
        );
        let client = self.client().await?;
        let (after, head) = (past.after.get(), past.as_of.position.get());
        let item = past.item.map(ItemId::get);
        let rows = client
            .rows(&page, &[&past.tenant.get(), &after, &head, &i64::from(limit), &item, &past.read_up_to])
            .await
            .map_err(unless_too_slow)?;
        if let Some(last) = rows.last() {
            let column = if past.item.is_some() { "change_id" } else { "position" };
            past.read_up_to = last.try_get(column)?;
        }
        rows.iter().map(read_entry).collect()
    }
}

impl Past {
    /// Begins later, where more lies behind.
    async fn shorten(&mut self, client: &crate::pooled::Pooled, most: u32) -> Result<(), Error> {
        // The one in front of the newest so many.
        const OF_ITEM: &str = "/* store::past */
            select change_log.position, changes.at
            from changes join change_log on change_log.change_id = changes.id
            where changes.tenant_id = $1 and changes.resource = 'item' and changes.resource_id = $2
              and change_log.position > $3
            order by changes.id desc offset $4 limit 1";
        const OF_ALL: &str = "/* store::past */
            select change_log.position, changes.at
            from change_log join changes on changes.id = change_log.change_id
            where changes.tenant_id = $1 and changes.resource = 'item' and $2::bigint is null
              and change_log.position > $3
            order by change_log.position desc offset $4 limit 1";
        const AT: &str = "/* store::past */
            select change_log.position, changes.at
            from change_log join changes on changes.id = change_log.change_id where change_log.position = $1";
        let newest = self.as_of.position.get() - MOST_ENTRIES;
        if self.item.is_none() && newest > self.after.get() {
            self.begin_at(client.row_if_any(AT, &[&newest]).await?)?;
        }
        let statement = if self.item.is_some() { OF_ITEM } else { OF_ALL };
        let item = self.item.map(ItemId::get);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&self.tenant.get(), &item, &self.after.get(), &i64::from(most)];
        let last = client.row_if_any(statement, &parameters).await.map_err(unless_too_slow)?;
        self.begin_at(last)
    }

    fn begin_at(&mut self, entry: Option<Row>) -> Result<(), Error> {
        let Some(entry) = entry else { return Ok(()) };
        self.after = row::position("change_log", "position", entry.try_get("position")?)?;
        (self.since, self.complete) = (entry.try_get("at")?, false);
        Ok(())
    }
}
