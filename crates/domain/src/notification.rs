//! What monitors raised, as clients see it, and what is muted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, value::RawValue};

use crate::{Measure, Severity, Version};

/// What a monitor raised: the fields of its document, for those who want them. Values are integers for a quantity, and
/// decimals as strings for a price.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notification {
    /// Its id; of two, the newer one has the greater id.
    pub id: i64,
    /// Which monitor raised it; it may be gone.
    pub monitor_id: i64,
    /// The monitor's name at that time.
    pub monitor_name: String,
    /// About which item; it may be gone.
    pub item_id: i64,
    /// The item's sku at that time.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub item_sku: Option<String>,
    /// The item's name at that time.
    pub item_name: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at.
    pub measure: Measure,
    /// The monitor's condition at that time.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::Condition))]
    pub condition: Value,
    /// The value that met it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub value: Value,
    /// The value before, if there was one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub previous_value: Value,
    /// What the value was compared with.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub threshold: Value,
    /// What a percentage was reckoned from.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::Amount>, required))]
    pub reference: Value,
    /// In words.
    pub message: String,
    /// Where in the log the change is that did it.
    pub change_position: i64,
    /// When that change was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub change_at: Timestamp,
    /// Whether it was muted when it was raised.
    pub muted: bool,
    /// When somebody first said that they see to it.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub acknowledged_at: Option<Timestamp>,
    /// Who that was: `user:7`.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub acknowledged_by: Option<String>,
    /// What was said about it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub note: Option<String>,
    /// Which of its states: 1 when it was raised.
    pub version: Version,
    /// When it was raised.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Whether you have read it. The live stream doesn't say.
    pub read: bool,
}

/// A notification as the database wrote it, and whether whoever asks has read it. The live stream has the same document
/// without that: it is the same for everybody.
#[derive(Debug, Clone)]
pub struct NotificationDocument {
    id: i64,
    json: Box<RawValue>,
}

impl NotificationDocument {
    /// From the document that the database wrote, an object with some fields.
    ///
    /// # Errors
    /// It is no such object.
    pub fn new(id: i64, document: &str, read: bool) -> Result<Self, serde_json::Error> {
        let fields = document.strip_suffix('}').unwrap_or_default();
        Ok(Self { id, json: RawValue::from_string(format!(r#"{fields},"read":{read}}}"#))? })
    }

    /// Which one.
    #[must_use]
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// The text.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }
}

impl Serialize for NotificationDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

/// How many of the newest there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotificationCount {
    /// All of them.
    pub total: i64,
    /// Of the severity `info`.
    pub info: i64,
    /// Of the severity `warning`.
    pub warning: i64,
    /// Of the severity `critical`.
    pub critical: i64,
    /// Whether older ones weren't looked at, so that there may be more.
    pub more: bool,
}

/// What is muted: a monitor, an item, or a monitor about an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mute {
    /// Its id.
    pub id: i64,
    /// Of this monitor; of any, if null.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub monitor_id: Option<i64>,
    /// About this item; about any, if null.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub item_id: Option<i64>,
    /// When it ends by itself, if it does.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub note: Option<String>,
    /// Who made it: `user:7`.
    pub created_by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_passed_on_as_it_was_with_what_the_reader_has_done() {
        let document = NotificationDocument::new(7, r#"{"id":7, "value":1.50}"#, true).unwrap();
        assert_eq!(serde_json::to_string(&document).unwrap(), r#"{"id":7, "value":1.50,"read":true}"#);
        for broken in ["", "7", "[]", "{}", "null"] {
            assert!(NotificationDocument::new(7, broken, false).is_err(), "{broken}");
        }
    }
}
