//! What is remembered and raised, as it is kept in Postgres.

use domain::{Amount, ItemId, Monitor, MonitorId, TenantId};
use monitors::{Crossing, Memory, Watched};
use serde_json::value::{RawValue, to_raw_value};
use store::{MemoryRow, RaisedRow, WatchedRow};

/// An item's names, for those who read a notification.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) sku: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
}

pub(super) fn memory_row(monitor_id: MonitorId, item_id: ItemId, memory: &Memory) -> MemoryRow {
    // What has no maps with odd keys is always writable.
    let samples = Some(&memory.samples).filter(|samples| !samples.is_empty());
    MemoryRow {
        monitor_id,
        item_id,
        position: memory.position,
        raised: memory.raised,
        fired_at: memory.fired_at,
        fired_count: memory.fired_count,
        base: memory.base.map(|base| base.to_string()),
        samples: samples.and_then(|samples| to_raw_value(samples).ok()),
        held_back: memory.held_back.as_ref().and_then(|crossing| to_raw_value(crossing).ok()),
        due_at: memory.due_at,
        awaited: memory.awaited,
    }
}

/// What can't be read, because somebody wrote it by hand, is as if it weren't there.
pub(super) fn memory(row: &MemoryRow) -> Memory {
    fn read<T: serde::de::DeserializeOwned>(document: Option<&RawValue>) -> Option<T> {
        document.and_then(|document| serde_json::from_str(document.get()).ok())
    }
    Memory {
        position: row.position,
        raised: row.raised,
        fired_at: row.fired_at,
        fired_count: row.fired_count,
        base: row.base.as_deref().and_then(|base| base.parse().ok()),
        samples: read(row.samples.as_deref()).unwrap_or_default(),
        held_back: read(row.held_back.as_deref()),
        due_at: row.due_at,
        awaited: row.awaited,
    }
}

/// A monitor that watches, or nothing if its document is none.
pub(super) fn watched(row: &WatchedRow) -> Option<Watched> {
    let monitor = read_monitor(row.monitor_id, &row.document)?;
    Some(Watched::new(TenantId::new(row.tenant_id), monitor, row.since_position, row.since_at))
}

/// The table may be written by hand: what is no monitor watches nothing, and is no reason to stop.
pub(super) fn read_monitor(id: MonitorId, document: &RawValue) -> Option<Monitor> {
    match serde_json::from_str(document.get()) {
        Ok(monitor) => Some(monitor),
        Err(error) => {
            tracing::error!(
                monitor.id = id.get(),
                source = &error as &dyn std::error::Error,
                "a monitor can't be read, and doesn't watch"
            );
            None
        }
    }
}

pub(super) fn raised_row(
    place: usize,
    watched: &Watched,
    item_id: ItemId,
    named: Named<'_>,
    crossing: &Crossing,
) -> RaisedRow {
    let (monitor, text) =
        (&watched.monitor, |amount: Option<Amount>| amount.map(|amount| amount.to_string()));
    RaisedRow {
        place,
        tenant_id: watched.tenant.get(),
        monitor_id: monitor.id,
        monitor_name: monitor.name.clone(),
        item_id,
        item_sku: named.sku.map(ToOwned::to_owned),
        item_name: named.name.to_owned(),
        severity: monitor.severity.as_str(),
        measure: monitor.measure.as_str(),
        condition: monitor.condition.document(monitor.measure),
        value: text(crossing.value),
        previous_value: text(crossing.previous),
        threshold: text(crossing.threshold),
        reference: text(crossing.reference),
        message: monitors::message(watched, crossing, item_id, (named.sku, named.name, named.unit)),
        change_position: crossing.position,
        change_at: crossing.at,
        channels: monitor.channels.clone(),
    }
}
