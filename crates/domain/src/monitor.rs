//! A monitor: which items it looks at, what must happen to one, and when and how people are told.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Amount, ItemId, NewMonitor, Schedule};

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word on the wire and in the table.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        // Derived, it would have the variants' names: the macro's words can't be read by another macro.
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .enum_values(Some(Self::ALL.iter().map(|known| known.as_str())))
                    .description(Some([$($doc),*].concat().trim()))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

words! {
    /// What of an item is looked at.
    Measure {
        /// How much there is.
        Quantity = "quantity",
        /// What one unit costs; an item without a price has no value.
        Price = "price",
    }
}

words! {
    /// How much it matters.
    Severity {
        /// Good to know.
        Info = "info",
        /// Somebody should see to it.
        Warning = "warning",
        /// Somebody must see to it now.
        Critical = "critical",
    }
}

words! {
    /// Whether a monitor watches.
    MonitorState {
        /// It watches.
        Running = "running",
        /// It doesn't watch, and remembers what it knew: bases of percentages, what is raised.
        Paused = "paused",
        /// It doesn't watch, and has forgotten what it knew: it starts anew.
        Stopped = "stopped",
    }
}

/// A monitor's id: positive, given by the database, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MonitorId(i64);

impl MonitorId {
    /// An id, or nothing for a number that no monitor can have.
    #[must_use]
    pub const fn new(id: i64) -> Option<Self> {
        if id < 1 { None } else { Some(Self(id)) }
    }

    /// The id as Postgres stores it.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for MonitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MonitorId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<ItemId>().map(|id| Self(id.get()))
    }
}

/// Which items a monitor looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// One item.
    Item {
        /// Which.
        item_id: ItemId,
    },
    /// All items of the tenant.
    All {},
    /// Items whose sku begins with this; upper and lower case differ.
    SkuPrefix {
        /// 1 to 64 characters.
        prefix: String,
    },
    /// Items that have an attribute of this name, at the top level, with exactly this value.
    Attribute {
        /// 1 to 200 characters.
        name: String,
        /// A string, a number, true, false or null.
        #[cfg_attr(feature = "openapi", schema(value_type = Value))]
        value: Value,
    },
}

/// What must be true of a value. Percentages have at most four places.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Condition {
    /// It is less.
    Below {
        /// Than this.
        threshold: Amount,
    },
    /// It is more.
    Above {
        /// Than this.
        threshold: Amount,
    },
    /// It lies outside of a range, whose ends belong to it.
    Outside {
        /// The lower end.
        low: Amount,
        /// The upper end.
        high: Amount,
    },
    /// It is more than the base, by this percentage of it or more.
    RisesBy {
        /// More than 0.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^\d{1,7}(\.\d{1,4})?$", example = "7.5"))]
        percent: Amount,
        /// What it is reckoned from; if none is named, the item's value when the monitor started.
        base: Option<Amount>,
    },
    /// It is less than the base, by this percentage of it or more.
    FallsBy {
        /// More than 0, at most 100.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^\d{1,7}(\.\d{1,4})?$", example = "7.5"))]
        percent: Amount,
        /// As for `rises_by`.
        base: Option<Amount>,
    },
    /// It differs by this percentage or more from a value that it had within the window, up or down.
    ChangesBy {
        /// More than 0.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^\d{1,7}(\.\d{1,4})?$", example = "7.5"))]
        percent: Amount,
        /// How long the window is.
        #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31_536_000))]
        window_seconds: u32,
    },
    /// It hasn't changed for so long.
    UnchangedFor {
        /// How long.
        #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31_536_000))]
        seconds: u32,
    },
    /// There is no more than the item's reorder point; never for an item without one.
    AtReorderPoint {},
}

