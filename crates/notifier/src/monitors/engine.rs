//! What the evaluation knows, in memory: which monitors watch, what they remember, and what is due. Whenever writing fails,
//! all of it is thrown away and read anew.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use domain::{ItemId, MonitorId, Position};
use jiff::Timestamp;
use monitors::{GRACE, ItemChange, Judged, Memory, Seen, Watch, Watched};
use serde_json::value::RawValue;
use store::{Committed, Error, LogEntry, MonitorClaim, MonitorEffects, Store};
use tokio::time::Instant;

use crate::window::position_as_float;

use super::{
    batch::{Batch, Memories},
    rows::{Named, memory, raised_row, watched},
};

/// Entries, or items, read at once.
pub(super) const PAGE: u16 = 1000;
/// How often the place is written if nothing comes of the entries.
const WRITE_PLACE: Duration = Duration::from_secs(1);
/// The longest sleep, since the machine's clock and the database's may differ.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Why looking through the log has stopped.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Somebody else goes on.
    Overtaken,
    /// The log is another one by now.
    AnotherLog,
    /// Something is away.
    Failed(Error),
}

/// What the evaluation knows.
pub(super) struct Engine {
    pub(super) store: Store,
    /// Everything up to here was looked at; up to the claim's position, that is in the database.
    position: Position,
    claim: MonitorClaim,
    /// Since when that is not the same.
    unwritten_since: Option<Instant>,
    pub(super) watch: Watch,
    pub(super) memories: Memories,
    pub(super) due: BTreeSet<(Timestamp, MonitorId, ItemId)>,
    /// The database's clock said that nothing was due: it is asked again after this.
    ask_again_at: Option<Instant>,
    /// When it was asked last.
    asked_at: Instant,
}

