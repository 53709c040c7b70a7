//! Which monitors look at an item, found by what the item is: one on another item, prefix or attribute is never met.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{ItemId, MessageTemplate, Monitor, MonitorId, Position, Scope, TenantId};
use jiff::Timestamp;
use serde_json::{Value, value::RawValue};

use crate::{ItemChange, Seen};

/// A monitor that watches.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Whose.
    pub tenant: TenantId,
    /// What it looks for.
    pub monitor: Monitor,
    /// It sees what lies behind this position.
    pub since: Position,
    /// When that was.
    pub since_at: Timestamp,
    template: Option<MessageTemplate>,
}

impl Watched {
    /// A monitor that watches from here on. A message that is no template, which only somebody in `psql` could have
    /// written, is passed over.
    #[must_use]
    pub fn new(tenant: TenantId, monitor: Monitor, since: Position, since_at: Timestamp) -> Self {
        let template = monitor.message.as_deref().and_then(|text| MessageTemplate::parse(text).ok());
        Self { tenant, monitor, since, since_at, template }
    }

    pub(crate) const fn template(&self) -> Option<&MessageTemplate> {
        self.template.as_ref()
    }
}

/// All monitors that watch.
#[derive(Debug, Default)]
pub struct Watch {
    monitors: HashMap<MonitorId, Arc<Watched>>,
    tenants: HashMap<TenantId, Places>,
}

/// A tenant's monitors by what they look at, each list in ascending order.
#[derive(Debug, Default)]
struct Places {
    all: Vec<MonitorId>,
    items: HashMap<ItemId, Vec<MonitorId>>,
    prefixes: HashMap<Box<str>, Vec<MonitorId>>,
    /// By name, then by the value's JSON.
    attributes: HashMap<Box<str>, HashMap<Box<str>, Vec<MonitorId>>>,
}

/// A monitor that a change concerns, and on which sides of the change the item is in its scope.
#[derive(Debug, Clone)]
pub struct Applying {
    /// The monitor.
    pub watched: Arc<Watched>,
    /// Before the change.
    pub before: bool,
    /// After it.
    pub after: bool,
}

impl Applying {
    /// What lies within the monitor's scope: the item before the change, and after it.
    #[must_use]
    pub fn sides<'a, 'b>(&self, change: &'b ItemChange<'a>) -> (Option<&'b Seen<'a>>, Option<&'b Seen<'a>>) {
        (change.before.as_ref().filter(|_| self.before), change.after.as_ref().filter(|_| self.after))
    }
}

impl Watch {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.monitors.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.monitors.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: MonitorId) -> Option<&Arc<Watched>> {
        self.monitors.get(&id)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Watched>> {
        self.monitors.values()
    }

    /// Adds one, in the place of one with the same id.
    pub fn insert(&mut self, watched: Watched) {
        self.remove(watched.monitor.id);
        let id = watched.monitor.id;
        let places = self.tenants.entry(watched.tenant).or_default();
        let list = places.list(&watched.monitor.scope);
        if let Err(place) = list.binary_search(&id) {
            list.insert(place, id);
        }
        self.monitors.insert(id, Arc::new(watched));
    }

    /// Removes one.
    pub fn remove(&mut self, id: MonitorId) {
        let Some(watched) = self.monitors.remove(&id) else { return };
        let Some(places) = self.tenants.get_mut(&watched.tenant) else { return };
        let list = places.list(&watched.monitor.scope);
        list.retain(|other| *other != id);
        if list.is_empty() {
            places.forget(&watched.monitor.scope);
        }
    }

    /// Those that a change concerns, by id.
    #[must_use]
    pub fn applying(&self, change: &ItemChange<'_>) -> Vec<Applying> {
        let Some(places) = self.tenants.get(&change.tenant) else { return Vec::new() };
        let mut sides = BTreeMap::<MonitorId, (bool, bool)>::new();
        let moved = match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                before.sku != after.sku || before.attributes.get() != after.attributes.get()
            }
            _ => true,
        };
        match (&change.before, &change.after) {
            (Some(_), Some(after)) if !moved => {
                places.each(change.item, after, |id| {
                    sides.insert(id, (true, true));
                });
            }
            (before, after) => {
                if let Some(seen) = before {
                    places.each(change.item, seen, |id| sides.entry(id).or_default().0 = true);
                }
                if let Some(seen) = after {
                    places.each(change.item, seen, |id| sides.entry(id).or_default().1 = true);
                }
            }
        }
        sides
            .into_iter()
            .filter_map(|(id, (before, after))| {
                Some(Applying { watched: self.monitors.get(&id)?.clone(), before, after })
            })
            .collect()
    }
}

impl Places {
    fn list(&mut self, scope: &Scope) -> &mut Vec<MonitorId> {
        match scope {
            Scope::All {} => &mut self.all,
            Scope::Item { item_id } => self.items.entry(*item_id).or_default(),
            Scope::SkuPrefix { prefix } => self.prefixes.entry(prefix.as_str().into()).or_default(),
            Scope::Attribute { name, value } => {
                let values = self.attributes.entry(name.as_str().into()).or_default();
                values.entry(key(value).into()).or_default()
            }
        }
    }

    /// Removes an empty list.
    fn forget(&mut self, scope: &Scope) {
        match scope {
            Scope::All {} => {}
            Scope::Item { item_id } => drop(self.items.remove(item_id)),
            Scope::SkuPrefix { prefix } => drop(self.prefixes.remove(prefix.as_str())),
            Scope::Attribute { name, value } => {
                if let Some(values) = self.attributes.get_mut(name.as_str()) {
                    values.remove(key(value).as_str());
                    if values.is_empty() {
                        self.attributes.remove(name.as_str());
                    }
                }
            }
        }
    }

    fn each(&self, item: ItemId, seen: &Seen<'_>, mut found: impl FnMut(MonitorId)) {
        let of_item = self.items.get(&item).into_iter().flatten();
        self.all.iter().chain(of_item).copied().for_each(&mut found);
        if !self.prefixes.is_empty()
            && let Some(sku) = seen.sku.as_deref()
        {
            let ends = sku.char_indices().map(|(at, _)| at).skip(1).chain([sku.len()]);
            let lists = ends.filter_map(|end| self.prefixes.get(&sku[..end]));
            lists.flatten().copied().for_each(&mut found);
        }
        if !self.attributes.is_empty() {
            // The keys are compared as text, so the attributes are taken apart.
            let Ok(fields) = serde_json::from_str::<HashMap<String, &RawValue>>(seen.attributes.get()) else {
                return;
            };
            for (name, value) in fields {
                let Some(values) = self.attributes.get(name.as_str()) else { continue };
                let Ok(value) = serde_json::from_str::<Value>(value.get()) else { continue };
                values.get(key(&value).as_str()).into_iter().flatten().copied().for_each(&mut found);
            }
        }
    }
}

/// The same text for what is equal: a number that is whole is so however it is written, as in Postgres.
fn key(value: &Value) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < EXACT => {
            format!("{number:.0}")
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let read = |text: &str| key(&serde_json::from_str(text).unwrap());
        assert_eq!(read("100"), read("1e2"));
        assert_eq!(read("1.0"), read("1"));
        assert_eq!(read("1.50"), read("1.5"));
        assert_ne!(read("1"), read("\"1\""));
        assert_ne!(read("1.5"), read("1"));
    }
}
