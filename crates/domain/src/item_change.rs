//! A change of an item and the old values of its fields, described for readers of the API.

use utoipa::ToSchema;

use crate::{
    Attributes, Description, Item, ItemId, Name, Operation, Position, Price, Quantity, Sku, Unit, Version,
};

/// An entry of an item's history.
#[derive(Debug, ToSchema)]
pub struct ItemChange {
    /// Its place in the log; null for the instant between commit and ordering.
    #[schema(required)]
    pub position: Option<Position>,
    /// Always `item`.
    pub resource: String,
    /// Which one.
    pub id: ItemId,
    /// What happened.
    pub op: Operation,
    /// The version that this change made.
    pub version: Version,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: String,
    /// Who: `user:…`, `key:…`, `anonymous`, or `db:<role>` for a writer that didn't say.
    pub actor: String,
    /// Why, in the writer's words.
    #[schema(required)]
    pub reason: Option<String>,
    /// The request that made it.
    #[schema(required)]
    pub request_id: Option<String>,
    /// The item after the change; null after a deletion.
    #[schema(required)]
    pub data: Option<Item>,
    /// The old values of the fields that changed, `version` and `updated_at` aside; the whole item for a deletion; null
    /// for a creation.
    #[schema(required)]
    pub previous: Option<OldValues>,
}

/// Fields of an item as they were before a change: those that it changed, or all of them where it deleted the item.
#[derive(Debug, ToSchema)]
pub struct OldValues {
    /// Only of a deleted item.
    #[schema(value_type = ItemId, required = false)]
    pub id: Option<ItemId>,
    /// Stock keeping unit.
    pub sku: Option<Sku>,
    /// What people called it.
    #[schema(value_type = Name, required = false)]
    pub name: Option<Name>,
    /// Free text.
    pub description: Option<Description>,
    /// How much there was.
    #[schema(value_type = Quantity, required = false)]
    pub quantity: Option<Quantity>,
    /// What the quantity counted.
    #[schema(value_type = Unit, required = false)]
    pub unit: Option<Unit>,
    /// What one unit cost.
    pub price: Option<Price>,
    /// At or below this quantity the item counted as low.
    pub reorder_point: Option<Quantity>,
    /// The integrator's own fields.
    #[schema(value_type = Attributes, required = false)]
    pub attributes: Option<Attributes>,
    /// Only of a deleted item.
    #[schema(value_type = Version, required = false)]
    pub version: Option<Version>,
    /// Only of a deleted item.
    #[schema(value_type = String, format = DateTime, required = false)]
    pub created_at: Option<String>,
    /// Only of a deleted item.
    #[schema(value_type = String, format = DateTime, required = false)]
    pub updated_at: Option<String>,
}
