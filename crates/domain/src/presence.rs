//! Who is connected: what a hub tells inventory-api of it, and someone who is there as clients see it.
//!
//! A hub tells in numbered reports, one at a time, and says one again with the same number until it is answered. So
//! whoever takes them knows a report that comes twice, and that one is missing. Each report names only what has changed;
//! a whole list, in several reports if it is long, begins anew.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::TenantId;

/// Someone of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantActor {
    /// Whose.
    pub tenant: TenantId,
    /// `user:7` or `key:3`.
    pub actor: String,
}

/// What a hub tells inventory-api (`POST /internal/v1/presence`): who has come and gone since its report before, and
/// that the hub lives. Fields that a reader doesn't know are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceReport {
    /// Made at the hub's start.
    pub hub: Uuid,
    /// Counts the hub's reports, from 1.
    pub number: i64,
    /// The hub is gone if no other report follows within this time, in milliseconds.
    pub lasts_ms: u32,
    /// The report is a part of a whole list; this is the number of its first part. That one takes the place of whatever
    /// was known, whichever number comes before.
    pub whole: Option<i64>,
    /// The last part of a whole list: who was named in none of its parts isn't connected.
    pub done: bool,
    /// Who is connected.
    pub here: Vec<TenantActor>,
    /// Who isn't any more.
    pub gone: Vec<TenantActor>,
}

impl PresenceReport {
    /// The most people in a report, here and gone together: some 35 KB.
    pub const MOST: usize = 500;

    /// Whether it begins a whole list.
    #[must_use]
    pub fn begins_anew(&self) -> bool {
        self.whole == Some(self.number)
    }
}

/// Someone who is connected, as the database wrote it; passed on byte for byte, like an item.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct PersonDocument(Box<RawValue>);

impl PersonDocument {
    /// A document that the database wrote.
    #[must_use]
    pub const fn new(json: Box<RawValue>) -> Self {
        Self(json)
    }

    /// The text.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written_and_may_say_more() {
        let report = PresenceReport {
            hub: Uuid::from_u128(7),
            number: 3,
            lasts_ms: 15_000,
            whole: Some(3),
            done: false,
            here: vec![TenantActor { tenant: TenantId::DEFAULT, actor: "user:7".into() }],
            gone: Vec::new(),
        };
        let mut value = serde_json::to_value(&report).unwrap();
        assert_eq!(value["here"], serde_json::json!([{"tenant": 1, "actor": "user:7"}]));
        value["later"] = true.into();
        assert_eq!(serde_json::from_value::<PresenceReport>(value).unwrap(), report);
        assert!(report.begins_anew() && !PresenceReport { number: 4, ..report }.begins_anew());
    }
}
