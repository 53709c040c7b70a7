//! How far the evaluation of monitors is, and what each monitor does. What is counted is bounded, or is one pass through the
//! tenant's items, however many monitors there are.

use std::collections::HashMap;

use domain::{MonitorId, MonitorState, Position, Scope, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Row, types::Json};

use crate::{Error, Store, monitor_runs::COUNTS, pooled::Pooled, row};

/// How many monitors are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonitorCounts {
    /// Those that watch.
    pub running: i64,
    /// Those that don't, and remember.
    pub paused: i64,
    /// Those that don't, and have forgotten.
    pub stopped: i64,
}

/// What the evaluation does for a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorStatus {
    /// Everything up to here was looked at.
    pub position: Position,
    /// How many entries of the log lie behind it.
    pub entries_behind: i64,
    /// How old the oldest of them is, in seconds; 0 if there is none.
    pub seconds_behind: f64,
    /// When it last looked.
    pub seen_at: Timestamp,
    /// The tenant's monitors.
    pub counts: MonitorCounts,
    /// How many different items the running ones look at.
    pub watched_items: i64,
    /// For how many pairs of monitor and item a condition is met, counted to [`MonitorStatus::MOST_RAISED`].
    pub raised: i64,
    /// When a notification was last raised, of those that are kept.
    pub last_fired_at: Option<Timestamp>,
}

/// What one monitor does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorLine {
    /// Which.
    pub id: MonitorId,
    /// What people call it.
    pub name: String,
    /// What it shall do.
    pub state: MonitorState,
    /// Whether the evaluation has taken it up.
    pub watching: bool,
    /// How many items its scope has now.
    pub watched_items: i64,
    /// For how many items its condition is met, counted to [`MonitorLine::MOST_COUNTED`].
    pub raised_items: i64,
    /// How many of its notifications are kept, counted to [`MonitorLine::MOST_COUNTED`].
    pub notifications: i64,
    /// When the newest of them was raised.
    pub last_fired_at: Option<Timestamp>,
}

/// A page of lines.
#[derive(Debug, Clone)]
pub struct MonitorLines {
    /// By id.
    pub lines: Vec<MonitorLine>,
    /// The last one's id, if more follow.
    pub next: Option<MonitorId>,
}

impl MonitorStatus {
    /// Counting ends here.
    pub const MOST_RAISED: i64 = 100_000;
}

impl MonitorLine {
    /// Counting ends here.
    pub const MOST_COUNTED: i64 = 10_000;
}

impl Store {
    /// What the evaluation does for a tenant.
    ///
    /// # Errors
    /// The database is away.
    pub async fn monitor_status(&self, tenant: TenantId) -> Result<MonitorStatus, Error> {
        const STATUS: &str = "/* store::monitor_status */
            select monitor_cursor.position, monitor_cursor.seen_at,
              greatest(sequencer.last - monitor_cursor.position, 0) as entries_behind,
              coalesce((
                select greatest(extract(epoch from clock_timestamp() - changes.at), 0)
                from change_log join changes on changes.id = change_log.change_id
                where change_log.position > monitor_cursor.position
                order by change_log.position limit 1
              ), 0)::double precision as seconds_behind,
              (
                select count(*) from (
                  select from monitors join monitor_states on monitor_states.monitor_id = monitors.id
                  where monitors.tenant_id = $1 and monitor_states.raised limit $2
                ) as counted
              ) as raised,
              (select created_at from notifications where tenant_id = $1 order by id desc limit 1) as last_fired_at
            from monitor_cursor cross join sequencer";
        let client = self.client().await?;
        let found = client.row(STATUS, &[&tenant.get(), &MonitorStatus::MOST_RAISED]).await?;
        let counts = client.row(COUNTS, &[&tenant.get()]).await?;
        Ok(MonitorStatus {
            position: row::position("monitor_cursor", "position", found.try_get("position")?)?,
            entries_behind: found.try_get("entries_behind")?,
            seconds_behind: found.try_get("seconds_behind")?,
            seen_at: found.try_get("seen_at")?,
            counts: read_counts(&counts)?,
            watched_items: watched_items(&client, tenant, counts.try_get("watches_all")?).await?,
            raised: found.try_get("raised")?,
            last_fired_at: found.try_get("last_fired_at")?,
        })
    }

