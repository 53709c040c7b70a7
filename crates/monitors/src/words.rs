//! The message of a notification: the monitor's own words, or the usual ones.

use std::time::Duration;

use domain::{Amount, Condition, ItemId, Measure, Placeholder};

use crate::{Crossing, Watched};

/// What people read.
#[must_use]
pub fn message(
    watched: &Watched,
    crossing: &Crossing,
    item: ItemId,
    (sku, name, unit): (Option<&str>, &str, &str),
) -> String {
    let monitor = &watched.monitor;
    let Some(template) = watched.template() else { return usual_words(watched, crossing, name) };
    template.render(|placeholder| match placeholder {
        Placeholder::ItemName => name.to_owned(),
        Placeholder::ItemSku => sku.unwrap_or_default().to_owned(),
        Placeholder::ItemId => item.to_string(),
        Placeholder::ItemUnit => unit.to_owned(),
        Placeholder::Value => shown(monitor.measure, crossing.value),
        Placeholder::PreviousValue => shown(monitor.measure, crossing.previous),
        Placeholder::Threshold => shown(monitor.measure, crossing.threshold),
        Placeholder::Reference => shown(monitor.measure, crossing.reference),
        Placeholder::MonitorName => monitor.name.clone(),
        Placeholder::Severity => monitor.severity.to_string(),
        Placeholder::At => format!("{:.0}", crossing.at),
    })
}

fn usual_words(watched: &Watched, crossing: &Crossing, name: &str) -> String {
    let monitor = &watched.monitor;
    let show = |amount| shown(monitor.measure, amount);
    let (measure, value) = (monitor.measure, show(crossing.value));
    let (threshold, reference) = (show(crossing.threshold), show(crossing.reference));
    match &monitor.condition {
        Condition::Below { .. } => format!("{name}: {measure} is {value}, below {threshold}"),
        Condition::Above { .. } => format!("{name}: {measure} is {value}, above {threshold}"),
        Condition::Outside { low, high } => {
            let (low, high) = (show(Some(*low)), show(Some(*high)));
            format!("{name}: {measure} is {value}, outside of {low} to {high}")
        }
        Condition::RisesBy { percent, .. } => {
            format!("{name}: {measure} is {value}, {percent} % or more above {reference}")
        }
        Condition::FallsBy { percent, .. } => {
            format!("{name}: {measure} is {value}, {percent} % or more below {reference}")
        }
        Condition::ChangesBy { percent, window_seconds } => {
            let window = in_words(*window_seconds);
            format!("{name}: {measure} is {value}, {percent} % or more from {reference} within {window}")
        }
        Condition::UnchangedFor { seconds } => {
            format!("{name}: {measure} has been {value} for {}", in_words(*seconds))
        }
        Condition::AtReorderPoint {} => {
            format!("{name}: {measure} is {value}, and the reorder point is {threshold}")
        }
    }
}

/// Quantities without places, prices with at least two.
fn shown(measure: Measure, amount: Option<Amount>) -> String {
    let Some(amount) = amount else { return "nothing".to_owned() };
    let text = amount.to_string();
    match (measure, text.split_once('.')) {
        (Measure::Price, None) => format!("{text}.00"),
        (Measure::Price, Some((_, places))) if places.len() < 2 => format!("{text}0"),
        _ => text,
    }
}

fn in_words(seconds: u32) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let seconds = Duration::from_secs(seconds.into()).as_secs();
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (count, name) = unit.map_or((seconds, "second"), |(length, name)| (seconds / length, name));
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_write_them() {
        let amount = |text: &str| text.parse().ok();
        assert_eq!(shown(Measure::Price, amount("12.5")), "12.50");
        assert_eq!(shown(Measure::Price, amount("12")), "12.00");
        assert_eq!(shown(Measure::Price, amount("0.0125")), "0.0125");
        assert_eq!(shown(Measure::Quantity, amount("12")), "12");
        assert_eq!([1, 90, 3600, 172_800].map(in_words), ["1 second", "90 seconds", "1 hour", "2 days"]);
    }
}
