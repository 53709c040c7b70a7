//! One change as the feed carries it, serialised once for all hubs and all clients.

use std::borrow::Cow;

use domain::{
    ItemId, Position, Topic,
    feed::{ChangeFrame, FeedEntry},
};
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
        // A login that was ended: hubs act on it, and no client sees it.
        ("session" | "api_key", _) => vec![Topic::Session],
        ("presence", _) => vec![Topic::Presence],
        _ => Vec::new(),
    }
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
            topics: topics(entry),
            key: Cow::Owned(format!("{}:{}", entry.resource, entry.resource_id)),
            at_us: entry.at.as_microsecond(),
            frame: &frame,
        })?;
        Ok(Self { position: entry.position, text: text.into_boxed_str() })
    }
}
