//! Many items in one request: what shall become of the rows, and what did.

use serde::Serialize;
use serde_json::Value;

use crate::{
    AsOf, FieldError, FieldReader, ItemId, ItemPatch, Version,
    fields::kind,
    item_input::{id, text},
};

/// How a row finds its item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(rename_all = "snake_case"))]
pub enum BatchMatch {
    /// By its sku, which every row must have.
    #[default]
    Sku,
    /// By its id; a row without one is about a new item.
    Id,
}

/// What becomes of a row whose item isn't there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(rename_all = "snake_case"))]
pub enum OnMissing {
    /// The item is created.
    #[default]
    Create,
    /// Nothing.
    Skip,
    /// The row fails.
    Fail,
}

/// What becomes of a row whose item is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(rename_all = "snake_case"))]
pub enum OnPresent {
    /// The fields that the row names are changed.
    #[default]
    Update,
    /// Nothing.
    Skip,
    /// The row fails.
    Fail,
}

/// A row that can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    /// Which item it says it is about.
    pub id: Option<ItemId>,
    /// What it says.
    pub patch: ItemPatch,
}

#[cfg(feature = "openapi")]
use crate::BatchRowFields;

/// Many rows, and what shall become of them.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct ItemBatch {
    /// At most 1,000. A row that can't be used stops no other one.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<BatchRowFields>, min_items = 1, max_items = 1000))]
    pub rows: Vec<Result<BatchRow, Vec<FieldError>>>,
    /// How a row finds its item; `sku` if left out.
    #[cfg_attr(feature = "openapi", schema(rename = "match", required = false))]
    pub match_by: BatchMatch,
    /// What becomes of a row whose item isn't there; `create` if left out.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub on_missing: OnMissing,
    /// What becomes of a row whose item is there; `update` if left out.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub on_present: OnPresent,
    /// Say what would happen, and change nothing.
    #[cfg_attr(feature = "openapi", schema(required = false, default = false))]
    pub dry_run: bool,
}

impl ItemBatch {
    /// How many rows there may be.
    pub const MOST_ROWS: usize = 1000;

    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with the batch itself, each with its pointer. What is wrong with a row stays with it.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let rows = fields.required("rows", rows);
        let match_by = fields
            .present("match", |value| one_of(value, &[("sku", BatchMatch::Sku), ("id", BatchMatch::Id)]));
        let on_missing = fields.present("on_missing", |value| {
            one_of(
                value,
                &[("create", OnMissing::Create), ("skip", OnMissing::Skip), ("fail", OnMissing::Fail)],
            )
        });
        let on_present = fields.present("on_present", |value| {
            one_of(
                value,
                &[("update", OnPresent::Update), ("skip", OnPresent::Skip), ("fail", OnPresent::Fail)],
            )
        });
        let dry_run = fields.present("dry_run", |value| {
            value.as_bool().ok_or_else(|| format!("must be true or false, not {}", kind(&value)))
        });
        fields.finish()?;
        let match_by = match_by.unwrap_or_default();
        let rows = rows.unwrap_or_default().into_iter().map(|row| read_row(row, match_by)).collect();
        Ok(Self {
            rows,
            match_by,
            on_missing: on_missing.unwrap_or_default(),
            on_present: on_present.unwrap_or_default(),
            dry_run: dry_run.unwrap_or_default(),
        })
    }
}

fn rows(value: Value) -> Result<Vec<Value>, String> {
    let Value::Array(rows) = value else { return Err(format!("must be a list, not {}", kind(&value))) };
    match rows.len() {
        0 => Err("must have at least one row".into()),
        many if many > ItemBatch::MOST_ROWS => {
            Err(format!("must have at most {} rows, has {many}", ItemBatch::MOST_ROWS))
        }
        _ => Ok(rows),
    }
}

fn one_of<T: Copy>(value: Value, words: &[(&str, T)]) -> Result<T, String> {
    let given = text(value)?;
    let found = words.iter().find(|(word, _)| *word == given).map(|(_, meant)| *meant);
    found.ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("must be one of: {}", words.join(", "))
    })
}

