//! What was received and issued, day by day.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Movement, MovementDay};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use service::{ApiError, QueryReader};
use store::MovementSums;
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::StatisticsProblems,
    movement_memory::Question,
};

const DAYS: std::ops::RangeInclusive<u16> = 1..=366;
const USUAL_DAYS: u16 = 30;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MovementQuery {
    /// How many days, of which today is the last.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 366, default = 30)]
    days: u16,
    /// Where days begin and end: a name of the IANA time zone database, such as `Europe/Berlin`.
    #[param(value_type = Option<String>, default = "UTC")]
    time_zone: TimeZone,
}

/// Read what was received and issued day by day, and which items changed most.
///
/// What a quantity grows by is received, what it shrinks by is issued; a new item's quantity is received, a deleted one's
/// issued. The numbers may be some seconds old, longer where there is much to add up: `as_of` says which moment they show.
#[utoipa::path(
    get,
    path = "/api/v1/statistics/movement",
    tag = "items",
    security(("bearer" = ["read"])),
    params(MovementQuery),
    responses(
        (status = 200, description = "Every day of the range, the oldest first, and at most 20 items.", body = Movement),
        StatisticsProblems,
    )
)]
pub(crate) async fn movement(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let MovementQuery { days, time_zone } = MovementQuery::read(request.query_string())?;
    let today = Timestamp::now().to_zoned(time_zone.clone()).date();
    let zone = time_zone.iana_name().unwrap_or("UTC").to_owned();
    let question = Question { tenant: caller.tenant(), time_zone: zone, today, days };
    let store = api.store().clone();
    let tenant = caller.tenant();
    let answer = api.movements().answer(question.clone(), async move {
        let calendar = Calendar::of(&question, &time_zone);
        let sums = store.movement(tenant, &calendar.moments).await?;
        Ok(calendar.fill(question.time_zone, sums))
    });
    Ok(HttpResponse::Ok().json(answer.await?.as_ref()))
}

impl MovementQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            days: reader
                .take("days", |text| {
                    let days = text.parse().ok().filter(|days| DAYS.contains(days));
                    days.ok_or_else(|| format!("must be an integer from {} to {}", DAYS.start(), DAYS.end()))
                })
                .unwrap_or(USUAL_DAYS),
            time_zone: reader
                .take("time_zone", |text| {
                    let known = TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some());
                    known.ok_or_else(|| "must be the name of a time zone, such as Europe/Berlin".to_owned())
                })
                .unwrap_or(TimeZone::UTC),
        };
        reader.finish()?;
        Ok(read)
    }
}

/// The days that are asked for, and when each of them begins; last comes the end of the last one.
struct Calendar {
    dates: Vec<Date>,
    moments: Vec<Timestamp>,
}

impl Calendar {
    fn of(question: &Question, time_zone: &TimeZone) -> Self {
        let first = question.today.saturating_sub((i64::from(question.days) - 1).days());
        let dates: Vec<Date> =
            (0..i64::from(question.days)).map(|day| first.saturating_add(day.days())).collect();
        let end = question.today.saturating_add(1.day());
        // Where clocks skip midnight, the day begins right behind.
        let begins = |date: &Date| date.to_zoned(time_zone.clone()).map(|zoned| zoned.timestamp()).ok();
        let moments = dates.iter().chain([&end]).filter_map(begins).collect();
        Self { dates, moments }
    }

    /// Every day has its sums, also one without movement.
    fn fill(self, time_zone: String, sums: MovementSums) -> Movement {
        let nothing = || "0.0000".to_owned();
        let mut days: Vec<MovementDay> = self
            .dates
            .into_iter()
            .map(|date| MovementDay {
                date,
                received: 0,
                issued: 0,
                received_value: nothing(),
                issued_value: nothing(),
                changes: 0,
            })
            .collect();
        for sum in sums.days {
            if let Some(day) = days.get_mut(sum.day) {
                (day.received, day.issued, day.changes) = (sum.received, sum.issued, sum.changes);
                (day.received_value, day.issued_value) = (sum.received_value, sum.issued_value);
            }
        }
        Movement { time_zone, days, busiest: sums.busiest, complete: sums.complete, as_of: sums.as_of.into() }
    }
}

#[cfg(test)]
mod tests {
    use domain::TenantId;

    use super::*;

    #[test]
    fn days_begin_where_people_s_clocks_say_so() {
        let time_zone = TimeZone::get("Europe/Berlin").unwrap();
        let today = "2026-10-26".parse().unwrap();
        let question =
            Question { tenant: TenantId::DEFAULT, time_zone: "Europe/Berlin".to_owned(), today, days: 3 };
        let calendar = Calendar::of(&question, &time_zone);
        let dates: Vec<String> = calendar.dates.iter().map(Date::to_string).collect();
        assert_eq!(dates, ["2026-10-24", "2026-10-25", "2026-10-26"]);
        let moments: Vec<String> = calendar.moments.iter().map(Timestamp::to_string).collect();
        // The second of them has 25 hours.
        assert_eq!(
            moments,
            ["2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"]
        );
    }

    #[test]
    fn what_is_asked_for_is_checked() {
        let read = MovementQuery::read("days=366&time_zone=asia/tokyo").unwrap();
        assert_eq!((read.days, read.time_zone.iana_name()), (366, Some("Asia/Tokyo")));
        for query in ["days=0", "days=367", "days=x", "time_zone=Berlin", "time_zone=", "day=1"] {
            assert!(MovementQuery::read(query).is_err(), "{query}");
        }
    }
}
