//! What a client may say about which items a monitor looks at.

use serde_json::Value;

use crate::{FieldReader, ItemId, Scope, Sku, fields::kind, item::stored_length, item_input::text};

/// The most bytes that a scope may have as Postgres writes it.
const MAX_BYTES: usize = 4096;

/// The most characters of an attribute's name.
const MOST_NAME_CHARACTERS: usize = 200;

/// Reads a scope. `None` means that errors were recorded.
pub(crate) fn read_scope(fields: &mut FieldReader) -> Option<Scope> {
    let Some(word) = fields.required("kind", known) else {
        fields.pass_over();
        return None;
    };
    match word {
        Word::Item => fields.required("item_id", item).map(|item_id| Scope::Item { item_id }),
        Word::All => Some(Scope::All {}),
        Word::SkuPrefix => {
            let prefix = fields.required("prefix", |value| characters(value, Sku::MAX_CHARACTERS));
            prefix.map(|prefix| Scope::SkuPrefix { prefix })
        }
        Word::Attribute => attribute(fields),
    }
}

#[derive(Clone, Copy)]
enum Word {
    Item,
    All,
    SkuPrefix,
    Attribute,
}

fn known(value: Value) -> Result<Word, String> {
    match text(value)?.as_str() {
        "item" => Ok(Word::Item),
        "all" => Ok(Word::All),
        "sku_prefix" => Ok(Word::SkuPrefix),
        "attribute" => Ok(Word::Attribute),
        _ => Err("must be item, all, sku_prefix or attribute".into()),
    }
}

fn attribute(fields: &mut FieldReader) -> Option<Scope> {
    let name = fields.required("name", |value| characters(value, MOST_NAME_CHARACTERS));
    // Null is a value here: that of an attribute that is there and null.
    let value = fields.required_or_null("value", scalar);
    let scope = Scope::Attribute { name: name?, value: value?.unwrap_or(Value::Null) };
    let bytes = serde_json::to_value(&scope).map_or(usize::MAX, |document| stored_length(&document));
    if bytes > MAX_BYTES {
        fields.error("value", format!("makes the scope too long: it may have {MAX_BYTES} bytes as JSON"));
        return None;
    }
    Some(scope)
}

fn item(value: Value) -> Result<ItemId, String> {
    let id = value.as_i64().and_then(ItemId::new);
    id.ok_or_else(|| "must be an item's id, an integer from 1 to 9223372036854775807".into())
}

fn scalar(value: Value) -> Result<Value, String> {
    match &value {
        Value::String(text) if text.contains('\0') => Err("must not contain the NUL character".into()),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("must be a string, a number, true, false or null, not {}", kind(&value)))
        }
        _ => Ok(value),
    }
}

/// Text that is compared as it is, and so not trimmed.
fn characters(value: Value, most: usize) -> Result<String, String> {
    let text = text(value)?;
    let has = text.chars().count();
    if text.contains('\0') {
        Err("must not contain the NUL character".into())
    } else if has == 0 {
        Err("must not be empty".into())
    } else if has > most {
        Err(format!("must have at most {most} characters, has {has}"))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(scope: Value) -> Result<Scope, Vec<String>> {
        let mut fields = FieldReader::new(json!({})).unwrap();
        let read = fields.nested("scope", scope, read_scope);
        fields
            .finish()
            .map_err(|errors| errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>())?;
        Ok(read.unwrap())
    }

    #[test]
    fn every_scope_is_read_as_it_is_written() {
        for scope in [
            json!({"kind": "item", "item_id": 7}),
            json!({"kind": "all"}),
            json!({"kind": "sku_prefix", "prefix": "B-"}),
            json!({"kind": "attribute", "name": "colour", "value": "red"}),
            json!({"kind": "attribute", "name": "sold", "value": null}),
        ] {
            assert_eq!(serde_json::to_value(read(scope.clone()).unwrap()).unwrap(), scope);
        }
    }

    #[test]
    fn what_is_no_scope_is_named() {
        for (scope, pointers) in [
            (json!([]), vec!["/scope"]),
            (json!({}), vec!["/scope/kind"]),
            (json!({"kind": "items", "prefix": "B-"}), vec!["/scope/kind"]),
            (json!({"kind": "all", "item_id": 7}), vec!["/scope/item_id"]),
            (json!({"kind": "item", "item_id": 0, "x": 1}), vec!["/scope/item_id", "/scope/x"]),
            (json!({"kind": "item", "item_id": "7"}), vec!["/scope/item_id"]),
            (json!({"kind": "sku_prefix", "prefix": "x".repeat(65)}), vec!["/scope/prefix"]),
            (json!({"kind": "sku_prefix", "prefix": "a\0"}), vec!["/scope/prefix"]),
            (json!({"kind": "attribute"}), vec!["/scope/name", "/scope/value"]),
            (json!({"kind": "attribute", "name": "a", "value": []}), vec!["/scope/value"]),
            (json!({"kind": "attribute", "name": "a", "value": "x".repeat(4096)}), vec!["/scope/value"]),
        ] {
            assert_eq!(read(scope.clone()).unwrap_err(), pointers, "{scope}");
        }
    }
}
