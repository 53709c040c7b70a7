//! What the database says at the end, and the laws it must obey.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use domain::{Cursor, TenantId};
use futures_util::TryStreamExt;
use serde_json::Value;
use store::Store;

use crate::{Database, SeenEntry};

/// A row of the log with its change.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// Its place.
    pub position: i64,
    /// Which item changed.
    pub item: i64,
    /// `create`, `update` or `delete`.
    pub op: String,
    /// The version that the change made.
    pub version: i64,
    /// Who did it.
    pub actor: String,
    /// The item after it.
    pub data: Value,
    /// The old values.
    pub previous: Value,
}

/// The whole log, in its order.
///
/// # Errors
/// The database is away.
pub async fn read_log(database: &Database) -> Result<Vec<LogRow>> {
    let rows = database
        .sql()
        .await?
        .query(
            "select position, resource_id, op, version, actor, coalesce(data, 'null') as data,
               coalesce(previous, 'null') as previous
             from change_log join changes on changes.id = change_log.change_id order by position",
            &[],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(LogRow {
            position: row.try_get("position")?,
            item: row.try_get("resource_id")?,
            op: row.try_get("op")?,
            version: row.try_get("version")?,
            actor: row.try_get("actor")?,
            data: row.try_get("data")?,
            previous: row.try_get("previous")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Every committed change has exactly one position, positions are 1, 2, 3 and so on, and the sequencer knows the last.
///
/// # Errors
/// It isn't so: the first difference.
pub async fn each_change_has_one_dense_position(database: &Database, log: &[LogRow]) -> Result<()> {
    let row = database
        .sql()
        .await?
        .query_one(
            "select (select count(*) from changes) as changes,
               (select count(*) from changes where not exists
                 (select from change_log where change_log.change_id = changes.id)) as without_position,
               (select count(distinct change_id) from change_log) as placed, (select last from sequencer) as last",
            &[],
        )
        .await?;
    let number = |column: &str| row.try_get::<_, i64>(column);
    let entries = i64::try_from(log.len())?;
    ensure!(number("without_position")? == 0, "{} changes have no position", number("without_position")?);
    ensure!(number("placed")? == entries, "{entries} positions for {} changes", number("placed")?);
    ensure!(number("changes")? == entries, "{entries} positions, {} changes", number("changes")?);
    ensure!(number("last")? == entries, "{entries} positions, the sequencer says {}", number("last")?);
    for (expected, row) in (1_i64..).zip(log) {
        ensure!(row.position == expected, "position {} where {expected} belongs", row.position);
    }
    Ok(())
}

/// What is kept of the log is one run of positions, from where the log says that it begins to what the sequencer gave
/// last; each has its change, and each change has one.
///
/// # Errors
/// It isn't so: the first difference.
pub async fn what_is_kept_is_one_run(database: &Database, log: &[LogRow]) -> Result<()> {
    let row = database
        .sql()
        .await?
        .query_one(
            "select log_start.first, sequencer.last, (select count(*) from change_log) as positions,
               (select count(*) from changes) as changes
             from log_start cross join sequencer",
            &[],
        )
        .await?;
    let number = |column: &str| row.try_get::<_, i64>(column);
    let (first, last) = (number("first")?, number("last")?);
    ensure!(
        log.iter().map(|row| row.position).eq(first..=last),
        "the log should be {first} to {last}, and is {:?}",
        log.iter().map(|row| row.position).collect::<Vec<_>>()
    );
    ensure!(number("positions")? == last - first + 1, "{} positions", number("positions")?);
    ensure!(number("changes")? == last - first + 1, "{} changes", number("changes")?);
    Ok(())
}

/// By position, each item's versions are 1, 2, 3 and so on, from its creation to its deletion, and on from there if it was
/// brought back.
///
/// # Errors
/// It isn't so: the first difference.
pub fn each_item_is_in_order(log: &[LogRow]) -> Result<()> {
    let mut seen: BTreeMap<i64, &LogRow> = BTreeMap::new();
    for row in log {
        let before = seen.insert(row.item, row);
        match before {
            None => ensure!(row.version == 1 && row.op == "create", "item {} begins with {row:?}", row.item),
            Some(before) => {
                ensure!(row.version == before.version + 1, "after {before:?} comes {row:?}");
                let (gone, created) = (before.op == "delete", row.op == "create");
                ensure!(created || !gone, "item {} goes on after its deletion: {row:?}", row.item);
                ensure!(gone || !created, "item {} is created twice: {row:?}", row.item);
            }
        }
    }
    Ok(())
}

/// The changes are exactly those that the writers committed.
///
/// # Errors
/// It isn't so: the first difference.
pub fn nothing_but_what_was_committed(log: &[LogRow], committed: &BTreeSet<(i64, i64)>) -> Result<()> {
    let logged: BTreeSet<(i64, i64)> = log.iter().map(|row| (row.item, row.version)).collect();
    let missing: Vec<_> = committed.difference(&logged).take(5).collect();
    let invented: Vec<_> = logged.difference(committed).take(5).collect();
    ensure!(missing.is_empty(), "committed and not in the log (item, version): {missing:?}");
    ensure!(invented.is_empty(), "in the log and never committed (item, version): {invented:?}");
    Ok(())
}

/// A feed that was followed from the start has shown exactly the log.
///
/// # Errors
/// It isn't so: the first difference.
pub fn the_feed_was_the_log(seen: &[SeenEntry], log: &[LogRow]) -> Result<()> {
    for (entry, row) in seen.iter().zip(log) {
        let shown = LogRow {
            position: entry.position.get(),
            item: entry.item(),
            op: entry.op.as_str().to_owned(),
            version: entry.version(),
            actor: entry.frame["actor"].as_str().unwrap_or_default().to_owned(),
            data: entry.frame["data"].clone(),
            previous: entry.frame["previous"].clone(),
        };
        ensure!(shown == *row, "the feed showed {shown:?}, the log has {row:?}");
        let topics: Vec<String> = entry.topics.iter().map(ToString::to_string).collect();
        ensure!(topics == ["items".to_owned(), format!("items:{}", row.item)], "published on {topics:?}");
        ensure!(entry.key == format!("item:{}", row.item), "its key is {}", entry.key);
    }
    ensure!(seen.len() == log.len(), "the feed showed {} entries, the log has {}", seen.len(), log.len());
    Ok(())
}

/// All items of the default tenant as they were at one moment of the log.
#[derive(Debug)]
pub struct Snapshot {
    as_of: Cursor,
    items: BTreeMap<i64, Value>,
}

impl Snapshot {
    /// Reads all items and the log's head in one moment.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take(store: &Store) -> Result<Self> {
        let snapshot = store.item_snapshot(TenantId::DEFAULT, None).await?;
        let documents: Vec<String> = snapshot.documents.try_collect().await?;
        let mut items = BTreeMap::new();
        for document in documents {
            let document: Value = serde_json::from_str(&document)?;
            items.insert(document["id"].as_i64().unwrap_or_default(), document);
        }
        Ok(Self { as_of: snapshot.as_of, items })
    }

    /// What a client knows in the end that took this snapshot and then applied the log behind it, by version.
    fn joined_with(mut self, log: &[LogRow]) -> Result<BTreeMap<i64, Value>> {
        for row in log {
            let known = self.items.get(&row.item).map(|item| item["version"].as_i64().unwrap_or_default());
            if row.position <= self.as_of.position.get() {
                let newer_or_gone = known.is_none_or(|known| known >= row.version);
                ensure!(newer_or_gone, "the snapshot of {} lacks {row:?}", self.as_of.position);
            } else if known.is_none_or(|known| known < row.version) {
                match row.op.as_str() {
                    "delete" => self.items.remove(&row.item),
                    _ => self.items.insert(row.item, row.data.clone()),
                };
            }
        }
        Ok(self.items)
    }
}

/// Each snapshot, joined with the log behind it, is the table as it is now.
///
/// # Errors
/// It isn't so: the first difference.
pub async fn snapshots_lead_to_the_table(
    database: &Database,
    snapshots: Vec<Snapshot>,
    log: &[LogRow],
) -> Result<()> {
    let table = crate::items_in_table(&database.sql().await?).await?;
    for snapshot in snapshots {
        let as_of = snapshot.as_of;
        let joined = snapshot.joined_with(log)?;
        for (id, item) in &joined {
            ensure!(table.get(id) == Some(item), "from {as_of}: {item}, in the table {:?}", table.get(id));
        }
        ensure!(
            joined.len() == table.len(),
            "from {as_of}: {} items, the table has {}",
            joined.len(),
            table.len()
        );
    }
    Ok(())
}
