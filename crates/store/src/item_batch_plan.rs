//! What becomes of each row of a batch, decided without a database: as if the rows were applied one after the other, in
//! their order. What can be written at once is put into one wave; a row that takes a sku which another one lets go of comes
//! in a later wave than that.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    Attributes, BatchMatch, BatchOutcome, BatchResult, BatchRow, FieldError, ItemBatch, ItemId, ItemPatch,
    NewItem, OnMissing, OnPresent, Sku, Version,
};

/// What the table says of a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared {
    /// The item that the row is about.
    pub(crate) item: Option<Found>,
    /// How large the row's attributes are as the table keeps them.
    pub(crate) attribute_bytes: Option<i32>,
}

/// An item that a row is about.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) id: ItemId,
    pub(crate) version: Version,
    pub(crate) sku: Option<String>,
    /// The fields of which the row says something else.
    pub(crate) changed: Vec<String>,
}

/// What is to be written, and what becomes of each row by that.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) results: Vec<BatchResult>,
    /// Items to change, with the fields that the row names: each wave behind the one before.
    pub(crate) waves: Vec<Vec<(ItemId, ItemPatch)>>,
    /// Items to create behind all waves, with the places of their rows.
    pub(crate) created: Vec<(usize, NewItem)>,
}

/// Goes through the rows in their order.
struct Planner<'a> {
    batch: &'a ItemBatch,
    plan: Plan,
    /// Which item has a sku, or that a new one will have it.
    holders: HashMap<String, Option<ItemId>>,
    /// Which row named a sku first.
    named: HashMap<String, usize>,
    /// Which row named an id first.
    ids: HashMap<ItemId, usize>,
    /// The wave in which a sku is let go of.
    freed: HashMap<String, usize>,
}

type Refusal = Vec<FieldError>;

/// Decides what becomes of the rows at some places. `compared` has what the table says of each, `holders` whose the named
/// skus are.
pub(crate) fn plan(
    batch: &ItemBatch,
    places: &[usize],
    compared: &[Compared],
    holders: HashMap<String, Option<ItemId>>,
) -> Plan {
    let mut planner = Planner {
        batch,
        plan: Plan::default(),
        holders,
        named: HashMap::new(),
        ids: HashMap::new(),
        freed: HashMap::new(),
    };
    for (place, compared) in places.iter().zip(compared) {
        let judged = batch.rows[*place].as_ref().map_err(Clone::clone);
        let judged = judged.and_then(|row| planner.judge(*place, row, compared));
        let result = judged.unwrap_or_else(|errors| failed(*place, &errors));
        planner.plan.results.push(result);
    }
    planner.plan
}

