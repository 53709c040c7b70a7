//! What the evaluation of monitors knows: how far it has got in the log, which monitors watch, what they remember of items,
//! and items as they are. It is written in [`crate::monitor_effects`].

use domain::{Epoch, ItemId, MonitorId, Position, Scope, TenantId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;

use crate::{Error, MonitorClaim, Store, row};

/// How far the evaluation has got, and what it knew then.
#[derive(Debug)]
pub struct MonitorProgress {
    /// Everything up to its position was looked at, and whoever knows it may go on from there.
    pub claim: MonitorClaim,
    /// The monitors that watched.
    pub watched: Vec<WatchedRow>,
    /// What they remembered.
    pub memories: Vec<MemoryRow>,
}

/// A monitor that watches.
#[derive(Debug, Clone, Serialize)]
pub struct WatchedRow {
    /// Which.
    pub monitor_id: MonitorId,
    /// Whose.
    pub tenant_id: i64,
    /// Its document.
    pub document: Box<RawValue>,
    /// It sees what lies behind this position.
    pub since_position: Position,
    /// When that was.
    pub since_at: Timestamp,
}

/// What a monitor remembers of an item; amounts as text.
#[derive(Debug, Clone, Serialize)]
pub struct MemoryRow {
    /// Which monitor.
    pub monitor_id: MonitorId,
    /// Which item.
    pub item_id: ItemId,
    /// The last change that was judged.
    pub position: Position,
    /// Whether the condition is met.
    pub raised: bool,
    /// When a crossing was last told.
    pub fired_at: Option<Timestamp>,
    /// How many were told.
    pub fired_count: i64,
    /// What percentages are reckoned from.
    pub base: Option<String>,
    /// The values of the window.
    pub samples: Option<Box<RawValue>>,
    /// A crossing that waits.
    pub held_back: Option<Box<RawValue>>,
    /// When to look again.
    pub due_at: Option<Timestamp>,
    /// Whether its first change is to tell how it was.
    pub awaited: bool,
}

/// An item as it is, for a monitor that starts or whose time is up.
#[derive(Debug)]
pub struct ItemAsItIs {
    /// Which.
    pub id: ItemId,
    /// Its document.
    pub document: Box<RawValue>,
    /// Whether it has changed behind the position that was asked about.
    pub changed_since: bool,
}

/// How far the log reaches, and when that was.
#[derive(Debug, Clone, Copy)]
pub struct LogMoment {
    /// The newest position.
    pub head: Position,
    /// When that was.
    pub now: Timestamp,
}

impl Store {
    /// Takes the evaluation over, from wherever it has got: whoever did before can write nothing any more. A row that was
    /// made by hand and can't be read is passed over.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_over_monitors(&self) -> Result<MonitorProgress, Error> {
        const CURSOR: &str = "/* store::take_over_monitors */
            update monitor_cursor set term = term + 1 from sequencer
            returning monitor_cursor.position, monitor_cursor.term, sequencer.epoch";
        const WATCHED: &str = "/* store::take_over_monitors */
            select monitor_id, tenant_id, document::text as document, since_position, since_at from watched_monitors";
        const MEMORIES: &str = "/* store::take_over_monitors */
            select monitor_id, item_id, position, raised, fired_at, fired_count, base::text as base,
              samples::text as samples, held_back::text as held_back, due_at,
              awaited
            from monitor_states";
        let mut client = self.client().await?;
        // Under the row's lock nobody else writes what is read next.
        let transaction = client.transaction().await?;
        // Many monitors may remember many items: given up, reading them would be tried again and again.
        transaction.batch_execute("/* store::take_over_monitors */ set local statement_timeout = 0").await?;
        let cursor = transaction.query_opt(CURSOR, &[]).await?.ok_or_else(missing_cursor)?;
        let watched = transaction.query(WATCHED, &[]).await?;
        let memories = transaction.query(MEMORIES, &[]).await?;
        transaction.commit().await?;
        Ok(MonitorProgress {
            claim: MonitorClaim {
                term: cursor.try_get("term")?,
                position: row::position("monitor_cursor", "position", cursor.try_get("position")?)?,
                epoch: Epoch::new(cursor.try_get("epoch")?),
            },
            watched: readable(&watched, read_watched),
            memories: readable(&memories, read_memory),
        })
    }

    /// How far the log reaches, by the database's clock.
    ///
    /// # Errors
    /// The database is away.
    pub async fn log_moment(&self) -> Result<LogMoment, Error> {
        const MOMENT: &str = "/* store::log_moment */ select last, clock_timestamp() as now from sequencer";
        let client = self.client().await?;
        let row = client.row_if_any(MOMENT, &[]).await?.ok_or_else(missing_cursor)?;
        Ok(LogMoment {
            head: row::position("sequencer", "last", row.try_get("last")?)?,
            now: row.try_get("now")?,
        })
    }

    /// Items of a tenant that are in a monitor's scope, by id, behind one of them. Which of them have changed behind a
    /// position, in the log or not in it yet, is said if one is named.
    ///
    /// # Errors
    /// The database is away.
    pub async fn items_in_scope(
        &self,
        tenant: TenantId,
        scope: &Scope,
        (after, limit): (i64, u16),
        since: Option<Position>,
    ) -> Result<Vec<ItemAsItIs>, Error> {
        const CHANGED: &str = "$4::bigint is not null and coalesce((
              select change_log.position is null or change_log.position > $4
              from (
                select changes.id from changes where changes.resource = 'item' and changes.resource_id = items.id
                order by changes.id desc limit 1
              ) as newest left join change_log on change_log.change_id = newest.id
            ), false)";
        const ITEMS: &str = "where tenant_id = $1 and id > $2
              and case $3::jsonb ->> 'kind'
                when 'all' then true
                when 'sku_prefix' then starts_with(sku, $3 ->> 'prefix')
                when 'attribute' then attributes -> ($3 ->> 'name') = $3 -> 'value'
                else false
              end
            order by id limit $5";
        const ITEM: &str = "where tenant_id = $1 and id > $2 and id = $3";
        let found = |which| {
            format!(
                "/* store::items_in_scope */
                select id, item_document(items)::text as document, {CHANGED} as changed_since from items {which}"
            )
        };
        let (client, since) = (self.client().await?, since.map(Position::get));
        if let Scope::Item { item_id } = scope {
            let rows = client.rows(&found(ITEM), &[&tenant.get(), &after, &item_id.get(), &since]).await?;
            return rows.iter().map(read_item).collect();
        }
        let scope = serde_json::to_value(scope).map_err(crate::monitor_effects::unwritable)?;
        let rows =
            client.rows(&found(ITEMS), &[&tenant.get(), &after, &scope, &since, &i64::from(limit)]).await?;
        rows.iter().map(read_item).collect()
    }

    /// Items as they are, of any tenant: for monitors whose time is up.
    ///
    /// # Errors
    /// The database is away.
    pub async fn items_as_they_are(&self, ids: &[ItemId]) -> Result<Vec<ItemAsItIs>, Error> {
        const ITEMS: &str = "/* store::items_as_they_are */
            select id, item_document(items)::text as document, false as changed_since from items where id = any($1)";
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let client = self.client().await?;
        client.rows(ITEMS, &[&ids]).await?.iter().map(read_item).collect()
    }
}

