//! Sessions: signing in, going on, seeing one's devices, ending them.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{FieldReader, LogoutReason, Permission, Problem, ProblemCode, SignIn};
use jiff::Timestamp;
use serde::Serialize;
use service::{ApiError, QueryReader, access::cookie};
use store::Refreshed;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Anyone, Caller},
    cookies::REFRESH_COOKIE,
    documented_problems::{EndSessionProblems, ListProblems, RefreshProblems, SignInProblems},
    error::store_error,
    sign_in::{self, Delivery, SessionTokens, open_session},
};

/// A sign-in on one device that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionDocument {
    /// Its id.
    id: i64,
    /// Whose it is.
    user: i64,
    /// What the browser or program called itself.
    device: String,
    /// Where the sign-in came from.
    address: String,
    /// When the user signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its refresh token was last replaced.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

/// The sessions of a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// The newest first; 1,000 at most.
    data: Vec<SessionDocument>,
}

/// What a client without cookies shows to go on.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a description for the OpenAPI document")]
pub(crate) struct RefreshRequest {
    /// The newest refresh token that it got.
    refresh_token: String,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description for the OpenAPI document")]
pub(crate) struct SessionsQuery {
    /// Whose sessions: the id of a user, or `all`, with the permission users. Left out: one's own.
    #[param(value_type = Option<String>)]
    user: Option<String>,
}

/// Sign in.
///
/// Where the tenant allows one login, the user's other sessions end. The access token is good for minutes; the refresh
/// token gets the next one.
#[utoipa::path(
    post,
    path = "/api/v1/sessions",
    tag = "accounts",
    security(()),
    request_body(content = SignIn, content_type = "application/json",
        example = json!({"email": "ann@shop.example", "password": "correct horse battery"})),
    responses(
        (status = 201, description = "The session, with its tokens in the answer or in cookies.", body = SessionTokens),
        SignInProblems,
    )
)]
pub(crate) async fn create_session(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let sign_in = SignIn::from_json(body).map_err(body::invalid)?;
    let delivery = if sign_in.cookies { Delivery::Cookies } else { Delivery::Body };
    sign_in::refuse_foreign_page(&request, delivery)?;
    let credential = sign_in::authenticate(&api, &request, sign_in).await?;
    open_session(&api, &request, credential, delivery).await
}

/// Get the next access token for a refresh token, which is replaced.
///
/// A browser sends it as a cookie and no body. The one before is good for some seconds more and gets the same answer; an
/// older one ends the session.
#[utoipa::path(
    post,
    path = "/api/v1/sessions/refresh",
    tag = "accounts",
    security(()),
    request_body(content = Option<RefreshRequest>, content_type = "application/json"),
    responses((status = 200, description = "The session goes on.", body = SessionTokens), RefreshProblems)
)]
pub(crate) async fn refresh_session(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (token, delivery) = match cookie(request.headers(), REFRESH_COOKIE) {
        Some(token) if !request.headers().contains_key(header::CONTENT_TYPE) => {
            (token.to_owned(), Delivery::Cookies)
        }
        None if is_without_body(&request) => {
            let detail = "No refresh token came, neither in a cookie nor in a body.";
            return Err(ApiError::new(ProblemCode::NotAuthenticated, detail));
        }
        _ => (read_token(&request, payload).await?, Delivery::Body),
    };
    sign_in::refuse_foreign_page(&request, delivery)?;
    let outcome = refresh(&api, &request, &token, delivery).await;
    match (outcome, delivery) {
        (Err(problem), Delivery::Cookies) if is_over(&problem) => Ok(without_cookies(&api, &problem)),
        (outcome, _) => outcome,
    }
}

async fn refresh(
    api: &Api,
    request: &HttpRequest,
    token: &str,
    delivery: Delivery,
) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::new(ProblemCode::NotAuthenticated, "The refresh token is not valid.");
    let presented = api.refresh_tokens().read(token).ok_or_else(unknown)?;
    let context = sign_in::context(request)?;
    match api.store().refresh_session(&presented, &context).await.map_err(store_error)? {
        Refreshed::Yes(owner) => {
            let next = api.refresh_tokens().token(presented.nonce, presented.generation + 1);
            sign_in::answer(api, HttpResponse::Ok(), &owner, &next, delivery)
        }
        Refreshed::Unknown => Err(unknown()),
        Refreshed::Ended(reason) => {
            // It may have ended just now.
            api.logins().look().await.map_err(store_error)?;
            Err(Problem::session_ended(reason).into())
        }
        Refreshed::Reused(owner) => {
            tracing::warn!(
                session = owner.session,
                user = owner.user,
                "an old refresh token was used, the session is ended"
            );
            api.logins().look().await.map_err(store_error)?;
            Err(Problem::session_ended(LogoutReason::Revoked).into())
        }
    }
}

