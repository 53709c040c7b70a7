//! Users of a tenant: listed, invited, changed, deleted by its owners.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{self, HeaderValue},
    web,
};
use domain::{Listing, NewUser, Problem, ProblemCode, User, UserPatch};
use serde::Serialize;
use service::{ApiError, QueryReader};
use store::UserOutcome;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Users},
    documented_problems::{
        ChangeUserProblems, DeleteUserProblems, InviteProblems, ListProblems, ReadUserProblems,
    },
    error::store_error,
    invitations::Invitation,
    pagination::{self, DEFAULT_LIMIT},
    preconditions,
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserListQuery {
    /// How many users a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// A user who was invited just now, and the link that lets them choose a password.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitedUser {
    #[serde(flatten)]
    user: User,
    /// The link.
    invitation: Invitation,
}

/// List users.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(UserListQuery),
    responses(
        (status = 200, description = "A page of users.", body = Listing<User>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_users(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let UserListQuery { limit, after } = UserListQuery::read(request.query_string())?;
    let page = api.store().users(caller.tenant(), after, limit).await.map_err(store_error)?;
    let list = Listing {
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
        data: page.users,
    };
    Ok(pagination::respond_with(&request, list.next_cursor.as_deref(), &list))
}

/// Invite a user.
///
/// The answer, or a letter to them, holds a link with which they choose a password.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content = NewUser, content_type = "application/json",
        example = json!({"email": "bob@shop.example", "name": "Bob", "role": "clerk"})),
    responses(
        (status = 201, description = "The user.", body = InvitedUser,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Location" = String, description = "Where the user is."))),
        InviteProblems,
    )
)]
pub(crate) async fn invite_user(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewUser::from_json(body).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    let link = api.invitations().link()?;
    let user = api.store().create_user(caller.tenant(), &new, link.kept(), &context).await;
    let user = user.map_err(store_error)?;
    let invitation = api.invitations().hand_over(&user, &link).await?;
    let tag = preconditions::entity_tag(user.version);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/users/{}", user.id)))
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(InvitedUser { user, invitation }))
}

/// Read a user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(("id" = i64, Path, minimum = 1, description = "The user's id."),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags that the client has; 304 if one of them is current.")),
    responses(
        (status = 200, description = "The user.", body = User,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        (status = 304, description = "The client has the current version.",
            headers(("ETag" = String, description = "The version, in double quotes."))),
        ReadUserProblems,
    )
)]
pub(crate) async fn get_user(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&request)?;
    let user = api.store().user(caller.tenant(), id).await.map_err(store_error)?;
    let user = user.ok_or_else(|| not_found(id))?;
    let known = preconditions::is_known(request.headers(), user.version)?;
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, preconditions::entity_tag(user.version)));
    Ok(if known { response.finish() } else { response.json(user) })
}

/// Change a user's address, name, role, or whether they may sign in.
///
/// A lower role, and being disabled, ends their sessions and takes their link.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(("id" = i64, Path, minimum = 1, description = "The user's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change them only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content(
        (UserPatch = "application/merge-patch+json"),
        (UserPatch = "application/json"),
    )),
    responses(
        (status = 200, description = "The user as they are now. A patch that changes nothing leaves the version.",
            body = User, headers(("ETag" = String, description = "The version, in double quotes."))),
        ChangeUserProblems,
    )
)]
pub(crate) async fn patch_user(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::MergePatch).await?;
    let patch = UserPatch::from_json(body).map_err(body::invalid)?;
    let id = user_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let updated = api.store().update_user(caller.tenant(), id, &patch, &expected, &context).await;
    let outcome = updated.map_err(store_error)?;
    // What it ended is refused here from now on.
    api.logins().look().await.map_err(store_error)?;
    match outcome {
        UserOutcome::Done(user) => Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, preconditions::entity_tag(user.version)))
            .json(user)),
        refused => refuse(id, refused),
    }
}

/// Delete a user and end their sessions.
///
/// What they did stays in the history. To keep them from signing in for a while, disable them instead.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(("id" = i64, Path, minimum = 1, description = "The user's id."),
        ("If-Match" = Option<String>, Header,
            description = "Delete them only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "They are gone."), DeleteUserProblems)
)]
pub(crate) async fn delete_user(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let deleted = api.store().delete_user(caller.tenant(), id, &expected, &context).await;
    let outcome = deleted.map_err(store_error)?;
    api.logins().look().await.map_err(store_error)?;
    match outcome {
        UserOutcome::Done(_) => Ok(HttpResponse::NoContent().finish()),
        refused => refuse(id, refused),
    }
}

/// Make another one-time link for a user, to choose a password with.
///
/// The one before can't be used any more; their password counts until they have chosen another.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/password-link",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(("id" = i64, Path, minimum = 1, description = "The user's id."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    responses((status = 201, description = "The link, or that it was sent.", body = Invitation), ReadUserProblems)
)]
pub(crate) async fn create_password_link(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&request)?;
    let context = caller.write_context(&request)?;
    let link = api.invitations().link()?;
    let found = api.store().create_link(caller.tenant(), id, link.kept(), &context).await;
    let Some(user) = found.map_err(store_error)? else {
        let user = api.store().user(caller.tenant(), id).await.map_err(store_error)?;
        let disabled = "The user is disabled, and no link would let them in: enable them first.";
        return Err(match user {
            Some(_) => ApiError::new(ProblemCode::Forbidden, disabled),
            None => not_found(id),
        });
    };
    let invitation = api.invitations().hand_over(&user, &link).await?;
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(invitation))
}

impl UserListQuery {
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

/// The user's id in the path.
fn user_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let id = request.match_info().get("id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    id.ok_or_else(|| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}

/// The answer where there is no such user, or they belong to another tenant.
fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no user {id}."))
}

fn refuse(id: i64, outcome: UserOutcome) -> Result<HttpResponse, ApiError> {
    match outcome {
        UserOutcome::Mismatch(current) => Ok(version_mismatch(&current)),
        UserOutcome::LastOwner => {
            let detail = "Nobody else could sign in and manage users: make somebody an owner first.";
            Err(ApiError::new(ProblemCode::LastOwner, detail))
        }
        UserOutcome::NotFound | UserOutcome::Done(_) => Err(not_found(id)),
    }
}

fn version_mismatch(current: &User) -> HttpResponse {
    let User { id, version, .. } = current;
    let detail = format!("If-Match names another version; user {id} has version {version}.");
    let problem = Problem::new(ProblemCode::VersionMismatch, detail);
    let mut response = ApiError::from(problem).error_response();
    if let Ok(tag) = HeaderValue::from_str(&preconditions::entity_tag(*version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
