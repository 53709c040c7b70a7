//! What holds for a whole tenant: read by anybody of it, changed by its owners.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{ProblemCode, TenantPatch, TenantSettings};
use service::ApiError;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Anyone, Caller, Users},
    documented_problems::{SettingsProblems, WhoProblems},
    error::store_error,
};

/// Read the tenant's settings.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    tag = "accounts",
    responses((status = 200, description = "The settings.", body = TenantSettings), WhoProblems)
)]
pub(crate) async fn get_settings(
    api: web::Data<Api>,
    caller: Caller<Anyone>,
) -> Result<HttpResponse, ApiError> {
    let settings = api.store().tenant_settings(caller.tenant()).await.map_err(store_error)?;
    Ok(HttpResponse::Ok().json(settings.ok_or_else(no_tenant)?))
}

/// Change the tenant's settings: absent keeps.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content(
        (TenantPatch = "application/merge-patch+json"),
        (TenantPatch = "application/json"),
    )),
    responses((status = 200, description = "The settings as they are now.", body = TenantSettings), SettingsProblems)
)]
pub(crate) async fn patch_settings(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::MergePatch).await?;
    let patch = TenantPatch::from_json(body).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    let settings = api.store().update_tenant_settings(caller.tenant(), &patch, &context).await;
    Ok(HttpResponse::Ok().json(settings.map_err(store_error)?.ok_or_else(no_tenant)?))
}

fn no_tenant() -> ApiError {
    ApiError::new(ProblemCode::Forbidden, "The token's tenant doesn't exist.")
}
