//! How the HTTP fallbacks tell a page of another origin that it may connect (CORS, in the Fetch standard, section 3.3).

use actix_http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
};
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use service::origin::{allowed_page, let_read};

use crate::fallback::Door;

/// Lets pages of allowed origins read the answer, errors too.
pub(crate) async fn answer_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let door = request.app_data::<web::Data<Door>>();
    let page = door.and_then(|door| allowed_page(request.headers(), &door.doorkeeper.allowed_origins));
    let mut response = next.call(request).await?;
    let_read(response.headers_mut(), page, "retry-after, x-request-id");
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
