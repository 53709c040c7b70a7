//! What an entry about a monitor means: it begins to watch, watches differently, rests, or has ended.

use domain::{Condition, ItemId, Monitor, MonitorId, MonitorState, Operation};
use monitors::{Judged, Memory, Watched};
use store::{LogEntry, WatchedRow};

use super::{
    batch::{Batch, Before},
    engine::{Engine, PAGE, Stopped, read_item},
    rows::read_monitor,
};

impl Engine {
    /// A monitor was made, changed or deleted.
    pub(super) async fn define(
        &mut self,
        entry: &LogEntry,
        id: MonitorId,
        batch: &mut Batch,
    ) -> Result<(), Stopped> {
        let document = entry.data.as_ref().filter(|_| entry.op != Operation::Delete);
        let defined = document.and_then(|document| Some((read_monitor(id, document)?, document)));
        let before = Before::read(entry.previous.as_deref());
        let old = self.watch.get(id).cloned();
        match defined {
            Some((monitor, document)) if monitor.state == MonitorState::Running => {
                let goes_on = old.is_some() && !before.judged_differently;
                let (since, since_at) = match &old {
                    Some(old) if goes_on => (old.since, old.since_at),
                    _ => (entry.position, entry.at),
                };
                let still = matches!(monitor.condition, Condition::UnchangedFor { .. });
                let remembers = goes_on || (before.paused && !before.judged_differently && !still);
                if !remembers {
                    self.forget(id, batch);
                }
                let row = WatchedRow {
                    monitor_id: id,
                    tenant_id: entry.tenant.get(),
                    document: document.clone(),
                    since_position: since,
                    since_at,
                };
                batch.watched.insert(id, Some(row));
                let waits_as_before = old.as_ref().is_none_or(|old| {
                    let old = &old.monitor;
                    old.cooldown_seconds == monitor.cooldown_seconds && old.schedule == monitor.schedule
                });
                let watched = Watched::new(entry.tenant, monitor, since, since_at);
                self.watch.insert(watched.clone());
                if !remembers {
                    self.begin(id, batch).await?;
                } else if !waits_as_before {
                    self.wait_anew(&watched, entry, batch);
                }
            }
            defined => {
                self.watch.remove(id);
                batch.watched.insert(id, None);
                let paused = defined.is_some_and(|(monitor, _)| monitor.state == MonitorState::Paused);
                if paused && !before.judged_differently {
                    self.rest(id, batch);
                } else {
                    self.forget(id, batch);
                }
            }
        }
        Ok(())
    }

    /// A monitor forgets everything.
    fn forget(&mut self, id: MonitorId, batch: &mut Batch) {
        let Some(items) = self.memories.remove(&id) else { return };
        for (item, memory) in items {
            if let Some(due_at) = memory.due_at {
                self.due.remove(&(due_at, id, item));
            }
        }
        batch.touched.retain(|(monitor, _)| *monitor != id);
        batch.forgotten.insert(id);
    }

    /// A monitor that is paused waits for nothing.
    fn rest(&mut self, id: MonitorId, batch: &mut Batch) {
        let waiting: Vec<(ItemId, Memory)> = self
            .memories
            .get(&id)
            .into_iter()
            .flatten()
            .filter(|(_, memory)| memory.due_at.is_some() || memory.awaited)
            .map(|(item, memory)| {
                (*item, Memory { held_back: None, due_at: None, awaited: false, ..memory.clone() })
            })
            .collect();
        for (item, memory) in waiting {
            self.note(id, item, Some(memory), batch);
        }
    }

    /// What a monitor holds back waits for its new cooldown or schedule.
    fn wait_anew(&mut self, watched: &Watched, entry: &LogEntry, batch: &mut Batch) {
        let id = watched.monitor.id;
        let waiting: Vec<(ItemId, Memory)> = self
            .memories
            .get(&id)
            .into_iter()
            .flatten()
            .filter(|(_, memory)| memory.held_back.is_some())
            .map(|(item, memory)| (*item, memory.clone()))
            .collect();
        for (item, mut memory) in waiting {
            monitors::wait_anew(watched, &mut memory, entry.at);
            self.note(id, item, Some(memory), batch);
        }
    }

    /// A monitor starts: takes notice of the items that are there, if it makes a difference. Those are read as they are
    /// now, which may be after the position where it starts; the changes between come as entries, and the first of them
    /// tells how the item was.
    async fn begin(&mut self, id: MonitorId, batch: &mut Batch) -> Result<(), Stopped> {
        let Some(watched) = self.watch.get(id).cloned() else { return Ok(()) };
        let Monitor { scope, condition, notify_existing, .. } = &watched.monitor;
        let still = matches!(condition, Condition::UnchangedFor { .. });
        if !notify_existing && !still {
            return Ok(());
        }
        // A change of the value ends a stillness anyway.
        let (mut after, since) = (0, (!still).then_some(watched.since));
        loop {
            let items = self.store.items_in_scope(watched.tenant, scope, (after, PAGE), since).await?;
            for item in &items {
                after = item.id.get();
                let Some(seen) = read_item(item.id, &item.document) else { continue };
                let mut memory = Memory::new(watched.since);
                memory.awaited = item.changed_since;
                let judged = if item.changed_since {
                    Judged::Silent
                } else {
                    monitors::begin(&watched, &mut memory, &seen)
                };
                self.settle(&watched, item.id, (Some(&seen), memory), judged, batch);
            }
            if items.len() < usize::from(PAGE) {
                return Ok(());
            }
        }
    }
}
