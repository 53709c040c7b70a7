//! Who is asking: access tokens (JWT, HS256, RFC 7519) for clients, in a header or a cookie, and a shared secret between
//! services.

use std::{net::IpAddr, sync::Arc};

use actix_http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap};
use domain::{Identity, LONGEST_TOKEN, Login, LogoutReason, Permissions, ProblemCode, TenantId};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::{
    ApiError,
    settings::{Anonymous, Secret},
};

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    tenant: i64,
    /// The login.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Login>,
    scope: Permissions,
    iat: i64,
    exp: i64,
}

const ISSUER: &str = "stockwire";

/// The cookie that holds a browser's access token.
pub const ACCESS_COOKIE: &str = "stockwire_access";

/// Why someone isn't let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No credentials came, and some are needed.
    #[error("an access token is needed: Authorization: Bearer …")]
    Missing,
    /// Not a token of ours, or a changed one.
    #[error("the access token is not valid")]
    Invalid,
    /// It was valid once.
    #[error("the access token has expired")]
    Expired,
    /// Its login was ended.
    #[error("the login was ended: {}", .0.message())]
    Ended(LogoutReason),
}

/// Makes and checks access tokens.
#[derive(Clone)]
pub struct Access {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    anonymous: Anonymous,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("anonymous", &self.anonymous).finish_non_exhaustive()
    }
}

impl Access {
    /// Tokens signed with this secret.
    #[must_use]
    pub fn new(secret: &Secret, anonymous: Anonymous) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.leeway = 0;
        let secret = secret.expose().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            anonymous,
        }
    }

    /// Makes a token that ends `expires_at`, or before: that of a login never lasts longer than
    /// [`domain::LONGEST_TOKEN`].
    ///
    /// # Errors
    /// Never in practice: signing fails only with a key of the wrong kind.
    pub fn issue(
        &self,
        identity: &Identity,
        expires_at: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = Timestamp::now().as_second();
        let longest = i64::try_from(LONGEST_TOKEN.as_secs()).unwrap_or(i64::MAX);
        let expires_at = expires_at.as_second();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: identity.actor.to_string(),
            tenant: identity.tenant.get(),
            sid: identity.login,
            scope: identity.permissions,
            iat: now,
            exp: if identity.login.is_some() { expires_at.min(now + longest) } else { expires_at },
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// Checks a token.
    ///
    /// # Errors
    /// It is not ours, changed, or has expired.
    pub fn verify(&self, token: &str) -> Result<Identity, Refused> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => Refused::Expired,
                _ => Refused::Invalid,
            })?
            .claims;
        Ok(Identity {
            tenant: TenantId::new(claims.tenant),
            actor: Arc::from(claims.sub),
            login: claims.sid,
            permissions: claims.scope,
            expires_at: Timestamp::from_second(claims.exp).ok(),
        })
    }

    /// Who sends these headers; `None` if they name nobody and someone must be named. Whether the login was ended is not
    /// looked at, and whether a page of ours sent the cookie neither.
    ///
    /// # Errors
    /// Credentials came and are not valid. They are never ignored, not even where nobody needs any.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Refused> {
        match Credentials::of(headers)? {
            Credentials::Bearer(token) | Credentials::Cookie(token) => self.verify(token).map(Some),
            Credentials::None => Ok(self.anonymous(headers)),
        }
    }

    /// Who comes without credentials, where such a one is let in.
    #[must_use]
    pub fn anonymous(&self, headers: &HeaderMap) -> Option<Identity> {
        self.lets_in_anonymous(headers).then(Identity::anonymous)
    }

    /// On loopback, the name that was asked for must be a loopback one too: else a page whose own name was made to
    /// point here (DNS rebinding) could use the visitor's access. Programs may leave the name out.
    fn lets_in_anonymous(&self, headers: &HeaderMap) -> bool {
        match self.anonymous {
            Anonymous::Never => false,
            Anonymous::Anywhere => true,
            Anonymous::Loopback => {
                headers.get(HOST).is_none_or(|host| host.to_str().is_ok_and(is_loopback))
                    && !is_forwarded(headers)
            }
        }
    }
}

/// What a request shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A token or key in the header `Authorization`.
    Bearer(&'a str),
    /// A token in the cookie [`ACCESS_COOKIE`]: a browser sends it whichever page asks.
    Cookie(&'a str),
}

impl<'a> Credentials<'a> {
    /// Finds them; the header counts before the cookie.
    ///
    /// # Errors
    /// The header is there and holds no bearer token.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, Refused> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            return value.to_str().ok().and_then(bearer).map(Self::Bearer).ok_or(Refused::Invalid);
        }
        Ok(cookie(headers, ACCESS_COOKIE).map_or(Self::None, Self::Cookie))
    }
}

