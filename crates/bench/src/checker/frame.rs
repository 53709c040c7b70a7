//! What a hub says, as far as the checker needs it.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Frames that are remembered: those of some seconds, because clients get the same ones at about the same time.
const REMEMBERED: usize = 1024;
/// Where frames differ, they differ early: the position comes within the first bytes.
const TELLING: usize = 128;

/// An item at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) version: i64,
    /// Stands for the item's id, its version and every byte of its document.
    pub(crate) print: u64,
}

/// One change of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) position: i64,
    pub(crate) prev: i64,
    pub(crate) id: i64,
    pub(crate) version: i64,
    /// What it is now; nothing if it was deleted.
    pub(crate) item: Option<Item>,
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Connected { jitter: Duration },
    Initial { epoch: Arc<str>, position: i64, items: Vec<(i64, Item)>, more: bool },
    Subscribed { recovered: bool, position: i64 },
    Change(Change),
    Conflated { skipped: u64, position: i64 },
    Resync,
    Heartbeat,
    Refused,
    Other,
}

/// Everything that any frame may hold.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    as_of: Option<AsOf<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    position: Option<i64>,
    prev: Option<i64>,
    id: Option<i64>,
    version: Option<i64>,
    more: Option<bool>,
    recovered: Option<bool>,
    skipped: Option<u64>,
    reconnect_jitter_ms: Option<u64>,
}

#[derive(Deserialize)]
struct AsOf<'a> {
    #[serde(borrow)]
    epoch: Cow<'a, str>,
    position: i64,
}

#[derive(Deserialize)]
struct Document {
    id: i64,
    version: i64,
}

impl Item {
    pub(crate) fn new(id: i64, version: i64, document: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (id, version, document).hash(&mut hasher);
        Self { version, print: hasher.finish() }
    }
}

impl Frame {
    pub(crate) fn parse(text: &[u8]) -> Result<Self> {
        let fields: Fields<'_> = serde_json::from_slice(text)?;
        let position = || fields.position.context("no position");
        Ok(match &*fields.kind {
            "connected" => {
                let jitter = fields.reconnect_jitter_ms.context("no jitter")?;
                Self::Connected { jitter: Duration::from_millis(jitter) }
            }
            "initial" => initial(&fields)?,
            "subscribed" => Self::Subscribed {
                recovered: fields.recovered.context("no recovered")?,
                position: position()?,
            },
            "create" | "update" | "delete" => Self::Change(change(&fields)?),
            "conflated" => {
                Self::Conflated { skipped: fields.skipped.context("no skipped")?, position: position()? }
            }
            "resync" => Self::Resync,
            "heartbeat" => Self::Heartbeat,
            "error" => Self::Refused,
            _ => Self::Other,
        })
    }
}

fn initial(fields: &Fields<'_>) -> Result<Frame> {
    let as_of = fields.as_of.as_ref().context("no as_of")?;
    let documents: Vec<&RawValue> = serde_json::from_str(fields.data.context("no data")?.get())?;
    let item = |document: &RawValue| {
        let Document { id, version } = serde_json::from_str(document.get())?;
        anyhow::Ok((id, Item::new(id, version, document.get())))
    };
    Ok(Frame::Initial {
        epoch: as_of.epoch.as_ref().into(),
        position: as_of.position,
        items: documents.into_iter().map(item).collect::<Result<_>>()?,
        more: fields.more.context("no more")?,
    })
}

fn change(fields: &Fields<'_>) -> Result<Change> {
    let id = fields.id.context("no id")?;
    let version = fields.version.context("no version")?;
    let item = match &*fields.kind {
        "delete" => None,
        _ => Some(Item::new(id, version, fields.data.context("no data")?.get())),
    };
    let (position, prev) = (fields.position.context("no position")?, fields.prev.context("no prev")?);
    Ok(Change { position, prev, id, version, item })
}

/// Reads frames, each once: whoever gets the same bytes after that costs a comparison.
#[derive(Debug)]
pub(crate) struct FrameReading {
    remembered: Vec<Option<Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    bytes: Box<[u8]>,
    frame: Rc<Frame>,
}

impl Default for FrameReading {
    fn default() -> Self {
        Self { remembered: std::iter::repeat_with(|| None).take(REMEMBERED).collect() }
    }
}

impl FrameReading {
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<Rc<Frame>> {
        let mut hasher = DefaultHasher::new();
        (text.len(), &text[..text.len().min(TELLING)]).hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % REMEMBERED as u64)?;
        if let Some(Remembered { bytes, frame }) = &self.remembered[place]
            && **bytes == *text
        {
            return Ok(frame.clone());
        }
        let frame = Rc::new(Frame::parse(text)?);
        self.remembered[place] = Some(Remembered { bytes: text.into(), frame: frame.clone() });
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_far_as_they_matter() {
        let read = |text: &str| Frame::parse(text.as_bytes()).unwrap();
        let item = Item::new(5, 2, r#"{"id":5,"version":2}"#);
        let update = r#"{"type":"update","topic":"items","prev":3,"resource":"item","id":5,"position":9,"version":2,"reason":"a \"b\"","data":{"id":5,"version":2},"previous":{}}"#;
        let change = Change { position: 9, prev: 3, id: 5, version: 2, item: Some(item) };
        assert_eq!(read(update), Frame::Change(change));
        let delete =
            r#"{"type":"delete","topic":"items","prev":9,"id":5,"position":10,"version":3,"data":null}"#;
        let gone = Change { position: 10, prev: 9, id: 5, version: 3, item: None };
        assert_eq!(read(delete), Frame::Change(gone));
        let initial = r#"{"type":"initial","ref":1,"topic":"items","as_of":{"epoch":"e","position":7},"data":[{"id":5,"version":2}],"more":false}"#;
        let items = vec![(5, item)];
        assert_eq!(read(initial), Frame::Initial { epoch: "e".into(), position: 7, items, more: false });
        assert_eq!(read(r#"{"type":"heartbeat","position":1}"#), Frame::Heartbeat);
        assert!(Frame::parse(br#"{"type":"update","id":1}"#).is_err());
    }

    #[test]
    fn what_was_read_is_remembered_only_for_the_same_bytes() {
        let mut reading = FrameReading::default();
        let conflated = |skipped: u64| {
            let padding = " ".repeat(TELLING);
            format!(r#"{{"type":"conflated","position":4,{padding}"skipped":{skipped}}}"#)
        };
        for skipped in [1, 1, 2] {
            let frame = reading.read(conflated(skipped).as_bytes()).unwrap();
            assert_eq!(*frame, Frame::Conflated { skipped, position: 4 });
        }
    }

    #[test]
    fn a_print_stands_for_every_byte() {
        let print = |version, document| Item::new(1, version, document).print;
        assert_eq!(print(1, "{}"), print(1, "{}"));
        assert_ne!(print(1, "{}"), print(2, "{}"));
        assert_ne!(print(1, "{}"), print(1, "{ }"));
    }
}
