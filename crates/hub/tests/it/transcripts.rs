//! Whole conversations with a real hub, kept in `crates/domain/golden/transcripts` with what REST says at their end, so
//! that client programs in any language can be tested with them. What differs from run to run (epochs, ids of connections,
//! times) is replaced. Each test compares a new recording with the file; `STOCKWIRE_UPDATE_GOLDEN=1` writes it anew.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use domain::{Cursor, Position, ServerFrame, Topic};
use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::{SocketClient, Stack, waiting};

use crate::{integer, settled};

/// What is recorded: all frames of a conversation but heartbeats, whose number depends on how long it takes.
struct Recording {
    name: &'static str,
    topic: &'static str,
    note: &'static str,
    frames: Vec<Value>,
}

impl Recording {
    fn new(name: &'static str, topic: &'static str, note: &'static str) -> Self {
        Self { name, topic, note, frames: Vec::new() }
    }

    /// Takes frames until one has this type, and gives that.
    async fn until(&mut self, client: &mut SocketClient, kind: &str) -> Result<Value> {
        loop {
            let frame = client.next().await?;
            if frame["type"] != "heartbeat" {
                self.frames.push(frame.clone());
            }
            if frame["type"] == kind {
                return Ok(frame);
            }
        }
    }

    /// Connects a client to a hub that has all that was written.
    async fn connect(&mut self, stack: &Stack) -> Result<SocketClient> {
        settled(stack).await?;
        let head = stack.database.store()?.log_head().await?.cursor.position.get();
        let (connected, client) = waiting::until(waiting::PATIENCE, "the hub to get there", async || {
            let mut client = stack.hub.connect().await?;
            let connected = client.expect("connected").await?;
            Ok((integer(&connected, "position") == head).then_some((connected, client)))
        })
        .await?
        .0;
        self.frames.push(connected);
        Ok(client)
    }

    /// Connects a client that asks for the topic with its state.
    async fn begin(&mut self, stack: &Stack) -> Result<SocketClient> {
        let mut client = self.connect(stack).await?;
        client.subscribe_with_snapshot(self.topic).await?;
        self.until(&mut client, "subscribed").await?;
        Ok(client)
    }

    /// Where a client that has all of it resumes.
    fn cursor(&self) -> Result<Cursor> {
        let position = self.frames.iter().rev().find_map(|frame| frame["position"].as_i64());
        let epoch = self.frames.iter().rev().find_map(|frame| frame["epoch"].as_str()).context("no epoch")?;
        let position = position.and_then(Position::new).context("no position")?;
        Ok(Cursor { epoch: epoch.parse()?, position })
    }

    /// Compares it with the file, with what REST says now as the end.
    async fn ends(mut self, stack: &Stack) -> Result<()> {
        let mut told = rest(stack, &format!("/api/v1/{}?limit=200", self.topic)).await?;
        let mut state = BTreeMap::new();
        for document in told["data"].as_array_mut().context("no list")? {
            // Each reader's own, and so in no frame.
            if let Some(document) = document.as_object_mut() {
                document.remove("read");
            }
            state.insert(integer(document, "id"), document.take());
        }
        let (epoch, position) = (told["as_of"]["epoch"].take(), told["as_of"]["position"].take());
        let mut names = Names::default();
        self.frames.iter_mut().for_each(|frame| names.replace(frame));
        let mut expect = json!({"state": state, "position": position, "epoch": epoch});
        names.replace(&mut expect);
        let recorded = self.text(&expect)?;
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/golden/transcripts");
        let file = PathBuf::from(directory).join(format!("{}.json", self.name));
        if std::env::var_os("STOCKWIRE_UPDATE_GOLDEN").is_some() {
            fs::write(&file, &recorded)?;
        }
        let kept = fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
        let different = kept.lines().zip(recorded.lines()).find(|(kept, recorded)| kept != recorded);
        ensure!(kept == recorded, "{} says something else: {different:?}", self.name);
        Ok(())
    }

    /// The file, one frame a line.
    fn text(&self, expect: &Value) -> Result<String> {
        let (name, topic, note) = (json!(self.name), json!(self.topic), json!(self.note));
        let mut text =
            format!("{{\n  \"name\": {name},\n  \"topic\": {topic},\n  \"note\": {note},\n  \"frames\": [\n");
        for (place, frame) in self.frames.iter().enumerate() {
            let comma = if place + 1 < self.frames.len() { "," } else { "" };
            writeln!(text, "    {frame}{comma}")?;
        }
        writeln!(text, "  ],\n  \"expect\": {expect}\n}}")?;
        Ok(text)
    }
}

/// What stands for what differs from run to run, in the order in which it is met.
#[derive(Default)]
struct Names {
    epochs: Vec<String>,
    connections: Vec<String>,
    times: Vec<String>,
}