impl Condition {
    /// The word that says which kind it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Below { .. } => "below",
            Self::Above { .. } => "above",
            Self::Outside { .. } => "outside",
            Self::RisesBy { .. } => "rises_by",
            Self::FallsBy { .. } => "falls_by",
            Self::ChangesBy { .. } => "changes_by",
            Self::UnchangedFor { .. } => "unchanged_for",
            Self::AtReorderPoint {} => "at_reorder_point",
        }
    }

    /// The document: amounts as those of the measure, percentages as strings.
    #[must_use]
    pub fn document(&self, measure: Measure) -> Value {
        let base = |base: &Option<Amount>| base.map(|base| base.document(measure));
        match self {
            Self::Below { threshold } | Self::Above { threshold } => {
                json!({"kind": self.kind(), "threshold": threshold.document(measure)})
            }
            Self::Outside { low, high } => {
                json!({"kind": self.kind(), "low": low.document(measure), "high": high.document(measure)})
            }
            Self::RisesBy { percent, base: from } | Self::FallsBy { percent, base: from } => {
                json!({"kind": self.kind(), "percent": percent.to_string(), "base": base(from)})
            }
            Self::ChangesBy { percent, window_seconds } => {
                json!({"kind": self.kind(), "percent": percent.to_string(), "window_seconds": window_seconds})
            }
            Self::UnchangedFor { seconds } => json!({"kind": self.kind(), "seconds": seconds}),
            Self::AtReorderPoint {} => json!({"kind": self.kind()}),
        }
    }
}

/// What the evaluation needs of a monitor's document, which the database writes. Fields that it doesn't need are passed
/// over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Monitor {
    /// Which.
    pub id: MonitorId,
    /// What people call it.
    pub name: String,
    /// Which items.
    pub scope: Scope,
    /// What of them.
    pub measure: Measure,
    /// What must happen.
    pub condition: Condition,
    /// How far a value must come back before the condition can be met anew: in the measure's unit, or in percentage
    /// points. Of no meaning for `ChangesBy` and `UnchangedFor`.
    pub hysteresis: Amount,
    /// Whether items that meet the condition when it starts are told of.
    pub notify_existing: bool,
    /// How much it matters.
    pub severity: Severity,
    /// Template of the message.
    pub message: Option<String>,
    /// At least so many seconds lie between two notifications about one item.
    pub cooldown_seconds: u32,
    /// When it may notify.
    pub schedule: Option<Schedule>,
    /// Which channels are told.
    pub channels: Vec<i64>,
    /// Whether it watches.
    pub state: MonitorState,
}

impl Monitor {
    /// What a new one would be, under an id.
    #[must_use]
    pub fn new(id: MonitorId, new: NewMonitor) -> Self {
        Self {
            id,
            name: new.name.to_string(),
            scope: new.scope,
            measure: new.measure,
            condition: new.condition,
            hysteresis: new.hysteresis,
            notify_existing: new.notify_existing,
            severity: new.severity,
            message: new.message,
            cooldown_seconds: new.cooldown_seconds,
            schedule: new.schedule,
            channels: new.channels,
            state: new.state,
        }
    }

    /// Whether what was remembered about items still means the same under another definition.
    #[must_use]
    pub fn judges_like(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.measure == other.measure
            && self.condition == other.condition
            && self.hysteresis == other.hysteresis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read_as_it_is_written() {
        for (measure, document) in [
            (Measure::Quantity, json!({"kind": "below", "threshold": 10})),
            (Measure::Price, json!({"kind": "above", "threshold": "12.5000"})),
            (Measure::Price, json!({"kind": "outside", "low": "8.0000", "high": "12.0000"})),
            (Measure::Price, json!({"kind": "rises_by", "percent": "20", "base": "100.0000"})),
            (Measure::Quantity, json!({"kind": "falls_by", "percent": "7.5", "base": null})),
            (Measure::Price, json!({"kind": "changes_by", "percent": "5", "window_seconds": 3600})),
            (Measure::Quantity, json!({"kind": "unchanged_for", "seconds": 60})),
            (Measure::Quantity, json!({"kind": "at_reorder_point"})),
        ] {
            let condition: Condition = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(condition.document(measure), document);
        }
        assert!(
            serde_json::from_value::<Condition>(json!({"kind": "below", "threshold": 1, "high": 2})).is_err()
        );
    }

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for document in [
            json!({"kind": "item", "item_id": 7}),
            json!({"kind": "all"}),
            json!({"kind": "sku_prefix", "prefix": "B-"}),
            json!({"kind": "attribute", "name": "colour", "value": "red"}),
        ] {
            let scope: Scope = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&scope).unwrap(), document);
        }
    }
}
