//! An item before and after a change, read from the change itself: its document, and the old values of what changed.

use std::borrow::Cow;

use domain::{Amount, ItemId, Measure, Operation, Position, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What monitors look at of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen<'a> {
    /// Stock keeping unit.
    #[serde(borrow)]
    pub sku: Option<Cow<'a, str>>,
    /// What people call it.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// What the quantity counts.
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    /// How much there is.
    pub quantity: Amount,
    /// What one costs.
    pub price: Option<Amount>,
    /// At or below this it is low.
    pub reorder_point: Option<Amount>,
    /// The integrator's own fields, not taken apart.
    #[serde(borrow)]
    pub attributes: &'a RawValue,
}

impl Seen<'_> {
    /// The value of a measure, if it has one.
    #[must_use]
    pub const fn value(&self, measure: Measure) -> Option<Amount> {
        match measure {
            Measure::Quantity => Some(self.quantity),
            Measure::Price => self.price,
        }
    }
}

/// The old values of the fields that changed.
#[derive(Deserialize)]
struct Previous<'a> {
    #[serde(default, borrow, deserialize_with = "said")]
    sku: Option<Option<Cow<'a, str>>>,
    #[serde(default, borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    unit: Option<Cow<'a, str>>,
    #[serde(default)]
    quantity: Option<Amount>,
    #[serde(default, deserialize_with = "said")]
    price: Option<Option<Amount>>,
    #[serde(default, deserialize_with = "said")]
    reorder_point: Option<Option<Amount>>,
    #[serde(default, borrow)]
    attributes: Option<&'a RawValue>,
}

/// Tells a null from a field that isn't there.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A change of an item.
#[derive(Debug, Clone)]
pub struct ItemChange<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub item: ItemId,
    /// Where in the log.
    pub position: Position,
    /// When it was made.
    pub at: Timestamp,
    /// The item before; nothing if it was created.
    pub before: Option<Seen<'a>>,
    /// The item after; nothing if it was deleted.
    pub after: Option<Seen<'a>>,
}

/// A change whose documents aren't those of an item.
#[derive(Debug)]
pub struct UnreadableChange(serde_json::Error);

impl std::fmt::Display for UnreadableChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the item in a change can't be read: {}", self.0)
    }
}

impl std::error::Error for UnreadableChange {}

impl<'a> ItemChange<'a> {
    /// Reads a change's documents.
    ///
    /// # Errors
    /// They aren't those of an item.
    pub fn read(
        (tenant, item): (TenantId, ItemId),
        (position, at): (Position, Timestamp),
        operation: Operation,
        data: Option<&'a RawValue>,
        previous: Option<&'a RawValue>,
    ) -> Result<Self, UnreadableChange> {
        let (before, after) = match operation {
            Operation::Create => (None, data.map(read).transpose()?),
            Operation::Delete => (previous.map(read).transpose()?, None),
            Operation::Update => {
                let after = data.map(read).transpose()?;
                let before = after.as_ref().map(|after| undo(after, previous)).transpose()?;
                (before, after)
            }
        };
        Ok(Self { tenant, item, position, at, before, after })
    }
}

fn read(document: &RawValue) -> Result<Seen<'_>, UnreadableChange> {
    serde_json::from_str(document.get()).map_err(UnreadableChange)
}

fn undo<'a>(after: &Seen<'a>, previous: Option<&'a RawValue>) -> Result<Seen<'a>, UnreadableChange> {
    let Some(previous) = previous else { return Ok(after.clone()) };
    let old: Previous<'a> = serde_json::from_str(previous.get()).map_err(UnreadableChange)?;
    Ok(Seen {
        sku: old.sku.unwrap_or_else(|| after.sku.clone()),
        name: old.name.unwrap_or_else(|| after.name.clone()),
        unit: old.unit.unwrap_or_else(|| after.unit.clone()),
        quantity: old.quantity.unwrap_or(after.quantity),
        price: old.price.unwrap_or(after.price),
        reorder_point: old.reorder_point.unwrap_or(after.reorder_point),
        attributes: old.attributes.unwrap_or(after.attributes),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    pub(crate) const BOLT: &str = r#"{"id":7,"sku":"B-7","name":"Bo\"lt","description":null,"quantity":9,"unit":"each",
        "price":"0.5000","reorder_point":10,"attributes":{"colour": "red"},"version":2}"#;

    fn change<'a>(
        operation: Operation,
        data: Option<&'a RawValue>,
        previous: Option<&'a RawValue>,
    ) -> ItemChange<'a> {
        let (whose, place) =
            ((TenantId::DEFAULT, ItemId::new(7).unwrap()), (Position::START, Timestamp::UNIX_EPOCH));
        ItemChange::read(whose, place, operation, data, previous).unwrap()
    }

    #[test]
    fn the_state_before_follows_from_the_change() {
        let (bolt, old) = (raw(BOLT), raw(r#"{"quantity":12,"price":null,"sku":null,"attributes":{}}"#));
        let update = change(Operation::Update, Some(&bolt), Some(&old));
        let (before, after) = (update.before.unwrap(), update.after.unwrap());
        assert_eq!((before.quantity, after.quantity), (Amount::whole(12), Amount::whole(9)));
        assert_eq!((before.value(Measure::Price), after.value(Measure::Price)), (None, "0.5".parse().ok()));
        assert_eq!((before.sku.as_deref(), after.sku.as_deref()), (None, Some("B-7")));
        assert_eq!((before.attributes.get(), before.reorder_point), ("{}", Some(Amount::whole(10))));
        assert_eq!((before.name.as_ref(), after.name.as_ref()), ("Bo\"lt", "Bo\"lt"));
    }

    #[test]
    fn what_is_created_was_not_there_and_what_is_deleted_is_gone() {
        let bolt = raw(BOLT);
        let created = change(Operation::Create, Some(&bolt), None);
        assert!(created.before.is_none() && created.after.is_some());
        let deleted = change(Operation::Delete, None, Some(&bolt));
        assert!(deleted.before.is_some() && deleted.after.is_none());
    }
}