    /// A page of at most `limit` lines behind the monitor with the id `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn monitor_lines(
        &self,
        tenant: TenantId,
        after: i64,
        limit: u16,
    ) -> Result<MonitorLines, Error> {
        const LINES: &str = "/* store::monitor_lines */
            select page.id, page.name, page.state, page.scope,
              watched_monitors.monitor_id is not null as watching,
              (
                select count(*) from (
                  select from monitor_states where monitor_id = page.id and raised limit $4
                ) as counted
              ) as raised_items,
              (
                select count(*) from (select from notifications where monitor_id = page.id limit $4) as counted
              ) as notifications,
              (
                select created_at from notifications where monitor_id = page.id order by id desc limit 1
              ) as last_fired_at
            from (
              select id, name, state, scope from monitors where tenant_id = $1 and id > $2 order by id limit $3
            ) as page
            left join watched_monitors
              on watched_monitors.monitor_id = page.id and watched_monitors.tenant_id = $1
            order by page.id";
        let client = self.client().await?;
        let rows = i64::from(limit) + 1;
        let rows = client.rows(LINES, &[&tenant.get(), &after, &rows, &MonitorLine::MOST_COUNTED]).await?;
        let limit = usize::from(limit);
        let read = rows.iter().take(limit).map(read_line);
        let (mut lines, scopes): (Vec<_>, Vec<_>) = read.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let sizes = Sizes::read(&client, tenant, &scopes).await?;
        for (line, scope) in lines.iter_mut().zip(&scopes) {
            line.watched_items = sizes.of(scope);
        }
        let next = lines.last().map(|line| line.id).filter(|_| rows.len() > limit);
        Ok(MonitorLines { lines, next })
    }
}

/// How many different items the running monitors look at: all of them, or those that any scope has. A prefix is looked up
/// by the beginnings of a sku that have the length of one, and an attribute by what an item has, so that it is one pass
/// through the items for any number of monitors.
async fn watched_items(client: &Pooled, tenant: TenantId, all: bool) -> Result<i64, Error> {
    const WATCHED: &str = "/* store::watched_items */
        with scopes as materialized (
          select distinct scope ->> 'kind' as kind, scope from monitors where tenant_id = $1 and state = 'running'
        ), prefixes as materialized (
          select scope ->> 'prefix' as prefix from scopes where kind = 'sku_prefix'
        ), lengths as materialized (
          select distinct char_length(prefix) as length from prefixes
        )
        select count(*) as watched from (
          select items.id from scopes join items on items.id = (scopes.scope ->> 'item_id')::bigint
          where scopes.kind = 'item' and items.tenant_id = $1
          union
          select items.id from items cross join lengths
            join prefixes on prefixes.prefix = left(items.sku, lengths.length)
          where items.tenant_id = $1
          union
          select items.id from items cross join lateral jsonb_each(items.attributes) as field
            join scopes on scopes.kind = 'attribute' and scopes.scope ->> 'name' = field.key
              and scopes.scope -> 'value' = field.value
          where items.tenant_id = $1
        ) as watched";
    if all {
        return stock(client, tenant).await;
    }
    Ok(client.row(WATCHED, &[&tenant.get()]).await?.try_get("watched")?)
}

async fn stock(client: &Pooled, tenant: TenantId) -> Result<i64, Error> {
    const STOCK: &str = "/* store::stock */
        select count(*) as items from items where tenant_id = $1";
    Ok(client.row(STOCK, &[&tenant.get()]).await?.try_get("items")?)
}

/// How many items the scopes of a page have.
#[derive(Default)]
struct Sizes {
    all: i64,
    items: Vec<i64>,
    prefixes: HashMap<String, i64>,
    /// Postgres compares values, 1 with 1.0 too, so each is known by its place.
    attributes: Vec<(String, Value, i64)>,
}

