//! A monitor's document, described for readers of the API.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use crate::{
    Amount, Condition, Measure, MonitorId, MonitorState, Name, Quantity, Schedule, Scope, Severity, Version,
};

/// A monitor: what somebody asks to be told, and about which items.
#[derive(Debug, ToSchema)]
#[schema(as = Monitor)]
pub struct MonitorFields {
    /// Given by the database, never used twice.
    pub id: MonitorId,
    /// What people call it.
    pub name: Name,
    /// `reorder_point` for the one that every tenant has: it can't be deleted, and looks at what it looks at.
    #[schema(required)]
    pub built_in: Option<String>,
    /// Which items.
    pub scope: Scope,
    /// What of them is looked at.
    pub measure: Measure,
    /// When it tells.
    pub condition: Condition,
    /// How far a value must come back before the condition can be met anew: in the measure's unit, or in percentage
    /// points for `rises_by` and `falls_by`.
    pub hysteresis: Amount,
    /// Whether items that meet the condition when it starts are told of, too.
    pub notify_existing: bool,
    /// How much it matters.
    pub severity: Severity,
    /// Template of the message; null for the usual words.
    #[schema(required)]
    pub message: Option<String>,
    /// At least so many seconds lie between two notifications about one item.
    pub cooldown_seconds: u32,
    /// When it may notify; null for always.
    #[schema(required)]
    pub schedule: Option<Schedule>,
    /// Ids of the channels that are told besides the live stream.
    pub channels: Vec<i64>,
    /// Whether it watches.
    pub state: MonitorState,
    /// One more with every change; the ETag.
    pub version: Version,
    /// Who made it: `user:<id>`, `key:<id>`, or whoever wrote past the API.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: String,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: String,
}

/// An integer for a quantity, a decimal string for a price or a percentage.
impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let whole = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(Quantity::MAX))
            .description(Some("Of the quantity."));
        let decimal = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^\d{1,15}(\.\d{1,4})?$"))
            .description(Some("Of the price, or a percentage."));
        OneOfBuilder::new().item(whole).item(decimal).into()
    }
}

impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}
