//! Many items at once: a few statements for all rows, however many they are. Rows of items are locked in the order of their
//! ids and batches of one tenant take turns, so nobody waits in a circle.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use domain::{
    AsOf, BatchMatch, BatchReport, BatchResult, Cursor, ItemBatch, ItemId, ItemPatch, NewItem, Sku, TenantId,
    Version, WriteContext,
};
use serde_json::{Map, Value, json};
use tokio_postgres::{Row, types::Json};

use crate::{
    Error, Store,
    history::missing_sequencer,
    item_batch_plan::{Compared, Found, Plan, plan},
    row,
    transaction::begin,
};

/// Batches of one tenant take turns.
const TURNS: i64 = 0x5357_4241_5443;

/// How often rows are judged anew because somebody took a sku after they were judged.
const MOST_TRIES: usize = 5;

impl Store {
    /// Applies a batch, or says what would come of it.
    ///
    /// # Errors
    /// Others take its skus again and again, or the database is away. Then nothing was changed.
    pub async fn apply_item_batch(
        &self,
        tenant: TenantId,
        batch: &ItemBatch,
        context: &WriteContext,
    ) -> Result<BatchReport, Error> {
        for _ in 1..MOST_TRIES {
            match self.try_item_batch(tenant, batch, context).await {
                Err(Error::DuplicateSku) => {}
                ended => return ended,
            }
        }
        self.try_item_batch(tenant, batch, context).await
    }

    /// Rows whose sku somebody else creates meanwhile are judged anew by themselves: their items are there by then.
    async fn try_item_batch(
        &self,
        tenant: TenantId,
        batch: &ItemBatch,
        context: &WriteContext,
    ) -> Result<BatchReport, Error> {
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let mut results = Vec::with_capacity(batch.rows.len());
        let mut places: Vec<usize> = (0..batch.rows.len()).collect();
        for _ in 0..MOST_TRIES {
            let keys = Keys::of(batch, &places);
            let locked = if batch.dry_run { None } else { Some(lock(&transaction, tenant, &keys).await?) };
            let (as_of, compared) = compare(&transaction, tenant, batch, &places).await?;
            let mut found = compared.iter().filter_map(|compared| compared.item.as_ref());
            if locked.is_some_and(|locked| found.any(|item| !locked.contains(&item.id.get()))) {
                // Created since rows were locked: whoever did that may be changing it by now.
                continue;
            }
            let holders = match batch.match_by {
                // A sku that no row has found is nobody's. Asked a moment later, somebody may have created it.
                BatchMatch::Sku => HashMap::new(),
                BatchMatch::Id => holders(&transaction, tenant, &keys).await?,
            };
            let plan = plan(batch, &places, &compared, holders);
            let created =
                if batch.dry_run { HashMap::new() } else { write(&transaction, tenant, &plan).await? };
            places.clear();
            for result in plan.results {
                match created.get(&result.row) {
                    None => results.push(result),
                    Some(Some(id)) => results.push(BatchResult { id: Some(*id), ..result }),
                    Some(None) => places.push(result.row),
                }
            }
            if places.is_empty() {
                // A dry run has written nothing.
                transaction.commit().await?;
                results.sort_by_key(|result| result.row);
                return Ok(BatchReport::new(batch.dry_run, results, AsOf::from(as_of)));
            }
        }
        Err(Error::DuplicateSku)
    }
}

/// The ids and skus that rows name.
struct Keys<'a> {
    ids: Vec<i64>,
    skus: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn of(batch: &'a ItemBatch, places: &[usize]) -> Self {
        let rows = || places.iter().filter_map(|place| batch.rows[*place].as_ref().ok());
        Self {
            ids: rows().filter_map(|row| row.id).map(ItemId::get).collect(),
            skus: rows().filter_map(|row| row.patch.sku.as_ref()?.as_ref()).map(Sku::as_str).collect(),
        }
    }
}

