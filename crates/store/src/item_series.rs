//! How the quantity or the price of an item went: its changes if there are few, else sums of them, so that an item with a
//! million changes costs no more memory than one with a few.

use domain::{Cursor, ItemId, Measure, Reading, SeriesPoint, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    Error, Store, change_ids::ChangeIds, error::unless_too_slow, history::missing_sequencer, pooled::Pooled,
    row,
};

/// What of an item's past is asked for.
#[derive(Debug, Clone, Copy)]
pub struct SeriesQuery {
    /// Which value.
    pub measure: Measure,
    /// From where on; from the oldest change that is kept, if it isn't said.
    pub since: Option<Timestamp>,
    /// Up to where; up to now, if it isn't said.
    pub until: Option<Timestamp>,
    /// What now is.
    pub now: Timestamp,
    /// The most points.
    pub points: u16,
}

/// How a value went.
#[derive(Debug)]
pub struct ItemSeries {
    /// Where it begins.
    pub since: Timestamp,
    /// The value there.
    pub before: Option<Reading>,
    /// In the order of time.
    pub points: Vec<SeriesPoint>,
    /// Whether every change since then is still kept.
    pub complete: bool,
    /// The moment of the log that it shows.
    pub as_of: Cursor,
}

/// What surrounds the points. What was before is found by the newest change before the range; where none is kept, the
/// oldest that is kept tells what it changed, and without any the item is as it was.
const FRAME: &str = "/* store::item_series */
    select sequencer.epoch, sequencer.last, oldest.at as oldest_at,
      coalesce(oldest.id, items.id) is not null as known,
      case
        when earlier.id is not null then earlier.value
        when oldest.id is not null then oldest.value
        when $3 = 'quantity' then items.quantity::text
        else items.price::text
      end as before,
      coalesce(oldest.is_first, false) or coalesce(oldest.at < $4, false) or log_start.first = 1 or exists (
        select from change_log join changes on changes.id = change_log.change_id
        where change_log.position = log_start.first and changes.at < $4
      ) as complete
    from sequencer cross join log_start
    left join items on items.tenant_id = $1 and items.id = $2
    left join lateral (
      select changes.id, changes.at, changes.op = 'create' and changes.version = 1 as is_first,
        case
          when changes.op = 'create' then null
          when changes.previous -> $3 is not null then changes.previous ->> $3
          else changes.data ->> $3
        end as value
      from changes
      where changes.tenant_id = $1 and changes.resource = 'item' and changes.resource_id = $2
      order by changes.id limit 1
    ) as oldest on true
    left join lateral (
      select changes.id, changes.data ->> $3 as value from changes
      where changes.tenant_id = $1 and changes.resource = 'item' and changes.resource_id = $2
        and changes.id < $5 and changes.at < $4
      order by changes.id desc limit 1
    ) as earlier on true";

/// Changes of the value within the range.
const MOVED: &str = "from changes
    where changes.tenant_id = $1 and changes.resource = 'item' and changes.resource_id = $2
      and changes.id >= $4 and changes.id < $5 and changes.at >= $6 and changes.at < $7
      and (changes.op <> 'update' or changes.previous -> $3 is not null)";

impl Store {
    /// How a value of an item went. `None` if there is no such item, and nothing is kept of one.
    ///
    /// # Errors
    /// There are too many changes to read in time, or the database is away.
    pub async fn item_series(
        &self,
        tenant: TenantId,
        id: ItemId,
        query: SeriesQuery,
    ) -> Result<Option<ItemSeries>, Error> {
        let client = self.client().await?;
        let ids = ChangeIds::between(&client, query.since, query.until).await?;
        let before = match query.since {
            Some(_) => ChangeIds::between(&client, None, query.since).await?.to,
            None => 0,
        };
        let measure = query.measure.as_str();
        let frame =
            client.row_if_any(FRAME, &[&tenant.get(), &id.get(), &measure, &query.since, &before]).await;
        let frame = frame.map_err(unless_too_slow)?.ok_or_else(missing_sequencer)?;
        if !frame.try_get::<_, bool>("known")? {
            return Ok(None);
        }
        let oldest: Option<Timestamp> = frame.try_get("oldest_at")?;
        let since = query.since.or(oldest).unwrap_or(query.now);
        // What is there by now is asked for, whatever the clock here says.
        let until = query.until.unwrap_or(Timestamp::MAX);
        let range = Range { tenant, id, measure: query.measure, ids, since, until };
        let points = match range.few(&client, query.points).await? {
            Some(points) => points,
            None => range.many(&client, query).await?,
        };
        Ok(Some(ItemSeries {
            since,
            before: reading(query.measure, &frame, "before")?,
            points,
            complete: frame.try_get("complete")?,
            as_of: row::head(&frame)?,
        }))
    }
}