impl Sizes {
    async fn read(client: &Pooled, tenant: TenantId, scopes: &[Option<Scope>]) -> Result<Self, Error> {
        let mut sizes = Self::default();
        let (mut items, mut prefixes, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = false;
        for scope in scopes.iter().flatten() {
            match scope {
                Scope::Item { item_id } => items.push(item_id.get()),
                Scope::All {} => all = true,
                Scope::SkuPrefix { prefix } => prefixes.push(prefix.as_str()),
                Scope::Attribute { name, value } => attributes.push((name.as_str(), value)),
            }
        }
        if all {
            sizes.all = stock(client, tenant).await?;
        }
        if !items.is_empty() {
            sizes.items = existing(client, tenant, &items).await?;
        }
        if !prefixes.is_empty() {
            sizes.prefixes = of_prefixes(client, tenant, &prefixes).await?;
        }
        if !attributes.is_empty() {
            sizes.attributes = of_attributes(client, tenant, &attributes).await?;
        }
        Ok(sizes)
    }

    fn of(&self, scope: &Option<Scope>) -> i64 {
        match scope {
            Some(Scope::Item { item_id }) => i64::from(self.items.contains(&item_id.get())),
            Some(Scope::All {}) => self.all,
            Some(Scope::SkuPrefix { prefix }) => self.prefixes.get(prefix).copied().unwrap_or_default(),
            Some(Scope::Attribute { name, value }) => {
                let found = self.attributes.iter().find(|(known, of, _)| known == name && of == value);
                found.map(|(_, _, items)| *items).unwrap_or_default()
            }
            None => 0,
        }
    }
}

async fn existing(client: &Pooled, tenant: TenantId, ids: &[i64]) -> Result<Vec<i64>, Error> {
    const EXISTING: &str = "/* store::existing_items */
        select id from items where tenant_id = $1 and id = any ($2)";
    let rows = client.rows(EXISTING, &[&tenant.get(), &ids]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

async fn of_prefixes(
    client: &Pooled,
    tenant: TenantId,
    prefixes: &[&str],
) -> Result<HashMap<String, i64>, Error> {
    const OF_PREFIXES: &str = "/* store::items_of_prefixes */
        with prefixes as materialized (select distinct prefix from unnest($2::text[]) as prefix)
        select prefixes.prefix, count(*) as items
        from items
          cross join (select distinct char_length(prefix) as length from unnest($2::text[]) as prefix) as lengths
          join prefixes on prefixes.prefix = left(items.sku, lengths.length)
        where items.tenant_id = $1 and char_length(items.sku) >= lengths.length
        group by prefixes.prefix";
    let rows = client.rows(OF_PREFIXES, &[&tenant.get(), &prefixes]).await?;
    rows.iter().map(|row| Ok((row.try_get("prefix")?, row.try_get("items")?))).collect()
}

async fn of_attributes(
    client: &Pooled,
    tenant: TenantId,
    wanted: &[(&str, &Value)],
) -> Result<Vec<(String, Value, i64)>, Error> {
    // What is fenced off by `offset 0` is read once, whatever the planner makes of the rest.
    const OF_ATTRIBUTES: &str = "/* store::items_of_attributes */
        select wanted.place, count(*) as items
        from (
          select field.key, field.value from items cross join lateral jsonb_each(items.attributes) as field
          where items.tenant_id = $1 offset 0
        ) as fields
        join unnest($2::text[], $3::jsonb[]) with ordinality as wanted (name, value, place)
          on wanted.name = fields.key and wanted.value = fields.value
        group by wanted.place";
    let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    let values: Vec<Json<&Value>> = wanted.iter().map(|(_, value)| Json(*value)).collect();
    let rows = client.rows(OF_ATTRIBUTES, &[&tenant.get(), &names, &values]).await?;
    let mut sizes = Vec::with_capacity(rows.len());
    for row in &rows {
        let place: i64 = row.try_get("place")?;
        let known = usize::try_from(place - 1).ok().and_then(|place| wanted.get(place));
        if let Some((name, value)) = known {
            sizes.push(((*name).to_owned(), (*value).clone(), row.try_get("items")?));
        }
    }
    Ok(sizes)
}

pub(crate) fn read_counts(row: &Row) -> Result<MonitorCounts, Error> {
    Ok(MonitorCounts {
        running: row.try_get("running")?,
        paused: row.try_get("paused")?,
        stopped: row.try_get("stopped")?,
    })
}

/// A line without its watched items, and the scope that says which they are; none for one that somebody wrote past the API
/// and nobody can read.
fn read_line(row: &Row) -> Result<(MonitorLine, Option<Scope>), Error> {
    let id: i64 = row.try_get("id")?;
    let corrupt = |column: &'static str, detail: &str| Error::Corrupt {
        table: "monitors",
        column,
        id,
        detail: detail.to_owned(),
    };
    let state: &str = row.try_get("state")?;
    let Json(scope): Json<Value> = row.try_get("scope")?;
    let line = MonitorLine {
        id: MonitorId::new(id).ok_or_else(|| corrupt("id", "an id is positive"))?,
        name: row.try_get("name")?,
        state: MonitorState::parse(state).ok_or_else(|| corrupt("state", "there is no such state"))?,
        watching: row.try_get("watching")?,
        watched_items: 0,
        raised_items: row.try_get("raised_items")?,
        notifications: row.try_get("notifications")?,
        last_fired_at: row.try_get("last_fired_at")?,
    };
    Ok((line, serde_json::from_value(scope).ok()))
}
