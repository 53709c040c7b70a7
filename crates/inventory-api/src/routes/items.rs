//! One item: created, read, replaced, patched, deleted.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{self, HeaderName, HeaderValue},
    web,
};
use domain::{Item, ItemDocument, ItemId, ItemPatch, NewItem, Permission, Problem, ProblemCode};
use service::ApiError;
use store::WriteOutcome;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Items, Need, Read, Stock},
    documented_problems::{ConditionalWriteProblems, CreateProblems, DeleteProblems, ReadItemProblems},
    error::store_error,
    preconditions,
    routes::item_id,
};

/// Says which moment of the log a response shows: `epoch:position`.
pub(crate) const AS_OF: HeaderName = HeaderName::from_static("stockwire-as-of");

/// Create an item.
#[utoipa::path(
    post,
    path = "/api/v1/items",
    tag = "items",
    security(("bearer" = ["items"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    request_body(content = NewItem, content_type = "application/json"),
    responses(
        (status = 201, description = "The item as it is now.", body = Item,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Location" = String, description = "Where the item is."))),
        CreateProblems,
    )
)]
pub(crate) async fn create_item(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewItem::from_json(body).map_err(body::invalid)?;
    let context = caller.write_context(&request)?;
    let item = api.store().create_item(caller.tenant(), &new, &context).await.map_err(store_error)?;
    let location = format!("/api/v1/items/{}", item.id());
    let tag = preconditions::entity_tag(item.version());
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header((header::ETAG, tag))
        .json(item))
}

/// Read an item.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}",
    tag = "items",
    security(("bearer" = ["read"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags that the client has; 304 if one of them is current.")),
    responses(
        (status = 200, description = "The item.", body = Item,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Stockwire-As-Of" = String, description = "The moment of the log that is shown: epoch:position."))),
        (status = 304, description = "The client has the current version.",
            headers(("ETag" = String, description = "The version, in double quotes."))),
        ReadItemProblems,
    )
)]
pub(crate) async fn get_item(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = item_id(&request)?;
    let (item, as_of) = api.store().item(caller.tenant(), id).await.map_err(store_error)?;
    let item = item.ok_or_else(|| not_found(id))?;
    let known = preconditions::is_known(request.headers(), item.version())?;
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, preconditions::entity_tag(item.version())))
        .insert_header((AS_OF, as_of.to_string()));
    Ok(if known { response.finish() } else { response.json(item) })
}

/// Replace an item: fields left out take their defaults.
#[utoipa::path(
    put,
    path = "/api/v1/items/{id}",
    tag = "items",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    request_body(content = NewItem, content_type = "application/json"),
    responses(
        (status = 200, description = "The item as it is now.", body = Item,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        ConditionalWriteProblems,
    )
)]
pub(crate) async fn replace_item(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewItem::from_json(body).map_err(body::invalid)?;
    update(&api, &caller, &request, &whole(new)).await
}

/// Change some fields of an item, by a JSON merge patch (RFC 7396): absent keeps, null clears.
///
/// The permission `stock` is enough for a patch of the quantity alone.
#[utoipa::path(
    patch,
    path = "/api/v1/items/{id}",
    tag = "items",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    request_body(content(
        (ItemPatch = "application/merge-patch+json"),
        (ItemPatch = "application/json"),
    )),
    responses(
        (status = 200, description = "The item as it is now. A patch that changes nothing leaves the version.",
            body = Item, headers(("ETag" = String, description = "The version, in double quotes."))),
        ConditionalWriteProblems,
    )
)]
pub(crate) async fn patch_item(
    api: web::Data<Api>,
    caller: Caller<Stock>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::MergePatch).await?;
    let patch = ItemPatch::from_json(body).map_err(body::invalid)?;
    if !patch.is_of_stock() {
        caller.require(Permission::Items)?;
    }
    update(&api, &caller, &request, &patch).await
}

/// Delete an item. Its history stays.
#[utoipa::path(
    delete,
    path = "/api/v1/items/{id}",
    tag = "items",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The item's id."),
        ("If-Match" = Option<String>, Header,
            description = "Delete it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the history: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "It is gone."), DeleteProblems)
)]
pub(crate) async fn delete_item(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = item_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let deleted = api.store().delete_item(caller.tenant(), id, &expected, &context).await;
    match deleted.map_err(store_error)? {
        WriteOutcome::Done(_) => Ok(HttpResponse::NoContent().finish()),
        WriteOutcome::NotFound => Err(not_found(id)),
        WriteOutcome::Mismatch(current) => Ok(version_mismatch(current)),
    }
}

/// The answer where there is no such item, or it belongs to another tenant.
pub(crate) fn not_found(id: ItemId) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no item {id}."))
}

async fn update<N: Need>(
    api: &Api,
    caller: &Caller<N>,
    request: &HttpRequest,
    patch: &ItemPatch,
) -> Result<HttpResponse, ApiError> {
    let id = item_id(request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(request)?;
    let updated = api.store().update_item(caller.tenant(), id, patch, &expected, &context).await;
    match updated.map_err(store_error)? {
        WriteOutcome::Done(item) => Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, preconditions::entity_tag(item.version())))
            .json(item)),
        WriteOutcome::NotFound => Err(not_found(id)),
        WriteOutcome::Mismatch(current) => Ok(version_mismatch(current)),
    }
}

/// A replacement is a patch that names every field.
fn whole(new: NewItem) -> ItemPatch {
    ItemPatch {
        sku: Some(new.sku),
        name: Some(new.name),
        description: Some(new.description),
        quantity: Some(new.quantity),
        unit: Some(new.unit),
        price: Some(new.price),
        reorder_point: Some(new.reorder_point),
        attributes: Some(new.attributes),
    }
}

/// The answer to a stale `If-Match`: with the item as it is now, so that the client needn't ask for it.
pub(crate) fn version_mismatch(current: ItemDocument) -> HttpResponse {
    let (id, version) = (current.id(), current.version());
    let detail = format!("If-Match names another version; item {id} has version {version}.");
    with_current(ProblemCode::VersionMismatch, detail, current)
}

/// A refusal that shows the item as it is now, and its version.
pub(crate) fn with_current(code: ProblemCode, detail: String, current: ItemDocument) -> HttpResponse {
    let version = current.version();
    let problem = Problem::new(code, detail).with_current(current.into_json());
    let mut response = ApiError::from(problem).error_response();
    if let Ok(tag) = HeaderValue::from_str(&preconditions::entity_tag(version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
