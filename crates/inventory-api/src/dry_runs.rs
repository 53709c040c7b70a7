//! Dry runs of monitors: what one would have raised, had it watched the changes of late. Only so many at once, and each over
//! so many changes, so that everybody else notices nothing.

use std::time::Duration;

use domain::{ItemId, Monitor, MonitorId, NewMonitor, Scope, TenantId};
use jiff::Timestamp;
use monitors::{ItemChange, Rehearsal, Rehearsed, Seen, Watched};
use service::ApiError;
use store::{Past, Store};

use crate::{error::store_error, turns::Turns};

/// So many at once.
const AT_ONCE: usize = 2;
/// So long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most changes of items that one looks at: some seconds.
const MOST_CHANGES: u32 = 200_000;
/// The most items that one takes notice of without a change.
const MOST_ITEMS: usize = 100_000;
/// Changes, or items, that are read at once.
const PAGE: u16 = 1000;
/// Notifications that are told in full.
pub(crate) const MOST_TOLD: usize = 100;

/// Those that are under way.
pub(crate) struct DryRuns {
    turns: Turns,
}

/// What came of one.
pub(crate) struct DryRun {
    /// What it looked at.
    pub(crate) past: Past,
    /// How many changes those were.
    pub(crate) changes: u64,
    /// Whether it looked at everything that was asked for.
    pub(crate) complete: bool,
    /// What it would have raised.
    pub(crate) rehearsed: Rehearsed,
}

impl DryRuns {
    pub(crate) fn new() -> Self {
        let detail = "As many monitors are being tested as may be at once. Try again in a moment.";
        Self { turns: Turns::new(AT_ONCE, PATIENCE, detail) }
    }

    /// Lets a monitor watch what has happened since a moment.
    pub(crate) async fn run(
        &self,
        store: &Store,
        tenant: TenantId,
        new: NewMonitor,
        since: Timestamp,
    ) -> Result<DryRun, ApiError> {
        let _turn = self.turns.take().await?;
        let item = match &new.scope {
            Scope::Item { item_id } => Some(*item_id),
            _ => None,
        };
        let mut past = store.past((tenant, item), since, MOST_CHANGES).await.map_err(store_error)?;
        let monitor = Monitor::new(NOBODY_S, new);
        let mut rehearsal =
            Rehearsal::new(Watched::new(tenant, monitor.clone(), past.after, past.since), MOST_TOLD);
        let mut changes = 0;
        loop {
            let entries = store.read_past(&mut past, PAGE).await.map_err(store_error)?;
            changes += entries.len() as u64;
            for entry in &entries {
                let Some(item) = ItemId::new(entry.resource_id) else { continue };
                let (data, previous) = (entry.data.as_deref(), entry.previous.as_deref());
                let place = (entry.position, entry.at);
                match ItemChange::read((tenant, item), place, entry.op, data, previous) {
                    Ok(change) => rehearsal.observe(&change),
                    // As a monitor that runs does.
                    Err(error) => {
                        let source = &error as &dyn std::error::Error;
                        tracing::error!(log.position = %entry.position, source, "a change is passed over");
                    }
                }
            }
            if entries.len() < usize::from(PAGE) {
                break;
            }
        }
        let all = if rehearsal.looks_at_what_is_there() {
            begin_with_what_stayed(store, tenant, &monitor.scope, &past, &mut rehearsal).await?
        } else {
            true
        };
        let complete = past.complete && all;
        let rehearsed = rehearsal.end(past.now);
        Ok(DryRun { past, changes, complete, rehearsed })
    }
}

/// No monitor has this id.
const NOBODY_S: MonitorId = match MonitorId::new(i64::MAX) {
    Some(id) => id,
    None => unreachable!(),
};

/// Shows the items that haven't changed since. Whether those are all, is said.
async fn begin_with_what_stayed(
    store: &Store,
    tenant: TenantId,
    scope: &Scope,
    past: &Past,
    rehearsal: &mut Rehearsal,
) -> Result<bool, ApiError> {
    let (mut after, mut shown) = (0, 0);
    loop {
        let items = store.items_in_scope(tenant, scope, (after, PAGE), Some(past.after)).await;
        let items = items.map_err(store_error)?;
        for item in &items {
            after = item.id.get();
            if item.changed_since {
                continue;
            }
            if let Ok(seen) = serde_json::from_str::<Seen<'_>>(item.document.get()) {
                rehearsal.begin(item.id, &seen);
            }
        }
        shown += items.len();
        if items.len() < usize::from(PAGE) {
            return Ok(true);
        }
        if shown >= MOST_ITEMS {
            return Ok(false);
        }
    }
}
