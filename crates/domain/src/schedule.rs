//! When people want to hear from a monitor: hours of the day on days of the week, in their time zone.

use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The days of the week, as they are written.
const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// The hours from `from` to `until` on some weekdays. Where `until` isn't later than `from`, it is that of the next day;
/// so equal times mean the whole day from `from` on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schedule {
    /// A name of the IANA time zone database, such as `Europe/Berlin`.
    #[serde(serialize_with = "write_zone", deserialize_with = "read_zone")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "Europe/Berlin"))]
    pub time_zone: TimeZone,
    /// On which days it begins, `monday` to `sunday`: at least one.
    #[serde(serialize_with = "write_days", deserialize_with = "read_days")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, min_items = 1, max_items = 7))]
    pub weekdays: Vec<Weekday>,
    /// Such as `08:00`.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^\d\d:\d\d$", example = "08:00"))]
    pub from: Time,
    /// Such as `18:00`; the minute doesn't belong to it any more.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^\d\d:\d\d$", example = "18:00"))]
    pub until: Time,
}

impl Schedule {
    /// A weekday by its name.
    #[must_use]
    pub fn weekday(name: &str) -> Option<Weekday> {
        DAYS.iter().find(|(word, _)| *word == name).map(|(_, day)| *day)
    }

    /// A time of the day, written `08:00`.
    #[must_use]
    pub fn time(text: &str) -> Option<Time> {
        let (hour, minute) = text.split_once(':')?;
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hour) || !digits(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    }

    /// The first moment at or after this one at which people may be told: the moment itself, if they may be told now.
    #[must_use]
    pub fn open_from(&self, moment: Timestamp) -> Timestamp {
        let local = moment.to_zoned(self.time_zone.clone());
        // From yesterday on, whose hours may reach into today, to the same weekday of next week.
        (-1..=8)
            .filter_map(|days| self.hours_of(&local, days))
            // Hours that the clocks skip altogether are none.
            .filter(|(begin, end)| end > begin && *end > moment)
            .map(|(begin, _)| begin.max(moment))
            .min()
            // No weekday, which can't be stored: always.
            .unwrap_or(moment)
    }

    /// Beginning and end of the hours of the day that lies so many days from this one, if there are some.
    fn hours_of(&self, local: &Zoned, days: i64) -> Option<(Timestamp, Timestamp)> {
        let date = local.date().checked_add(days.days()).ok()?;
        if !self.weekdays.contains(&date.weekday()) {
            return None;
        }
        let last = if self.until > self.from { date } else { date.tomorrow().ok()? };
        // A time that the clocks skip counts as the one right behind; one that comes twice, as the first.
        let begin = date.to_datetime(self.from).to_zoned(self.time_zone.clone()).ok()?;
        let end = last.to_datetime(self.until).to_zoned(self.time_zone.clone()).ok()?;
        Some((begin.timestamp(), end.timestamp()))
    }
}

fn write_zone<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.iana_name().unwrap_or("UTC"))
}

fn read_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    TimeZone::get(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn write_days<S: Serializer>(days: &[Weekday], serializer: S) -> Result<S::Ok, S::Error> {
    let name = |day: &Weekday| DAYS.iter().find(|(_, known)| known == day).map(|(name, _)| *name);
    serializer.collect_seq(days.iter().filter_map(name))
}

fn read_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weekday>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names
        .iter()
        .map(|name| Schedule::weekday(name).ok_or_else(|| de::Error::custom("must be monday to sunday")))
        .collect()
}

fn write_time<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:02}:{:02}", time.hour(), time.minute()))
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    Schedule::time(&String::deserialize(deserializer)?)
        .ok_or_else(|| de::Error::custom("must be a time of the day such as 08:00"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schedule(days: &[&str], from: &str, until: &str) -> Schedule {
        let document = json!({"time_zone": "Europe/Berlin", "weekdays": days, "from": from, "until": until});
        let schedule: Schedule = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&schedule).unwrap(), document);
        schedule
    }

    fn open(schedule: &Schedule, moment: &str) -> String {
        schedule.open_from(moment.parse().unwrap()).to_string()
    }

    /// 2026-11-20 is a Friday; Berlin is one hour ahead.
    #[test]
    fn people_are_told_in_their_hours() {
        let office = schedule(&["monday", "friday"], "08:00", "18:00");
        assert_eq!(open(&office, "2026-11-20T06:59:00Z"), "2026-11-20T07:00:00Z");
        assert_eq!(open(&office, "2026-11-20T07:00:00Z"), "2026-11-20T07:00:00Z");
        assert_eq!(open(&office, "2026-11-20T16:59:59Z"), "2026-11-20T16:59:59Z");
        assert_eq!(open(&office, "2026-11-20T17:00:00Z"), "2026-11-23T07:00:00Z");
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = schedule(&["friday"], "22:00", "06:00");
        assert_eq!(open(&night, "2026-11-21T04:59:00Z"), "2026-11-21T04:59:00Z");
        assert_eq!(open(&night, "2026-11-21T05:00:00Z"), "2026-11-27T21:00:00Z");
        let whole = schedule(&["friday"], "00:00", "00:00");
        assert_eq!(open(&whole, "2026-11-20T22:59:59Z"), "2026-11-20T22:59:59Z");
        assert_eq!(open(&whole, "2026-11-20T23:00:00Z"), "2026-11-26T23:00:00Z");
    }

    /// On 2026-03-29 clocks in Berlin skip from 02:00 to 03:00.
    #[test]
    fn a_time_that_the_clocks_skip_is_the_one_behind() {
        let sunday = schedule(&["sunday"], "02:30", "04:00");
        assert_eq!(open(&sunday, "2026-03-29T00:00:00Z"), "2026-03-29T01:30:00Z");
        assert_eq!(open(&sunday, "2026-03-29T01:59:59Z"), "2026-03-29T01:59:59Z");
    }

    #[test]
    fn hours_that_the_clocks_skip_altogether_are_none() {
        let skipped = schedule(&["sunday"], "02:30", "03:00");
        assert_eq!(open(&skipped, "2026-03-29T00:00:00Z"), "2026-04-05T00:30:00Z");
    }

    #[test]
    fn times_and_days_are_strict() {
        for time in ["8:00", "24:00", "08:60", "0800", "+8:00", ""] {
            assert_eq!(Schedule::time(time), None, "{time}");
        }
        assert_eq!(Schedule::weekday("Monday"), None);
    }
}
