//! What every client should have seen: the log and the table, read when writing has stopped.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use crate::{
    checker::{
        frame::Item,
        replica::{Replica, Run},
    },
    stage::{STOCKWIRE, Stage},
};

/// How long the last changes may take to get their place in the log.
const PLACED_LIMIT: Duration = Duration::from_secs(30);

/// One change as the log holds it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    position: i64,
    id: i64,
    /// Nothing if it was deleted.
    item: Option<Item>,
}

/// The state after each change, in short.
#[derive(Debug, Clone, Copy)]
struct Step {
    position: i64,
    digest: u64,
}

/// The log and the table.
#[derive(Debug)]
pub(crate) struct Truth {
    steps: Vec<Step>,
    items: BTreeMap<i64, Item>,
    digest: u64,
}

/// Waits until everything that was written has its place in the log; says which place is the last.
pub(crate) async fn all_is_placed(stage: &Stage) -> Result<i64> {
    let client = stage.connect(STOCKWIRE).await?;
    let query = "select last, last >= (select count(*) from changes) from sequencer";
    let begun = Instant::now();
    loop {
        let row = client.query_one(query, &[]).await?;
        if row.try_get(1)? {
            return Ok(row.try_get(0)?);
        }
        ensure!(begun.elapsed() < PLACED_LIMIT, "not every change gets its place in the log");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Truth {
    /// Reads the log and the table; nobody may be writing.
    pub(crate) async fn read(stage: &Stage) -> Result<Self> {
        let client = stage.connect(STOCKWIRE).await?;
        let items = table(&client).await?;
        let truth = Self::of(log(&client).await?, items);
        // If this fails the fault lies between the triggers and the sequencer, and no client can be right.
        let logged = truth.steps.last().map_or(0, |step| step.digest);
        ensure!(logged == truth.digest, "the table is not what its log says");
        Ok(truth)
    }

    fn of(log: impl IntoIterator<Item = Entry>, items: BTreeMap<i64, Item>) -> Self {
        let mut state: BTreeMap<i64, u64> = BTreeMap::new();
        let mut digest = 0_u64;
        let step = |Entry { position, id, item }: Entry| {
            let before = match item {
                Some(item) => state.insert(id, item.print),
                None => state.remove(&id),
            };
            let now = item.map_or(0, |item| item.print);
            digest = digest.wrapping_sub(before.unwrap_or(0)).wrapping_add(now);
            Step { position, digest }
        };
        let steps = log.into_iter().map(step).collect();
        let digest = items.values().fold(0, |sum: u64, item| sum.wrapping_add(item.print));
        Self { steps, items, digest }
    }

    /// How many changes of items there were up to a position.
    fn up_to(&self, position: i64) -> usize {
        self.steps.partition_point(|step| step.position <= position)
    }

    /// What all items together were at a position.
    pub(crate) fn digest_at(&self, position: i64) -> u64 {
        self.up_to(position)
            .checked_sub(1)
            .and_then(|last| self.steps.get(last))
            .map_or(0, |step| step.digest)
    }

    /// What is missing, or too much, between two positions.
    pub(crate) fn miscounted(&self, run: Run) -> Option<String> {
        let Run { from, to, changes } = run;
        let wanted = (self.up_to(to) - self.up_to(from)) as u64;
        (wanted != changes)
            .then(|| format!("behind {from} up to {to} there were {wanted} changes, and {changes} came"))
    }

    /// Where a client's copy differs from the table.
    pub(crate) fn differences(&self, replica: &Replica) -> Vec<String> {
        if replica.digest() == self.digest {
            return Vec::new();
        }
        let held: BTreeMap<i64, Item> = replica.versions().collect();
        let version = |item: Option<&Item>| {
            item.map_or_else(|| "nothing".to_owned(), |item| format!("version {}", item.version))
        };
        let ids: std::collections::BTreeSet<&i64> = held.keys().chain(self.items.keys()).collect();
        ids.into_iter()
            .filter(|id| held.get(id) != self.items.get(id))
            .map(|id| {
                format!(
                    "item {id}: has {}, should have {}",
                    version(held.get(id)),
                    version(self.items.get(id))
                )
            })
            .collect()
    }
}

async fn table(client: &Client) -> Result<BTreeMap<i64, Item>> {
    let query = "select id, version, item_document(items)::text from items where tenant_id = 1";
    let rows = client.query(query, &[]).await?;
    rows.iter()
        .map(|row| {
            let id: i64 = row.try_get(0)?;
            Ok((id, Item::new(id, row.try_get(1)?, row.try_get(2)?)))
        })
        .collect()
}

async fn log(client: &Client) -> Result<Vec<Entry>> {
    let query = "select log.position, change.resource_id, change.version, change.data::text
        from change_log as log join changes as change on change.id = log.change_id
        where change.tenant_id = 1 and change.resource = 'item' order by log.position";
    let rows = client.query(query, &[]).await?;
    rows.iter()
        .map(|row| {
            let (id, version): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
            let document: Option<&str> = row.try_get(3)?;
            let item = document.map(|document| Item::new(id, version, document));
            Ok(Entry { position: row.try_get(0)?, id, item })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::frame::{Change, Frame};

    fn item(id: i64, version: i64) -> Item {
        Item::new(id, version, "{}")
    }

    fn truth() -> Truth {
        let entry = |position, id, version| Entry { position, id, item: Some(item(id, version)) };
        let log = [entry(1, 1, 1), entry(2, 2, 1), entry(4, 1, 2), Entry { position: 5, id: 2, item: None }];
        Truth::of(log, BTreeMap::from([(1, item(1, 2))]))
    }

    fn replica(version: i64) -> Replica {
        let mut replica = Replica::default();
        let items = vec![(1, item(1, 1)), (2, item(2, 1))];
        replica.take(&Frame::Initial { epoch: "e".into(), position: 2, items, more: false }).unwrap();
        let update = Change { position: 4, prev: 2, id: 1, version, item: Some(item(1, version)) };
        replica.take(&Frame::Change(update)).unwrap();
        replica
    }

    #[test]
    fn the_log_says_what_was_true_at_each_position() {
        let truth = truth();
        assert_eq!(truth.digest_at(0), 0);
        assert_eq!(truth.digest_at(3), item(1, 1).print.wrapping_add(item(2, 1).print));
        assert_eq!(truth.digest_at(4), replica(2).digest());
        assert_eq!(truth.digest_at(99), truth.digest);
    }

    #[test]
    fn a_stale_client_is_found() {
        let truth = truth();
        let mut honest = replica(2);
        let stale = ["item 2: has version 1, should have nothing"];
        assert_eq!(truth.differences(&honest), stale);
        honest.take(&Frame::Change(Change { position: 5, prev: 4, id: 2, version: 2, item: None })).unwrap();
        assert!(truth.differences(&honest).is_empty());
        assert_eq!(truth.differences(&replica(7)).len(), 2);
    }

    #[test]
    fn a_change_that_never_came_is_found_without_prev() {
        let truth = truth();
        assert_eq!(truth.miscounted(Run { from: 0, to: 5, changes: 4 }), None);
        assert_eq!(truth.miscounted(Run { from: 2, to: 3, changes: 0 }), None);
        assert!(truth.miscounted(Run { from: 0, to: 5, changes: 3 }).is_some());
        assert!(truth.miscounted(Run { from: 4, to: 5, changes: 2 }).is_some());
    }
}