impl Engine {
    /// Reads what is known, and keeps others from writing.
    pub(super) async fn take_over(store: Store) -> Result<Self, Error> {
        let progress = store.take_over_monitors().await?;
        let mut engine = Self {
            store,
            position: progress.claim.position,
            claim: progress.claim,
            unwritten_since: None,
            watch: Watch::default(),
            memories: Memories::new(),
            due: BTreeSet::new(),
            ask_again_at: None,
            asked_at: Instant::now(),
        };
        progress.watched.iter().filter_map(watched).for_each(|watched| engine.watch.insert(watched));
        for row in &progress.memories {
            engine.remember(row.monitor_id, row.item_id, Some(memory(row)));
        }
        tracing::info!(log.position = %engine.position, monitors = engine.watch.len(), "looking after monitors");
        engine.count();
        Ok(engine)
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// When the place is to be written at the latest, if it isn't.
    pub(super) fn write_place_at(&self) -> Option<Instant> {
        self.unwritten_since.map(|since| since + WRITE_PLACE)
    }

    /// Looks at what the log has behind the place.
    pub(super) async fn read_on(&mut self) -> Result<(), Stopped> {
        self.read_up_to(None).await
    }

    /// Looks at what the log has behind the place, up to a position at least, or to its end.
    async fn read_up_to(&mut self, target: Option<Position>) -> Result<(), Stopped> {
        loop {
            let entries = self.store.log_entries(self.position, PAGE).await?;
            let last = entries.len() < usize::from(PAGE);
            if let Some(first) = entries.first()
                && first.position > self.position.next()
            {
                self.skip(first.position).await?;
            }
            self.look_at(entries).await?;
            if self.write_place_at().is_some_and(|at| at <= Instant::now()) {
                self.write_place().await?;
            }
            if last || target.is_some_and(|target| self.position >= target) {
                return Ok(());
            }
        }
    }

    /// Looks at entries, of which the first may have been looked at before; where some are missing, reads on instead.
    pub(super) async fn look_at(&mut self, entries: Vec<LogEntry>) -> Result<(), Stopped> {
        let mut batch = Batch::default();
        let known = self.position;
        for entry in entries.iter().skip_while(|entry| entry.position <= known) {
            if entry.position != self.position.next() {
                self.write(batch).await?;
                return Box::pin(self.read_on()).await;
            }
            match (entry.resource.as_str(), ItemId::new(entry.resource_id), MonitorId::new(entry.resource_id))
            {
                ("item", Some(item), _) => self.observe(entry, item, &mut batch),
                ("monitor", _, Some(monitor)) => self.define(entry, monitor, &mut batch).await?,
                _ => {}
            }
            self.position = entry.position;
            if batch.is_full() {
                self.write(std::mem::take(&mut batch)).await?;
            }
        }
        self.write(batch).await
    }

    /// What lies before this position was deleted before it was looked at. Monitors begin anew here, with what they
    /// remember.
    async fn skip(&mut self, first: Position) -> Result<(), Stopped> {
        tracing::error!(
            log.position = %self.position,
            log.first = %first,
            "changes were deleted before monitors have seen them; what crossed there is not raised"
        );
        let here = Position::new(first.get() - 1).unwrap_or(Position::START);
        let now = self.store.log_moment().await?.now;
        if self.store.skip_monitors(self.claim.term, here, now).await? == Committed::Overtaken {
            return Err(Stopped::Overtaken);
        }
        let all: Vec<Arc<Watched>> = self.watch.iter().cloned().collect();
        for old in all {
            self.watch.insert(Watched::new(old.tenant, old.monitor.clone(), here, now));
        }
        (self.position, self.claim.position) = (here, here);
        Ok(())
    }

    fn observe(&mut self, entry: &LogEntry, item: ItemId, batch: &mut Batch) {
        if self.watch.is_empty() {
            return;
        }
        let place = (entry.position, entry.at);
        let (data, previous) = (entry.data.as_deref(), entry.previous.as_deref());
        let change = match ItemChange::read((entry.tenant, item), place, entry.op, data, previous) {
            Ok(change) => change,
            Err(error) => {
                let source = &error as &dyn std::error::Error;
                return tracing::error!(log.position = %entry.position, source, "a change is passed over");
            }
        };
        for applying in self.watch.applying(&change) {
            let watched = &applying.watched;
            let id = watched.monitor.id;
            let known = self.memories.get(&id).and_then(|items| items.get(&item));
            let mut memory = known.cloned().unwrap_or_else(|| Memory::new(watched.since));
            let judged = monitors::observe(watched, &mut memory, applying.sides(&change), place);
            self.settle(watched, item, (change.after.as_ref(), memory), judged, batch);
        }
    }

    /// Takes what was judged to heart.
    pub(super) fn settle(
        &mut self,
        watched: &Watched,
        item: ItemId,
        (seen, memory): (Option<&Seen<'_>>, Memory),
        judged: Judged,
        batch: &mut Batch,
    ) {
        let id = watched.monitor.id;
        let known = self.memories.get(&id).and_then(|items| items.get(&item));
        match &judged {
            Judged::Forget if known.is_none() => return,
            Judged::Forget => return self.note(id, item, None, batch),
            Judged::Silent => {}
            Judged::Told(crossing) => {
                // It is gone, and nothing of it is due any more.
                let Some(seen) = seen else { return self.note(id, item, None, batch) };
                let named = Named { sku: seen.sku.as_deref(), name: &seen.name, unit: &seen.unit };
                batch.raised.push(raised_row(batch.raised.len(), watched, item, named, crossing));
            }
        }
        if memory.is_news(known, watched.since) {
            self.note(id, item, Some(memory).filter(|memory| !memory.is_blank()), batch);
        }
    }

    pub(super) fn note(
        &mut self,
        monitor: MonitorId,
        item: ItemId,
        memory: Option<Memory>,
        batch: &mut Batch,
    ) {
        self.remember(monitor, item, memory);
        batch.touched.insert((monitor, item));
    }

    fn remember(&mut self, monitor: MonitorId, item: ItemId, memory: Option<Memory>) {
        let items = self.memories.entry(monitor).or_default();
        let due_at = memory.as_ref().and_then(|memory| memory.due_at);
        let old = match memory {
            Some(memory) => items.insert(item, memory),
            None => items.remove(&item),
        };
        if let Some(old) = old.and_then(|old| old.due_at) {
            self.due.remove(&(old, monitor, item));
        }
        if let Some(due_at) = due_at {
            self.due.insert((due_at, monitor, item));
        }
    }

    /// When something is due, if anything is. A moment and no pause: whoever looks at entries meanwhile asks anew, and what
    /// is overdue must not wait until there are no more of them.
    pub(super) fn next_due_at(&self) -> Option<Instant> {
        let (due_at, _, _) = self.due.first()?;
        let (now, clock) = (Instant::now(), Timestamp::now());
        let told_at = due_at.saturating_add(GRACE).ok()?;
        let ahead = told_at.duration_since(clock);
        let at = if ahead.is_negative() {
            now.checked_sub(ahead.unsigned_abs()).unwrap_or(now)
        } else {
            (now + ahead.unsigned_abs().min(LONGEST_SLEEP)).min(self.asked_at + LONGEST_SLEEP)
        };
        Some(self.ask_again_at.map_or(at, |not_before| at.max(not_before)))
    }

    /// Tells what is due, if nothing in the log is left to look at before.
    pub(super) async fn tell_what_is_due(&mut self) -> Result<(), Stopped> {
        self.asked_at = Instant::now();
        let moment = self.store.log_moment().await?;
        let now = moment.now.checked_sub(GRACE).unwrap_or(moment.now);
        if moment.head > self.position {
            // More may come for ever.
            self.read_up_to(Some(moment.head)).await?;
        }
        let most = usize::from(PAGE);
        let due: Vec<(MonitorId, ItemId)> = self
            .due
            .iter()
            .take_while(|(due_at, _, _)| *due_at <= now)
            .take(most)
            .map(|(_, monitor, item)| (*monitor, *item))
            .collect();
        self.ask_again_at = due.is_empty().then(|| Instant::now() + GRACE);
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<ItemId> = due.iter().map(|(_, item)| *item).collect();
        let items: HashMap<ItemId, Box<RawValue>> = self
            .store
            .items_as_they_are(&ids)
            .await?
            .into_iter()
            .map(|item| (item.id, item.document))
            .collect();
        let mut batch = Batch::default();
        for (monitor, item) in due {
            let known = self.memories.get(&monitor).and_then(|memories| memories.get(&item));
            let (Some(watched), Some(mut memory)) = (self.watch.get(monitor).cloned(), known.cloned()) else {
                // A monitor that doesn't watch waits for nothing.
                self.note(monitor, item, None, &mut batch);
                continue;
            };
            let judged = monitors::time_is_up(&watched, &mut memory);
            // One that is gone meanwhile is about to be forgotten by its deletion's entry.
            let seen = items.get(&item).and_then(|document| read_item(item, document));
            self.settle(&watched, item, (seen.as_ref(), memory), judged, &mut batch);
        }
        self.write(batch).await
    }

    /// Writes the place, where nothing came of the entries.
    pub(super) async fn write_place(&mut self) -> Result<(), Stopped> {
        self.commit(&MonitorEffects::default()).await
    }

    async fn write(&mut self, batch: Batch) -> Result<(), Stopped> {
        let effects = batch.effects(&self.memories);
        self.count();
        if !effects.is_empty() {
            return self.commit(&effects).await;
        }
        if self.position != self.claim.position && self.unwritten_since.is_none() {
            self.unwritten_since = Some(Instant::now());
        }
        Ok(())
    }

    async fn commit(&mut self, effects: &MonitorEffects) -> Result<(), Stopped> {
        let started = Instant::now();
        let told = effects.raised.len() as u64;
        match self.store.commit_monitors(self.claim, self.position, effects).await? {
            Committed::Overtaken => return Err(Stopped::Overtaken),
            Committed::Done { raised } if raised != told => {
                tracing::error!(
                    raised,
                    told,
                    "not all that was raised could be written: it was before, or breaks a rule"
                );
            }
            Committed::Done { .. } => {}
        }
        (self.claim.position, self.unwritten_since) = (self.position, None);
        metrics::counter!("stockwire_notifications_raised_total").increment(told);
        if !effects.is_empty() {
            metrics::histogram!("stockwire_monitors_write_seconds").record(started.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn count(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and there are few monitors")]
        metrics::gauge!("stockwire_monitors_watched").set(self.watch.len() as f64);
        metrics::gauge!("stockwire_monitors_position").set(position_as_float(self.position));
    }
}

pub(super) fn read_item(id: ItemId, document: &RawValue) -> Option<Seen<'_>> {
    let read = serde_json::from_str(document.get());
    read.inspect_err(|error| tracing::error!(item.id = id.get(), error = %error, "an item can't be read"))
        .ok()
}
