//! Passwords: chosen with a one-time link, changed by whoever knows the one before, forgotten.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{ChosenPassword, Email, PasswordChange, PasswordReset, ProblemCode, WriteContext};
use serde::Serialize;
use serde_json::json;
use service::ApiError;
use store::{Credential, Throttle};
use utoipa::ToSchema;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Anyone, Caller},
    documented_problems::{LinkProblems, PasswordProblems, ResetProblems},
    error::store_error,
    links,
    sign_in::{self, DEFAULT_TENANT, Delivery, SessionTokens, open_session},
};

/// So many letters for one account may be asked for at once, …
const RESETS_PER_ACCOUNT: u32 = 3;
/// … with one more each so many seconds.
const SECONDS_EACH_RESET: f64 = 600.0;

/// What became of a forgotten password, whoever's it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResetAnswer {
    /// For people: where the link comes from.
    detail: &'static str,
}

/// Choose a password with a one-time link, and sign in.
///
/// The user's other sessions end.
#[utoipa::path(
    post,
    path = "/api/v1/password",
    tag = "accounts",
    security(()),
    request_body(content = ChosenPassword, content_type = "application/json",
        example = json!({"link": "http://127.0.0.1:8080/sign-in#…", "password": "correct horse battery"})),
    responses(
        (status = 201, description = "The session, with its tokens in the answer or in cookies.", body = SessionTokens),
        LinkProblems,
    )
)]
pub(crate) async fn choose_password(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let chosen = ChosenPassword::from_json(body).map_err(body::invalid)?;
    let delivery = if chosen.cookies { Delivery::Cookies } else { Delivery::Body };
    sign_in::refuse_foreign_page(&request, delivery)?;
    let link = links::hash(&chosen.link);
    // Nobody has us hash passwords for links that aren't ours.
    if !api.store().link_is_good(&link).await.map_err(store_error)? {
        return Err(link_expired());
    }
    let hash = api.passwords().hash(chosen.password).await?;
    let context = sign_in::context(&request)?;
    let used = api.store().use_link(&link, &hash, &context).await.map_err(store_error)?;
    let (tenant, user) = used.ok_or_else(link_expired)?;
    api.logins().look().await.map_err(store_error)?;
    let credential = Credential { tenant, user, password_hash: Some(hash), disabled: false };
    open_session(&api, &request, credential, delivery).await
}

/// Change one's own password.
///
/// All other sessions end; the one that asks goes on. Only users have passwords, not keys.
#[utoipa::path(
    put,
    path = "/api/v1/me/password",
    tag = "accounts",
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content = PasswordChange, content_type = "application/json",
        example = json!({"current": "correct horse battery", "new": "another horse battery"})),
    responses((status = 204, description = "It counts from now on."), PasswordProblems)
)]
pub(crate) async fn change_password(
    api: web::Data<Api>,
    caller: Caller<Anyone>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let change = PasswordChange::from_json(body).map_err(body::invalid)?;
    let (Some(user), Some(session)) = (caller.user(), caller.session()) else {
        let detail = "Only users have passwords, and these credentials are no user's session.";
        return Err(ApiError::new(ProblemCode::Forbidden, detail));
    };
    let (tenant, context) = (caller.tenant(), caller.write_context(&request)?);
    let found = api.store().credential_of(tenant, user).await.map_err(store_error)?;
    let settings = api.store().tenant_settings(tenant).await.map_err(store_error)?;
    let (Some((email, credential)), Some(settings)) = (found, settings) else {
        return Err(sign_in::wrong_credentials());
    };
    // The same tries as those of signing in.
    let throttles = sign_in::throttles(&api, &request, &format!("{}/{email}", settings.tenant))?;
    sign_in::count_try(&api, &throttles).await?;
    let Some(credential) = sign_in::verify(&api, change.current, Some(credential)).await? else {
        let subject = format!("user:{user}");
        let (event, detail) = ("password_change_refused", json!({}));
        let recorded = api.store().record_audit(Some(tenant), event, Some(&subject), &detail, &context).await;
        recorded.map_err(store_error)?;
        return Err(wrong_current());
    };
    api.store().give_back_try(&throttles).await.map_err(store_error)?;
    let to = api.passwords().hash(change.new).await?;
    let from = credential.password_hash.unwrap_or_default();
    let changed = api.store().change_password(tenant, user, (&from, &to), session, &context).await;
    if !changed.map_err(store_error)? {
        return Err(wrong_current());
    }
    api.logins().look().await.map_err(store_error)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for a letter with a link to choose a new password.
///
/// The answer is the same whether there is such a user or not.
#[utoipa::path(
    post,
    path = "/api/v1/password-resets",
    tag = "accounts",
    security(()),
    request_body(content = PasswordReset, content_type = "application/json",
        example = json!({"email": "bob@shop.example"})),
    responses((status = 202, description = "Where the link comes from.", body = ResetAnswer), ResetProblems)
)]
pub(crate) async fn reset_password(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let PasswordReset { tenant, email } = PasswordReset::from_json(body).map_err(body::invalid)?;
    let tenant = tenant.map_or_else(|| DEFAULT_TENANT.to_owned(), String::from);
    let account = format!("{tenant}/{}", email.as_ref().map(Email::as_str).unwrap_or_default());
    let [by_address, _] = sign_in::throttles(&api, &request, &account)?;
    let by_account = Throttle {
        subject: format!("reset:{account}"),
        most: RESETS_PER_ACCOUNT,
        seconds_each: SECONDS_EACH_RESET,
    };
    sign_in::count_try(&api, &[by_address, by_account]).await?;
    if !api.invitations().sends_letters() {
        let detail = "No letters are sent here: ask an owner for a link to choose a new password. Owners get theirs from \
                      stockwire owner, the command.";
        return Ok(HttpResponse::Accepted().json(ResetAnswer { detail }));
    }
    if let Some(email) = email {
        let context = WriteContext { actor: "nobody".into(), ..sign_in::context(&request)? };
        api.invitations().send_reset(api.store().clone(), tenant, email, context);
    }
    let detail = "If there is such a user, a letter with a link is on its way.";
    Ok(HttpResponse::Accepted().json(ResetAnswer { detail }))
}

fn wrong_current() -> ApiError {
    ApiError::new(ProblemCode::WrongCredentials, "The current password is another one.")
}

fn link_expired() -> ApiError {
    let detail = "The link was used, replaced by another one, or is too old. Ask an owner for another one; owners get theirs \
                  from stockwire owner, the command.";
    ApiError::new(ProblemCode::LinkExpired, detail)
}
