//! What was received and issued: sums over the changes of a tenant's items within some days.

use domain::{BusyItem, Cursor, ItemId, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Error, Store, change_ids::ChangeIds, error::unless_too_slow, history::missing_sequencer, row};

/// The sums of a day that has changes.
#[derive(Debug)]
pub struct DaySums {
    /// Which day: 0 is the first.
    pub day: usize,
    /// By how much quantities grew.
    pub received: i64,
    /// By how much they shrank.
    pub issued: i64,
    /// What was received, at the prices behind the changes.
    pub received_value: String,
    /// What was issued, likewise.
    pub issued_value: String,
    /// How many changes there were.
    pub changes: i64,
}

/// The sums of some days.
#[derive(Debug)]
pub struct MovementSums {
    /// Of the days that have changes, in no order.
    pub days: Vec<DaySums>,
    /// The items with the most changes, the one with the most first.
    pub busiest: Vec<BusyItem>,
    /// Whether every change of those days is still kept.
    pub complete: bool,
    /// The moment of the log that the sums show.
    pub as_of: Cursor,
}

/// Documents are read as text: parsing them takes twice the time of everything else. The triggers write them without
/// spaces and the attributes behind quantity and price, and the quotes in a text have backslashes in front of them.
const SUMS: &str = r#"/* store::movement */
    with written as (
      select width_bucket(changes.at, $4::timestamptz[]) as day, changes.resource_id as item, changes.op,
        coalesce(changes.data, changes.previous)::text as document,
        split_part(split_part(changes.previous::text, '"attributes":', 1), '"quantity":', 2) as was
      from changes
      where changes.tenant_id = $1 and changes.resource = 'item' and changes.id >= $2 and changes.id < $3
        and changes.at >= $5 and changes.at < $6
      -- Here and below: what is cut out of a text is cut out once, not where it is used.
      offset 0
    ),
    moved as (
      select day, item,
        case
          when op = 'update' and was = '' then 0
          when op = 'update' then split_part(split_part(document, '"quantity":', 2), ',', 1)::bigint
            - rtrim(split_part(was, ',', 1), '}')::bigint
          else split_part(split_part(document, '"quantity":', 2), ',', 1)::bigint
            * case op when 'delete' then -1 else 1 end
        end as moved,
        case when op <> 'update' or was <> '' then
          nullif(btrim(split_part(split_part(document, '"price":', 2), ',', 1), '"'), 'null')::numeric
        end as price
      from written
      offset 0
    ),
    sums as materialized (
      select day, item, count(*) as changes,
        least(sum(greatest(moved, 0)), 9007199254740991)::bigint as received,
        least(sum(greatest(-moved, 0)), 9007199254740991)::bigint as issued,
        round(coalesce(sum(greatest(moved, 0) * price), 0), 4)::text as received_value,
        round(coalesce(sum(greatest(-moved, 0) * price), 0), 4)::text as issued_value
      from moved group by grouping sets ((day), (item))
    ),
    busiest as (
      select * from sums where item is not null order by changes desc, item limit $7
    ),
    shown as (
      select sums.*, null::text as sku, null::text as name from sums where day is not null
      union all
      select busiest.*,
        case when items.id is null then gone.document ->> 'sku' else items.sku end,
        coalesce(items.name, gone.document ->> 'name')
      from busiest left join items on items.id = busiest.item
      left join lateral (
        select coalesce(last.data, last.previous) as document from changes as last
        where last.resource = 'item' and last.resource_id = busiest.item and items.id is null
        order by last.id desc limit 1
      ) as gone on true
    )
    select sequencer.epoch, sequencer.last, shown.*,
      log_start.first = 1 or exists (
        select from change_log join changes on changes.id = change_log.change_id
        where change_log.position = log_start.first and changes.at < $5
      ) as complete
    from sequencer cross join log_start left join shown on true
    order by shown.changes desc, shown.item"#;

impl Store {
    /// Sums up what was received and issued. Each day lasts from one of the moments to the next.
    ///
    /// # Errors
    /// There are too many changes to read in time, or the database is away.
    pub async fn movement(&self, tenant: TenantId, days: &[Timestamp]) -> Result<MovementSums, Error> {
        const BUSIEST: i64 = 20;
        let (Some(begin), Some(end)) = (days.first(), days.last()) else { return Err(missing_sequencer()) };
        let client = self.client().await?;
        let ids = ChangeIds::between(&client, Some(*begin), Some(*end)).await?;
        let rows = client.rows(SUMS, &[&tenant.get(), &ids.from, &ids.to, &days, begin, end, &BUSIEST]).await;
        let rows = rows.map_err(unless_too_slow)?;
        let any = rows.first().ok_or_else(missing_sequencer)?;
        let (complete, as_of) = (any.try_get("complete")?, row::head(any)?);
        let mut sums = MovementSums { days: Vec::new(), busiest: Vec::new(), complete, as_of };
        for row in &rows {
            if let Some(day) = row.try_get::<_, Option<i32>>("day")? {
                // Buckets are counted from 1.
                sums.days.push(read_day(row, usize::try_from(day - 1).unwrap_or_default())?);
            } else if let Some(item) = row.try_get::<_, Option<i64>>("item")?.and_then(ItemId::new) {
                sums.busiest.push(read_item(row, item)?);
            }
        }
        Ok(sums)
    }
}

fn read_day(row: &Row, day: usize) -> Result<DaySums, Error> {
    Ok(DaySums {
        day,
        received: row.try_get("received")?,
        issued: row.try_get("issued")?,
        received_value: row.try_get("received_value")?,
        issued_value: row.try_get("issued_value")?,
        changes: row.try_get("changes")?,
    })
}

fn read_item(row: &Row, item_id: ItemId) -> Result<BusyItem, Error> {
    Ok(BusyItem {
        item_id,
        sku: row.try_get("sku")?,
        name: row.try_get::<_, Option<String>>("name")?.unwrap_or_default(),
        changes: row.try_get("changes")?,
        received: row.try_get("received")?,
        issued: row.try_get("issued")?,
    })
}
