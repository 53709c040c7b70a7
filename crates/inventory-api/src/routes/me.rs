//! `/api/v1/me`: who is asking, as this service sees it.

use actix_web::{HttpResponse, http::header, web};
use domain::Permission;
use jiff::Timestamp;
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use crate::{
    Api,
    caller::{Anyone, Caller},
    documented_problems::WhoProblems,
    error::store_error,
};

/// Who is asking.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Written into every change: `user:7`, `key:3`, `anonymous`.
    actor: String,
    /// Whose data.
    tenant: i64,
    /// What others see of a user who is signed in.
    #[schema(required)]
    name: Option<String>,
    /// What they sign in with.
    #[schema(required)]
    email: Option<String>,
    /// The session or key that the credentials belong to, such as `session:17`.
    #[schema(required)]
    login: Option<String>,
    /// What may be done.
    permissions: Vec<Permission>,
    /// When the access token ends.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// What a page that signs in with cookies sends as `X-CSRF-Token` with everything that changes something.
    #[schema(required)]
    csrf_token: Option<String>,
}

/// Ask who the credentials belong to, and what they allow.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "accounts",
    responses((status = 200, description = "Who is asking.", body = Me), WhoProblems)
)]
pub(crate) async fn me(api: web::Data<Api>, caller: Caller<Anyone>) -> Result<HttpResponse, ApiError> {
    let identity = caller.identity();
    let user = match caller.user() {
        Some(id) => api.store().user(caller.tenant(), id).await.map_err(store_error)?,
        None => None,
    };
    let me = Me {
        actor: identity.actor.to_string(),
        tenant: identity.tenant.get(),
        name: user.as_ref().map(|user| user.name.to_string()),
        email: user.as_ref().map(|user| user.email.to_string()),
        login: identity.login.map(|login| login.to_string()),
        permissions: identity.permissions.iter().collect(),
        expires_at: identity.expires_at,
        csrf_token: identity.login.map(|login| api.csrf().token(login)),
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(me))
}
