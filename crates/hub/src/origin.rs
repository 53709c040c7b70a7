//! How the HTTP fallbacks tell a page of another origin that it may connect (CORS, in the Fetch standard, section 3.3).

use actix_http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use service::origin::origin_is_allowed;

use crate::fallback::Door;

/// Lets pages of allowed origins read the answer, errors too.
pub(crate) async fn answer_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let door = request.app_data::<web::Data<Door>>().cloned();
    let headers = request.headers();
    let page = headers
        .get(ORIGIN)
        .cloned()
        .filter(|_| door.is_some_and(|door| origin_is_allowed(headers, &door.doorkeeper.allowed_origins)));
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(page) = page {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        let readable = HeaderValue::from_static("retry-after, x-request-id");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    Ok(response)
}

/// Answers a browser that asks first because its page sends a token.
pub(crate) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, last-event-id, x-request-id"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}
