//! A client as README tells integrators to write one: what it keeps, what it checks, and where it resumes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

use domain::{Cursor, Epoch, Topic};
use serde_json::Value;

use crate::{entry::Entry, link::Link, wire::Encoding};

/// The newest position of each item.
pub(super) type Known = BTreeMap<i64, i64>;

/// What a client knows of a topic.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) known: Known,
    /// Where to resume; nothing without a state.
    pub(super) cursor: Option<i64>,
    /// A `prev` may lie behind everything known up to here.
    pub(super) gaps_to: i64,
    pub(super) initial: Known,
    /// It has to ask for the state.
    pub(super) lost: bool,
    /// The state that it had last was that of this position; every change behind it must be seen, or left out in words.
    pub(super) base: i64,
    pub(super) seen: BTreeSet<i64>,
    pub(super) left_out: Vec<(i64, i64)>,
    /// Of its newest request: answers to older ones mean nothing.
    pub(super) reference: u64,
    /// The newest request isn't answered: what comes may belong to the one before.
    pub(super) waits: bool,
    /// What the cursor belongs to.
    pub(super) epoch: Option<Epoch>,
}

/// A client as README tells integrators to write one.
pub(super) struct Client {
    pub(super) key: usize,
    pub(super) link: Rc<Link>,
    pub(super) encoding: Encoding,
    pub(super) topics: Vec<Topic>,
    pub(super) snapshot: bool,
    pub(super) views: HashMap<String, View>,
    /// A stream's only cursor.
    pub(super) last_id: Option<Cursor>,
    pub(super) unread: Vec<u8>,
}

impl View {
    fn starts_at(&mut self, base: i64) {
        (self.base, self.left_out) = (base, Vec::new());
        self.seen.clear();
    }

    /// A change that it should have seen and hasn't.
    pub(super) fn misses(&self, topic: Topic, log: &[Arc<Entry>]) -> Option<i64> {
        let positions =
            log.iter().filter(|entry| entry.topics.contains(&topic)).map(|entry| entry.position.get());
        positions.into_iter().find(|position| {
            let left_out = self.left_out.iter().any(|(from, to)| (*from + 1..=*to).contains(position));
            *position > self.base && !left_out && !self.seen.contains(position)
        })
    }

    pub(super) fn take(&mut self, frame: &Value, kind: &str, from_elsewhere: Option<Known>) {
        let integer = |name: &str| frame[name].as_i64().unwrap_or_else(|| panic!("no {name} in {frame}"));
        match kind {
            "initial" => {
                for item in frame["data"].as_array().unwrap() {
                    self.initial.insert(item["id"].as_i64().unwrap(), item["position"].as_i64().unwrap());
                }
                if frame["more"] == Value::Bool(false) {
                    self.known = std::mem::take(&mut self.initial);
                    self.cursor = frame["as_of"]["position"].as_i64();
                    (self.gaps_to, self.lost) = (0, false);
                    self.starts_at(self.cursor.unwrap());
                }
            }
            "subscribed" => {
                let continues = frame["recovered"] == Value::Bool(true) && self.cursor.is_some();
                if let (Some(known), false) = (from_elsewhere, continues) {
                    self.known = known;
                    self.starts_at(integer("position"));
                }
                self.cursor = self.cursor.max(Some(integer("position")));
            }
            "conflated" => {
                self.left_out.push((self.cursor.unwrap_or_default(), integer("position")));
                self.gaps_to = integer("position");
            }
            "resync" => {
                self.initial.clear();
                self.lost = from_elsewhere.is_none();
                if let Some(known) = from_elsewhere {
                    self.known = known;
                }
                self.starts_at(integer("position"));
                self.cursor = (!self.lost).then(|| integer("position"));
                self.gaps_to = 0;
            }
            _ => {
                let (position, prev) = (integer("position"), integer("prev"));
                if let Some(cursor) = self.cursor.filter(|_| !self.waits) {
                    assert!(prev <= cursor.max(self.gaps_to), "a gap: {prev} behind {cursor} at {frame}");
                }
                self.seen.insert(position);
                let newest = self.known.entry(integer("id")).or_default();
                *newest = position.max(*newest);
                if !self.waits {
                    self.cursor = self.cursor.map(|cursor| cursor.max(position));
                }
            }
        }
    }
}

impl Client {
    /// The next whole frame of what was read, with its id.
    pub(super) fn next_frame(&mut self) -> Option<(Value, Option<Cursor>)> {
        loop {
            let (frame, rest) = match self.encoding {
                Encoding::Socket => socket_frame(&self.unread)?,
                _ => event(&self.unread)?,
            };
            self.unread = rest;
            let text = String::from_utf8(frame).unwrap();
            let id = text.lines().find_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap());
            let data = if self.encoding == Encoding::Socket {
                Some(text.as_str()).filter(|text| !text.is_empty())
            } else {
                text.lines().find_map(|line| line.strip_prefix("data: "))
            };
            if let Some(data) = data {
                return Some((serde_json::from_str(data).unwrap(), id));
            }
        }
    }
}

/// The payload of the next text frame; nothing for other kinds.
fn socket_frame(unread: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (first, second) = (*unread.first()?, *unread.get(1)?);
    let (length, header) = match second {
        126 => (usize::from(u16::from_be_bytes(unread.get(2..4)?.try_into().unwrap())), 4),
        short => (usize::from(short), 2),
    };
    let payload = unread.get(header..header + length)?.to_vec();
    let rest = unread[header + length..].to_vec();
    Some((if first == 0x81 { payload } else { Vec::new() }, rest))
}

fn event(unread: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let end = unread.windows(2).position(|pair| pair == b"\n\n")?;
    Some((unread[..end].to_vec(), unread[end + 2..].to_vec()))
}

pub(super) fn item(number: i64) -> Topic {
    Topic::Item(domain::ItemId::new(number).unwrap())
}

pub(super) fn covers(topic: Topic, number: i64) -> bool {
    topic == Topic::Items || topic == item(number)
}
