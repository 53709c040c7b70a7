//! Tokens against requests that another page makes a browser send (CSRF): derived from the login with a key, so that
//! nothing needs to be kept, and read by pages of ours only.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Login;
use hmac::{Hmac, Mac};
use service::{derive_key, settings::Secret};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header that shows the token.
pub(crate) const HEADER: &str = "x-csrf-token";

/// Makes and checks the tokens.
#[derive(Clone)]
pub(crate) struct Csrf(Hmac<Sha256>);

impl Csrf {
    /// With a key derived from the key of access tokens.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(derive_key(secret, b"stockwire csrf token v1"))
    }

    /// The token of a login.
    pub(crate) fn token(&self, login: Login) -> String {
        let mac = self.0.clone().chain_update(login.to_string()).finalize();
        BASE64_URL_SAFE_NO_PAD.encode(mac.into_bytes())
    }

    /// Whether this is it.
    pub(crate) fn is_for(&self, login: Login, shown: &[u8]) -> bool {
        self.token(login).as_bytes().ct_eq(shown).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_login_only() {
        let csrf = Csrf::new(&Secret::new("a key of thirty-two characters!!".into()));
        let token = csrf.token(Login::Session(1));
        assert!(csrf.is_for(Login::Session(1), token.as_bytes()));
        assert!(!csrf.is_for(Login::Session(2), token.as_bytes()));
        assert!(!csrf.is_for(Login::Session(1), b""));
        let other = Csrf::new(&Secret::new("another key, also long enough!!!".into()));
        assert!(!other.is_for(Login::Session(1), token.as_bytes()));
    }
}
