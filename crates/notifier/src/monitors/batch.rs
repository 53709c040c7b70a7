//! What came of some entries of the log, until it is written; and what an entry says of a monitor before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{ItemId, MonitorId, MonitorState};
use monitors::Memory;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use store::{MonitorEffects, RaisedRow, WatchedRow};

use super::rows::memory_row;

/// All that is remembered.
pub(super) type Memories = HashMap<MonitorId, HashMap<ItemId, Memory>>;

/// What came of some entries.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) raised: Vec<RaisedRow>,
    /// Which monitors watch from now on, or no longer.
    pub(super) watched: BTreeMap<MonitorId, Option<WatchedRow>>,
    pub(super) forgotten: BTreeSet<MonitorId>,
    /// Where something else is remembered than before.
    pub(super) touched: BTreeSet<(MonitorId, ItemId)>,
}

/// Rows that are written at once. A change may concern ten thousand monitors.
const MOST_ROWS: usize = 10_000;

impl Batch {
    /// Whether it is to be written before more comes of further entries.
    pub(super) fn is_full(&self) -> bool {
        self.raised.len() + self.touched.len() >= MOST_ROWS
    }

    /// What is to be written, with what is remembered now.
    pub(super) fn effects(self, memories: &Memories) -> MonitorEffects {
        let mut effects = MonitorEffects { raised: self.raised, ..MonitorEffects::default() };
        effects.forgotten.extend(self.forgotten);
        for (id, watched) in self.watched {
            match watched {
                Some(row) => effects.watched.push(row),
                None => effects.unwatched.push(id),
            }
        }
        for (monitor, item) in self.touched {
            match memories.get(&monitor).and_then(|items| items.get(&item)) {
                Some(memory) => effects.memories.push(memory_row(monitor, item, memory)),
                None => effects.blank.push((monitor, item)),
            }
        }
        effects
    }
}

/// What a monitor was before an entry changed it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) paused: bool,
    /// What was remembered then means something else now.
    pub(super) judged_differently: bool,
}

impl Before {
    /// Reads the old values of what changed.
    pub(super) fn read(previous: Option<&RawValue>) -> Self {
        #[derive(Default, Deserialize)]
        struct Previous {
            state: Option<MonitorState>,
            scope: Option<Value>,
            measure: Option<Value>,
            condition: Option<Value>,
            hysteresis: Option<Value>,
        }
        let previous: Previous =
            previous.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default();
        let Previous { state, scope, measure, condition, hysteresis } = previous;
        Self {
            paused: state == Some(MonitorState::Paused),
            judged_differently: [scope, measure, condition, hysteresis].iter().any(Option::is_some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_monitor_was_follows_from_what_changed() {
        let read = |text: &str| Before::read(Some(&RawValue::from_string(text.to_owned()).unwrap()));
        assert_eq!(read(r#"{"state":"paused"}"#), Before { paused: true, judged_differently: false });
        assert_eq!(read(r#"{"state":"stopped","name":"x"}"#), Before::default());
        assert_eq!(read(r#"{"hysteresis":1}"#), Before { paused: false, judged_differently: true });
        assert_eq!(Before::read(None), Before::default());
    }
}
