//! Beginning a session: who shows a password, how often it may be tried, and what a session is answered with.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header};
use domain::{Email, Identity, Login, Password, Problem, ProblemCode, SignIn, WriteContext};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use service::{ApiError, client_address::household, origin::origin_is_allowed};
use store::{Credential, NewSession, SessionOwner, Throttle};
use utoipa::ToSchema;

use crate::{Api, caller, error::store_error, refresh_tokens, visitor::Visitor};

/// One more password for an account may be tried each so many seconds, …
const SECONDS_EACH_PER_ACCOUNT: f64 = 10.0;
/// … and from an address.
const SECONDS_EACH_PER_ADDRESS: f64 = 2.0;
/// The tenant of who names none.
pub(crate) const DEFAULT_TENANT: &str = "default";

/// How a client gets its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// In the answer.
    Body,
    /// In cookies, which no page can read.
    Cookies,
}

/// A session that has begun or goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionTokens {
    /// The session's id.
    session: i64,
    /// Who signed in, as in every change: `user:7`.
    actor: String,
    /// When the session ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    session_expires_at: Timestamp,
    /// Goes into the header `Authorization: Bearer …`. Left out where cookies were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// When the access token ends: get the next one before.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Gets the next access token, and is replaced by it. Left out where cookies were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// With cookies: goes into the header `X-CSRF-Token` of everything that changes something.
    csrf_token: String,
}

/// The limits that a try to sign in counts for.
pub(crate) fn throttles(api: &Api, request: &HttpRequest, account: &str) -> Result<[Throttle; 2], ApiError> {
    let address = Visitor::of(request)?.address.map(|address| household(address).to_string());
    let auth = api.auth();
    Ok([
        Throttle {
            subject: format!("address:{}", address.unwrap_or_default()),
            most: auth.tries_per_address,
            seconds_each: SECONDS_EACH_PER_ADDRESS,
        },
        Throttle {
            subject: format!("account:{account}"),
            most: auth.tries_per_account,
            seconds_each: SECONDS_EACH_PER_ACCOUNT,
        },
    ])
}

/// Counts a try; refuses if there were too many.
pub(crate) async fn count_try(api: &Api, throttles: &[Throttle]) -> Result<(), ApiError> {
    let Some(seconds) = api.store().take_try(throttles).await.map_err(store_error)? else { return Ok(()) };
    outcome("throttled");
    // At least one, and no account is closed for longer than an hour.
    let wait = Duration::from_secs_f64(seconds.clamp(1.0, 3600.0)).as_secs_f64().ceil();
    let seconds = (1..=3600).find(|seconds| f64::from(*seconds) >= wait).unwrap_or(3600_u32);
    let detail = "Too many passwords were tried for this account or from this address.";
    Err(ApiError::new(ProblemCode::RateLimited, detail).retry_after(Some(seconds)))
}

/// Finds out whose the e-mail address and the password are. Takes as long for nobody's as for a wrong password, and says
/// the same.
pub(crate) async fn authenticate(
    api: &Api,
    request: &HttpRequest,
    sign_in: SignIn,
) -> Result<Credential, ApiError> {
    let tenant = sign_in.tenant.as_ref().map_or(DEFAULT_TENANT, |name| name.as_str());
    let account = format!("{tenant}/{}", sign_in.email.as_ref().map(Email::as_str).unwrap_or_default());
    let throttles = throttles(api, request, &account)?;
    count_try(api, &throttles).await?;
    let credential = match &sign_in.email {
        Some(email) => api.store().credential(tenant, email).await.map_err(store_error)?,
        None => None,
    };
    if let Some(credential) = verify(api, sign_in.password, credential.clone()).await? {
        api.store().give_back_try(&throttles).await.map_err(store_error)?;
        return Ok(credential);
    }
    outcome("refused");
    let context = WriteContext { actor: "nobody".into(), ..context(request)? };
    let subject = credential.as_ref().map(|credential| format!("user:{}", credential.user));
    let detail = json!({"account": account});
    let tenant = credential.map(|credential| credential.tenant);
    let recorded =
        api.store().record_audit(tenant, "sign_in_failed", subject.as_deref(), &detail, &context).await;
    recorded.map_err(store_error)?;
    Err(wrong_credentials())
}

/// The user, if the password is theirs and they may sign in.
pub(crate) async fn verify(
    api: &Api,
    password: Option<Password>,
    credential: Option<Credential>,
) -> Result<Option<Credential>, ApiError> {
    let hash = credential.as_ref().and_then(|credential| credential.password_hash.clone());
    let verified = api.passwords().verify(password, hash).await?;
    Ok(credential.filter(|credential| verified && !credential.disabled))
}

