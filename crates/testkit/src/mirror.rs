//! What a client knows by now, and whether that is what the table says.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use domain::Cursor;
use serde_json::Value;
use tokio_postgres::Client;

/// The items of the default tenant as every reader sees them, by id.
///
/// # Errors
/// The database is away.
pub async fn items_in_table(client: &Client) -> Result<BTreeMap<i64, Value>> {
    let rows = client.query("select id, item_document(items) from items where tenant_id = 1", &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// A client's copy of the topic `items`: applies frames by version, and checks what the protocol promises.
#[derive(Debug, Default, Clone)]
pub struct Mirror {
    items: BTreeMap<i64, Value>,
    /// The newest version of every item that was seen, deleted ones too.
    versions: BTreeMap<i64, i64>,
    /// Nothing up to here is missing.
    known: i64,
    epoch: Option<String>,
    live: bool,
    /// Parts of a snapshot that isn't whole yet.
    initial: Option<BTreeMap<i64, Value>>,
    /// Frames that were applied.
    pub changes: u64,
    /// Changes that the hub left out.
    pub skipped: u64,
    /// Times that the hub told to read anew.
    pub resyncs: u64,
}

impl Mirror {
    /// Takes the next frame.
    ///
    /// # Errors
    /// The frame breaks a promise: something is missing before it, it comes out of order, or it can't be read.
    pub fn take(&mut self, frame: &Value) -> Result<()> {
        match frame["type"].as_str().context("a frame without a type")? {
            "connected" => self.epoch = Some(text(frame, "epoch")?),
            "initial" => self.take_initial(frame)?,
            "subscribed" => {
                self.known = self.known.max(integer(frame, "position")?);
                self.live = true;
            }
            "create" | "update" | "delete" => self.take_change(frame)?,
            "conflated" => {
                self.skipped += frame["skipped"].as_u64().context("conflated without skipped")?;
                self.known = self.known.max(integer(frame, "position")?);
            }
            "resync" => {
                self.resyncs += 1;
                self.live = false;
                self.epoch = Some(text(frame, "epoch")?);
                self.known = integer(frame, "position")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn take_initial(&mut self, frame: &Value) -> Result<()> {
        let part = self.initial.get_or_insert_default();
        for item in frame["data"].as_array().context("initial without data")? {
            part.insert(integer(item, "id")?, item.clone());
        }
        if frame["more"] == Value::Bool(false) {
            self.items = self.initial.take().unwrap_or_default();
            self.versions.clear();
            for (id, item) in &self.items {
                self.versions.insert(*id, integer(item, "version")?);
            }
            self.known = integer(&frame["as_of"], "position")?;
            self.epoch = Some(text(&frame["as_of"], "epoch")?);
        }
        Ok(())
    }

    fn take_change(&mut self, frame: &Value) -> Result<()> {
        let (position, prev) = (integer(frame, "position")?, integer(frame, "prev")?);
        ensure!(prev < position, "prev {prev} is not before position {position}");
        ensure!(prev <= self.known, "something is missing: prev {prev}, known up to {}", self.known);
        self.known = self.known.max(position);
        let (id, version) = (integer(frame, "id")?, integer(frame, "version")?);
        let seen = self.versions.entry(id).or_default();
        if version <= *seen {
            return Ok(());
        }
        *seen = version;
        self.changes += 1;
        if frame["type"] == "delete" {
            self.items.remove(&id);
        } else {
            self.items.insert(id, frame["data"].clone());
        }
        Ok(())
    }

    /// Where to resume.
    ///
    /// # Errors
    /// It never connected.
    pub fn cursor(&self) -> Result<Cursor> {
        let epoch = self.epoch.as_deref().context("never connected")?;
        format!("{epoch}:{}", self.known).parse().context("not a cursor")
    }

    /// Whether it may be relied on: subscribed, and not told to read anew since.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What the client believes the table to be.
    #[must_use]
    pub const fn items(&self) -> &BTreeMap<i64, Value> {
        &self.items
    }
}

fn integer(value: &Value, field: &str) -> Result<i64> {
    value[field].as_i64().with_context(|| format!("no integer {field} in {value}"))
}

fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no text {field} in {value}"))?.to_owned())
}
