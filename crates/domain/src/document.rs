//! Something as it is stored and shown: the document that the database wrote, passed on byte for byte.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Item, Monitor, MonitorId, Version};

/// A document, as the database wrote it. What is needed to name it is known; the rest is text that nobody
/// between the database and the client takes apart, so that REST shows the same bytes as history and the live stream,
/// and a row that a direct writer made and our parsers would refuse is shown like any other.
///
/// Written as JSON it is exactly that text.
#[derive(Debug, Clone)]
pub struct Document<Id> {
    id: Id,
    version: Version,
    json: Box<RawValue>,
}

/// An item's. Its id is what an [`ItemId`](crate::ItemId) holds, unless somebody wrote past the identity column.
pub type ItemDocument = Document<i64>;

/// A monitor's.
pub type MonitorDocument = Document<MonitorId>;

impl<Id: Copy> Document<Id> {
    /// A document that the database wrote, with the columns that name it.
    #[must_use]
    pub const fn new(id: Id, version: Version, json: Box<RawValue>) -> Self {
        Self { id, version, json }
    }

    /// Of which.
    #[must_use]
    pub const fn id(&self) -> Id {
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
}

impl ItemDocument {
    /// Takes it apart, for those who want its fields.
    ///
    /// # Errors
    /// The database holds what an [`Item`] can't.
    pub fn parse(&self) -> Result<Item, serde_json::Error> {
        serde_json::from_str(self.json())
    }
}

impl MonitorDocument {
    /// Takes it apart, for those who want its fields.
    ///
    /// # Errors
    /// The database holds what a [`Monitor`] can't.
    pub fn parse(&self) -> Result<Monitor, serde_json::Error> {
        serde_json::from_str(self.json())
    }
}

impl<Id> Serialize for Document<Id> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_database_wrote_is_passed_on_and_parsed_only_on_request() {
        let (open, close) = ("[".repeat(5000), "]".repeat(5000));
        let json = format!(r#"{{"id":7, "b":1e400,"a":1.50,"name":"\t","deep":{open}{close}}}"#);
        let document = ItemDocument::new(7, Version::new(3), RawValue::from_string(json.clone()).unwrap());
        assert_eq!(serde_json::to_string(&[&document]).unwrap(), format!("[{json}]"));
        assert!(document.parse().is_err());
    }
}