impl Names {
    fn replace(&mut self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.replace(value)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    match value {
                        Value::String(text) => *text = self.named(field, text),
                        value => self.replace(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn named(&mut self, field: &str, text: &str) -> String {
        match field {
            "epoch" => format!("{:032x}", place(&mut self.epochs, text)),
            "connection_id" => format!("{:016x}", place(&mut self.connections, text)),
            // The same moment is written with more digits in documents than in frames.
            _ if field == "at" || field.ends_with("_at") => {
                let Ok(moment) = text.parse::<Timestamp>() else { return text.to_owned() };
                let seconds = place(&mut self.times, &moment.to_string());
                let digits = if field == "at" { "" } else { ".000000" };
                format!(
                    "2026-11-22T{:02}:{:02}:{:02}{digits}Z",
                    8 + seconds / 3600,
                    seconds / 60 % 60,
                    seconds % 60
                )
            }
            _ => text.to_owned(),
        }
    }
}

/// From 1.
fn place(known: &mut Vec<String>, text: &str) -> usize {
    let found = known.iter().position(|known| known == text);
    1 + found.unwrap_or_else(|| {
        known.push(text.to_owned());
        known.len() - 1
    })
}

async fn rest(stack: &Stack, path: &str) -> Result<Value> {
    settled(stack).await?;
    Ok(reqwest::get(format!("{}{path}", stack.api.url())).await?.error_for_status()?.json().await?)
}

async fn ask(stack: &Stack, method: &str, path: &str) -> Result<()> {
    let url = format!("{}/api/v1/{path}", stack.api.url());
    reqwest::Client::new().request(method.parse()?, url).send().await?.error_for_status()?;
    Ok(())
}

/// Creates some items that differ.
async fn stock(stack: &Stack) -> Result<()> {
    for (sku, name, quantity) in [("B-8", "Bolt", 12), ("N-8", "Nut", 40), ("W-8", "Washer", 0)] {
        let item = json!({"sku": sku, "name": name, "quantity": quantity, "attributes": {"bin": "A4"}});
        stack.api.create_item(&item).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_snapshot_and_what_happens_behind_it() -> Result<()> {
    let stack = Stack::start().await?;
    let mut recording =
        Recording::new("snapshot-then-changes", "items", "A state, and every kind of change behind it.");
    stock(&stack).await?;
    let mut client = recording.begin(&stack).await?;
    stack.api.create_item(&json!({"name": "Gasket <b>&\u{201c}", "price": "1.5"})).await?;
    recording.until(&mut client, "create").await?;
    for (id, patch) in [
        (1, json!({"quantity": 9})),
        (1, json!({"quantity": 7, "price": "0.25", "reorder_point": 2})),
        (2, json!({"sku": null, "attributes": {}})),
    ] {
        stack.api.patch_item(id, &patch).await?;
        recording.until(&mut client, "update").await?;
    }
    ask(&stack, "DELETE", "items/3").await?;
    recording.until(&mut client, "delete").await?;
    stack.api.patch_item(4, &json!({"name": "Gasket"})).await?;
    recording.until(&mut client, "update").await?;
    recording.ends(&stack).await
}

#[tokio::test]
async fn a_client_that_resumes_and_has_missed_nothing() -> Result<()> {
    let stack = Stack::start().await?;
    let note = "The connection is lost and made anew: the client asks for what lies behind its cursor.";
    let mut recording = Recording::new("resume-recovered", "items", note);
    stock(&stack).await?;
    let mut client = recording.begin(&stack).await?;
    stack.api.patch_item(1, &json!({"quantity": 11})).await?;
    recording.until(&mut client, "update").await?;
    drop(client);
    stack.api.patch_item(1, &json!({"quantity": 10})).await?;
    stack.api.create_item(&json!({"name": "Gasket"})).await?;
    ask(&stack, "DELETE", "items/2").await?;
    let after = recording.cursor()?;
    let mut client = recording.connect(&stack).await?;
    client.resume("items", after, true).await?;
    let subscribed = recording.until(&mut client, "subscribed").await?;
    ensure!(subscribed["recovered"] == true, "{subscribed}");
    stack.api.patch_item(4, &json!({"quantity": 1})).await?;
    recording.until(&mut client, "update").await?;
    recording.ends(&stack).await
}

#[tokio::test]
async fn a_client_that_was_away_for_too_long() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        settings.hub.ring_entries = 2;
        settings.hub.backfill_entries = 0;
    })
    .await?;
    let note =
        "What lies behind the client's cursor is no longer kept: it is told so, and asks for the state.";
    let mut recording = Recording::new("resync-too-old", "items", note);
    stock(&stack).await?;
    drop(recording.begin(&stack).await?);
    for quantity in 20..26 {
        stack.api.patch_item(1, &json!({"quantity": quantity})).await?;
    }
    ask(&stack, "DELETE", "items/2").await?;
    let after = recording.cursor()?;
    let mut client = recording.connect(&stack).await?;
    client.resume("items", after, false).await?;
    let resync = recording.until(&mut client, "resync").await?;
    ensure!(resync["reason"] == "too_old", "{resync}");
    recording.until(&mut client, "subscribed").await?;
    client.subscribe_with_snapshot("items").await?;
    recording.until(&mut client, "subscribed").await?;
    stack.api.patch_item(3, &json!({"quantity": 5})).await?;
    recording.until(&mut client, "update").await?;
    recording.ends(&stack).await
}

#[tokio::test]
async fn a_log_that_gets_another_epoch() -> Result<()> {
    let stack = Stack::start().await?;
    let note = "The database is replaced by a backup: positions of the epoch before mean nothing any more.";
    let mut recording = Recording::new("resync-epoch", "items", note);
    stock(&stack).await?;
    let mut client = recording.begin(&stack).await?;
    stack.api.patch_item(1, &json!({"quantity": 3})).await?;
    recording.until(&mut client, "update").await?;
    // What a restore looks like to the next leader: the log was written elsewhere.
    stack.database.sql().await?.batch_execute("update sequencer set origin = 'elsewhere'").await?;
    ensure!(stack.database.terminate("stockwire notifier sequencer").await? == 1);
    let resync = recording.until(&mut client, "resync").await?;
    ensure!(resync["reason"] == "epoch", "{resync}");
    client.subscribe_with_snapshot("items").await?;
    recording.until(&mut client, "subscribed").await?;
    stack.api.patch_item(1, &json!({"quantity": 4})).await?;
    recording.until(&mut client, "update").await?;
    recording.ends(&stack).await
}

/// How much a real slow client misses depends on the kernel. So this is what a client was sent that kept up, without what
/// conflation leaves out, behind the frame that says so, as the hub writes it.
#[tokio::test]
async fn a_slow_client_that_is_conflated() -> Result<()> {
    let stack = Stack::start().await?;
    let note = "Put together from what a client was sent that kept up: of what a slow one had missed, the newest change of \
        each item, behind the frame that says so.";
    let mut recording = Recording::new("conflated", "items", note);
    stock(&stack).await?;
    let mut client = recording.begin(&stack).await?;
    let begun = recording.frames.len();
    for quantity in 100..106 {
        stack.api.patch_item(1 + quantity % 2, &json!({"quantity": quantity})).await?;
        recording.until(&mut client, "update").await?;
    }
    ask(&stack, "DELETE", "items/3").await?;
    let last = recording.until(&mut client, "delete").await?;
    let missed = recording.frames.split_off(begun);
    let newest = |frame: &&Value| {
        let of_item = missed.iter().filter(|other| other["id"] == frame["id"]);
        of_item.map(|other| integer(other, "position")).max() == frame["position"].as_i64()
    };
    let kept: Vec<Value> = missed.iter().filter(newest).cloned().collect();
    let skipped = u64::try_from(missed.len() - kept.len())?;
    let position = Position::new(integer(&last, "position")).context("a position")?;
    let notice = ServerFrame::Conflated { topic: Topic::Items, skipped, position };
    recording.frames.push(serde_json::from_str(&notice.to_json())?);
    recording.frames.extend(kept);
    // And then it goes on as ever.
    stack.api.patch_item(1, &json!({"quantity": 1})).await?;
    recording.until(&mut client, "update").await?;
    ensure!(skipped == 4, "{skipped}");
    recording.ends(&stack).await
}

#[tokio::test]
async fn an_item_that_goes_and_comes_back() -> Result<()> {
    let stack = Stack::start().await?;
    let note = "A deletion that is undone: the item is created again with the same id, and a version behind the deletion's.";
    let mut recording = Recording::new("delete-then-restore", "items", note);
    stock(&stack).await?;
    let mut client = recording.begin(&stack).await?;
    stack.api.patch_item(1, &json!({"quantity": 5})).await?;
    recording.until(&mut client, "update").await?;
    ask(&stack, "DELETE", "items/1").await?;
    recording.until(&mut client, "delete").await?;
    ask(&stack, "POST", "items/1/restore").await?;
    let restored = recording.until(&mut client, "create").await?;
    ensure!((integer(&restored, "id"), integer(&restored, "version")) == (1, 4), "{restored}");
    stack.api.patch_item(1, &json!({"quantity": 6})).await?;
    recording.until(&mut client, "update").await?;
    recording.ends(&stack).await
}

#[tokio::test]
async fn what_monitors_raise() -> Result<()> {
    let stack = Stack::start().await?;
    let note = "What is raised comes as a notification, what is said of it later as an update. REST also says whether the \
        reader has read it; that is theirs, in no frame, and left out here.";
    let mut recording = Recording::new("notifications", "notifications", note);
    for (name, quantity) in [("Bolt", 12), ("Nut", 40)] {
        stack.api.create_item(&json!({"name": name, "quantity": quantity, "reorder_point": 10})).await?;
    }
    stack.api.patch_item(1, &json!({"quantity": 9})).await?;
    waiting::until(waiting::PATIENCE, "the first notification", async || {
        let raised = rest(&stack, "/api/v1/notifications").await?;
        Ok((raised["data"].as_array().map(Vec::len) == Some(1)).then_some(()))
    })
    .await?;
    let mut client = recording.begin(&stack).await?;
    stack.api.patch_item(2, &json!({"quantity": 10})).await?;
    recording.until(&mut client, "notification").await?;
    ask(&stack, "POST", "notifications/1/acknowledge").await?;
    recording.until(&mut client, "update").await?;
    recording.ends(&stack).await
}
