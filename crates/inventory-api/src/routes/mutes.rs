//! `/api/v1/mutes`: what nobody wants to hear of for a while. It is raised and kept all the same, as read, and no channel is
//! told.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{FieldError, Listing, Mute, NewMute, ProblemCode};
use jiff::Timestamp;
use service::{ApiError, QueryReader};
use store::{MOST_MUTES, MuteOutcome};
use utoipa::IntoParams;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Monitors, Read},
    documented_problems::{CreateMuteProblems, ListProblems, MuteProblems},
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MuteListQuery {
    /// How many mutes a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<i64>,
}

/// Mute a monitor, an item, or a monitor about an item.
///
/// It counts for what is raised from then on: that is kept as read, and no channel is told. A tenant may have 10,000
/// mutes.
#[utoipa::path(
    post,
    path = "/api/v1/mutes",
    tag = "notifications",
    security(("bearer" = ["monitors"])),
    request_body(content = NewMute, content_type = "application/json",
        example = json!({"monitor_id": 1, "until": "2027-01-04T08:00:00Z", "note": "Stocktake."})),
    responses(
        (status = 201, description = "What is muted now.", body = Mute,
            headers(("Location" = String, description = "Where the mute is."))),
        CreateMuteProblems,
    )
)]
pub(crate) async fn create_mute(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewMute::from_json(body, Timestamp::now()).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    made(api.store().create_mute(caller.tenant(), &new, &context).await.map_err(store_error)?, "")
}

/// List what is muted, the newest first; nothing that has ended.
#[utoipa::path(
    get,
    path = "/api/v1/mutes",
    tag = "notifications",
    security(("bearer" = ["read"])),
    params(MuteListQuery),
    responses(
        (status = 200, description = "A page of mutes.", body = Listing<Mute>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_mutes(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = MuteListQuery::read(request.query_string())?;
    let found = api.store().mutes(caller.tenant(), query.after, query.limit).await.map_err(store_error)?;
    let page = Listing {
        data: found.mutes,
        has_more: found.next.is_some(),
        next_cursor: found.next.as_ref().map(pagination::encode_cursor),
    };
    Ok(pagination::respond_with(&request, page.next_cursor.as_deref(), &page))
}

/// Read a mute that hasn't ended.
#[utoipa::path(
    get,
    path = "/api/v1/mutes/{id}",
    tag = "notifications",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The mute's id.")),
    responses((status = 200, description = "The mute.", body = Mute), MuteProblems)
)]
pub(crate) async fn get_mute(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = mute_id(&request)?;
    let mute = api.store().mute(caller.tenant(), id).await.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(mute.ok_or_else(|| not_found(id))?))
}

/// End a mute.
#[utoipa::path(
    delete,
    path = "/api/v1/mutes/{id}",
    tag = "notifications",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The mute's id.")),
    responses((status = 204, description = "It is gone."), MuteProblems)
)]
pub(crate) async fn delete_mute(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = mute_id(&request)?;
    if !api.store().delete_mute(caller.tenant(), id).await.map_err(store_error)? {
        return Err(not_found(id));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The answer to a new mute. `named` points to the field that says what is muted, if that isn't the id itself.
pub(crate) fn made(outcome: MuteOutcome, named: &str) -> Result<HttpResponse, ApiError> {
    let missing = |field: &str, what: &str| {
        let pointer = if named.is_empty() { format!("/{field}") } else { named.to_owned() };
        body::invalid(vec![FieldError { detail: format!("names {what} that there isn't"), pointer }])
    };
    match outcome {
        MuteOutcome::Made(mute) => Ok(HttpResponse::Created()
            .insert_header((header::LOCATION, format!("/api/v1/mutes/{}", mute.id)))
            .json(mute)),
        MuteOutcome::NoMonitor => Err(missing("monitor_id", "a monitor")),
        MuteOutcome::NoItem => Err(missing("item_id", "an item")),
        MuteOutcome::TooMany => {
            let detail = format!("There may be {MOST_MUTES} mutes. End some.");
            Err(ApiError::new(ProblemCode::TooMany, detail))
        }
    }
}

impl MuteListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor),
        };
        reader.finish()?;
        Ok(read)
    }
}

/// The mute's id in the path.
fn mute_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let id = request.match_info().get("id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    id.ok_or_else(|| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}

/// The answer where there is no such mute, or it has ended, or it belongs to another tenant.
fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no mute {id}."))
}
