//! What data sources give: which items their rows are about, which values count, and writing those that differ. Each batch
//! is one transaction of a few statements for all of its rows, however many they are, so other writers wait for one batch at
//! most; rows of items are locked in the order of their ids, so nobody waits in a circle; and only what differs is locked at
//! all.

use std::{collections::HashMap, time::Duration};

use deadpool_postgres::Transaction;
use domain::{ItemId, ItemMatch, ItemValues, Price, Quantity, TenantId, WriteContext};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{Error, Store, transaction::begin};

/// Batches of one tenant's sources take turns: between what one source looks up and what it writes, a better one must not
/// come in between.
const TURNS: i64 = 0x5357_5352_4345;

/// Who writes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceWriter {
    /// A run of this holder, whose lease is renewed on the way.
    Run(Uuid, Duration),
    /// Somebody who pushes.
    Push,
}

/// What there is to know about the source that gives values.
#[derive(Debug, Clone, Copy)]
pub struct GivenBy {
    /// Whose.
    pub tenant: TenantId,
    /// Which source.
    pub source: i64,
    /// A price that differs by more percent isn't believed.
    pub max_change_percent: Option<Price>,
}

/// What becomes of what a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It changes the item.
    Applied,
    /// The item says so already.
    Unchanged,
    /// There is no such item any more.
    Unknown,
    /// The price is too far from this one.
    Implausible(Price),
    /// A better source says what counts.
    Shadowed,
}

/// What a row says, beside the item as it is, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What shall be written: nothing unless it is applied.
    pub change: ItemValues,
    /// The item's sku.
    pub sku: Option<String>,
    /// The item's quantity.
    pub quantity: Quantity,
    /// The item's price.
    pub price: Option<Price>,
}

impl Store {
    /// Which of a tenant's items have these keys. A key that several items have is given with all of them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn items_by_keys(
        &self,
        tenant: TenantId,
        by: ItemMatch,
        attribute: Option<&str>,
        keys: &[&str],
    ) -> Result<HashMap<String, Vec<ItemId>>, Error> {
        const BY_SKU: &str = "/* store::items_by_keys */
            select given.key, items.id from unnest($2::text[]) as given (key)
              join items on items.tenant_id = $1 and items.sku = given.key";
        const BY_ID: &str = "/* store::items_by_keys */
            select given.key::text as key, items.id from unnest($2::bigint[]) as given (key)
              join items on items.tenant_id = $1 and items.id = given.key";
        // No index helps with attributes: the tenant's items are looked through once.
        const BY_ATTRIBUTE: &str = "/* store::items_by_keys */
            select given.key, items.id from unnest($2::text[]) as given (key)
              join items on items.tenant_id = $1 and items.attributes ->> $3 = given.key";
        let client = self.client().await?;
        let tenant = tenant.get();
        let rows = match by {
            ItemMatch::Sku => client.rows(BY_SKU, &[&tenant, &keys]).await?,
            ItemMatch::Id => {
                let ids: Vec<i64> =
                    keys.iter().filter_map(|key| key.parse::<ItemId>().ok()).map(ItemId::get).collect();
                client.rows(BY_ID, &[&tenant, &ids]).await?
            }
            ItemMatch::Attribute => {
                client.rows(BY_ATTRIBUTE, &[&tenant, &keys, &attribute.unwrap_or_default()]).await?
            }
        };
        let mut found: HashMap<String, Vec<ItemId>> = HashMap::with_capacity(rows.len());
        for row in &rows {
            found.entry(row.try_get("key")?).or_default().push(item_id(row.try_get("id")?)?);
        }
        Ok(found)
    }

    /// What would become of a batch, in its order, without writing anything.
    ///
    /// # Errors
    /// The database is away.
    pub async fn judge_source_values(
        &self,
        given: GivenBy,
        values: &[ItemValues],
    ) -> Result<Vec<Judged>, Error> {
        let mut client = self.client().await?;
        let transaction = begin(&mut client, &WriteContext::default()).await?;
        judge(&transaction, given, values).await
    }

    /// Writes what counts and differs of a batch in which each item is named once, and says what became of each, in its
    /// order. `None`, and nothing is written, if the source was taken away from the writer, or stopped.
    ///
    /// # Errors
    /// The database is away, or somebody holds one of the items for too long.
    pub async fn apply_source_values(
        &self,
        given: GivenBy,
        values: &[ItemValues],
        writer: SourceWriter,
        context: &WriteContext,
    ) -> Result<Option<Vec<Judged>>, Error> {
        const TURN: &str = "/* store::apply_source_values */
            select pg_advisory_xact_lock(hashint8extended($1, $2))";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if !may_write(&transaction, given, writer).await? {
            return Ok(None);
        }
        let statement = transaction.prepare_cached(TURN).await?;
        transaction.query_one(&statement, &[&given.tenant.get(), &TURNS]).await?;
        let judged = judge(&transaction, given, values).await?;
        remember(&transaction, given, values, &judged).await?;
        write(&transaction, given.tenant, &judged).await?;
        transaction.commit().await?;
        Ok(Some(judged))
    }
}