impl Planner<'_> {
    fn judge(&mut self, place: usize, row: &BatchRow, compared: &Compared) -> Result<BatchResult, Refusal> {
        self.refuse_twice(place, row)?;
        let result = match &compared.item {
            Some(found) => self.judge_present(place, row, found, compared.attribute_bytes),
            None => self.judge_missing(place, row, compared.attribute_bytes),
        };
        if let (Ok(_), Some(Some(sku))) = (&result, &row.patch.sku) {
            self.named.entry(sku.as_str().to_owned()).or_insert(place);
        }
        result
    }

    /// Of two rows about one item, nobody could say which one is meant.
    fn refuse_twice(&mut self, place: usize, row: &BatchRow) -> Result<(), Refusal> {
        let (pointer, first) = match (self.batch.match_by, row.id, &row.patch.sku) {
            (BatchMatch::Id, Some(id), _) => ("/id", first_with(self.ids.entry(id), place)),
            (BatchMatch::Sku, _, Some(Some(sku))) => {
                ("/sku", first_with(self.named.entry(sku.as_str().to_owned()), place))
            }
            _ => return Ok(()),
        };
        first.map_or(Ok(()), |first| Err(refusal(pointer, format!("is in /rows/{first} already"))))
    }

    fn judge_present(
        &mut self,
        place: usize,
        row: &BatchRow,
        found: &Found,
        attribute_bytes: Option<i32>,
    ) -> Result<BatchResult, Refusal> {
        let result = |outcome, version| BatchResult {
            row: place,
            outcome,
            id: Some(found.id),
            version: Some(version),
            changed: Vec::new(),
            errors: Vec::new(),
        };
        if let Some(id) = row.id.filter(|id| *id != found.id) {
            let detail = format!("is {id}, but item {} has this sku", found.id);
            return Err(refusal("/id", detail));
        }
        match self.batch.on_present {
            OnPresent::Skip => return Ok(result(BatchOutcome::Skipped, found.version)),
            OnPresent::Fail => {
                return Err(refusal(self.key(), format!("is that of item {} already", found.id)));
            }
            OnPresent::Update => {}
        }
        check_attributes(attribute_bytes)?;
        if found.changed.is_empty() {
            return Ok(result(BatchOutcome::Unchanged, found.version));
        }
        let wave = self.take_sku(row, found)?;
        while self.plan.waves.len() <= wave {
            self.plan.waves.push(Vec::new());
        }
        self.plan.waves[wave].push((found.id, row.patch.clone()));
        let version = Version::new(found.version.get() + 1);
        Ok(BatchResult { changed: found.changed.clone(), ..result(BatchOutcome::Updated, version) })
    }

    fn judge_missing(
        &mut self,
        place: usize,
        row: &BatchRow,
        attribute_bytes: Option<i32>,
    ) -> Result<BatchResult, Refusal> {
        let result = |outcome, version| BatchResult {
            row: place,
            outcome,
            id: None,
            version,
            changed: Vec::new(),
            errors: Vec::new(),
        };
        match (self.batch.on_missing, row.id) {
            (OnMissing::Skip, _) => return Ok(result(BatchOutcome::Skipped, None)),
            (OnMissing::Fail, _) => return Err(refusal(self.key(), "is that of no item".to_owned())),
            (OnMissing::Create, Some(_)) => {
                let detail =
                    "is that of no such item; leave it out to create one, which gets an id of its own";
                return Err(refusal("/id", detail.to_owned()));
            }
            (OnMissing::Create, None) => {}
        }
        check_attributes(attribute_bytes)?;
        let new = row.patch.clone().into_new().map_err(|error| vec![error])?;
        if let Some(sku) = &new.sku {
            self.refuse_taken(sku, None)?;
            self.holders.insert(sku.as_str().to_owned(), None);
        }
        self.plan.created.push((place, new));
        Ok(result(BatchOutcome::Created, Some(Version::new(1))))
    }

    /// The wave in which an item can be changed: behind the one that lets go of the sku that it gets.
    fn take_sku(&mut self, row: &BatchRow, found: &Found) -> Result<usize, Refusal> {
        let Some(new) = row.patch.sku.as_ref().filter(|_| found.changed.iter().any(|field| field == "sku"))
        else {
            return Ok(0);
        };
        if let Some(sku) = new {
            self.refuse_taken(sku, Some(found.id))?;
        }
        let freed = new.as_ref().and_then(|sku| self.freed.get(sku.as_str()));
        let wave = freed.map_or(0, |wave| wave + 1);
        if let Some(old) = &found.sku {
            self.holders.remove(old);
            self.freed.insert(old.clone(), wave);
        }
        if let Some(sku) = new {
            self.holders.insert(sku.as_str().to_owned(), Some(found.id));
        }
        Ok(wave)
    }

    fn refuse_taken(&self, sku: &Sku, own: Option<ItemId>) -> Result<(), Refusal> {
        let Some(holder) = self.holders.get(sku.as_str()).filter(|holder| own.is_none() || **holder != own)
        else {
            return Ok(());
        };
        let detail = match (self.named.get(sku.as_str()), holder) {
            (Some(first), _) => format!("is in /rows/{first} already"),
            (None, Some(id)) => format!("is taken by item {id}"),
            (None, None) => "is taken".to_owned(),
        };
        Err(refusal("/sku", detail))
    }

    /// The field by which rows find their items.
    const fn key(&self) -> &'static str {
        match self.batch.match_by {
            BatchMatch::Sku => "/sku",
            BatchMatch::Id => "/id",
        }
    }
}