/// The answer to a wrong password and to nobody's e-mail address.
pub(crate) fn wrong_credentials() -> ApiError {
    Problem::new(ProblemCode::WrongCredentials, "Nobody has this e-mail address with this password.").into()
}

/// Begins a session of a user who has shown who they are, if nothing changed meanwhile, and answers with it. Where one login is allowed, the user's
/// others have ended when this returns.
pub(crate) async fn open_session(
    api: &Api,
    request: &HttpRequest,
    Credential { tenant, user, password_hash, .. }: Credential,
    delivery: Delivery,
) -> Result<HttpResponse, ApiError> {
    refuse_foreign_page(request, delivery)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(ApiError::internal)?;
    let refresh_token = api.refresh_tokens().token(nonce, 1);
    let new = NewSession {
        password_hash,
        nonce,
        refresh_hash: refresh_tokens::hash(&refresh_token),
        device: device(request),
        lifetime: Duration::from_secs(u64::from(api.auth().session_days) * 86_400),
    };
    let context = WriteContext { actor: format!("user:{user}"), ..context(request)? };
    let opened = api.store().create_session(tenant, user, &new, &context).await.map_err(store_error)?;
    let owner = opened.ok_or_else(wrong_credentials)?;
    // What it ended elsewhere is refused here from now on; others hear of it by themselves.
    let looked = api.logins().look().await;
    looked.map_err(store_error)?;
    outcome("signed_in");
    tracing::info!(session = owner.session, user, "signed in");
    answer(api, HttpResponse::Created(), &owner, &refresh_token, delivery)
}

/// The session's tokens, where the client wants them.
pub(crate) fn answer(
    api: &Api,
    mut response: HttpResponseBuilder,
    owner: &SessionOwner,
    refresh_token: &str,
    delivery: Delivery,
) -> Result<HttpResponse, ApiError> {
    let now = Timestamp::now();
    let lifetime = now.checked_add(api.auth().access_token()).map_err(ApiError::internal)?;
    let expires_at = lifetime.min(owner.expires_at);
    let login = Login::Session(owner.session);
    let identity = Identity {
        tenant: owner.tenant,
        actor: format!("user:{}", owner.user).into(),
        login: Some(login),
        permissions: owner.role.permissions(),
        expires_at: Some(expires_at),
    };
    let access_token = api.access().issue(&identity, expires_at).map_err(ApiError::internal)?;
    let in_body = delivery == Delivery::Body;
    if !in_body {
        let seconds = |end: Timestamp| end.as_second() - now.as_second();
        let refresh = (refresh_token, seconds(owner.expires_at));
        api.cookies().set(&mut response, (&access_token, seconds(expires_at)), refresh);
    }
    let tokens = SessionTokens {
        session: owner.session,
        actor: identity.actor.to_string(),
        session_expires_at: owner.expires_at,
        access_token: in_body.then_some(access_token),
        expires_at,
        refresh_token: in_body.then(|| refresh_token.to_owned()),
        csrf_token: api.csrf().token(login),
    };
    Ok(response.insert_header((header::CACHE_CONTROL, "no-store")).json(tokens))
}

/// No page of another origin makes a browser sign in, or go on being signed in.
pub(crate) fn refuse_foreign_page(request: &HttpRequest, delivery: Delivery) -> Result<(), ApiError> {
    if delivery == Delivery::Cookies && !origin_is_allowed(request.headers(), &[]) {
        let detail = "Cookies are for pages of this service's own origin.";
        return Err(ApiError::new(ProblemCode::CsrfFailed, detail));
    }
    Ok(())
}

/// What the audit trail says of a request whose sender is not known yet.
pub(crate) fn context(request: &HttpRequest) -> Result<WriteContext, ApiError> {
    Ok(caller::context_of("nobody", Visitor::of(request)?.address, request))
}

/// How sign-ins ended.
fn outcome(outcome: &'static str) {
    metrics::counter!("stockwire_sign_ins_total", "outcome" => outcome).increment(1);
}

/// Registers the series.
pub(crate) fn describe() {
    let text =
        "Tries to sign in, by outcome: signed_in, refused, or throttled before the password was looked at.";
    metrics::describe_counter!("stockwire_sign_ins_total", metrics::Unit::Count, text);
    for outcome in ["signed_in", "refused", "throttled"] {
        metrics::counter!("stockwire_sign_ins_total", "outcome" => outcome).increment(0);
    }
}

/// What a browser or program calls itself.
fn device(request: &HttpRequest) -> String {
    let agent = request.headers().get(header::USER_AGENT);
    let text = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes())).unwrap_or_default();
    text.chars().filter(|char| !char.is_control()).take(400).collect()
}
