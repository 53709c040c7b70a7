//! What a client may say about an item: a whole one (`POST`, `PUT`) or some of its fields (`PATCH`, a JSON merge
//! patch by RFC 7396: absent keeps, null clears).

use serde_json::Value;

use crate::{
    Attributes, Description, FieldError, FieldReader, ItemId, Name, Price, Quantity, Sku, Unit,
    fields::{Given, kind},
};

/// A whole item, as `POST` creates it and `PUT` replaces it. Fields left out take their defaults.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct NewItem {
    /// Stock keeping unit, unique within the tenant.
    pub sku: Option<Sku>,
    /// What people call it. Required.
    pub name: Name,
    /// Free text.
    pub description: Option<Description>,
    /// How much there is; 0 if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, default = 0))]
    pub quantity: Quantity,
    /// What the quantity counts; `each` if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, default = "each"))]
    pub unit: Unit,
    /// What one unit costs, as a decimal string.
    pub price: Option<Price>,
    /// At or below this quantity the item counts as low.
    pub reorder_point: Option<Quantity>,
    /// The integrator's own fields; empty if left out.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub attributes: Attributes,
}

/// Some fields of an item. The outer `Option` is "was it said", the inner one "is there a value".
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields), schema(min_properties = 1))]
#[cfg_attr(feature = "openapi", schema(description = "Some fields of an item: absent keeps, null clears."))]
pub struct ItemPatch {
    /// A new sku, or null for none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Sku>))]
    pub sku: Option<Option<Sku>>,
    /// A new name.
    #[cfg_attr(feature = "openapi", schema(value_type = Name, required = false))]
    pub name: Option<Name>,
    /// A new description, or null for none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Description>))]
    pub description: Option<Option<Description>>,
    /// A new quantity.
    #[cfg_attr(feature = "openapi", schema(value_type = Quantity, required = false))]
    pub quantity: Option<Quantity>,
    /// A new unit.
    #[cfg_attr(feature = "openapi", schema(value_type = Unit, required = false))]
    pub unit: Option<Unit>,
    /// A new price, or null for none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Price>))]
    pub price: Option<Option<Price>>,
    /// A new reorder point, or null for none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Quantity>))]
    pub reorder_point: Option<Option<Quantity>>,
    /// New attributes, replacing the old object whole.
    #[cfg_attr(feature = "openapi", schema(value_type = Attributes, required = false))]
    pub attributes: Option<Attributes>,
}

impl NewItem {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let name = fields.required("name", name);
        let sku = optional(fields.take("sku", sku));
        let description = optional(fields.take("description", description));
        let stock = fields.present("quantity", quantity).unwrap_or_default();
        let unit = fields.present("unit", unit).unwrap_or_default();
        let price = optional(fields.take("price", price));
        let reorder_point = optional(fields.take("reorder_point", quantity));
        let attributes = fields.present("attributes", attributes).unwrap_or_default();
        fields.finish()?;
        let Some(name) = name else { return Err(Vec::new()) };
        Ok(Self { sku, name, description, quantity: stock, unit, price, reorder_point, attributes })
    }
}

impl ItemPatch {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer; a patch that says nothing is wrong too.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let patch = Self::read(&mut fields);
        fields.finish()?;
        if patch == Self::default() {
            let detail = "expected at least one field to change".to_owned();
            return Err(vec![FieldError { detail, pointer: String::new() }]);
        }
        Ok(patch)
    }

    /// Takes an item's fields out of an object that may say more.
    pub(crate) fn read(fields: &mut FieldReader) -> Self {
        Self {
            name: fields.present("name", name),
            sku: nullable(fields.take("sku", sku)),
            description: nullable(fields.take("description", description)),
            quantity: fields.present("quantity", quantity),
            unit: fields.present("unit", unit),
            price: nullable(fields.take("price", price)),
            reorder_point: nullable(fields.take("reorder_point", quantity)),
            attributes: fields.present("attributes", attributes),
        }
    }

    /// The item that it describes, where there is none: fields left out take their defaults.
    ///
    /// # Errors
    /// It has no name.
    pub fn into_new(self) -> Result<NewItem, FieldError> {
        let missing = || FieldError { detail: "is required of a new item".into(), pointer: "/name".into() };
        Ok(NewItem {
            name: self.name.ok_or_else(missing)?,
            sku: self.sku.flatten(),
            description: self.description.flatten(),
            quantity: self.quantity.unwrap_or_default(),
            unit: self.unit.unwrap_or_default(),
            price: self.price.flatten(),
            reorder_point: self.reorder_point.flatten(),
            attributes: self.attributes.unwrap_or_default(),
        })
    }

    /// Whether it changes nothing but the quantity.
    #[must_use]
    pub fn is_of_stock(&self) -> bool {
        *self == Self { quantity: self.quantity, ..Self::default() }
    }
}

