//! A monitor as it is stored and shown: the document that the database wrote, passed on byte for byte.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Monitor, MonitorId, Version};

/// A monitor's document, as the database wrote it. What is needed to name it is known; the rest is text that nobody between
/// the database and the client takes apart, so that REST shows the same bytes as the live stream.
///
/// Written as JSON it is exactly that text.
#[derive(Debug, Clone)]
pub struct MonitorDocument {
    id: MonitorId,
    version: Version,
    json: Box<RawValue>,
}

impl MonitorDocument {
    /// A document that the database wrote, with the columns that name it.
    #[must_use]
    pub const fn new(id: MonitorId, version: Version, json: Box<RawValue>) -> Self {
        Self { id, version, json }
    }

    /// Which monitor.
    #[must_use]
    pub const fn id(&self) -> MonitorId {
        self.id
    }

    /// Which of its states.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The text.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// The text, alone.
    #[must_use]
    pub fn into_json(self) -> Box<RawValue> {
        self.json
    }

    /// Takes it apart, for those who want its fields.
    ///
    /// # Errors
    /// The database holds what a [`Monitor`] can't.
    pub fn parse(&self) -> Result<Monitor, serde_json::Error> {
        serde_json::from_str(self.json())
    }
}

impl Serialize for MonitorDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

#[cfg(feature = "openapi")]
pub use described::MonitorFields;

#[cfg(feature = "openapi")]
mod described {
    #![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

    use std::borrow::Cow;

    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
    };

    use crate::{
        Amount, Condition, Measure, MonitorId, MonitorState, Name, Quantity, Schedule, Scope, Severity,
        Version,
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
}
