//! A history of one item, shown to a monitor as the notifier does: what falls due comes before a change at the same time,
//! and what is blank isn't kept.

use crate::{Crossing, Judged, Memory, Seen, Watched, observe, time_is_up};
use domain::{
    Amount, Condition, ItemId, Measure, Monitor, MonitorId, MonitorState, Position, Scope, Severity, TenantId,
};
use jiff::Timestamp;
use serde_json::value::RawValue;

/// A second and the value from then on; none where the price is unknown.
pub(crate) type Change = (i64, Option<i64>);

/// What was told: when, by which change, and the value.
pub(crate) type Told = (i64, i64, i64);

/// A monitor of prices that starts at second 0.
pub(crate) fn monitor(condition: Condition, hysteresis: i64, cooldown_seconds: u32) -> Watched {
    let monitor = Monitor {
        id: MonitorId::new(1).unwrap(),
        name: "a monitor".into(),
        scope: Scope::Item { item_id: ItemId::new(1).unwrap() },
        measure: Measure::Price,
        condition,
        hysteresis: Amount::whole(hysteresis),
        notify_existing: false,
        severity: Severity::Info,
        message: None,
        cooldown_seconds,
        schedule: None,
        channels: Vec::new(),
        state: MonitorState::Running,
    };
    Watched::new(TenantId::DEFAULT, monitor, Position::START, Timestamp::UNIX_EPOCH)
}

pub(crate) fn seen(value: Option<i64>) -> Seen<'static> {
    let none: &'static RawValue = serde_json::from_str("{}").unwrap();
    Seen {
        sku: None,
        name: "bolt".into(),
        unit: "each".into(),
        quantity: Amount::ZERO,
        price: value.map(Amount::whole),
        reorder_point: None,
        attributes: none,
    }
}

/// What a monitor tells of an item with this value at the start, and these changes, until a second.
pub(crate) fn told(watched: &Watched, start: Option<i64>, changes: &[Change], until: i64) -> Vec<Told> {
    let (mut kept, mut told, mut before) = (None::<Memory>, Vec::new(), seen(start));
    for (place, (second, value)) in (1..).zip(changes) {
        pass(watched, &mut kept, *second, &mut told);
        let (at, after) = (Timestamp::from_second(*second).unwrap(), seen(*value));
        let mut memory = kept.clone().unwrap_or_else(|| Memory::new(watched.since));
        let sides = (Some(&before), Some(&after));
        let judged = observe(watched, &mut memory, sides, (Position::new(place).unwrap(), at));
        note(judged, *second, &mut told);
        kept = Some(memory).filter(|memory| !memory.is_blank());
        before = after;
    }
    pass(watched, &mut kept, until, &mut told);
    told
}

/// Time passes, up to and with a second.
fn pass(watched: &Watched, kept: &mut Option<Memory>, until: i64, told: &mut Vec<Told>) {
    while let Some(memory) = kept
        && let Some(due_at) = memory.due_at
        && due_at.as_second() <= until
    {
        note(time_is_up(watched, memory), due_at.as_second(), told);
    }
}

fn note(judged: Judged, second: i64, told: &mut Vec<Told>) {
    if let Judged::Told(Crossing { position, value, .. }) = judged {
        let value = value.unwrap().ten_thousandths() / 10_000;
        told.push((second, position.get(), i64::try_from(value).unwrap()));
    }
}