/// The value of a cookie (RFC 6265, section 4.2); an empty one is none.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).find(|value| !value.is_empty())
}

/// Whether a proxy on this machine passes on what may come from anywhere.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name))
}

/// Whether a `Host` header names this machine's loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Lets nobody pass but a service that shows the shared secret.
///
/// # Errors
/// It isn't shown.
pub fn require_secret(headers: &HeaderMap, secret: &Secret) -> Result<(), ApiError> {
    if shows_secret(headers, secret) {
        return Ok(());
    }
    Err(ApiError::new(ProblemCode::NotAuthenticated, "The internal secret is needed."))
}

fn shows_secret(headers: &HeaderMap, secret: &Secret) -> bool {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    shown.is_some_and(|shown| shown.as_bytes().ct_eq(secret.expose().as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use actix_http::header::{HeaderName, HeaderValue};

    use super::*;

    fn access() -> Access {
        Access::new(&Secret::new("a key of thirty-two characters!!".into()), Anonymous::Never)
    }

    fn identity() -> Identity {
        Identity { actor: Arc::from("user:7"), ..Identity::anonymous() }
    }

    fn in_an_hour() -> Timestamp {
        Timestamp::from_second(Timestamp::now().as_second() + 3600).unwrap()
    }

    #[test]
    fn a_token_says_who_it_was_made_for() {
        let token = access().issue(&identity(), in_an_hour()).unwrap();
        let found = access().verify(&token).unwrap();
        assert_eq!(found, Identity { expires_at: found.expires_at, ..identity() });
    }

    #[test]
    fn a_token_of_a_login_ends_within_the_hour() {
        let tomorrow = Timestamp::from_second(Timestamp::now().as_second() + 86_400).unwrap();
        let of_a_login = Identity { login: Some(Login::Session(17)), ..identity() };
        let token = access().issue(&of_a_login, tomorrow).unwrap();
        let found = access().verify(&token).unwrap();
        assert_eq!(found.login, Some(Login::Session(17)));
        assert!(found.expires_at.unwrap() <= in_an_hour());
    }

    #[test]
    fn credentials_are_found_in_header_and_cookie() {
        let headers = |pairs: &[(HeaderName, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        let cookies = (COOKIE, "a=b; stockwire_access=token; stockwire_accessory=x");
        assert_eq!(
            Credentials::of(&headers(std::slice::from_ref(&cookies))),
            Ok(Credentials::Cookie("token"))
        );
        let both = headers(&[cookies, (AUTHORIZATION, "bearer  other")]);
        assert_eq!(Credentials::of(&both), Ok(Credentials::Bearer("other")));
        assert_eq!(Credentials::of(&headers(&[(COOKIE, "stockwire_access=")])), Ok(Credentials::None));
        assert_eq!(Credentials::of(&headers(&[(AUTHORIZATION, "Basic eA==")])), Err(Refused::Invalid));
    }

    #[test]
    fn a_page_whose_name_was_made_to_point_here_is_nobody() {
        let access =
            Access::new(&Secret::new("a key of thirty-two characters!!".into()), Anonymous::Loopback);
        let asked_for = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            access.identify(&headers).unwrap().is_some()
        };
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"] {
            assert!(asked_for(host), "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "10.0.0.1", "[2001:db8::1]", ""] {
            assert!(!asked_for(host), "{host}");
        }
        assert!(access.identify(&HeaderMap::new()).unwrap().is_some());
        let mut forwarded = HeaderMap::new();
        forwarded.insert(HOST, "127.0.0.1:8080".parse().unwrap());
        forwarded.insert("x-forwarded-for".parse().unwrap(), "203.0.113.9".parse().unwrap());
        assert!(access.identify(&forwarded).unwrap().is_none());
    }

    #[test]
    fn tokens_that_are_not_ours_are_refused() {
        let token = access().issue(&identity(), in_an_hour()).unwrap();
        let other = Access::new(&Secret::new("another key, also long enough!!!".into()), Anonymous::Never);
        assert_eq!(other.verify(&token), Err(Refused::Invalid));
        assert_eq!(access().verify(&token[..token.len() - 2]), Err(Refused::Invalid));
        // {"alg":"none"} with our claims and no signature
        let claims = token.split('.').nth(1).unwrap();
        assert_eq!(access().verify(&format!("eyJhbGciOiJub25lIn0.{claims}.")), Err(Refused::Invalid));
        let ended = Timestamp::from_second(Timestamp::now().as_second() - 10).unwrap();
        let ended = access().issue(&identity(), ended).unwrap();
        assert_eq!(access().verify(&ended), Err(Refused::Expired));
    }
}
