//! What a client may say about when people want to be told.

use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};
use serde_json::Value;

use crate::{FieldReader, Schedule, fields::kind, item_input::text};

/// Reads a schedule. `None` means that errors were recorded.
pub(crate) fn read_schedule(fields: &mut FieldReader) -> Option<Schedule> {
    let time_zone = fields.required("time_zone", zone);
    let weekdays = fields.required("weekdays", days);
    let weekdays = weekdays.map(|days| fields.entries("weekdays", days, day));
    let from = fields.required("from", time);
    let until = fields.required("until", time);
    Some(Schedule { time_zone: time_zone?, weekdays: weekdays?, from: from?, until: until? })
}

fn zone(value: Value) -> Result<TimeZone, String> {
    let known = TimeZone::get(&text(value)?).ok();
    // What has no name couldn't be written down; the unknown zone has one, and is none.
    let named = known.filter(|zone| zone.iana_name().is_some() && !zone.is_unknown());
    named.ok_or_else(|| "must be a name of the IANA time zone database, such as Europe/Berlin".into())
}

fn days(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(days) if days.is_empty() => Err("must name at least one day".into()),
        Value::Array(days) if days.len() > 7 => {
            Err(format!("must have at most 7 entries, has {}", days.len()))
        }
        Value::Array(days) => Ok(days),
        other => Err(format!("must be an array, not {}", kind(&other))),
    }
}

fn day(value: Value) -> Result<Weekday, String> {
    let day = Schedule::weekday(&text(value)?);
    day.ok_or_else(|| "must be monday, tuesday, wednesday, thursday, friday, saturday or sunday".into())
}

fn time(value: Value) -> Result<Time, String> {
    Schedule::time(&text(value)?).ok_or_else(|| "must be a time of the day such as 08:00".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(schedule: Value) -> Result<Schedule, Vec<String>> {
        let mut fields = FieldReader::new(json!({})).unwrap();
        let read = fields.nested("schedule", schedule, read_schedule);
        fields
            .finish()
            .map_err(|errors| errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>())?;
        Ok(read.unwrap())
    }

    #[test]
    fn a_schedule_is_read_and_its_zone_is_written_as_it_is_known() {
        let said = json!({"time_zone": "europe/berlin", "weekdays": ["sunday", "monday"], "from": "22:00",
            "until": "06:00"});
        let read = serde_json::to_value(read(said).unwrap()).unwrap();
        assert_eq!(
            read,
            json!({"time_zone": "Europe/Berlin", "weekdays": ["sunday", "monday"], "from": "22:00",
                "until": "06:00"})
        );
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let wrong = json!({"time_zone": "Europe/Bielefeld", "weekdays": ["monday", "Tuesday", 3, "monday"],
            "from": "8:00", "until": null, "hours": 8});
        let expected = [
            "/schedule/time_zone",
            "/schedule/weekdays/1",
            "/schedule/weekdays/2",
            "/schedule/weekdays/3",
            "/schedule/from",
            "/schedule/until",
            "/schedule/hours",
        ];
        assert_eq!(read(wrong).unwrap_err(), expected);
        assert_eq!(read(json!("always")).unwrap_err(), ["/schedule"]);
    }

    #[test]
    fn zones_are_those_with_a_name() {
        for zone in ["", "local", "Etc/Unknown", "CET-1CEST", "+01:00", "../Europe/Berlin", "Europe/Berlin\0"]
        {
            let schedule =
                json!({"time_zone": zone, "weekdays": ["monday"], "from": "08:00", "until": "09:00"});
            assert_eq!(read(schedule).unwrap_err(), ["/schedule/time_zone"], "{zone}");
        }
        for weekdays in [json!([]), json!("monday"), json!(vec!["monday"; 8])] {
            let schedule =
                json!({"time_zone": "UTC", "weekdays": weekdays, "from": "08:00", "until": "09:00"});
            assert_eq!(read(schedule).unwrap_err(), ["/schedule/weekdays"]);
        }
    }
}