/// List one's devices, or those of others.
///
/// Those of others with the permission `users`. Only users have sessions, not keys.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "accounts",
    params(SessionsQuery),
    responses((status = 200, description = "Sessions that go on.", body = SessionList), ListProblems)
)]
pub(crate) async fn list_sessions(
    api: web::Data<Api>,
    caller: Caller<Anyone>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut reader = QueryReader::new(request.query_string());
    let asked = reader.take("user", whose);
    reader.finish()?;
    let own = caller.user();
    let user = match asked {
        None => Some(own.ok_or_else(no_user)?),
        Some(user) if user.is_some() && user == own => user,
        Some(user) => {
            caller.require(Permission::Users)?;
            user
        }
    };
    let current = caller.session();
    let sessions = api.store().sessions(caller.tenant(), user).await.map_err(store_error)?;
    let data = sessions.into_iter().map(|session| SessionDocument {
        id: session.id,
        user: session.user,
        device: session.device,
        address: session.address,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        current: Some(session.id) == current,
    });
    let list = SessionList { data: data.collect() };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(list))
}

/// End a session: sign out, here or elsewhere.
///
/// One of one's own, `current` for the one that asks, or with the permission `users` anybody's. Its tokens are refused from
/// then on, and its sockets close.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The session's id, or `current`."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "It has ended."), EndSessionProblems)
)]
pub(crate) async fn delete_session(
    api: web::Data<Api>,
    caller: Caller<Anyone>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let text = request.match_info().get("id").unwrap_or_default();
    let not_found =
        || ApiError::new(ProblemCode::NotFound, format!("There is no session {text} that goes on."));
    let session = match text {
        "current" => caller.session().ok_or_else(no_user)?,
        text => text.parse().map_err(|_| ApiError::parameter("id", "must be a session's id or current"))?,
    };
    let only = if caller.identity().may(Permission::Users) {
        None
    } else {
        Some(caller.user().ok_or_else(not_found)?)
    };
    let context = caller.write_context(&request)?;
    let ended =
        api.store().end_session(caller.tenant(), only, session, LogoutReason::Revoked, &context).await;
    if !ended.map_err(store_error)? {
        return Err(not_found());
    }
    api.logins().look().await.map_err(store_error)?;
    let mut response = HttpResponse::NoContent();
    if Some(session) == caller.session() {
        api.cookies().remove(&mut response);
    }
    Ok(response.finish())
}

/// A user's id, or everybody.
fn whose(text: &str) -> Result<Option<i64>, String> {
    match text {
        "all" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "must be a user's id or all".to_owned()),
    }
}

fn no_user() -> ApiError {
    ApiError::new(ProblemCode::Forbidden, "Only users have sessions, and these credentials are no user's.")
}

/// Whether a browser asks that has no cookie any more: what its page has to do is to sign in.
fn is_without_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    !headers.contains_key(header::CONTENT_TYPE)
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && length.is_none_or(|length| length == "0")
}

async fn read_token(request: &HttpRequest, payload: web::Payload) -> Result<String, ApiError> {
    let body = body::read(request, payload, BodyIs::Document).await?;
    let mut fields = FieldReader::new(body).map_err(body::invalid)?;
    let token = fields.required("refresh_token", |value| {
        value.as_str().map(ToOwned::to_owned).ok_or_else(|| "must be a string".to_owned())
    });
    fields.finish().map_err(body::invalid)?;
    Ok(token.unwrap_or_default())
}

/// Whether a session can't go on.
fn is_over(problem: &ApiError) -> bool {
    actix_web::ResponseError::status_code(problem) == actix_web::http::StatusCode::UNAUTHORIZED
}

/// A refusal that takes the cookies away: they are of no use any more.
fn without_cookies(api: &Api, problem: &ApiError) -> HttpResponse {
    let mut response = actix_web::ResponseError::error_response(problem);
    let mut removal = HttpResponse::Ok();
    api.cookies().remove(&mut removal);
    for value in removal.finish().headers().get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, value.clone());
    }
    response
}
