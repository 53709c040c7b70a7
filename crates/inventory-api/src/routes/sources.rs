//! Data sources: listed with how they do, made, changed, deleted, started, stopped, run.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{self, HeaderValue},
    web,
};
use connector::{check_url, sources::HeaderSeal};
use domain::{
    HeaderChange, Listing, Permission, Problem, ProblemCode, Source, SourceDefinition, SourceHeader,
    SourceInput, TenantId,
};
use service::{ApiError, QueryReader};
use store::{Expected, MOST_SOURCES, SealedHeaderChange, SourceOutcome};
use url::Url;
use utoipa::IntoParams;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Items, Need, Read},
    documented_problems::{
        ChangeSourceProblems, CreateSourceProblems, DeleteSourceProblems, ListProblems, ReadSourceProblems,
        SteerSourceProblems,
    },
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    preconditions,
    routes::source_bodies::{NewSource, SourcePatch},
};

/// Somebody else changes the same source at the same time: so often a patch is worked out anew.
const ATTEMPTS: usize = 5;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SourceListQuery {
    /// How many sources a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// List data sources, with how they do.
///
/// Who may not manage items sees URLs without their query.
#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "sources",
    security(("bearer" = ["read"])),
    params(SourceListQuery),
    responses(
        (status = 200, description = "A page of sources.", body = Listing<Source>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_sources(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let SourceListQuery { limit, after } = SourceListQuery::read(request.query_string())?;
    let page = api.store().sources(caller.tenant(), after, limit).await.map_err(store_error)?;
    let list = Listing {
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
        data: page.sources.into_iter().map(|source| shown(&caller, source)).collect(),
    };
    Ok(pagination::respond_with(&request, list.next_cursor.as_deref(), &list))
}

/// Make a data source.
///
/// One that is pulled runs at once, unless it is made with `enabled` false. A tenant may have 200 sources.
#[utoipa::path(
    post,
    path = "/api/v1/sources",
    tag = "sources",
    security(("bearer" = ["items"])),
    request_body(content = NewSource, content_type = "application/json", example = json!({
        "name": "Supplier's prices", "kind": "pull", "format": "json", "url": "https://supplier.example/prices.json",
        "header": {"name": "Authorization", "value": "Bearer secret"}, "interval_seconds": 300,
        "mapping": {"rows": "/prices", "item": {"field": "sku", "match": "sku"}, "price": "price"},
        "max_change_percent": "50", "enabled": false
    })),
    responses(
        (status = 201, description = "The source.", body = Source,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Location" = String, description = "Where the source is."))),
        CreateSourceProblems,
    )
)]
pub(crate) async fn create_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let input = SourceInput::from_json(body, url_is_good).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    let header = match &input.header {
        HeaderChange::Replace(header) => Some(seal(api.header_seal(), caller.tenant(), header)?),
        HeaderChange::Keep | HeaderChange::Forget => None,
    };
    let made = api.store().create_source(caller.tenant(), &input.definition, header.as_ref(), &context).await;
    let Some(source) = made.map_err(store_error)? else {
        let detail = format!("There may be {MOST_SOURCES} sources. Delete some.");
        return Err(ApiError::new(ProblemCode::TooMany, detail));
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/sources/{}", source.id)))
        .insert_header((header::ETAG, preconditions::entity_tag(source.version)))
        .json(source))
}

/// Read a data source, with how it does.
#[utoipa::path(
    get,
    path = "/api/v1/sources/{id}",
    tag = "sources",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id.")),
    responses(
        (status = 200, description = "The source.", body = Source,
            headers(("ETag" = String, description = "The version of its definition, in double quotes."))),
        ReadSourceProblems,
    )
)]
pub(crate) async fn get_source(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let source = find(&api, &caller, source_id(&request)?).await?;
    Ok(answer(shown(&caller, source)))
}

/// Change a data source, by a JSON merge patch (RFC 7396): absent keeps, null clears.
///
/// It begins anew: with a run at once, and without a memory of failures. A URL that leads to another host needs the header
/// anew, or null: the secret was meant for the host before.
#[utoipa::path(
    patch,
    path = "/api/v1/sources/{id}",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change it only if one of these entity tags is current.")),
    request_body(content(
        (SourcePatch = "application/merge-patch+json", example = json!({"interval_seconds": 60, "max_change_percent": null})),
        (SourcePatch = "application/json", example = json!({"interval_seconds": 60, "max_change_percent": null})),
    )),
    responses(
        (status = 200, description = "The source as it is now. A patch that changes nothing leaves the version.",
            body = Source, headers(("ETag" = String, description = "The version, in double quotes."))),
        ChangeSourceProblems,
    )
)]
pub(crate) async fn patch_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::MergePatch).await?;
    let id = source_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    for _ in 0..ATTEMPTS {
        let current = find(&api, &caller, id).await?;
        if let Expected::Versions(versions) = &expected
            && !versions.contains(&current.version)
        {
            return Ok(version_mismatch(&current));
        }
        let input = SourceInput::from_patch(&current.definition, body.clone(), url_is_good);
        let input = input.map_err(body::invalid)?;
        refuse_to_give_away(&current, &input)?;
        let header = match &input.header {
            HeaderChange::Keep => SealedHeaderChange::Keep,
            HeaderChange::Forget => SealedHeaderChange::Forget,
            HeaderChange::Replace(header) => {
                SealedHeaderChange::Replace(seal(api.header_seal(), caller.tenant(), header)?)
            }
        };
        // Worked out from this version, and from no other.
        let this = Expected::Versions(vec![current.version]);
        let updated =
            api.store().update_source(caller.tenant(), id, &input.definition, &header, &this, &context).await;
        match updated.map_err(store_error)? {
            SourceOutcome::Done(source) => return Ok(answer(*source)),
            SourceOutcome::NotFound => return Err(not_found(id)),
            SourceOutcome::Mismatch(_) => {}
        }
    }
    Err(ApiError::for_now("Others change the same source all the time.", 1))
}