/// Whether the source is still the writer's to write for. It stays so until the transaction ends: whoever changes or deletes
/// it waits at its row, which is locked first, and holds nothing that is needed here.
async fn may_write(
    transaction: &Transaction<'_>,
    given: GivenBy,
    writer: SourceWriter,
) -> Result<bool, Error> {
    const STAYS: &str = "/* store::apply_source_values */
        select from sources where tenant_id = $1 and id = $2 and enabled for share";
    const RUN: &str = "/* store::apply_source_values */
        update source_runs set lease_until = clock_timestamp() + make_interval(secs => $3)
        where source_id = $1 and holder = $2";
    let (tenant, source) = (given.tenant.get(), given.source);
    let statement = transaction.prepare_cached(STAYS).await?;
    if transaction.query_opt(&statement, &[&tenant, &source]).await?.is_none() {
        return Ok(false);
    }
    Ok(match writer {
        SourceWriter::Run(holder, lease) => {
            let statement = transaction.prepare_cached(RUN).await?;
            let lease = lease.as_secs_f64();
            transaction.execute(&statement, &[&source, &holder, &lease]).await? > 0
        }
        SourceWriter::Push => true,
    })
}

async fn judge(
    transaction: &Transaction<'_>,
    given: GivenBy,
    values: &[ItemValues],
) -> Result<Vec<Judged>, Error> {
    const JUDGE: &str = "/* store::judge_source_values */
        with better as materialized (
          select other.id, other.fresh_for_seconds from sources as me join sources as other
            on other.tenant_id = me.tenant_id and other.enabled and (other.priority, other.id) < (me.priority, me.id)
          where me.id = $2 and me.tenant_id = $1
        ), taken as materialized (
          select distinct item_id, measure from source_values join better on better.id = source_id
          where item_id = any ($3) and at > clock_timestamp() - make_interval(secs => better.fresh_for_seconds)
        )
        select items.id, items.sku, items.quantity, items.price, quantity.item_id is not null as quantity_taken,
          price.item_id is not null as price_taken
        from unnest($3::bigint[]) with ordinality as given (item_id, place)
          left join items on items.tenant_id = $1 and items.id = given.item_id
          left join taken as quantity on quantity.item_id = given.item_id and quantity.measure = 'quantity'
          left join taken as price on price.item_id = given.item_id and price.measure = 'price'
        order by given.place";
    let statement = transaction.prepare_cached(JUDGE).await?;
    let ids: Vec<i64> = values.iter().map(|values| values.item.get()).collect();
    let rows = transaction.query(&statement, &[&given.tenant.get(), &given.source, &ids]).await?;
    let judged = values.iter().zip(&rows).map(|(values, row)| judge_one(given, *values, row));
    judged.collect()
}

fn judge_one(given: GivenBy, values: ItemValues, row: &Row) -> Result<Judged, Error> {
    let nothing = ItemValues { quantity: None, price: None, ..values };
    if row.try_get::<_, Option<i64>>("id")?.is_none() {
        let (sku, price) = (None, None);
        return Ok(Judged {
            verdict: Verdict::Unknown,
            change: nothing,
            sku,
            quantity: Quantity::default(),
            price,
        });
    }
    let corrupt = |column: &'static str, error: &str| Error::Corrupt {
        table: "items",
        column,
        id: values.item.get(),
        detail: error.to_owned(),
    };
    let quantity = Quantity::new(row.try_get("quantity")?).map_err(|error| corrupt("quantity", error))?;
    let price: Option<Decimal> = row.try_get("price")?;
    let price = price.map(|price| Price::parse(&price.to_string())).transpose();
    let price = price.map_err(|error| corrupt("price", error))?;
    let (quantity_taken, price_taken): (bool, bool) =
        (row.try_get("quantity_taken")?, row.try_get("price_taken")?);
    let counted = ItemValues {
        quantity: values.quantity.filter(|_| !quantity_taken),
        price: values.price.filter(|_| !price_taken),
        ..values
    };
    let change = ItemValues {
        quantity: counted.quantity.filter(|new| *new != quantity),
        price: counted.price.filter(|new| Some(*new) != price),
        ..values
    };
    let too_far =
        change.price.zip(price).filter(|(new, old)| is_too_far(given.max_change_percent, *new, *old));
    let verdict = match too_far {
        Some((_, old)) => Verdict::Implausible(old),
        None if change != nothing => Verdict::Applied,
        None if counted != values => Verdict::Shadowed,
        None => Verdict::Unchanged,
    };
    let change = if verdict == Verdict::Applied { change } else { nothing };
    Ok(Judged { verdict, change, sku: row.try_get("sku")?, quantity, price })
}