fn first_with<K>(entry: Entry<'_, K, usize>, place: usize) -> Option<usize> {
    match entry {
        Entry::Occupied(first) => Some(*first.get()),
        Entry::Vacant(free) => {
            free.insert(place);
            None
        }
    }
}

/// The table measures a number as it writes it, which may be longer than it came: it has the last word.
fn check_attributes(bytes: Option<i32>) -> Result<(), Refusal> {
    let most = Attributes::MAX_BYTES;
    match bytes.map(|bytes| usize::try_from(bytes).unwrap_or_default()).filter(|bytes| *bytes > most) {
        Some(bytes) => {
            Err(refusal("/attributes", format!("must have at most {most} bytes as JSON, has {bytes}")))
        }
        None => Ok(()),
    }
}

fn refusal(pointer: &str, detail: String) -> Refusal {
    vec![FieldError { detail, pointer: pointer.to_owned() }]
}

fn failed(place: usize, errors: &[FieldError]) -> BatchResult {
    let errors = errors.iter().map(|error| FieldError {
        detail: error.detail.clone(),
        pointer: format!("/rows/{place}{}", error.pointer),
    });
    BatchResult {
        row: place,
        outcome: BatchOutcome::Failed,
        id: None,
        version: None,
        changed: Vec::new(),
        errors: errors.collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Plans for items 1, 2 and 3 with the skus A, B and C.
    fn planned(rows: Value) -> Plan {
        let skus = ["A", "B", "C"];
        let batch = ItemBatch::from_json(json!({"match": "id", "rows": rows})).unwrap();
        let compared: Vec<Compared> = batch
            .rows
            .iter()
            .map(|row| {
                let row = row.as_ref().unwrap();
                let item = row.id.map(|id| Found {
                    id,
                    version: Version::new(1),
                    sku: Some(skus[usize::try_from(id.get()).unwrap() - 1].to_owned()),
                    changed: vec!["sku".to_owned()],
                });
                Compared { item, attribute_bytes: None }
            })
            .collect();
        let holders = skus.into_iter().zip(1..).map(|(sku, id)| (sku.to_owned(), ItemId::new(id)));
        plan(&batch, &(0..batch.rows.len()).collect::<Vec<_>>(), &compared, holders.collect())
    }

    fn outcomes(plan: &Plan) -> Vec<BatchOutcome> {
        plan.results.iter().map(|result| result.outcome).collect()
    }

    #[test]
    fn a_sku_that_is_let_go_of_can_be_taken_by_a_later_row_and_in_a_later_wave() {
        use BatchOutcome::{Created, Failed, Updated};
        let handed_on = planned(json!([
            {"id": 1, "sku": "X"}, {"id": 2, "sku": "A"}, {"id": 3, "sku": "B"}, {"name": "new", "sku": "C"}
        ]));
        assert_eq!(outcomes(&handed_on), [Updated, Updated, Updated, Created]);
        assert_eq!(handed_on.waves.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        let swapped = planned(json!([{"id": 1, "sku": "B"}, {"id": 2, "sku": "A"}]));
        assert_eq!(outcomes(&swapped), [Failed, Failed]);
        let too_early =
            planned(json!([{"name": "new", "sku": "A"}, {"id": 1, "sku": null}, {"id": 2, "sku": "A"}]));
        assert_eq!(outcomes(&too_early), [Failed, Updated, Updated]);
    }

    #[test]
    fn who_took_a_sku_before_is_named() {
        let plan = planned(json!([
            {"id": 1, "sku": "X"}, {"name": "new", "sku": "X"}, {"name": "new", "sku": "B"}, {"name": "new", "sku": "Y"},
            {"id": 3, "sku": "Y"}, {"id": 1, "sku": "Z"}
        ]));
        let details: Vec<&str> =
            plan.results.iter().flat_map(|result| &result.errors).map(|error| &*error.detail).collect();
        assert_eq!(
            details,
            ["is in /rows/0 already", "is taken by item 2", "is in /rows/3 already", "is in /rows/0 already"]
        );
    }
}
