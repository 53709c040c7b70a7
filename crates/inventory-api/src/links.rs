//! One-time links: with one, its owner chooses a password and is signed in. The secret stands behind the `#`, which
//! browsers send to nobody, so it is in no log of any server; the database has its hash.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use service::{Settings, readiness::reachable};
use sha2::{Digest, Sha256};
use store::NewLink;

/// A link that was made just now. Its secret is nowhere else.
pub struct OneTimeLink {
    secret: String,
    new: NewLink,
}

impl OneTimeLink {
    /// Makes one of 32 random bytes, which lasts as long as the settings say.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn random(lifetime: std::time::Duration) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let secret = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let new = NewLink { hash: hash(&secret), lifetime };
        Ok(Self { secret, new })
    }

    /// What is kept of it.
    #[must_use]
    pub const fn kept(&self) -> &NewLink {
        &self.new
    }

    /// The whole link, for the address where people reach the service.
    #[must_use]
    pub fn url(&self, base: &str) -> String {
        format!("{}/sign-in#{}", base.trim_end_matches('/'), self.secret)
    }
}

/// Without the secret.
impl std::fmt::Debug for OneTimeLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneTimeLink").field("lifetime", &self.new.lifetime).finish_non_exhaustive()
    }
}

/// By which a link is found. It is random enough to need no slow hash.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Where people reach the service.
#[must_use]
pub fn public_url(settings: &Settings) -> String {
    if settings.http.public_url.is_empty() {
        return format!("http://{}", reachable(settings.http.listen));
    }
    settings.http.public_url.clone()
}

/// How long a link can be used.
#[must_use]
pub fn link_lifetime(settings: &Settings) -> std::time::Duration {
    std::time::Duration::from_secs(u64::from(settings.auth.link_hours) * 3600)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_secret_is_in_the_fragment_and_nowhere_else() {
        let link = OneTimeLink::random(Duration::from_secs(60)).unwrap();
        let url = link.url("https://stock.example/");
        let (address, secret) = url.split_once('#').unwrap();
        assert_eq!(address, "https://stock.example/sign-in");
        assert_eq!((secret.len(), hash(secret)), (43, link.kept().hash));
        assert!(!format!("{link:?}").contains(secret));
        assert_ne!(OneTimeLink::random(Duration::from_secs(60)).unwrap().url(""), link.url(""));
    }
}
