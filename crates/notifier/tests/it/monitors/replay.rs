//! What a plain reading of the history says should have been raised: every item's document kept from the beginning, every
//! running monitor asked about every change. Slow, and written without a look at how the service does it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Client;

/// Monitor, item, and the position of the change.
pub(super) type Crossing = (i64, i64, i64);

#[derive(Debug, Default)]
pub(super) struct Replay {
    items: BTreeMap<i64, Value>,
    running: BTreeMap<i64, Running>,
    pub(super) crossings: BTreeSet<Crossing>,
    pub(super) changes: usize,
}

#[derive(Debug)]
struct Running {
    document: Value,
    /// Only of items in scope.
    pairs: BTreeMap<i64, Pair>,
}

#[derive(Debug, Default, Clone)]
struct Pair {
    raised: bool,
    base: Option<i128>,
    /// Values with the times until which they held.
    held: Vec<(Timestamp, i128)>,
}

/// Reads the whole log.
pub(super) async fn replay(sql: &Client) -> Result<Replay> {
    let log = "select position, resource, resource_id, op, data::text as data, at
        from change_log join changes on changes.id = change_id
        where resource in ('item', 'monitor') order by position";
    let mut replay = Replay::default();
    for row in sql.query(log, &[]).await? {
        let (position, id, at): (i64, i64, Timestamp) =
            (row.get("position"), row.get("resource_id"), row.get("at"));
        let data: Option<String> = row.get("data");
        let data = data.map(|text| serde_json::from_str::<Value>(&text)).transpose()?;
        match row.get::<_, &str>("resource") {
            "item" => replay.change(position, id, at, data)?,
            _ => replay.define(id, data)?,
        }
    }
    Ok(replay)
}

/// In ten-thousandths.
fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => Some(i128::from(number.as_i64()?) * 10_000),
        Value::String(text) => {
            let (whole, places) = text.split_once('.').unwrap_or((text, ""));
            format!("{whole}{places:0<4}").parse().ok()
        }
        _ => None,
    }
}

fn in_scope(scope: &Value, id: i64, item: &Value) -> bool {
    match scope["kind"].as_str() {
        Some("item") => scope["item_id"] == id,
        Some("sku_prefix") => {
            let (sku, prefix) = (item["sku"].as_str(), scope["prefix"].as_str().unwrap_or("?"));
            sku.is_some_and(|sku| sku.starts_with(prefix))
        }
        Some("attribute") => {
            let name = scope["name"].as_str().unwrap_or("?");
            item["attributes"].get(name).is_some_and(|value| *value == scope["value"])
        }
        _ => true,
    }
}

impl Running {
    fn value(&self, item: &Value) -> Option<i128> {
        number(&item[self.document["measure"].as_str().unwrap_or_default()])
    }

    fn is_relative(&self) -> bool {
        matches!(self.document["condition"]["kind"].as_str(), Some("rises_by" | "falls_by"))
    }

    /// Whether the condition is met, or would be if its threshold were nearer by the hysteresis.
    fn meets(&self, item: &Value, base: Option<i128>, nearer: bool) -> bool {
        let condition = &self.document["condition"];
        let slack = if nearer { number(&self.document["hysteresis"]).unwrap_or_default() } else { 0 };
        let of = |field: &str| number(&condition[field]).unwrap_or_default();
        let Some(value) = self.value(item) else { return false };
        match condition["kind"].as_str() {
            Some("below") => value < of("threshold") + slack,
            Some("above") => value > of("threshold") - slack,
            Some("outside") => value < of("low") + slack || value > of("high") - slack,
            Some("at_reorder_point") => {
                number(&item["reorder_point"]).is_some_and(|point| value <= point + slack)
            }
            Some(kind @ ("rises_by" | "falls_by")) => {
                let base = number(&condition["base"]).or(base);
                base.is_some_and(|base| {
                    let difference = if kind == "rises_by" { value - base } else { base - value };
                    difference > 0 && difference * 1_000_000 >= base * (of("percent") - slack)
                })
            }
            _ => false,
        }
    }

    /// Whether the value is too far from one that it had within the window.
    fn moves(&self, pair: &Pair, value: i128, at: Timestamp) -> Result<bool> {
        let condition = &self.document["condition"];
        let percent = number(&condition["percent"]).context("a percentage")?;
        let window = condition["window_seconds"].as_i64().context("a window")?;
        let start = at.checked_sub(jiff::Span::new().seconds(window))?;
        Ok(pair
            .held
            .iter()
            .filter(|(until, _)| *until >= start)
            .any(|(_, held)| value != *held && (value - held).abs() * 1_000_000 >= held * percent))
    }
}

impl Replay {
    fn define(&mut self, id: i64, document: Option<Value>) -> Result<()> {
        let Some(document) = document.filter(|document| document["state"] == "running") else {
            self.running.remove(&id);
            return Ok(());
        };
        let mut monitor = Running { document, pairs: BTreeMap::new() };
        for (item, state) in &self.items {
            if !in_scope(&monitor.document["scope"], *item, state) {
                continue;
            }
            let base = monitor.value(state).filter(|_| monitor.is_relative());
            let raised = monitor.meets(state, base, false);
            monitor.pairs.insert(*item, Pair { raised, base, held: Vec::new() });
        }
        self.running.insert(id, monitor);
        Ok(())
    }

    fn change(&mut self, position: i64, id: i64, at: Timestamp, item: Option<Value>) -> Result<()> {
        self.changes += 1;
        let before = self.items.remove(&id);
        for (monitor, running) in &mut self.running {
            let item = item.as_ref().filter(|item| in_scope(&running.document["scope"], id, item));
            let Some(item) = item else {
                running.pairs.remove(&id);
                continue;
            };
            let was_in_scope = running.pairs.contains_key(&id);
            let mut pair = running.pairs.remove(&id).unwrap_or_default();
            let value = running.value(item);
            if running.document["condition"]["kind"] == "changes_by" {
                let was = before.as_ref().filter(|_| was_in_scope).and_then(|before| running.value(before));
                // Clocks may differ; the log's order counts.
                let until = pair.held.last().map_or(at, |(last, _)| at.max(*last));
                pair.held.extend(was.filter(|was| Some(*was) != value).map(|was| (until, was)));
                if let Some(value) = value.filter(|value| Some(*value) != was)
                    && running.moves(&pair, value, at)?
                {
                    self.crossings.insert((*monitor, id, position));
                    pair.held.clear();
                }
            } else {
                if running.is_relative() && pair.base.is_none() {
                    pair.base = value;
                }
                let meets = running.meets(item, pair.base, pair.raised);
                if meets && !pair.raised {
                    self.crossings.insert((*monitor, id, position));
                }
                pair.raised = meets;
            }
            running.pairs.insert(id, pair);
        }
        if let Some(item) = item {
            self.items.insert(id, item);
        }
        Ok(())
    }
}