/// Delete a data source. What it changed stays.
#[utoipa::path(
    delete,
    path = "/api/v1/sources/{id}",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id."),
        ("If-Match" = Option<String>, Header,
            description = "Delete it only if one of these entity tags is current.")),
    responses((status = 204, description = "It is gone."), DeleteSourceProblems)
)]
pub(crate) async fn delete_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = source_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let deleted = api.store().delete_source(caller.tenant(), id, &expected, &context).await;
    match deleted.map_err(store_error)? {
        SourceOutcome::Done(_) => Ok(HttpResponse::NoContent().finish()),
        SourceOutcome::NotFound => Err(not_found(id)),
        SourceOutcome::Mismatch(current) => Ok(version_mismatch(&current)),
    }
}

/// Start a data source: one that is pulled runs at once.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{id}/start",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id.")),
    responses((status = 200, description = "The source as it is now.", body = Source), ReadSourceProblems)
)]
pub(crate) async fn start_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    enable(&api, &caller, &request, true).await
}

/// Stop a data source: a run that is under way writes nothing more, and what is pushed is refused.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{id}/stop",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id.")),
    responses((status = 200, description = "The source as it is now.", body = Source), ReadSourceProblems)
)]
pub(crate) async fn stop_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    enable(&api, &caller, &request, false).await
}

/// Run a data source that is pulled now, whenever it is due.
///
/// The answer doesn't wait for the run: a later `last_attempt_at` tells of it. If one is under way, it comes after that.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{id}/run",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id.")),
    responses((status = 202, description = "It runs within a second, or after the run that is under way.", body = Source), SteerSourceProblems)
)]
pub(crate) async fn run_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = source_id(&request)?;
    let is_due = api.store().run_source_now(caller.tenant(), id).await.map_err(store_error)?;
    let source = find(&api, &caller, id).await?;
    if !is_due {
        let detail = "The source is stopped, or is pushed to.";
        return Err(ApiError::new(ProblemCode::WrongState, detail));
    }
    Ok(HttpResponse::Accepted().json(source))
}

impl SourceListQuery {
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

async fn enable(
    api: &Api,
    caller: &Caller<Items>,
    request: &HttpRequest,
    enabled: bool,
) -> Result<HttpResponse, ApiError> {
    let id = source_id(request)?;
    let context = caller.write_context(request)?;
    let outcome = api.store().enable_source(caller.tenant(), id, enabled, &context).await;
    match outcome.map_err(store_error)? {
        SourceOutcome::Done(source) => Ok(answer(*source)),
        SourceOutcome::NotFound | SourceOutcome::Mismatch(_) => Err(not_found(id)),
    }
}

/// The source's id in the path.
pub(super) fn source_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let id = request.match_info().get("id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    id.ok_or_else(|| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}

pub(super) async fn find<N: Need>(api: &Api, caller: &Caller<N>, id: i64) -> Result<Source, ApiError> {
    let source = api.store().source(caller.tenant(), id).await.map_err(store_error)?;
    source.ok_or_else(|| not_found(id))
}

/// The answer where there is no such source, or it belongs to another tenant.
fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no source {id}."))
}

fn shown(caller: &Caller<Read>, source: Source) -> Source {
    if caller.identity().may(Permission::Items) { source } else { source.without_query() }
}

fn answer(source: Source) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, preconditions::entity_tag(source.version))).json(source)
}

fn url_is_good(url: &str) -> Result<(), String> {
    check_url(url).map(drop)
}

fn seal(seal: &HeaderSeal, tenant: TenantId, header: &SourceHeader) -> Result<store::SealedHeader, ApiError> {
    seal.seal(tenant, header).map_err(ApiError::internal)
}

/// Whoever may not see a secret must not be able to have it sent to themselves.
fn refuse_to_give_away(current: &Source, input: &SourceInput) -> Result<(), ApiError> {
    let origin = |definition: &SourceDefinition| {
        let url = definition.url.as_deref().and_then(|url| Url::parse(url).ok());
        url.map(|url| url.origin())
    };
    let keeps = current.header.is_some() && input.header == HeaderChange::Keep;
    if keeps && origin(&current.definition) != origin(&input.definition) {
        let detail = "must be given anew, or null, where the url leads to another host".to_owned();
        return Err(body::invalid(vec![domain::FieldError { detail, pointer: "/header".to_owned() }]));
    }
    Ok(())
}

fn version_mismatch(current: &Source) -> HttpResponse {
    let Source { id, version, .. } = current;
    let detail = format!("If-Match names another version; source {id} has version {version}.");
    let problem = Problem::new(ProblemCode::VersionMismatch, detail);
    let mut response = ApiError::from(problem).error_response();
    if let Ok(tag) = HeaderValue::from_str(&preconditions::entity_tag(*version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
