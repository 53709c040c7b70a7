//! One change as the feed carries it, serialised once for all hubs and all clients.

use std::{borrow::Cow, sync::Once};

use domain::{
    ItemId, MonitorId, Operation, Position, Topic,
    feed::{ChangeFrame, FeedEntry},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::LogEntry;

/// An entry of the window: the text of a [`FeedEntry`].
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) text: Box<str>,
}

/// Where a change is published.
fn topics(entry: &LogEntry) -> Vec<Topic> {
    match (entry.resource.as_str(), ItemId::new(entry.resource_id)) {
        ("item", Some(id)) => vec![Topic::Items, Topic::Item(id)],
        ("monitor", _) => {
            let one = MonitorId::new(entry.resource_id).map(Topic::Monitor);
            [Topic::Monitors].into_iter().chain(one).collect()
        }
        ("notification", _) => {
            let one = raised_by(entry).map(Topic::Monitor);
            [Topic::Notifications].into_iter().chain(one).collect()
        }
        // A login that was ended: hubs act on it, and no client sees it.
        ("session" | "api_key", _) => vec![Topic::Session],
        ("presence", _) => vec![Topic::Presence],
        _ => Vec::new(),
    }
}

/// Which monitor raised a notification. The table may be written by hand: what can't be read is told on the topic of all
/// of them, and is no reason to stop. One line in the log is enough: whatever writes such rows writes more of them.
fn raised_by(entry: &LogEntry) -> Option<MonitorId> {
    /// The other fields are passed over without a copy.
    #[derive(Deserialize)]
    struct Raised {
        monitor_id: i64,
    }
    static TOLD: Once = Once::new();
    let read = entry.data.as_deref().and_then(|data| serde_json::from_str::<Raised>(data.get()).ok());
    let monitor = read.and_then(|raised| MonitorId::new(raised.monitor_id));
    if monitor.is_none() {
        TOLD.call_once(|| {
            tracing::error!(log.position = %entry.position, "a notification doesn't say which monitor raised it");
        });
    }
    monitor
}

impl Entry {
    pub(crate) fn new(entry: &LogEntry) -> Result<Self, serde_json::Error> {
        let frame = ChangeFrame {
            resource: Cow::Borrowed(&entry.resource),
            id: entry.resource_id,
            position: entry.position,
            version: entry.version,
            at: entry.at,
            actor: Cow::Borrowed(&entry.actor),
            reason: entry.reason.as_deref().map(Cow::Borrowed),
            data: entry.data.as_deref(),
            previous: entry.previous.as_deref(),
        };
        let frame = RawValue::from_string(serde_json::to_string(&frame)?)?;
        let text = serde_json::to_string(&FeedEntry {
            position: entry.position,
            tenant: entry.tenant,
            op: entry.op,
            raised: entry.resource == "notification" && entry.op == Operation::Create,
            topics: topics(entry),
            key: Cow::Owned(format!("{}:{}", entry.resource, entry.resource_id)),
            at_us: entry.at.as_microsecond(),
            frame: &frame,
        })?;
        Ok(Self { position: entry.position, text: text.into_boxed_str() })
    }
}

#[cfg(test)]
mod tests {
    use domain::{TenantId, Version};
    use serde_json::{Value, json};

    use super::*;

    fn published(resource: &str, op: Operation, data: Option<&str>) -> Value {
        let entry = LogEntry {
            position: Position::new(7).unwrap(),
            tenant: TenantId::DEFAULT,
            resource: resource.to_owned(),
            resource_id: 9,
            op,
            version: Version::new(1),
            at: serde_json::from_value(json!("2026-11-22T08:30:00Z")).unwrap(),
            actor: "monitors".to_owned(),
            reason: None,
            data: data.map(|data| RawValue::from_string(data.to_owned()).unwrap()),
            previous: None,
        };
        serde_json::from_str(&Entry::new(&entry).unwrap().text).unwrap()
    }

    #[test]
    fn monitors_and_what_they_raise_have_topics_of_their_own() {
        let data = r#"{"id":9,"condition":{"monitor_id":"x"},"monitor_id":4}"#;
        for (resource, op, data, topics, raised) in [
            ("monitor", Operation::Create, Some("{}"), json!(["monitors", "monitors:9"]), Value::Null),
            ("monitor", Operation::Delete, None, json!(["monitors", "monitors:9"]), Value::Null),
            (
                "notification",
                Operation::Create,
                Some(data),
                json!(["notifications", "monitors:4"]),
                json!(true),
            ),
            (
                "notification",
                Operation::Update,
                Some(data),
                json!(["notifications", "monitors:4"]),
                Value::Null,
            ),
            ("item", Operation::Create, Some("{}"), json!(["items", "items:9"]), Value::Null),
            ("letter", Operation::Create, Some(data), json!([]), Value::Null),
        ] {
            let entry = published(resource, op, data);
            assert_eq!((&entry["topics"], &entry["raised"]), (&topics, &raised), "{entry}");
            assert_eq!(entry["key"], format!("{resource}:9"));
        }
    }

    #[test]
    fn a_notification_without_a_readable_monitor_is_told_among_all_of_them() {
        for data in [None, Some("7"), Some("{}"), Some(r#"{"monitor_id":0}"#), Some(r#"{"monitor_id":"4"}"#)]
        {
            let entry = published("notification", Operation::Create, data);
            assert_eq!(
                (&entry["topics"], &entry["raised"]),
                (&json!(["notifications"]), &json!(true)),
                "{entry}"
            );
        }
    }
}