/// What was free may cost anything.
fn is_too_far(most: Option<Price>, new: Price, old: Price) -> bool {
    let (Some(most), old) = (most, old.get()) else { return false };
    if old.is_zero() {
        return false;
    }
    let percent =
        (new.get() - old).abs().checked_div(old).and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED));
    percent.is_none_or(|percent| percent > most.get())
}

/// Keeps what was given, also what doesn't count at the moment. The same value again costs nothing, until what is known of
/// its age is a tenth of what counts.
async fn remember(
    transaction: &Transaction<'_>,
    given: GivenBy,
    values: &[ItemValues],
    judged: &[Judged],
) -> Result<(), Error> {
    const REMEMBER: &str = "/* store::apply_source_values */
        insert into source_values (item_id, measure, source_id, value, at)
        select given.item_id, given.measure, $1, given.value, clock_timestamp()
        from (
          select item_id, 'quantity' as measure, quantity::numeric as value
          from unnest($2::bigint[], $3::bigint[]) as given (item_id, quantity) where quantity is not null
          union all
          select item_id, 'price', price from unnest($2::bigint[], $4::numeric[]) as given (item_id, price)
          where price is not null
        ) as given
        where not exists (
          select from source_values as known join sources on sources.id = known.source_id
          where known.item_id = given.item_id and known.measure = given.measure and known.source_id = $1
            and known.value = given.value
            and known.at > clock_timestamp() - make_interval(secs => least(60, sources.fresh_for_seconds / 10.0)::double precision)
        )
        order by given.item_id, given.measure
        on conflict (item_id, measure, source_id) do update set value = excluded.value, at = excluded.at";
    let kept: Vec<&ItemValues> = values
        .iter()
        .zip(judged)
        .filter(|(_, judged)| !matches!(judged.verdict, Verdict::Unknown | Verdict::Implausible(_)))
        .map(|(values, _)| values)
        .collect();
    let columns = Columns::of(kept.into_iter());
    let statement = transaction.prepare_cached(REMEMBER).await?;
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&given.source, &columns.items, &columns.quantities, &columns.prices];
    transaction.execute(&statement, &parameters).await?;
    Ok(())
}

/// Whoever has changed an item since it was judged has written something else than what is now written, or the same:
/// then nothing is captured.
async fn write(transaction: &Transaction<'_>, tenant: TenantId, judged: &[Judged]) -> Result<(), Error> {
    const APPLY: &str = "/* store::apply_source_values */
        with locked as materialized (
          select items.id, given.quantity, given.price
          from unnest($2::bigint[], $3::bigint[], $4::numeric[]) as given (item_id, quantity, price)
            join items on items.tenant_id = $1 and items.id = given.item_id
          order by items.id for no key update of items
        )
        update items set quantity = coalesce(locked.quantity, items.quantity),
          price = coalesce(locked.price, items.price)
        from locked where items.id = locked.id";
    let applied = judged.iter().filter(|judged| judged.verdict == Verdict::Applied);
    let columns = Columns::of(applied.map(|judged| &judged.change));
    if columns.items.is_empty() {
        return Ok(());
    }
    let statement = transaction.prepare_cached(APPLY).await?;
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&tenant.get(), &columns.items, &columns.quantities, &columns.prices];
    transaction.execute(&statement, &parameters).await?;
    Ok(())
}

/// A batch as a statement takes it.
#[derive(Default)]
struct Columns {
    items: Vec<i64>,
    quantities: Vec<Option<i64>>,
    prices: Vec<Option<Decimal>>,
}

impl Columns {
    fn of<'a>(values: impl Iterator<Item = &'a ItemValues>) -> Self {
        let mut columns = Self::default();
        for values in values {
            columns.items.push(values.item.get());
            columns.quantities.push(values.quantity.map(Quantity::get));
            columns.prices.push(values.price.map(Price::get));
        }
        columns
    }
}

fn item_id(id: i64) -> Result<ItemId, Error> {
    let detail = || "an id is positive".to_owned();
    ItemId::new(id).ok_or_else(|| Error::Corrupt { table: "items", column: "id", id, detail: detail() })
}
