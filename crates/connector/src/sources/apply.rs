//! Finds the items that rows are about, and writes what differs: in batches, by ascending ids.

use std::collections::{HashMap, HashSet};

use domain::{
    ItemValues, Mapping, PreviewedChange, Price, RowError, SourceDefinition, SourcePreview, SourceReport,
    TenantId, WriteContext,
};
use store::{GivenBy, Judged, SourceWriter, Store, Verdict};

use super::rows::{GoodRow, Rows};

/// Rows of one transaction.
const BATCH: usize = 1000;

/// Why rows weren't applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database is away, or an item was locked for too long.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The source was stopped, changed or deleted, or is somebody else's by now.
    #[error("the source was taken away in the middle of it")]
    TakenAway,
}

/// Which source, and what its rows mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Giver<'a> {
    pub(super) tenant: TenantId,
    pub(super) id: i64,
    pub(super) definition: &'a SourceDefinition,
}

impl Giver<'_> {
    const fn given(&self) -> GivenBy {
        GivenBy {
            tenant: self.tenant,
            source: self.id,
            max_change_percent: self.definition.max_change_percent,
        }
    }

    fn context(&self, request_id: Option<String>) -> WriteContext {
        WriteContext {
            actor: format!("source:{}", self.id),
            reason: Some(self.definition.name.as_str().to_owned()),
            request_id,
            address: None,
        }
    }

    /// Why this row's price isn't believed.
    fn implausible(&self, row: &GoodRow, old: Price) -> RowError {
        let plain = |number: Option<Price>| {
            number.map(|price| price.get().normalize().to_string()).unwrap_or_default()
        };
        let (new, most) = (plain(row.price), plain(self.definition.max_change_percent));
        let detail = format!("the price {new} differs by more than {most} % from {}", plain(Some(old)));
        RowError { row: row.number, item: Some(row.key.clone()), detail }
    }
}

/// Applies rows that somebody pushed.
///
/// # Errors
/// See [`ApplyError`].
pub async fn push(
    store: &Store,
    tenant: TenantId,
    id: i64,
    definition: &SourceDefinition,
    rows: Rows,
    request_id: Option<String>,
) -> Result<SourceReport, ApplyError> {
    let giver = Giver { tenant, id, definition };
    let report = apply(store, giver, rows, SourceWriter::Push, request_id).await?;
    store.source_pushed(tenant, id, &report).await?;
    Ok(report)
}

/// Writes what counts and differs.
pub(super) async fn apply(
    store: &Store,
    giver: Giver<'_>,
    rows: Rows,
    writer: SourceWriter,
    request_id: Option<String>,
) -> Result<SourceReport, ApplyError> {
    let (matched, mut report) = find_items(store, giver.tenant, &giver.definition.mapping, rows).await?;
    let context = giver.context(request_id);
    for batch in matched.chunks(BATCH) {
        let values: Vec<ItemValues> = batch.iter().map(|(values, _)| *values).collect();
        let applied = store.apply_source_values(giver.given(), &values, writer, &context).await?;
        let judged = applied.ok_or(ApplyError::TakenAway)?;
        count(giver, &mut report, batch, &judged);
    }
    report.errors.sort_by_key(|error| error.row);
    Ok(report)
}

/// What would become of rows.
///
/// # Errors
/// The database is away.
pub async fn preview(
    store: &Store,
    tenant: TenantId,
    id: i64,
    definition: &SourceDefinition,
    rows: Rows,
) -> Result<SourcePreview, store::Error> {
    let giver = Giver { tenant, id, definition };
    let (matched, mut report) = find_items(store, tenant, &definition.mapping, rows).await?;
    let mut changes = Vec::new();
    for batch in matched.chunks(BATCH) {
        let values: Vec<ItemValues> = batch.iter().map(|(values, _)| *values).collect();
        let judged = store.judge_source_values(giver.given(), &values).await?;
        count(giver, &mut report, batch, &judged);
        let applied = judged.into_iter().filter(|judged| judged.verdict == Verdict::Applied);
        changes.extend(applied.take(SourcePreview::MOST_CHANGES - changes.len()).map(previewed));
    }
    report.errors.sort_by_key(|error| error.row);
    Ok(SourcePreview { report, changes })
}

fn previewed(judged: Judged) -> PreviewedChange {
    PreviewedChange {
        item_id: judged.change.item,
        sku: judged.sku,
        quantity: judged.quantity,
        new_quantity: judged.change.quantity,
        price: judged.price,
        new_price: judged.change.price,
    }
}

fn count(giver: Giver<'_>, report: &mut SourceReport, batch: &[(ItemValues, GoodRow)], judged: &[Judged]) {
    for ((_, row), judged) in batch.iter().zip(judged) {
        match judged.verdict {
            Verdict::Applied => report.applied += 1,
            Verdict::Unchanged => report.unchanged += 1,
            Verdict::Unknown => report.unknown_items += 1,
            Verdict::Shadowed => report.shadowed += 1,
            Verdict::Implausible(old) => {
                report.implausible += 1;
                report.note(giver.implausible(row, old));
            }
        }
    }
}

/// The rows whose items are there, each item once, by ascending ids; and what is to be said of the others.
async fn find_items(
    store: &Store,
    tenant: TenantId,
    mapping: &Mapping,
    rows: Rows,
) -> Result<(Vec<(ItemValues, GoodRow)>, SourceReport), store::Error> {
    let Rows { good, mut report } = rows;
    let keys: HashSet<&str> = good.iter().map(|row| row.key.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let attribute = mapping.item.attribute.as_deref();
    let found = store.items_by_keys(tenant, mapping.item.by, attribute, &keys).await?;
    let mut first_row = HashMap::with_capacity(good.len());
    let mut matched = Vec::with_capacity(good.len());
    for row in good {
        let item = match found.get(&row.key).map(Vec::as_slice) {
            None | Some([]) => {
                report.unknown_items += 1;
                continue;
            }
            Some([item]) => *item,
            Some(several) => {
                refuse(&mut report, row, format!("{} items have this attribute", several.len()));
                continue;
            }
        };
        match first_row.get(&item) {
            Some(first) => {
                let detail = format!("it names the same item as row {first}, which counts");
                refuse(&mut report, row, detail);
            }
            None => {
                first_row.insert(item, row.number);
                matched.push((ItemValues { item, quantity: row.quantity, price: row.price }, row));
            }
        }
    }
    matched.sort_unstable_by_key(|(values, _)| values.item);
    Ok((matched, report))
}

fn refuse(report: &mut SourceReport, row: GoodRow, detail: String) {
    report.invalid += 1;
    report.note(RowError { row: row.number, item: Some(row.key), detail });
}