pub(crate) fn optional<T>(given: Given<T>) -> Option<T> {
    match given {
        Given::Absent | Given::Null => None,
        Given::Value(value) => Some(value),
    }
}

pub(crate) fn nullable<T>(given: Given<T>) -> Option<Option<T>> {
    match given {
        Given::Absent => None,
        Given::Null => Some(None),
        Given::Value(value) => Some(Some(value)),
    }
}

pub(crate) fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("must be a string, not {}", kind(&other))),
    }
}

pub(crate) fn id(value: Value) -> Result<ItemId, String> {
    value.as_i64().and_then(ItemId::new).ok_or_else(|| "must be a positive integer".into())
}

pub(crate) fn name(value: Value) -> Result<Name, String> {
    Name::parse(&text(value)?).map_err(|error| error.to_string())
}

fn sku(value: Value) -> Result<Sku, String> {
    Sku::parse(&text(value)?).map_err(|error| error.to_string())
}

fn description(value: Value) -> Result<Description, String> {
    Description::parse(&text(value)?).map_err(|error| error.to_string())
}

fn unit(value: Value) -> Result<Unit, String> {
    Unit::parse(&text(value)?).map_err(|error| error.to_string())
}

pub(crate) fn price(value: Value) -> Result<Price, String> {
    match value {
        Value::Number(_) => Err("must be a decimal string such as \"12.50\", not a number".into()),
        other => Price::parse(&text(other)?).map_err(Into::into),
    }
}

pub(crate) fn quantity(value: Value) -> Result<Quantity, String> {
    match &value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Quantity::new(number).map_err(Into::into),
            (None, Some(_)) => Quantity::new(i64::MAX).map_err(Into::into),
            (None, None) => Err("must be an integer, without a fraction or an exponent".into()),
        },
        other => Err(format!("must be an integer, not {}", kind(other))),
    }
}

fn attributes(value: Value) -> Result<Attributes, String> {
    match value {
        Value::Object(object) => Attributes::new(object),
        other => Err(format!("must be an object, not {}", kind(&other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_mistakes_are_named_at_once() {
        let errors = NewItem::from_json(json!({
            "name": " ", "quantity": -1, "price": 3, "sku": 5, "attributes": [], "color/x": "red"
        }))
        .unwrap_err();
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/sku", "/quantity", "/price", "/attributes", "/color~1x"]);
    }

    #[test]
    fn a_missing_name_is_named() {
        let errors = NewItem::from_json(json!({})).unwrap_err();
        assert_eq!(errors, [FieldError { detail: "is required".into(), pointer: "/name".into() }]);
    }

    #[test]
    fn fractional_and_huge_quantities_are_refused() {
        for quantity in ["1.5", "1.0", "1e3", "9007199254740992", "18446744073709551615", "1e400"] {
            let Ok(body) = serde_json::from_str(&format!(r#"{{"name":"x","quantity":{quantity}}}"#)) else {
                continue; // 1e400 is not a JSON number for serde either
            };
            assert!(NewItem::from_json(body).is_err(), "{quantity}");
        }
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        let patch = ItemPatch::from_json(json!({"sku": null, "quantity": 3})).unwrap();
        assert_eq!(patch.sku, Some(None));
        assert_eq!(patch.price, None);
        assert_eq!(patch.quantity, Some(Quantity::new(3).unwrap()));
        assert!(ItemPatch::from_json(json!({"name": null})).is_err());
        assert!(ItemPatch::from_json(json!({})).is_err());
    }
}
