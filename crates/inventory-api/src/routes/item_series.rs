//! How the quantity or the price of an item went, for charts.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Measure, Series};
use jiff::Timestamp;
use service::{ApiError, QueryReader};
use store::SeriesQuery;
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::SeriesProblems,
    error::store_error,
    routes::{item_id, item_list::time, items::not_found},
};

const POINTS: std::ops::RangeInclusive<u16> = 10..=2000;
const USUAL_POINTS: u16 = 500;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the document only: what the store is asked has another form")]
pub(crate) struct SeriesParameters {
    /// Which value.
    measure: Measure,
    /// From where on (RFC 3339); from the oldest change that is kept, if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Up to where (RFC 3339); up to now, if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The most points. Where there are more changes, each point stands for a stretch of time.
    #[param(value_type = Option<i32>, minimum = 10, maximum = 2000, default = 500)]
    points: u16,
}

/// Read how an item's quantity or price went; of a deleted item too, for as long as some of its changes are kept.
///
/// Only changes of that value count. If there are more than `points`, the time is cut into as many equal stretches, and each
/// that has changes becomes a point: its first and last value, its least and its greatest. A value is null where the item
/// has none, and where it was deleted.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}/series",
    tag = "items",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."), SeriesParameters),
    responses(
        (status = 200, description = "The points in the order of time, and the moment of the log that they show.",
            body = Series),
        SeriesProblems,
    )
)]
pub(crate) async fn item_series(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = item_id(&request)?;
    let now = Timestamp::now();
    let query = read(request.query_string(), now)?;
    let _turn = api.series_turns().take().await?;
    let found = api.store().item_series(caller.tenant(), id, query).await.map_err(store_error)?;
    let found = found.ok_or_else(|| not_found(id))?;
    let until = query.until.unwrap_or_else(|| {
        // What was changed just now counts, even if the database's clock is ahead.
        found.points.last().map_or(now, |last| now.max(last.at))
    });
    Ok(HttpResponse::Ok().json(Series {
        measure: query.measure,
        since: found.since,
        until: until.max(found.since),
        before: found.before,
        points: found.points,
        complete: found.complete,
        as_of: found.as_of.into(),
    }))
}

fn read(query: &str, now: Timestamp) -> Result<SeriesQuery, ApiError> {
    let mut reader = QueryReader::new(query);
    let measure = reader.required("measure", |text| {
        Measure::parse(text).ok_or_else(|| "must be quantity or price".to_owned())
    });
    let since = reader.take("since", time);
    let until = reader.take("until", |text| {
        let until = time(text)?;
        if since.is_some_and(|since| until <= since) {
            return Err("must be later than since".to_owned());
        }
        Ok(until)
    });
    let points = reader.take("points", |text| {
        let points = text.parse().ok().filter(|points| POINTS.contains(points));
        points.ok_or_else(|| format!("must be an integer from {} to {}", POINTS.start(), POINTS.end()))
    });
    reader.finish()?;
    // What is required and isn't there is said by now.
    let measure = measure.unwrap_or(Measure::Quantity);
    Ok(SeriesQuery { measure, since, until, now, points: points.unwrap_or(USUAL_POINTS) })
}
