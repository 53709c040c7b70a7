//! An item: something that is counted, with what it is called, what it costs and how much of it there is.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Description, Name, Sku, Unit};

/// An item's id: positive, given by the database, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemId(i64);

impl ItemId {
    /// An id, or nothing for a number that no item can have.
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

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ItemId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten().and_then(Self::new).ok_or("expected a positive integer")
    }
}

/// Counts the states of one item: 1 at creation, one more with every change, the deletion included. Applying
/// changes by version is idempotent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version(i64);

impl Version {
    /// Wraps a version.
    #[must_use]
    pub const fn new(version: i64) -> Self {
        Self(version)
    }

    /// The version as Postgres stores it.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much there is: an integer from 0 to 2^53-1, the largest that every JSON reader keeps exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = i64, minimum = 0, maximum = 9_007_199_254_740_991_i64))]
pub struct Quantity(i64);

impl Quantity {
    /// 2^53-1.
    pub const MAX: i64 = (1 << 53) - 1;

    /// Checks the range.
    ///
    /// # Errors
    /// A number below 0 or above [`Quantity::MAX`].
    pub const fn new(value: i64) -> Result<Self, &'static str> {
        if value < 0 {
            Err("must not be negative")
        } else if value > Self::MAX {
            Err("must be at most 9007199254740991 (2^53-1)")
        } else {
            Ok(Self(value))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = &'static str;

    fn try_from(value: i64) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

/// What one unit costs: a decimal from 0 to 999999999999999.9999 with at most 4 places, no currency. Written as
/// a string with exactly 4 places, so that no reader rounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^\d{1,15}(\.\d{1,4})?$", example = "12.5000"))]
pub struct Price(Decimal);

impl Price {
    const PLACES: u32 = 4;
    const MAX_WHOLE_DIGITS: usize = 15;

    /// Reads `12`, `12.5` or `12.5000`; nothing with a sign, an exponent or spaces.
    ///
    /// # Errors
    /// Anything else, more than 4 places, or more than 15 digits before the point.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be a decimal string such as \"12.50\", not negative, with at most 4 places";
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > Self::PLACES as usize {
            return Err(FORM);
        }
        if whole.trim_start_matches('0').len() > Self::MAX_WHOLE_DIGITS {
            return Err("must be at most 999999999999999.9999");
        }
        Decimal::from_str_exact(text).map(Self::from_stored).map_err(|_| FORM)
    }

    /// The decimal, with a scale of 4.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }

    fn from_stored(mut value: Decimal) -> Self {
        value.rescale(Self::PLACES);
        Self(value)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Price {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Price> for String {
    fn from(price: Price) -> Self {
        price.to_string()
    }
}

/// An integrator's own fields: a JSON object of at most 16 KiB as Postgres writes it, no NUL characters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, Value>))]
pub struct Attributes(Map<String, Value>);

impl Attributes {
    /// 16 KiB.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// Postgres reads nested JSON by recursion; nobody needs more.
    const MAX_DEPTH: usize = 32;

    /// Checks size, depth and characters.
    ///
    /// # Errors
    /// Too large, nested too deep, or with a NUL character anywhere.
    pub fn new(object: Map<String, Value>) -> Result<Self, String> {
        let value = Value::Object(object);
        check_attribute(&value, 0)?;
        let bytes = stored_length(&value);
        let Value::Object(object) = value else { return Err("must be an object".into()) };
        if bytes > Self::MAX_BYTES {
            return Err(format!("must have at most {} bytes as JSON, has {bytes}", Self::MAX_BYTES));
        }
        Ok(Self(object))
    }

    /// The object.
    #[must_use]
    pub const fn get(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The length of Postgres' text form, which puts a space behind every colon and comma.
pub(crate) fn stored_length(value: &Value) -> usize {
    let separators = |n: usize| n.saturating_sub(1) * 2;
    match value {
        Value::Array(items) => 2 + separators(items.len()) + items.iter().map(stored_length).sum::<usize>(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                stored_length(&Value::String(key.clone())) + 2 + stored_length(value)
            };
            2 + separators(fields.len()) + fields.iter().map(field).sum::<usize>()
        }
        scalar => scalar.to_string().len(),
    }
}

fn check_attribute(value: &Value, depth: usize) -> Result<(), String> {
    if depth > Attributes::MAX_DEPTH {
        return Err(format!("must not be nested deeper than {}", Attributes::MAX_DEPTH));
    }
    let nul = || Err("must not contain the NUL character".to_owned());
    match value {
        Value::String(text) if text.contains('\0') => nul(),
        Value::Array(items) => items.iter().try_for_each(|item| check_attribute(item, depth + 1)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, field)| {
            if key.contains('\0') { nul() } else { check_attribute(field, depth + 1) }
        }),
        _ => Ok(()),
    }
}

/// An item as every reader sees it: REST, snapshots, history and the live stream carry the same document. They carry
/// it as an [`ItemDocument`](crate::ItemDocument); this is what a reader takes it apart into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item {
    /// Given by the database, never used twice.
    pub id: ItemId,
    /// Stock keeping unit, unique within the tenant.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sku: Option<Sku>,
    /// What people call it.
    pub name: Name,
    /// Free text.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub description: Option<Description>,
    /// How much there is, in `unit`s.
    pub quantity: Quantity,
    /// What the quantity counts.
    pub unit: Unit,
    /// What one unit costs; 4 places, no currency.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub price: Option<Price>,
    /// At or below this quantity the item counts as low.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reorder_point: Option<Quantity>,
    /// The integrator's own fields.
    pub attributes: Attributes,
    /// One more with every change; the ETag.
    pub version: Version,
    /// When it was created.
    #[serde(serialize_with = "in_microseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(serialize_with = "in_microseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}

/// As the database writes it, always with six places: an item's document is the same text wherever it comes from.
fn in_microseconds<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_and_strict() {
        assert_eq!(Price::parse("12.5").unwrap().to_string(), "12.5000");
        assert_eq!(Price::parse("0").unwrap().to_string(), "0.0000");
        assert_eq!(Price::parse("999999999999999.9999").unwrap().to_string(), "999999999999999.9999");
        for text in
            ["", ".", "-1", "+1", "1.", ".5", "1.23456", "1e3", " 1", "1000000000000000", "0x1", "NaN"]
        {
            assert!(Price::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_end_where_json_numbers_do() {
        assert!(Quantity::new(-1).is_err());
        assert!(Quantity::new(0).is_ok());
        assert!(Quantity::new(9_007_199_254_740_991).is_ok());
        assert!(Quantity::new(9_007_199_254_740_992).is_err());
    }

    #[test]
    fn attributes_are_measured_as_postgres_writes_them() {
        let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        assert_eq!(
            stored_length(&Value::Object(object(r#"{"a":1,"b":[1,2]}"#))),
            r#"{"a": 1, "b": [1, 2]}"#.len()
        );
        assert!(Attributes::new(object(r#"{"a":"x\u0000"}"#)).is_err());
        assert!(Attributes::new(object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024)))).is_err());
    }

    #[test]
    fn a_document_is_the_same_text_here_and_in_the_database() {
        let document = r#"{"id":1,"sku":null,"name":"Bolt","description":null,"quantity":0,"unit":"each","price":"0.5000","reorder_point":null,"attributes":{},"version":1,"created_at":"2026-11-22T01:21:07.420000Z","updated_at":"2026-11-22T01:21:07.000000Z"}"#;
        let item: Item = serde_json::from_str(document).unwrap();
        assert_eq!(serde_json::to_string(&item).unwrap(), document);
    }

    #[test]
    fn ids_are_plain_positive_integers() {
        assert_eq!("7".parse(), Ok(ItemId(7)));
        for text in ["", "0", "-1", "+1", "1.0", "9223372036854775808", "x"] {
            assert!(text.parse::<ItemId>().is_err(), "{text}");
        }
    }
}
