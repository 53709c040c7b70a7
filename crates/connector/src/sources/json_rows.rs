//! Rows of JSON. What isn't needed is passed over as it stands, and numbers stay the text that they were written as: no
//! price goes through floating point.

use std::{borrow::Cow, fmt};

use domain::Mapping;
use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::rows::{Fields, MOST_ROWS, ReadError, Reading};

/// One more than are read is enough to see that there are too many: an answer of a few bytes for each row would need many
/// times its own size.
const MOST_KEPT: u64 = MOST_ROWS + 1;

/// Hands each row to the reading.
pub(super) fn read(text: &str, mapping: &Mapping, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let document: &RawValue = serde_json::from_str(text)
        .map_err(|error| ReadError::Malformed(format!("it is not valid JSON: {error}")))?;
    let rows = descend(document, &mapping.rows)
        .ok_or_else(|| ReadError::Malformed(format!("there is nothing at {:?}", mapping.rows)))?;
    let malformed = |error: serde_json::Error| ReadError::Malformed(format!("rows can't be read: {error}"));
    match rows.get().as_bytes().first() {
        Some(b'[') => {
            let Elements(rows) = serde_json::from_str(rows.get()).map_err(malformed)?;
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

/// The elements of an array, as many as are kept.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Elements<'de>, A::Error> {
                let mut elements = Vec::new();
                for _ in 0..MOST_KEPT {
                    match access.next_element()? {
                        Some(element) => elements.push(element),
                        None => return Ok(Elements(elements)),
                    }
                }
                while access.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(elements))
            }
        }

        deserializer.deserialize_seq(Each)
    }
}

/// The members of an object in their order, as many as are kept, those that are there twice too.
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
                for _ in 0..MOST_KEPT {
                    match access.next_key()? {
                        Some(Name(name)) => members.push((name, access.next_value()?)),
                        None => return Ok(Members(members)),
                    }
                }
                while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
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

/// The last member of this name.
fn member<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    struct Named<'n>(&'n str);

    impl<'de> Visitor<'de> for Named<'_> {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(Name(name)) = access.next_key()? {
                if name == self.0 {
                    found = Some(access.next_value()?);
                } else {
                    access.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    serde_json::Deserializer::from_str(value.get()).deserialize_map(Named(name)).ok()?
}

/// The element at this place; the first is 0.
fn element(value: &RawValue, place: usize) -> Option<&RawValue> {
    struct At(usize);

    impl<'de> Visitor<'de> for At {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            for _ in 0..self.0 {
                if access.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            let found = access.next_element()?;
            while access.next_element::<IgnoredAny>()?.is_some() {}
            Ok(found)
        }
    }

    serde_json::Deserializer::from_str(value.get()).deserialize_seq(At(place)).ok()?
}

/// What a JSON pointer (RFC 6901) leads to.
fn descend<'a>(value: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    pointer.split('/').skip(1).try_fold(value, |value, token| {
        let token = token.replace("~1", "/").replace("~0", "~");
        match value.get().as_bytes().first()? {
            b'[' => element(value, token.parse().ok()?),
            _ => member(value, &token),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_shows_that_there_are_too_many_rows() {
        let most = usize::try_from(MOST_KEPT).unwrap();
        let array = format!("[{}0]", "0,".repeat(3 * most));
        let Elements(kept) = serde_json::from_str(&array).unwrap();
        assert_eq!(kept.len(), most);
        let object = format!("{{{}\"\":0}}", r#""":0,"#.repeat(3 * most));
        let Members(kept) = serde_json::from_str(&object).unwrap();
        assert_eq!(kept.len(), most);
    }

    #[test]
    fn a_pointer_leads_through_arrays_and_objects_and_names_with_slashes() {
        let document = r#"{"a":1,"a":{"b/~c":[[],[{"d":"first"},{"d":"second"}]]}}"#;
        let document: &RawValue = serde_json::from_str(document).unwrap();
        let found = |pointer: &str| descend(document, pointer).map(RawValue::get);
        assert_eq!(found("/a/b~1~0c/1/1/d"), Some(r#""second""#));
        assert_eq!(found("/a/b~1~0c/0"), Some("[]"));
        assert_eq!(found(""), Some(document.get()));
        for pointer in ["/a/b", "/a/b~1~0c/2", "/a/b~1~0c/x", "/a/b~1~0c/1/0/d/e", "/b"] {
            assert_eq!(found(pointer), None, "{pointer}");
        }
    }
}
