//! Rows of data sources: pushed, and tried out.

use actix_web::HttpMessage;
use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_TYPE, web};
use bytes::Bytes;
use connector::sources::{self, ApplyError, Fetched, Rows};
use domain::{Permission, ProblemCode, Source, SourceFormat, SourceKind, SourcePreview, SourceReport};
use service::{ApiError, RequestId};

use crate::{
    Api, body,
    caller::{Caller, Items, Stock},
    documented_problems::{PreviewSourceProblems, PushSourceProblems},
    error::store_error,
    routes::sources::{find, source_id},
};

/// The most bytes of rows that are pushed at once.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Push rows to a data source.
///
/// `application/json` or `text/csv`, laid out as the source's mapping says; its format says which, where there is no
/// Content-Type. A row that can't be used stops no other one. The permission `stock` is enough where the mapping has no
/// price.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{id}/rows",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id.")),
    request_body(content(
        (Value = "application/json", example = json!({"prices": [{"sku": "B-8", "price": "12.50"}]})),
        (String = "text/csv", example = "sku,price\nB-8,12.50\n"),
    )),
    responses((status = 200, description = "What became of the rows.", body = SourceReport), PushSourceProblems)
)]
pub(crate) async fn push_rows(
    api: web::Data<Api>,
    caller: Caller<Stock>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let id = source_id(&request)?;
    let source = find(&api, &caller, id).await?;
    if source.definition.mapping.price.is_some() {
        caller.require(Permission::Items)?;
    }
    let refusal = match (source.definition.kind, source.definition.enabled) {
        (SourceKind::Pull, _) => Some("The source is pulled: rows are pushed to sources of the kind push."),
        (SourceKind::Push, false) => Some("The source is stopped."),
        (SourceKind::Push, true) => None,
    };
    if let Some(detail) = refusal {
        return Err(ApiError::new(ProblemCode::WrongState, detail));
    }
    let format = format(&request, &source)?;
    let body = body::read_bytes(payload, MOST_BYTES).await?;
    let rows = read(&source, format, body).await.map_err(unusable)?;
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let pushed = sources::push(api.store(), caller.tenant(), id, &source.definition, rows, request_id).await;
    match pushed {
        Ok(report) => Ok(HttpResponse::Ok().json(report)),
        Err(ApplyError::Store(error)) => Err(store_error(error)),
        Err(ApplyError::TakenAway) => {
            let detail =
                "The source was stopped or deleted in the middle of it. Rows that were applied before stay.";
            Err(ApiError::new(ProblemCode::WrongState, detail))
        }
    }
}

/// See what a data source would change, without changing anything.
///
/// Rows come in the body, as for pushing. Without a body, a source that is pulled is asked for them now.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{id}/preview",
    tag = "sources",
    security(("bearer" = ["items"])),
    params(("id" = i64, Path, minimum = 1, description = "The source's id.")),
    request_body(content(
        (Value = "application/json", example = json!({"prices": [{"sku": "B-8", "price": "12.50"}]})),
        (String = "text/csv", example = "sku,price\nB-8,12.50\n"),
    )),
    responses(
        (status = 200, description = "What would become of the rows.", body = SourcePreview),
        PreviewSourceProblems,
    )
)]
pub(crate) async fn preview_source(
    api: web::Data<Api>,
    caller: Caller<Items>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let id = source_id(&request)?;
    let source = find(&api, &caller, id).await?;
    let body = body::read_bytes(payload, MOST_BYTES).await?;
    let is_pulled = source.definition.kind == SourceKind::Pull;
    let rows = if body.is_empty() && is_pulled {
        let answer = fetch(&api, &caller, &source).await?;
        let rows = read(&source, source.definition.format, answer).await;
        rows.map_err(|detail| upstream(&format!("its answer can't be used: {detail}")))?
    } else {
        read(&source, format(&request, &source)?, body).await.map_err(unusable)?
    };
    let preview = sources::preview(api.store(), caller.tenant(), id, &source.definition, rows).await;
    Ok(HttpResponse::Ok().json(preview.map_err(store_error)?))
}

async fn fetch(api: &Api, caller: &Caller<Items>, source: &Source) -> Result<Bytes, ApiError> {
    let sealed = api.store().source_header(caller.tenant(), source.id).await.map_err(store_error)?;
    let header = sealed.map(|sealed| api.header_seal().open(caller.tenant(), &sealed)).transpose();
    let header = header.map_err(|_| upstream("its header can't be opened: set it anew"))?;
    let fetched = sources::fetch(api.outgoing(), &source.definition, header.as_ref(), None).await;
    match fetched.map_err(|error| upstream(&error.to_string()))? {
        Fetched::Rows { body, .. } => Ok(body),
        // Nobody asked for what is new only.
        Fetched::NotModified => Err(upstream("it says that nothing has changed since nobody asked it")),
    }
}

/// Reads rows where it keeps nobody else waiting.
async fn read(source: &Source, format: SourceFormat, body: Bytes) -> Result<Rows, String> {
    let mapping = source.definition.mapping.clone();
    let read = tokio::task::spawn_blocking(move || sources::read(format, &mapping, &body)).await;
    match read {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("it broke its reader".to_owned()),
    }
}

/// What the body is, by its Content-Type; without one, what the source says.
fn format(request: &HttpRequest, source: &Source) -> Result<SourceFormat, ApiError> {
    let Some(given) = request.headers().get(CONTENT_TYPE) else { return Ok(source.definition.format) };
    let given = given.to_str().unwrap_or_default().to_ascii_lowercase();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    let csv_has_names = source.definition.mapping.item.field.is_some();
    match media_type {
        "text/csv" if csv_has_names => Ok(SourceFormat::Csv),
        "application/json" => Ok(SourceFormat::Json),
        other if other.ends_with("+json") => Ok(SourceFormat::Json),
        _ => {
            let detail = "Send application/json, or text/csv where the mapping names the item's column.";
            Err(ApiError::new(ProblemCode::UnsupportedMediaType, detail))
        }
    }
}

fn unusable(detail: String) -> ApiError {
    body::invalid(vec![domain::FieldError { detail, pointer: String::new() }])
}

/// The other side is at fault, or out of reach: that is no failure of ours.
fn upstream(detail: &str) -> ApiError {
    ApiError::new(ProblemCode::UpstreamFailed, format!("The source can't be read: {detail}."))
}
