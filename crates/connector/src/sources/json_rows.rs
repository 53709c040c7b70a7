//! Rows of JSON. What isn't needed is passed over as it stands, and numbers stay the text that they were written as: no
//! price goes through floating point.

use std::{borrow::Cow, collections::HashMap, fmt};

use domain::Mapping;
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::rows::{Fields, ReadError, Reading};

type Object<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// Hands each row to the reading.
pub(super) fn read(text: &str, mapping: &Mapping, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let document: &RawValue = serde_json::from_str(text)
        .map_err(|error| ReadError::Malformed(format!("it is not valid JSON: {error}")))?;
    let rows = descend(document, &mapping.rows)
        .ok_or_else(|| ReadError::Malformed(format!("there is nothing at {:?}", mapping.rows)))?;
    let malformed = |error: serde_json::Error| ReadError::Malformed(format!("rows can't be read: {error}"));
    match rows.get().as_bytes().first() {
        Some(b'[') => {
            let rows: Vec<&RawValue> = serde_json::from_str(rows.get()).map_err(malformed)?;
            rows.into_iter().try_for_each(|row| reading.take(fields(mapping, None, row)))
        }
        Some(b'{') => {
            let Members(rows) = serde_json::from_str(rows.get()).map_err(malformed)?;
            rows.into_iter().try_for_each(|(name, row)| reading.take(fields(mapping, Some(&name), row)))
        }
        _ => {
            let place = if mapping.rows.is_empty() { "the document" } else { &mapping.rows };
            Err(ReadError::Malformed(format!("{place} is neither an array nor an object of rows")))
        }
    }
}

/// The members of an object in their order, those that are there twice too.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = access.next_key()? {
                    members.push((name, access.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

/// A member's name, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

fn fields(mapping: &Mapping, name: Option<&str>, row: &RawValue) -> Result<Fields, String> {
    let key = match &mapping.item.field {
        Some(field) => scalar(row, field)?,
        None => name.map(ToOwned::to_owned),
    };
    let optional = |field: &Option<String>| match field {
        Some(field) => scalar(row, field),
        None => Ok(None),
    };
    if !row.get().starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    Ok(Fields { key, quantity: optional(&mapping.quantity)?, price: optional(&mapping.price)? })
}

/// The text of a string or number in a field; nothing for null, and for a field that isn't there.
fn scalar(row: &RawValue, field: &str) -> Result<Option<String>, String> {
    let found = if field.starts_with('/') { descend(row, field) } else { member(row, field) };
    let Some(found) = found else { return Ok(None) };
    let text = match found.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(found.get()).map_err(|error| error.to_string())?,
        Some(b'-' | b'0'..=b'9') => found.get().to_owned(),
        Some(b'n') => return Ok(None),
        _ => return Err(format!("{field} is neither a string nor a number")),
    };
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

fn member<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let object: Object<'_> = serde_json::from_str(value.get()).ok()?;
    object.get(name).copied()
}

/// What a JSON pointer (RFC 6901) leads to.
fn descend<'a>(value: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    pointer.split('/').skip(1).try_fold(value, |value, token| {
        let token = token.replace("~1", "/").replace("~0", "~");
        match value.get().as_bytes().first()? {
            b'[' => {
                let values: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                values.get(token.parse::<usize>().ok()?).copied()
            }
            _ => member(value, &token),
        }
    })
}