/// Nobody else changes the items that are named until the transaction ends. Returns which those are.
async fn lock(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    keys: &Keys<'_>,
) -> Result<HashSet<i64>, Error> {
    const TURN: &str = "/* store::apply_item_batch */
        select pg_advisory_xact_lock(hashint8extended($1, $2))";
    const LOCK: &str = "/* store::apply_item_batch */
        select id from items where tenant_id = $1 and (id = any ($2) or sku = any ($3)) order by id for no key update";
    let statement = transaction.prepare_cached(TURN).await?;
    transaction.query_one(&statement, &[&tenant.get(), &TURNS]).await?;
    let statement = transaction.prepare_cached(LOCK).await?;
    let rows = transaction.query(&statement, &[&tenant.get(), &keys.ids, &keys.skus]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Puts the rows beside the items that they are about. The table says what differs: it knows best when two values are one.
async fn compare(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    batch: &ItemBatch,
    places: &[usize],
) -> Result<(Cursor, Vec<Compared>), Error> {
    let matched = match batch.match_by {
        BatchMatch::Sku => "items.sku = given.patch ->> 'sku'",
        BatchMatch::Id => "items.id = (given.patch ->> 'id')::bigint",
    };
    let compare = format!(
        "/* store::apply_item_batch */
        with given as materialized (
          select patch, place from jsonb_array_elements($2::jsonb) with ordinality as given (patch, place)
        )
        select sequencer.epoch, sequencer.last, items.id, items.version, items.sku,
          octet_length((patch -> 'attributes')::text) as attribute_bytes,
          array_remove(array[
            case when patch ? 'sku' and items.sku is distinct from patch ->> 'sku' then 'sku' end,
            case when items.name <> patch ->> 'name' then 'name' end,
            case when patch ? 'description' and items.description is distinct from patch ->> 'description'
              then 'description' end,
            case when items.quantity <> (patch ->> 'quantity')::bigint then 'quantity' end,
            case when items.unit <> patch ->> 'unit' then 'unit' end,
            case when patch ? 'price' and items.price is distinct from (patch ->> 'price')::numeric then 'price' end,
            case when patch ? 'reorder_point' and items.reorder_point is distinct from (patch ->> 'reorder_point')::bigint
              then 'reorder_point' end,
            case when items.attributes <> patch -> 'attributes' then 'attributes' end
          ], null) as changed
        from sequencer cross join given left join items on items.tenant_id = $1 and {matched}
        order by given.place"
    );
    // A row that can't be read keeps its place, and is about nothing.
    let given = places.iter().map(|place| {
        batch.rows[*place].as_ref().map_or_else(|_| json!({}), |row| fields_of(row.id, &row.patch))
    });
    let given = Json(Value::Array(given.collect()));
    let statement = transaction.prepare_cached(&compare).await?;
    let rows = transaction.query(&statement, &[&tenant.get(), &given]).await?;
    let as_of = row::head(rows.first().ok_or_else(missing_sequencer)?)?;
    Ok((as_of, rows.iter().map(read_compared).collect::<Result<_, _>>()?))
}

fn read_compared(row: &Row) -> Result<Compared, Error> {
    let id: Option<i64> = row.try_get("id")?;
    let item = id.map(|id| {
        Ok::<_, Error>(Found {
            id: item_id(id)?,
            version: Version::new(row.try_get("version")?),
            sku: row.try_get("sku")?,
            changed: row.try_get("changed")?,
        })
    });
    Ok(Compared { item: item.transpose()?, attribute_bytes: row.try_get("attribute_bytes")? })
}

/// Which items have the skus that rows name.
async fn holders(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    keys: &Keys<'_>,
) -> Result<HashMap<String, Option<ItemId>>, Error> {
    const HOLDERS: &str = "/* store::apply_item_batch */
        select sku, id from items where tenant_id = $1 and sku = any ($2)";
    let statement = transaction.prepare_cached(HOLDERS).await?;
    let rows = transaction.query(&statement, &[&tenant.get(), &keys.skus]).await?;
    rows.iter().map(|row| Ok((row.try_get("sku")?, Some(item_id(row.try_get("id")?)?)))).collect()
}

/// Writes what was planned, and says of each row that creates an item which one: none if somebody else has just taken its
/// sku.
async fn write(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    plan: &Plan,
) -> Result<HashMap<usize, Option<ItemId>>, Error> {
    const UPDATE: &str = "/* store::apply_item_batch */
        update items set
          sku = case when patch ? 'sku' then patch ->> 'sku' else items.sku end,
          name = coalesce(patch ->> 'name', items.name),
          description = case when patch ? 'description' then patch ->> 'description' else items.description end,
          quantity = coalesce((patch ->> 'quantity')::bigint, items.quantity),
          unit = coalesce(patch ->> 'unit', items.unit),
          price = case when patch ? 'price' then (patch ->> 'price')::numeric else items.price end,
          reorder_point = case when patch ? 'reorder_point' then (patch ->> 'reorder_point')::bigint
            else items.reorder_point end,
          attributes = coalesce(patch -> 'attributes', items.attributes)
        from jsonb_array_elements($2::jsonb) as given (patch)
        where items.tenant_id = $1 and items.id = (given.patch ->> 'id')::bigint";
    for wave in &plan.waves {
        let changes = wave.iter().map(|(id, patch)| fields_of(Some(*id), patch)).collect();
        let statement = transaction.prepare_cached(UPDATE).await?;
        transaction.execute(&statement, &[&tenant.get(), &Json(Value::Array(changes))]).await?;
    }
    create(transaction, tenant, &plan.created).await
}

async fn create(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    created: &[(usize, NewItem)],
) -> Result<HashMap<usize, Option<ItemId>>, Error> {
    // Ids are drawn in the order of the rows.
    const CREATE: &str = "/* store::apply_item_batch */
        insert into items (tenant_id, sku, name, description, quantity, unit, price, reorder_point, attributes)
        select $1, patch ->> 'sku', patch ->> 'name', patch ->> 'description', (patch ->> 'quantity')::bigint,
          patch ->> 'unit', (patch ->> 'price')::numeric, (patch ->> 'reorder_point')::bigint, patch -> 'attributes'
        from jsonb_array_elements($2::jsonb) with ordinality as given (patch, place) order by place
        on conflict on constraint items_sku_unique do nothing
        returning id, sku";
    if created.is_empty() {
        return Ok(HashMap::new());
    }
    let new = Json(Value::Array(created.iter().map(|(_, new)| fields_of_new(new)).collect()));
    let statement = transaction.prepare_cached(CREATE).await?;
    let mut by_sku = HashMap::new();
    let mut without_sku = Vec::new();
    for row in transaction.query(&statement, &[&tenant.get(), &new]).await? {
        let id = item_id(row.try_get("id")?)?;
        match row.try_get::<_, Option<String>>("sku")? {
            Some(sku) => drop(by_sku.insert(sku, id)),
            None => without_sku.push(id),
        }
    }
    without_sku.sort_unstable();
    let mut without_sku = without_sku.into_iter();
    let ids = created.iter().map(|(place, new)| {
        let id = match &new.sku {
            Some(sku) => by_sku.get(sku.as_str()).copied(),
            None => without_sku.next(),
        };
        (*place, id)
    });
    Ok(ids.collect())
}

/// What a row says, as the statements read it: a field that isn't there isn't said.
fn fields_of(id: Option<ItemId>, patch: &ItemPatch) -> Value {
    let mut fields = Map::new();
    let mut say = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(field.to_owned(), value);
        }
    };
    say("id", id.map(|id| json!(id)));
    say("sku", patch.sku.as_ref().map(|sku| json!(sku)));
    say("name", patch.name.as_ref().map(|name| json!(name)));
    say("description", patch.description.as_ref().map(|text| json!(text)));
    say("quantity", patch.quantity.map(|quantity| json!(quantity)));
    say("unit", patch.unit.as_ref().map(|unit| json!(unit)));
    say("price", patch.price.map(|price| json!(price)));
    say("reorder_point", patch.reorder_point.map(|point| json!(point)));
    say("attributes", patch.attributes.as_ref().map(|attributes| json!(attributes)));
    Value::Object(fields)
}

fn fields_of_new(new: &NewItem) -> Value {
    json!({
        "sku": new.sku, "name": new.name, "description": new.description, "quantity": new.quantity, "unit": new.unit,
        "price": new.price, "reorder_point": new.reorder_point, "attributes": new.attributes,
    })
}

fn item_id(id: i64) -> Result<ItemId, Error> {
    let detail = "an id is positive".to_owned();
    ItemId::new(id).ok_or(Error::Corrupt { table: "items", column: "id", id, detail })
}
