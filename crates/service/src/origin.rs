//! Browsers: which pages may use a visitor's access (CORS, in the Fetch standard, section 3.3).

use actix_http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// Browsers send the page's origin, and a page elsewhere must not use a visitor's access. Programs send none.
#[must_use]
pub fn origin_is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    // A page may ask without saying where it is, as an image does; then the browser says at least that it is elsewhere.
    let elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site");
    let Some(origin) = headers.get(ORIGIN) else { return !elsewhere };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, authority)| host == Some(authority));
    own || allowed.iter().any(|pattern| pattern == "*" || pattern == origin)
}

/// The origin of the page that asks, if it may use a visitor's access.
#[must_use]
pub fn allowed_page(headers: &HeaderMap, allowed: &[String]) -> Option<HeaderValue> {
    headers.get(ORIGIN).filter(|_| origin_is_allowed(headers, allowed)).cloned()
}

/// Lets a page read an answer and these of its headers; without a page, nobody elsewhere. A browser never sends our
/// cookies along for it: that would need a permission which is never given.
pub fn let_read(answer: &mut HeaderMap, page: Option<HeaderValue>, readable: &'static str) {
    answer.append(VARY, HeaderValue::from_static("origin"));
    if let Some(page) = page {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(readable));
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header::{HeaderName, HeaderValue};

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
