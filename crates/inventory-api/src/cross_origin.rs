//! Pages of other origins that may use the API (CORS, in the Fetch standard, section 3.3): those that the settings name,
//! with a token and never with our cookies.

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD,
        },
    },
    middleware::Next,
    web,
};
use service::origin::{allowed_page, let_read};

use crate::Api;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What a page may send.
const SENT: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-csrf-token, \
    x-reason, x-request-id";
/// What a page may read besides what every page may.
const READABLE: &str = "etag, link, location, ratelimit, ratelimit-policy, retry-after, stockwire-as-of, www-authenticate, x-request-id";

/// Lets pages of allowed origins read every answer, errors too, and answers browsers that ask first: for any path and
/// before anything is looked at, because what asks first shows no credentials.
pub(crate) async fn answer_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let api = request.app_data::<web::Data<Api>>();
    let page = api.and_then(|api| allowed_page(request.headers(), api.allowed_origins()));
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_first {
        let mut answer = HttpResponse::NoContent();
        if page.is_some() {
            answer.insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS));
            answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, SENT));
            answer.insert_header((ACCESS_CONTROL_MAX_AGE, "600"));
        }
        request.into_response(answer.finish()).map_body(|_, body| EitherBody::right(body))
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let_read(response.headers_mut(), page, READABLE);
    Ok(response)
}
