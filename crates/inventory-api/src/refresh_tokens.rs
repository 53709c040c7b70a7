//! Refresh tokens: opaque to clients, kept as hashes.
//!
//! A token is its session's nonce, the number of its generation, and a code over both (HMAC-SHA-256) with a key that is
//! not in the database. So whoever presents a made-up token is told apart from whoever presents an old one of ours: only
//! the latter ends the session. And the token that replaces one can be made again: of two tabs that refresh at the same
//! moment both get the same, and so does a client that asks again because the answer got lost.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use service::{
    derive_key,
    settings::{Auth, Secret},
};
use sha2::{Digest, Sha256};
use store::Presented;

const NONCE: usize = 16;
const GENERATION: usize = 8;
const CODE: usize = 32;

/// Makes and reads the tokens.
#[derive(Clone)]
pub(crate) struct RefreshTokens {
    key: Hmac<Sha256>,
    grace: Duration,
    idle: Duration,
}

impl RefreshTokens {
    /// With a key derived from the key of access tokens.
    pub(crate) fn new(secret: &Secret, auth: &Auth) -> Self {
        Self {
            key: derive_key(secret, b"stockwire refresh token v1"),
            grace: Duration::from_secs(auth.refresh_grace_seconds.into()),
            idle: Duration::from_secs(u64::from(auth.session_idle_hours) * 3600),
        }
    }

    /// The token of a generation; the first is 1.
    pub(crate) fn token(&self, nonce: [u8; NONCE], generation: i64) -> String {
        let named = named(nonce, generation);
        let code = self.key.clone().chain_update(named).finalize().into_bytes();
        BASE64_URL_SAFE_NO_PAD.encode([named.as_slice(), &code].concat())
    }

    /// What a token says, if it is one of ours.
    pub(crate) fn read(&self, token: &str) -> Option<Presented> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (named, code) = bytes.split_at_checked(NONCE + GENERATION)?;
        if code.len() != CODE {
            return None;
        }
        self.key.clone().chain_update(named).verify_slice(code).ok()?;
        let nonce: [u8; NONCE] = named[..NONCE].try_into().ok()?;
        let generation = i64::from_be_bytes(named[NONCE..].try_into().ok()?);
        let next_hash = hash(&self.token(nonce, generation.checked_add(1)?));
        let (grace, idle) = (self.grace, self.idle);
        Some(Presented { nonce, generation, hash: hash(token), next_hash, grace, idle })
    }
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn named(nonce: [u8; NONCE], generation: i64) -> [u8; NONCE + GENERATION] {
    let mut named = [0; NONCE + GENERATION];
    named[..NONCE].copy_from_slice(&nonce);
    named[NONCE..].copy_from_slice(&generation.to_be_bytes());
    named
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use service::Settings;

    use super::*;

    fn tokens(secret: &str) -> RefreshTokens {
        let auth = Settings::load(None, HashMap::new()).unwrap().auth;
        RefreshTokens::new(&Secret::new(secret.into()), &auth)
    }

    #[test]
    fn a_token_is_read_as_it_was_made() {
        let tokens = tokens("a key of thirty-two characters!!");
        let token = tokens.token([7; 16], 3);
        let read = tokens.read(&token).unwrap();
        assert_eq!((read.nonce, read.generation, read.hash), ([7; 16], 3, hash(&token)));
        assert_eq!(read.next_hash, hash(&tokens.token([7; 16], 4)));
    }

    #[test]
    fn what_is_not_ours_says_nothing() {
        let ours = tokens("a key of thirty-two characters!!");
        let token = ours.token([7; 16], 3);
        assert!(tokens("another key, also long enough!!!").read(&token).is_none());
        let mut changed = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..changed.len() {
            changed[at] ^= 1;
            assert!(ours.read(&BASE64_URL_SAFE_NO_PAD.encode(&changed)).is_none(), "byte {at}");
            changed[at] ^= 1;
        }
        for wrong in ["", "x", "é", &token[..token.len() - 2], &format!("{token}AA")] {
            assert!(ours.read(wrong).is_none(), "{wrong}");
        }
        assert!(ours.read(&ours.token([7; 16], i64::MAX)).is_none(), "there is no next one");
    }
}