fn missing_cursor() -> Error {
    Error::Corrupt {
        table: "monitor_cursor",
        column: "singleton",
        id: 0,
        detail: "the row is missing".into(),
    }
}

/// One bad row is no reason to look after nothing.
fn readable<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, Error>) -> Vec<T> {
    let told = |error: &Error| {
        let source = error as &dyn std::error::Error;
        tracing::error!(source, "what a monitor remembers can't be read, and is passed over");
    };
    rows.iter().filter_map(|row| read(row).inspect_err(told).ok()).collect()
}

fn read_watched(row: &Row) -> Result<WatchedRow, Error> {
    let id: i64 = row.try_get("monitor_id")?;
    Ok(WatchedRow {
        monitor_id: monitor_id("watched_monitors", id)?,
        tenant_id: row.try_get("tenant_id")?,
        document: json("watched_monitors", "document", id, row.try_get("document")?)?,
        since_position: row::position("watched_monitors", "since_position", row.try_get("since_position")?)?,
        since_at: row.try_get("since_at")?,
    })
}

fn read_memory(row: &Row) -> Result<MemoryRow, Error> {
    let (monitor, item): (i64, i64) = (row.try_get("monitor_id")?, row.try_get("item_id")?);
    let document = |column: &'static str| {
        let text: Option<String> = row.try_get(column)?;
        text.map(|text| json("monitor_states", column, monitor, text)).transpose()
    };
    Ok(MemoryRow {
        monitor_id: monitor_id("monitor_states", monitor)?,
        item_id: item_id("monitor_states", item)?,
        position: row::position("monitor_states", "position", row.try_get("position")?)?,
        raised: row.try_get("raised")?,
        fired_at: row.try_get("fired_at")?,
        fired_count: row.try_get("fired_count")?,
        base: row.try_get("base")?,
        samples: document("samples")?,
        held_back: document("held_back")?,
        due_at: row.try_get("due_at")?,
        awaited: row.try_get("awaited")?,
    })
}

fn read_item(row: &Row) -> Result<ItemAsItIs, Error> {
    let id: i64 = row.try_get("id")?;
    Ok(ItemAsItIs {
        id: item_id("items", id)?,
        document: json("items", "item_document", id, row.try_get("document")?)?,
        changed_since: row.try_get("changed_since")?,
    })
}

fn monitor_id(table: &'static str, id: i64) -> Result<MonitorId, Error> {
    let detail = || "an id is positive".to_owned();
    MonitorId::new(id).ok_or_else(|| Error::Corrupt { table, column: "monitor_id", id, detail: detail() })
}

fn item_id(table: &'static str, id: i64) -> Result<ItemId, Error> {
    let detail = || "an id is positive".to_owned();
    ItemId::new(id).ok_or_else(|| Error::Corrupt { table, column: "item_id", id, detail: detail() })
}

fn json(table: &'static str, column: &'static str, id: i64, text: String) -> Result<Box<RawValue>, Error> {
    let corrupt = |error: serde_json::Error| Error::Corrupt { table, column, id, detail: error.to_string() };
    RawValue::from_string(text).map_err(corrupt)
}
