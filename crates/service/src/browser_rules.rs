//! What every answer tells a browser to do with it: as little as possible. An answer that is a page says itself what it
//! needs, and keeps that.

use actix_http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// Data is never a page: should a browser be made to show it as one, nothing in it is loaded or run, and nobody frames it.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// A year. Whether it holds for names below ours, too, is not ours to say.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What all answers of a server tell browsers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BrowserRules {
    /// Whether people reach it by TLS, and shall never without.
    pub(crate) tls_only: bool,
}

impl BrowserRules {
    /// Adds what the answer doesn't say itself.
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Looked at for what a page embeds without asking (an image, a script), not for what it fetches with CORS.
        add(headers, RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        add(headers, CONTENT_SECURITY_POLICY, NOTHING);
        add(headers, X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        add(headers, REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if self.tls_only {
            add(headers, STRICT_TRANSPORT_SECURITY, TLS_ONLY);
        }
    }
}

fn add(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rules: BrowserRules, own: &[(HeaderName, &'static str)]) -> HeaderMap {
        let own = own.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut headers: HeaderMap = own.collect();
        rules.add_to(&mut headers);
        headers
    }

    #[test]
    fn data_is_never_a_page() {
        let headers = told(BrowserRules::default(), &[]);
        assert_eq!(headers.get(CONTENT_SECURITY_POLICY), Some(&NOTHING));
        assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert_eq!(headers.get(X_FRAME_OPTIONS).unwrap(), "DENY");
        assert_eq!(headers.get(REFERRER_POLICY).unwrap(), "no-referrer");
        assert_eq!(headers.get(RESOURCE_POLICY).unwrap(), "same-origin");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_page_keeps_what_it_says_itself() {
        let own = [(CONTENT_SECURITY_POLICY, "default-src 'self'"), (REFERRER_POLICY, "same-origin")];
        let headers = told(BrowserRules { tls_only: true }, &own);
        assert_eq!(headers.get_all(CONTENT_SECURITY_POLICY).collect::<Vec<_>>(), ["default-src 'self'"]);
        assert_eq!(headers.get(REFERRER_POLICY).unwrap(), "same-origin");
        assert_eq!(headers.get(STRICT_TRANSPORT_SECURITY), Some(&TLS_ONLY));
    }
}