/// A part of an item's past.
struct Range {
    tenant: TenantId,
    id: ItemId,
    measure: Measure,
    ids: ChangeIds,
    since: Timestamp,
    until: Timestamp,
}

impl Range {
    /// The changes themselves, or nothing if there are more than so many.
    async fn few(&self, client: &Pooled, most: u16) -> Result<Option<Vec<SeriesPoint>>, Error> {
        let few = format!(
            "/* store::item_series */
            select changes.at, changes.data ->> $3 as value {MOVED} order by changes.id limit $8"
        );
        let rows = client
            .rows(
                &few,
                &[
                    &self.tenant.get(),
                    &self.id.get(),
                    &self.measure.as_str(),
                    &self.ids.from,
                    &self.ids.to,
                    &self.since,
                    &self.until,
                    &(i64::from(most) + 1),
                ],
            )
            .await
            .map_err(unless_too_slow)?;
        if rows.len() > usize::from(most) {
            return Ok(None);
        }
        let point = |row: &Row| {
            let value = reading(self.measure, row, "value")?;
            let (first, low, high) = (value.clone(), value.clone(), value.clone());
            Ok(SeriesPoint { at: row.try_get("at")?, first, low, high, last: value, changes: 1 })
        };
        rows.iter().map(point).collect::<Result<_, Error>>().map(Some)
    }

    /// A point for each of so many equal stretches of time that has changes.
    async fn many(&self, client: &Pooled, query: SeriesQuery) -> Result<Vec<SeriesPoint>, Error> {
        let many = format!(
            "/* store::item_series */
            with moved as (
              select least(floor(extract(epoch from changes.at - $6)::float8 / $8::float8), $9::float8 - 1) as stretch,
                changes.id, (changes.data ->> $3)::numeric as value
              {MOVED}
              -- What is sorted by stretches is narrow: the numbers, not the documents.
              offset 0
            ),
            stretches as (
              select stretch, min(id) as first, max(id) as last, min(value)::text as low, max(value)::text as high,
                count(*) as changes
              from moved group by stretch
            )
            select first.at, first.data ->> $3 as first, stretches.low, stretches.high, last.data ->> $3 as last,
              stretches.changes
            from stretches
            cross join lateral (select at, data from changes where changes.id = stretches.first limit 1) as first
            cross join lateral (select data from changes where changes.id = stretches.last limit 1) as last
            order by stretches.stretch"
        );
        let lasts = query.until.unwrap_or(query.now).duration_since(self.since);
        let points = f64::from(query.points);
        // Never nothing, since it divides.
        let width = (lasts.as_secs_f64() / points).max(1e-6);
        let rows = client
            .rows(
                &many,
                &[
                    &self.tenant.get(),
                    &self.id.get(),
                    &self.measure.as_str(),
                    &self.ids.from,
                    &self.ids.to,
                    &self.since,
                    &self.until,
                    &width,
                    &points,
                ],
            )
            .await
            .map_err(unless_too_slow)?;
        let point = |row: &Row| {
            Ok(SeriesPoint {
                at: row.try_get("at")?,
                first: reading(self.measure, row, "first")?,
                low: reading(self.measure, row, "low")?,
                high: reading(self.measure, row, "high")?,
                last: reading(self.measure, row, "last")?,
                changes: row.try_get("changes")?,
            })
        };
        rows.iter().map(point).collect()
    }
}

fn reading(measure: Measure, row: &Row, column: &str) -> Result<Option<Reading>, Error> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.and_then(|text| Reading::read(measure, text)))
}
