//! How a row of a batch looks in the OpenAPI document.

use crate::{Attributes, Description, ItemId, Name, Price, Quantity, Sku, Unit};

/// A row: which item it is about, and fields of it. Of an item that is there, absent keeps and null clears; a new one needs
/// a name.
#[derive(Debug, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRowFields {
    /// Which item, where rows are matched by id. Where they are matched by sku, it must be the id of the item that has it.
    pub id: Option<ItemId>,
    /// The sku, or null for none.
    pub sku: Option<Sku>,
    /// The name.
    #[schema(required = false)]
    pub name: Name,
    /// The description, or null for none.
    pub description: Option<Description>,
    /// The quantity.
    #[schema(required = false)]
    pub quantity: Quantity,
    /// The unit.
    #[schema(required = false)]
    pub unit: Unit,
    /// The price, or null for none.
    pub price: Option<Price>,
    /// The reorder point, or null for none.
    pub reorder_point: Option<Quantity>,
    /// The attributes, replacing the old object whole.
    #[schema(required = false)]
    pub attributes: Attributes,
}
