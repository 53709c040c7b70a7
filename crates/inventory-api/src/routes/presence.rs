//! Who is connected: `/api/v1/presence` for clients, and `/internal/v1/presence` where hubs report it.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Page, PresenceReport, ProblemCode};
use jiff::Timestamp;
use service::{ApiError, QueryReader, access};
use store::Taken;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Read},
    documented_problems::ListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
};

/// Someone who is connected.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what the database writes")]
pub(crate) struct Person {
    /// Of this visit: another one each time they come.
    id: i64,
    /// `user:7` or `key:3`.
    actor: String,
    /// The name of the user or key when they came.
    name: String,
    /// When they came.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PresenceQuery {
    /// How many people a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// List who of the tenant is connected.
///
/// Users and keys with a socket, an event stream or a poll at any hub, in the order in which they came. The topic
/// `presence` tells of changes.
#[utoipa::path(
    get,
    path = "/api/v1/presence",
    tag = "accounts",
    security(("bearer" = ["read"])),
    params(PresenceQuery),
    responses(
        (status = 200, description = "A page of people, and the moment of the log that it shows.",
            body = Page<Person>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_people(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = PresenceQuery::read(request.query_string())?;
    let found = api.store().people(caller.tenant(), query.after, query.limit).await.map_err(store_error)?;
    let page = Page {
        data: found.people,
        has_more: found.next.is_some(),
        next_cursor: found.next.as_ref().map(pagination::encode_cursor),
        as_of: found.as_of.into(),
    };
    Ok(pagination::respond(&request, &page))
}

/// Takes a hub's report. 409 says that the hub isn't known, or that a report is missing: it must say the whole list.
pub(crate) async fn take_report(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    access::require_secret(request.headers(), api.internal_secret())?;
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let report: PresenceReport = serde_json::from_value(body)
        .map_err(|error| ApiError::new(ProblemCode::InvalidBody, format!("Not a report: {error}.")))?;
    if report.here.len() + report.gone.len() > PresenceReport::MOST {
        let detail = format!("A report names at most {} people.", PresenceReport::MOST);
        return Err(ApiError::new(ProblemCode::InvalidBody, detail));
    }
    Ok(match api.store().take_presence_report(&report).await.map_err(store_error)? {
        Taken::Yes => HttpResponse::NoContent().finish(),
        Taken::Unknown => HttpResponse::Conflict().finish(),
    })
}

impl PresenceQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor).unwrap_or(0),
        };
        reader.finish()?;
        Ok(read)
    }
}
