//! What was received and issued day by day, and how a value of one item went.

use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer};

use crate::{AsOf, ItemId, Measure};

/// What was received and issued, day by day.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Movement {
    /// In which zone days begin and end.
    pub time_zone: String,
    /// Every day of the range, the oldest first.
    pub days: Vec<MovementDay>,
    /// The items with the most changes within the range, the one with the most first.
    pub busiest: Vec<BusyItem>,
    /// Whether every change of the range is still kept.
    pub complete: bool,
    /// The moment of the log that the numbers show.
    pub as_of: AsOf,
}

/// What was received and issued on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MovementDay {
    /// Which.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub date: Date,
    /// By how much quantities grew; a new item's counts.
    pub received: i64,
    /// By how much quantities shrank; a deleted item's counts.
    pub issued: i64,
    /// What was received, at the prices behind each change: a decimal with 4 places. What has no price counts nothing.
    #[cfg_attr(feature = "openapi", schema(pattern = r"^\d+\.\d{4}$", example = "12.5000"))]
    pub received_value: String,
    /// What was issued, likewise.
    #[cfg_attr(feature = "openapi", schema(pattern = r"^\d+\.\d{4}$", example = "12.5000"))]
    pub issued_value: String,
    /// How many changes items had, whatever changed.
    pub changes: i64,
}

/// An item of which much has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BusyItem {
    /// Which; it may be gone.
    pub item_id: ItemId,
    /// Its sku; of an item that is gone, the last one it had.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sku: Option<String>,
    /// Its name, likewise.
    pub name: String,
    /// How many changes it had.
    pub changes: i64,
    /// By how much its quantity grew.
    pub received: i64,
    /// By how much it shrank.
    pub issued: i64,
}

/// How the quantity or the price of an item went.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Series {
    /// Which of the two.
    pub measure: Measure,
    /// Where it begins: as asked for, or the oldest change that is kept.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Where it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// The value where it begins.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub before: Option<Reading>,
    /// One for each change of the value, if there are few enough; else one for each stretch of time that has some.
    pub points: Vec<SeriesPoint>,
    /// Whether every change of the range is still kept.
    pub complete: bool,
    /// The moment of the log that it shows.
    pub as_of: AsOf,
}

/// A change of the value, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesPoint {
    /// When the first of them was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The value behind the first.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub first: Option<Reading>,
    /// The least of them.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub low: Option<Reading>,
    /// The greatest of them.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub high: Option<Reading>,
    /// The value behind the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub last: Option<Reading>,
    /// How many.
    pub changes: i64,
}

/// A value as it is kept: an integer for a quantity, a decimal with 4 places for a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// How much there was.
    Quantity(i64),
    /// What one unit cost.
    Price(String),
}

impl Reading {
    /// Reads a value of a measure as Postgres writes it. Nothing if it is none.
    #[must_use]
    pub fn read(measure: Measure, text: String) -> Option<Self> {
        match measure {
            Measure::Quantity => text.parse().ok().map(Self::Quantity),
            Measure::Price => Some(Self::Price(text)),
        }
    }
}

impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Quantity(quantity) => quantity.serialize(serializer),
            Self::Price(price) => price.serialize(serializer),
        }
    }
}
