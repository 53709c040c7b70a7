//! What is sent through a channel, in both forms: the body of a webhook, and a letter.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use store::DueDelivery;

use crate::mail::Letter;

/// A subject is cut here: mail programs show less.
const MOST_SUBJECT_CHARACTERS: usize = 150;

/// A message, the same with every try.
#[derive(Debug, Clone)]
pub struct Message {
    /// By which a receiver knows it again.
    pub(crate) id: String,
    kind: &'static str,
    at: Timestamp,
    data: Box<RawValue>,
}

/// What a webhook's body holds (Standard Webhooks, "Payload structure").
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: &'a RawValue,
}

impl Message {
    /// What a delivery is about.
    #[must_use]
    pub fn of(due: &DueDelivery) -> Self {
        Self {
            id: format!("delivery-{}", due.id),
            kind: "notification.raised",
            at: due.raised_at,
            data: due.document.clone(),
        }
    }

    /// One that says only that a channel works.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn test(channel: i64, now: Timestamp) -> Result<Self, getrandom::Error> {
        let data = json!({"channel_id": channel, "message": "This is a test. Nothing was raised."});
        let id = format!("test-{:016x}", getrandom::u64()?);
        let data = to_raw_value(&data).unwrap_or_else(|_| unreachable!("an object is JSON"));
        Ok(Self { id, kind: "channel.test", at: now, data })
    }

    /// The body of a webhook.
    pub(crate) fn body(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Body { r#type: self.kind, timestamp: self.at, data: &self.data })
    }

    /// The letter, with a link that begins with `public_url`, if people reach the service anywhere.
    pub(crate) fn letter(&self, public_url: Option<&str>) -> serde_json::Result<Letter> {
        let document: Value = serde_json::from_str(self.data.get())?;
        let shown = |field: &str| shown(&document[field]);
        let id = Some(self.id.clone());
        let Some(item) = shown("item_name") else {
            let text = format!("{}\n", shown("message").unwrap_or_default());
            return Ok(Letter { subject: "[test] A channel of Stockwire".to_owned(), text, id });
        };
        let (severity, monitor) =
            (shown("severity").unwrap_or_default(), shown("monitor_name").unwrap_or_default());
        let subject = format!("[{severity}] {item}: {monitor}");
        let subject = subject.chars().take(MOST_SUBJECT_CHARACTERS).collect();
        let measure = shown("measure").unwrap_or_default();
        let lines = [
            ("Item", Some(shown("item_sku").map_or_else(|| item.clone(), |sku| format!("{item} ({sku})")))),
            ("Monitor", Some(monitor)),
            ("Severity", Some(severity)),
            (measure.as_str(), shown("value")),
            ("before", shown("previous_value")),
            ("threshold", shown("threshold")),
            ("reckoned from", shown("reference")),
            ("Changed at", shown("change_at")),
            ("Raised at", Some(self.at.to_string())),
        ];
        let mut text = format!("{}\n\n", shown("message").unwrap_or_default());
        for (name, value) in lines {
            if let Some(value) = value {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        if let (Some(base), Some(id)) = (public_url, shown("id")) {
            text.push_str(&format!("\n{}/api/v1/notifications/{id}\n", base.trim_end_matches('/')));
        }
        Ok(Letter { subject, text, id })
    }
}

/// A value as people read it; nothing for null.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &Value) -> Message {
        Message {
            id: "delivery-7".into(),
            kind: "notification.raised",
            at: "2026-11-22T08:30:00Z".parse().unwrap(),
            data: to_raw_value(data).unwrap(),
        }
    }

    #[test]
    fn a_body_holds_the_notification_as_it_stands() {
        let body = message(&json!({"id": 5, "value": 3})).body().unwrap();
        let expected =
            r#"{"type":"notification.raised","timestamp":"2026-11-22T08:30:00Z","data":{"id":5,"value":3}}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn a_letter_says_what_happened_and_where_to_read_on() {
        let data = json!({
            "id": 5, "item_name": "Bolt", "item_sku": "B-1", "monitor_name": "Low", "severity": "critical",
            "measure": "quantity", "value": 3, "previous_value": null, "threshold": 10, "message": "Bolt is low",
            "change_at": "2026-11-22T08:29:59Z"
        });
        let letter = message(&data).letter(Some("https://stock.example/")).unwrap();
        assert_eq!(letter.subject, "[critical] Bolt: Low");
        for line in ["Bolt is low", "Item: Bolt (B-1)", "quantity: 3", "threshold: 10"] {
            assert!(letter.text.lines().any(|found| found == line), "{line}: {}", letter.text);
        }
        assert!(letter.text.ends_with("\nhttps://stock.example/api/v1/notifications/5\n"), "{}", letter.text);
        assert!(!letter.text.contains("before"), "{}", letter.text);
        assert!(!message(&data).letter(None).unwrap().text.contains("http"));
    }

    #[test]
    fn a_test_says_that_it_is_one() {
        let test = Message::test(3, Timestamp::UNIX_EPOCH).unwrap();
        assert!(test.body().unwrap().starts_with(r#"{"type":"channel.test","#));
        let letter = test.letter(Some("https://stock.example")).unwrap();
        assert!(letter.subject.starts_with("[test]") && letter.text.contains("a test"), "{letter:?}");
        assert_ne!(Message::test(3, Timestamp::UNIX_EPOCH).unwrap().id, test.id);
    }
}
