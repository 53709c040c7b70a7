//! The cookies of browsers (RFC 6265): an access token that is sent with everything, and a refresh token that is sent only
//! to where it is used. Pages can't read them, and no other site's page makes a browser send them.

use actix_web::{HttpResponseBuilder, http::header::SET_COOKIE};
use service::access::ACCESS_COOKIE;

/// The cookie that holds the refresh token.
pub(crate) const REFRESH_COOKIE: &str = "stockwire_refresh";
const REFRESH_PATH: &str = "/api/v1/sessions/refresh";

/// How cookies are set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    /// Sent over TLS only.
    secure: bool,
}

impl Cookies {
    /// For TLS only, if people reach the service by it.
    pub(crate) fn new(public_url: &str) -> Self {
        Self { secure: public_url.starts_with("https://") }
    }

    /// Gives both tokens; they go with their ends, in seconds from now.
    pub(crate) fn set(self, response: &mut HttpResponseBuilder, access: (&str, i64), refresh: (&str, i64)) {
        response.append_header((SET_COOKIE, self.cookie(ACCESS_COOKIE, "/", access)));
        response.append_header((SET_COOKIE, self.cookie(REFRESH_COOKIE, REFRESH_PATH, refresh)));
    }

    /// Takes both away.
    pub(crate) fn remove(self, response: &mut HttpResponseBuilder) {
        self.set(response, ("", 0), ("", 0));
    }

    fn cookie(self, name: &str, path: &str, (value, seconds): (&str, i64)) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let seconds = seconds.max(0);
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_reads_them_and_no_other_site_sends_them() {
        let cookie = |url: &str| Cookies::new(url).cookie("a", "/", ("b", 9));
        assert_eq!(cookie(""), "a=b; Path=/; Max-Age=9; HttpOnly; SameSite=Strict");
        assert!(cookie("https://stock.example").ends_with("; Secure"));
    }
}
