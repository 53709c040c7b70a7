//! Browsers: which pages may connect, and how the HTTP fallbacks tell a page of another origin that it may (CORS, in the
//! Fetch standard, section 3.3).

use actix_http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use crate::fallback::Door;

/// Browsers send the page's origin, and a page elsewhere must not use a visitor's access. Programs send none.
pub(crate) fn origin_is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    // A page may ask without saying where it is, as an image does; then the browser says at least that it is elsewhere.
    let elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site");
    let Some(origin) = headers.get(ORIGIN) else { return !elsewhere };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, authority)| host == Some(authority));
    own || allowed.iter().any(|pattern| pattern == "*" || pattern == origin)
}

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

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn pages_of_other_origins_are_kept_out_unless_listed() {
        let page = |origin| headers(&[(HOST, "stock.example:8080"), (ORIGIN, origin)]);
        assert!(origin_is_allowed(&headers(&[(HOST, "stock.example")]), &[]));
        assert!(origin_is_allowed(&page("http://stock.example:8080"), &[]));
        assert!(!origin_is_allowed(&page("http://stock.example"), &[]));
        assert!(!origin_is_allowed(&page("null"), &[]));
        assert!(!origin_is_allowed(&page("https://evil.example"), &["https://shop.example".into()]));
        assert!(origin_is_allowed(&page("https://shop.example"), &["https://shop.example".into()]));
        assert!(origin_is_allowed(&page("https://any.example"), &["*".into()]));
        let image = headers(&[(HeaderName::from_static("sec-fetch-site"), "cross-site")]);
        assert!(!origin_is_allowed(&image, &["*".into()]));
    }
}
