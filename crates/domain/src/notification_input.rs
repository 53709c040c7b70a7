//! What a client may say about notifications: that it has read them, that somebody sees to them, and what is muted.

use jiff::Timestamp;
use serde_json::Value;

use crate::{FieldError, FieldReader, ItemId, MonitorId, fields::Given, text::Note, user_input::text};

/// That everything up to one was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct ReadUpTo {
    /// The last one that was read. Required.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub up_to: i64,
}

/// That somebody sees to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct Acknowledgement {
    /// What they say about it: absent keeps what was said before, null takes it back.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2000))]
    pub note: Option<Option<Note>>,
}

/// What shall be muted: a monitor, an item, or, with both, a monitor about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct NewMute {
    /// Which monitor.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, required = false, minimum = 1))]
    pub monitor_id: Option<MonitorId>,
    /// Which item.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, required = false, minimum = 1))]
    pub item_id: Option<ItemId>,
    /// When it ends by itself; never, if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = false, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2000))]
    pub note: Option<Note>,
}

/// What of a notification is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(rename_all = "snake_case"))]
pub enum MuteOf {
    /// Its monitor about its item.
    #[default]
    Pair,
    /// Its monitor about all items.
    Monitor,
    /// Its item, whatever looks at it.
    Item,
}

/// That more like a notification shall be muted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct MuteLikeThis {
    /// What is muted: `pair`, its monitor about its item, if left out; `monitor`; or `item`.
    #[cfg_attr(feature = "openapi", schema(value_type = MuteOf, required = false))]
    pub of: MuteOf,
    /// When it ends by itself; never, if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = false, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2000))]
    pub note: Option<Note>,
}

impl ReadUpTo {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let up_to = fields.required("up_to", id);
        fields.finish()?;
        let Some(up_to) = up_to else { return Err(Vec::new()) };
        Ok(Self { up_to })
    }
}

impl Acknowledgement {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let note = match fields.take("note", note) {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(note) => Some(Some(note)),
        };
        fields.finish()?;
        Ok(Self { note })
    }
}

impl NewMute {
    /// Reads a request's body that comes at this time.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let monitor_id = optional(&mut fields, "monitor_id", |value| {
            MonitorId::new(id(value)?).ok_or_else(|| POSITIVE.to_owned())
        });
        let item_id = optional(&mut fields, "item_id", |value| {
            ItemId::new(id(value)?).ok_or_else(|| POSITIVE.to_owned())
        });
        let until = optional(&mut fields, "until", |value| end(&value, now));
        let note = optional(&mut fields, "note", note);
        fields.finish()?;
        if monitor_id.is_none() && item_id.is_none() {
            let detail = "expected monitor_id, item_id or both".to_owned();
            return Err(vec![FieldError { detail, pointer: String::new() }]);
        }
        Ok(Self { monitor_id, item_id, until, note })
    }
}

impl MuteLikeThis {
    /// Reads a request's body that comes at this time.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let read = Self {
            of: fields.present("of", mute_of).unwrap_or_default(),
            until: optional(&mut fields, "until", |value| end(&value, now)),
            note: optional(&mut fields, "note", note),
        };
        fields.finish()?;
        Ok(read)
    }
}

const POSITIVE: &str = "must be an integer from 1 to 9223372036854775807";

/// A field of which null says as much as nothing.
fn optional<T>(
    fields: &mut FieldReader,
    field: &str,
    parse: impl FnOnce(Value) -> Result<T, String>,
) -> Option<T> {
    match fields.take(field, parse) {
        Given::Value(value) => Some(value),
        Given::Absent | Given::Null => None,
    }
}

fn id(value: Value) -> Result<i64, String> {
    value.as_i64().filter(|id| *id > 0).ok_or_else(|| POSITIVE.to_owned())
}

fn note(value: Value) -> Result<Note, String> {
    Note::parse(text(&value)?).map_err(|error| error.to_string())
}

fn mute_of(value: Value) -> Result<MuteOf, String> {
    match text(&value)? {
        "pair" => Ok(MuteOf::Pair),
        "monitor" => Ok(MuteOf::Monitor),
        "item" => Ok(MuteOf::Item),
        _ => Err("must be pair, monitor or item".to_owned()),
    }
}

fn end(value: &Value, now: Timestamp) -> Result<Timestamp, String> {
    let end: Timestamp =
        text(value)?.parse().map_err(|_| "must be a time such as 2026-11-22T08:30:00Z".to_owned())?;
    if end > now { Ok(end) } else { Err("must not be in the past".into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T08:30:00Z".parse().unwrap()
    }

    fn pointers<T: std::fmt::Debug>(read: Result<T, Vec<FieldError>>) -> Vec<String> {
        read.unwrap_err().into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_mute_is_of_something_and_ends_ahead() {
        let read = |body| NewMute::from_json(body, now());
        let mute =
            read(json!({"monitor_id": 7, "until": "2026-11-22T08:30:01Z", "note": " Counting "})).unwrap();
        assert_eq!((mute.monitor_id.map(MonitorId::get), mute.item_id), (Some(7), None));
        assert_eq!(mute.note.as_ref().map(Note::as_str), Some("Counting"));
        assert_eq!(read(json!({"item_id": 7, "monitor_id": null, "until": null})).unwrap().until, None);
        assert_eq!(pointers(read(json!({}))), [""]);
        assert_eq!(pointers(read(json!({"monitor_id": null}))), [""]);
        let wrong =
            json!({"monitor_id": 0, "item_id": "7", "until": "2026-11-22T08:30:00Z", "note": "", "why": 1});
        assert_eq!(pointers(read(wrong)), ["/monitor_id", "/item_id", "/until", "/note", "/why"]);
    }

    #[test]
    fn more_like_one_is_the_pair_unless_it_says_otherwise() {
        let read = |body| MuteLikeThis::from_json(body, now());
        assert_eq!(read(json!({})).unwrap(), MuteLikeThis::default());
        for (word, of) in [("pair", MuteOf::Pair), ("monitor", MuteOf::Monitor), ("item", MuteOf::Item)] {
            assert_eq!(read(json!({"of": word})).unwrap().of, of);
        }
        assert_eq!(pointers(read(json!({"of": "all", "until": 5, "note": 7}))), ["/of", "/until", "/note"]);
        assert_eq!(pointers(read(json!({"of": null}))), ["/of"]);
    }

    #[test]
    fn a_note_is_kept_changed_or_taken_back() {
        let read = |body| Acknowledgement::from_json(body);
        assert_eq!(read(json!({})).unwrap().note, None);
        assert_eq!(read(json!({"note": null})).unwrap().note, Some(None));
        assert_eq!(read(json!({"note": "Ordered"})).unwrap().note, Some(Note::parse("Ordered").ok()));
        for wrong in [json!({"note": " "}), json!({"note": 7}), json!({"note": "x".repeat(2001)})] {
            assert_eq!(pointers(read(wrong)), ["/note"]);
        }
    }

    #[test]
    fn what_was_read_is_named_by_an_id() {
        assert_eq!(ReadUpTo::from_json(json!({"up_to": 7})).unwrap().up_to, 7);
        for wrong in [
            json!({}),
            json!({"up_to": null}),
            json!({"up_to": 0}),
            json!({"up_to": "7"}),
            json!({"up_to": 1.5}),
        ] {
            assert_eq!(pointers(ReadUpTo::from_json(wrong)), ["/up_to"]);
        }
    }
}