fn read_row(row: Value, match_by: BatchMatch) -> Result<BatchRow, Vec<FieldError>> {
    let mut fields = FieldReader::new(row)?;
    let id = fields.optional("id", id);
    let patch = ItemPatch::read(&mut fields);
    if match_by == BatchMatch::Sku && !matches!(patch.sku, Some(Some(_))) && !fields.has_error("sku") {
        fields.error("sku", "is required, because rows are matched by it".into());
    }
    fields.finish()?;
    Ok(BatchRow { id, patch })
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BatchOutcome {
    /// There is a new item.
    Created,
    /// An item was changed.
    Updated,
    /// The item says so already.
    Unchanged,
    /// Nothing, as it was asked for.
    Skipped,
    /// Nothing, because something is wrong with it.
    Failed,
}

/// A row and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchResult {
    /// Its place in `rows`, from 0.
    pub row: usize,
    /// What became of it.
    pub outcome: BatchOutcome,
    /// Its item; null where there is none, or none yet.
    pub id: Option<ItemId>,
    /// The item's version, after a change; null where there is no item.
    pub version: Option<Version>,
    /// Of an item that was there: the fields that got another value.
    pub changed: Vec<String>,
    /// Of a row that failed: why.
    pub errors: Vec<FieldError>,
}

/// What became of a batch; with `dry_run`, what would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchReport {
    /// Whether nothing was changed, because it was only asked what would be.
    pub dry_run: bool,
    /// How many items are new.
    pub created: usize,
    /// How many were changed.
    pub updated: usize,
    /// How many rows say what the item says already.
    pub unchanged: usize,
    /// How many rows were passed over, as it was asked for.
    pub skipped: usize,
    /// How many rows failed.
    pub failed: usize,
    /// A result for each row, in their order.
    pub results: Vec<BatchResult>,
    /// The moment of the log that the rows were compared with.
    pub as_of: AsOf,
}

impl BatchReport {
    /// Counts what became of the rows.
    #[must_use]
    pub fn new(dry_run: bool, results: Vec<BatchResult>, as_of: AsOf) -> Self {
        let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
        Self {
            dry_run,
            created: count(BatchOutcome::Created),
            updated: count(BatchOutcome::Updated),
            unchanged: count(BatchOutcome::Unchanged),
            skipped: count(BatchOutcome::Skipped),
            failed: count(BatchOutcome::Failed),
            results,
            as_of,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_row_stays_with_it() {
        let batch = json!({"rows": [{"sku": "A"}, 7, {"sku": null, "price": 3}, {"sku": "", "id": 0}, {"name": "x"}]});
        let batch = ItemBatch::from_json(batch).unwrap();
        let pointers = |row: usize| {
            let errors = batch.rows[row].as_ref().unwrap_err();
            errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>()
        };
        assert!(batch.rows[0].is_ok());
        assert_eq!(pointers(1), [""]);
        assert_eq!(pointers(2), ["/price", "/sku"]);
        assert_eq!(pointers(3), ["/id", "/sku"]);
        assert_eq!(pointers(4), ["/sku"]);
        let by_id = ItemBatch::from_json(json!({"match": "id", "rows": [{"name": "x"}, {"id": 7}]})).unwrap();
        assert!(by_id.rows.iter().all(Result::is_ok), "{by_id:?}");
    }

    #[test]
    fn what_is_wrong_with_the_batch_is_named_at_once() {
        let rows = vec![json!({}); ItemBatch::MOST_ROWS + 1];
        let body = json!({"rows": rows, "match": "name", "on_missing": 1, "on_present": null, "dry_run": "no", "x": 1});
        let errors = ItemBatch::from_json(body).unwrap_err();
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/rows", "/match", "/on_missing", "/on_present", "/dry_run", "/x"]);
        for rows in [json!([]), json!({}), json!(null)] {
            assert!(ItemBatch::from_json(json!({"rows": rows})).is_err());
        }
        assert!(ItemBatch::from_json(json!({})).is_err());
    }
}
