//! What a monitor remembers of an item between two changes.

use domain::{Amount, Position};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Samples;

/// What a monitor remembers of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The last change that was judged.
    pub position: Position,
    /// Whether the condition is met, and hasn't been left by the hysteresis since.
    pub raised: bool,
    /// When a crossing was last told, for the cooldown.
    pub fired_at: Option<Timestamp>,
    /// How many were told.
    pub fired_count: i64,
    /// What percentages are reckoned from, where the monitor names no base; the value that stands still, for
    /// `unchanged_for`.
    pub base: Option<Amount>,
    /// The values of the window, for `changes_by`.
    pub samples: Samples,
    /// A crossing that waits for the end of the cooldown or the beginning of the schedule.
    pub held_back: Option<Crossing>,
    /// When to look again without a change.
    pub due_at: Option<Timestamp>,
    /// Whether the item had already changed when the monitor took notice of it: its first change tells how it was where
    /// the monitor starts.
    pub awaited: bool,
}

impl Memory {
    /// Nothing is known yet, up to here.
    #[must_use]
    pub fn new(position: Position) -> Self {
        Self {
            position,
            raised: false,
            fired_at: None,
            fired_count: 0,
            base: None,
            samples: Samples::default(),
            held_back: None,
            due_at: None,
            awaited: false,
        }
    }

    /// Whether this is worth remembering in the place of what is known, of a monitor that watches since a position. The
    /// position alone is, only where it says that the first change was seen.
    #[must_use]
    pub fn is_news(&self, known: Option<&Self>, since: Position) -> bool {
        match known {
            None => !self.is_blank(),
            Some(known) => {
                known.position <= since && self.position > since
                    || *known != Self { position: known.position, ..self.clone() }
            }
        }
    }

    /// Whether there is anything to remember.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        *self == Self::new(self.position)
    }
}

/// A value that came to meet a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The change that did it; for `unchanged_for` the last one, or where the monitor started.
    pub position: Position,
    /// When that was made.
    pub at: Timestamp,
    /// The value that met it.
    #[serde(serialize_with = "as_text")]
    pub value: Option<Amount>,
    /// The value before.
    #[serde(serialize_with = "as_text")]
    pub previous: Option<Amount>,
    /// What it was compared with.
    #[serde(serialize_with = "as_text")]
    pub threshold: Option<Amount>,
    /// What a percentage was reckoned from.
    #[serde(serialize_with = "as_text")]
    pub reference: Option<Amount>,
}

fn as_text<S: serde::Serializer>(amount: &Option<Amount>, serializer: S) -> Result<S::Ok, S::Error> {
    amount.map(|amount| amount.to_string()).serialize(serializer)
}
