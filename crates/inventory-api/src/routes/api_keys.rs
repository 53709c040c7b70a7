//! `/api/v1/api-keys`: keys for programs. The text of one is in the answer that makes it, and nowhere else.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{ApiKey, Listing, NewApiKey, Permission, ProblemCode};
use jiff::Timestamp;
use serde::Serialize;
use service::{ApiError, QueryReader};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api, api_key,
    body::{self, BodyIs},
    caller::{Caller, Keys},
    documented_problems::{CreateKeyProblems, KeyProblems, ListProblems},
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
};

/// A key that was made just now.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiKey {
    #[serde(flatten)]
    document: ApiKey,
    /// The key itself: `sw_<prefix>_<secret>`. It is shown this once.
    key: String,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApiKeyListQuery {
    /// How many keys a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<i64>,
}

/// Make an API key.
///
/// The answer is the only one that ever shows it. It can do no more than you can. It goes on when your own account ends,
/// until it is revoked or expires.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys",
    tag = "accounts",
    security(("bearer" = ["keys"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content = NewApiKey, content_type = "application/json",
        example = json!({"name": "web shop", "scopes": ["read", "stock"]})),
    responses(
        (status = 201, description = "What is kept of the key, and the key.", body = CreatedApiKey,
            headers(("Location" = String, description = "Where what is kept of it is."))),
        CreateKeyProblems,
    )
)]
pub(crate) async fn create_api_key(
    api: web::Data<Api>,
    caller: Caller<Keys>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewApiKey::from_json(body, Timestamp::now()).map_err(body::invalid)?;
    refuse_more_than_own(&caller, &new)?;
    let context = caller.write_context(&request)?;
    let (key, sealed) = api_key::make().map_err(ApiError::internal)?;
    let created = api.store().create_api_key(caller.tenant(), &new, &sealed, &context).await;
    let document = created.map_err(store_error)?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/api-keys/{}", document.id)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(CreatedApiKey { document, key }))
}

/// List API keys, the newest first; revoked and expired ones too.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys",
    tag = "accounts",
    security(("bearer" = ["keys"])),
    params(ApiKeyListQuery),
    responses(
        (status = 200, description = "A page of keys, without their secrets.", body = Listing<ApiKey>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_api_keys(
    api: web::Data<Api>,
    caller: Caller<Keys>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = ApiKeyListQuery::read(request.query_string())?;
    let page = api.store().api_keys(caller.tenant(), query.after, query.limit).await.map_err(store_error)?;
    let page = Listing {
        data: page.keys,
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
    };
    Ok(pagination::respond_with(&request, page.next_cursor.as_deref(), &page))
}

/// Read what is kept of an API key.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys/{id}",
    tag = "accounts",
    security(("bearer" = ["keys"])),
    params(("id" = i64, Path, minimum = 1, description = "The key's id.")),
    responses((status = 200, description = "The key, without its secret.", body = ApiKey), KeyProblems)
)]
pub(crate) async fn get_api_key(
    api: web::Data<Api>,
    caller: Caller<Keys>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&request)?;
    let key = api.store().api_key(caller.tenant(), id).await.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(key.ok_or_else(|| not_found(id))?))
}

/// Revoke an API key.
///
/// It and all tokens that it was exchanged for are refused from then on, and their sockets are closed. What is kept of it
/// stays to be read. Revoking it again changes nothing and succeeds too, so that it can be repeated when an answer got
/// lost.
#[utoipa::path(
    delete,
    path = "/api/v1/api-keys/{id}",
    tag = "accounts",
    security(("bearer" = ["keys"])),
    params(("id" = i64, Path, minimum = 1, description = "The key's id."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "It is revoked."), KeyProblems)
)]
pub(crate) async fn revoke_api_key(
    api: web::Data<Api>,
    caller: Caller<Keys>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&request)?;
    let context = caller.write_context(&request)?;
    if !api.store().revoke_api_key(caller.tenant(), id, &context).await.map_err(store_error)? {
        return Err(not_found(id));
    }
    // Whoever was told that it is revoked finds it refused.
    api.logins().look().await.map_err(store_error)?;
    Ok(HttpResponse::NoContent().finish())
}

impl ApiKeyListQuery {
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

fn refuse_more_than_own(caller: &Caller<Keys>, new: &NewApiKey) -> Result<(), ApiError> {
    let own = caller.identity().permissions;
    if own.covers(new.scopes) {
        return Ok(());
    }
    let more: Vec<&str> =
        new.scopes.iter().filter(|scope| !own.contains(*scope)).map(Permission::as_str).collect();
    let detail = format!("You can't give a key what you may not do yourself: {}.", more.join(", "));
    Err(ApiError::new(ProblemCode::Forbidden, detail))
}

/// The key's id in the path.
fn key_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let id = request.match_info().get("id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    id.ok_or_else(|| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}

/// The answer where there is no such key, or it belongs to another tenant.
fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no API key {id}."))
}
