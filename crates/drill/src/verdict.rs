//! The laws that must hold when everything has come to rest.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use testkit::{Table, waiting};

use crate::{
    compose::Compose,
    database::{Database, LogRow},
    monitors, patiently,
    pauses::{Chronicle, Kind},
    watchers::{Watched, Watchers},
    writers::Written,
};

/// Checks everything, and prints what was seen.
///
/// # Errors
/// A law is broken: which one.
pub(crate) async fn reach(
    compose: &Compose,
    written: Written,
    watchers: Watchers,
    chronicle: &Chronicle,
) -> Result<()> {
    let database = Database::of(compose).await?;
    patiently(waiting::PATIENCE, "every change to have a position", async || {
        Ok((database.unplaced().await? == 0).then_some(()))
    })
    .await?;
    let (log, items) = (database.log().await?, database.items().await?);
    let newest = log.last().map_or(0, |row| row.position);
    let (clients, item_count) = (watchers.len(), items.len());
    each_item_is_in_order(&log)?;
    nothing_acknowledged_is_missing(&log, &written)?;
    nothing_was_done_twice(&log, &written)?;

    let all = watchers.until_equal(Table::new(items, newest)).await?;
    let entries: Vec<_> =
        log.iter().map(|row| (row.position, row.item, row.version, row.op.clone())).collect();
    for watched in &all {
        // Who was told to read anew would be checked from there on only, and nothing here explains it.
        ensure!(watched.mirror.resyncs == 0, "told to read anew: {:?} {:?}", watched.kind, watched.mirror);
        // Who was too slow was told how many changes were left out; what it knows in the end has been checked.
        if watched.mirror.skipped > 0 {
            continue;
        }
        let told = watched.mirror.was_sent(&entries);
        told.with_context(|| format!("{:?} {:?}", watched.kind, watched.mirror))?;
    }
    println!("\n{}", chronicle.table());
    println!();
    monitors::verify(&database).await?;
    println!(
        "{} changes of items in a log without a gap, the newest at {newest}; {} writes acknowledged, all of them there \
         once;\n{} refused for now, {} requests and {} scripts broken off with an unknown fate; {item_count} items in the end",
        log.len(),
        written.acknowledged.len(),
        written.refused,
        written.unknown,
        written.broken_off,
    );
    println!(
        "{clients} clients, each was sent the log in order with nothing missing and nothing twice, but for what was left out:"
    );
    for (kind, name) in [(Kind::Socket, "sockets"), (Kind::Stream, "streams"), (Kind::Poll, "polls")] {
        println!("  {}", summary(&all, kind, name));
    }
    Ok(())
}

fn summary(all: &[Watched], kind: Kind, name: &str) -> String {
    let of_kind = || all.iter().filter(|watched| watched.kind == kind);
    let total = |of: fn(&Watched) -> u64| of_kind().map(of).sum::<u64>();
    format!(
        "{} {name}: {} changes seen, {} reconnects, {} of them resumed, {} resyncs, {} changes left out",
        of_kind().count(),
        total(|watched| watched.mirror.changes),
        total(|watched| watched.reconnects as u64),
        total(|watched| watched.recovered as u64),
        total(|watched| watched.mirror.resyncs),
        total(|watched| watched.mirror.skipped),
    )
}

/// By position, each item's versions are 1, 2, 3 and so on.
fn each_item_is_in_order(log: &[LogRow]) -> Result<()> {
    let mut newest = std::collections::BTreeMap::new();
    for row in log {
        let before = newest.insert(row.item, row.version).unwrap_or(0);
        ensure!(row.version == before + 1, "after version {before} of item {} comes {row:?}", row.item);
    }
    Ok(())
}

/// The log holds every acknowledged change. That it holds none twice, its order has shown.
fn nothing_acknowledged_is_missing(log: &[LogRow], written: &Written) -> Result<()> {
    let logged: BTreeSet<(i64, i64)> = log.iter().map(|row| (row.item, row.version)).collect();
    let missing: Vec<_> = written.acknowledged.difference(&logged).take(5).collect();
    ensure!(missing.is_empty(), "acknowledged and not in the log (item, version): {missing:?}");
    Ok(())
}

/// What came over REST was asked for: each change is one that was acknowledged, or one of those whose fate was unknown. A
/// gateway that sent a write a second time would make more of them.
fn nothing_was_done_twice(log: &[LogRow], written: &Written) -> Result<()> {
    /// The one that showed that the stack is up.
    const FIRST: usize = 1;
    let over_rest = log.iter().filter(|row| !row.actor.starts_with("db:"));
    let unasked = |row: &&LogRow| !written.acknowledged.contains(&(row.item, row.version));
    let unasked: Vec<_> = over_rest.filter(unasked).collect();
    let explained = written.unknown + FIRST;
    ensure!(
        unasked.len() <= explained,
        "{explained} unacknowledged changes can be explained, not {unasked:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, item: i64, version: i64) -> LogRow {
        LogRow { position, item, version, op: "update".to_owned(), actor: "anonymous".to_owned() }
    }

    #[test]
    fn versions_of_an_item_ascend_by_one() {
        each_item_is_in_order(&[row(1, 7, 1), row(2, 8, 1), row(3, 7, 2)]).unwrap();
        each_item_is_in_order(&[row(1, 7, 1), row(2, 7, 1)]).unwrap_err();
        each_item_is_in_order(&[row(1, 7, 1), row(2, 7, 3)]).unwrap_err();
    }

    #[test]
    fn an_acknowledged_write_must_be_in_the_log() {
        let written = Written { acknowledged: [(7, 1), (7, 2)].into(), ..Written::default() };
        nothing_acknowledged_is_missing(&[row(1, 7, 1), row(2, 7, 2), row(3, 7, 3)], &written).unwrap();
        let error = nothing_acknowledged_is_missing(&[row(1, 7, 1)], &written).unwrap_err();
        assert!(error.to_string().contains("(7, 2)"), "{error}");
    }

    #[test]
    fn a_change_that_nobody_asked_for_must_be_explained() {
        let log =
            [row(1, 1, 1), row(2, 7, 1), row(3, 7, 2), LogRow { actor: "db:x".to_owned(), ..row(4, 7, 3) }];
        let written = Written { acknowledged: [(7, 1)].into(), unknown: 1, ..Written::default() };
        nothing_was_done_twice(&log, &written).unwrap();
        nothing_was_done_twice(&log, &Written { unknown: 0, ..written }).unwrap_err();
    }
}
