//! Signatures of webhooks, as the Standard Webhooks specification has them (standardwebhooks.com, version 1): a code over
//! id, time and body, HMAC-SHA-256, with a secret that only the receiver and we know.
//!
//! The database holds a random seed for each secret, and the secret is derived from it with a key that is not in the
//! database: who reads the one can't sign. Who replaces that key, `auth.token_secret`, replaces all secrets.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use service::{derive_key, settings::Secret};
use sha2::Sha256;

/// How secrets begin where people see them.
const MARK: &str = "whsec_";
const SEED: usize = 32;

/// Makes secrets from seeds.
#[derive(Clone)]
pub(crate) struct Secrets(Hmac<Sha256>);

/// The secret of one webhook. Its text is for whoever makes the channel, once.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

/// Without the secret.
impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl Secrets {
    pub(crate) fn new(token_secret: &Secret) -> Self {
        Self(derive_key(token_secret, b"stockwire webhook secret v1"))
    }

    pub(crate) fn of(&self, seed: &[u8]) -> WebhookSecret {
        WebhookSecret(self.0.clone().chain_update(seed).finalize().into_bytes().to_vec())
    }
}

impl WebhookSecret {
    /// As receivers put it into their settings: `whsec_` and base64.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{MARK}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// What this secret signs, sent at so many seconds since 1970.
    fn signature(&self, id: &str, seconds: i64, body: &str) -> String {
        let keyed = Hmac::<Sha256>::new_from_slice(&self.0);
        let keyed = keyed.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        let code = keyed.chain_update(format!("{id}.{seconds}.{body}")).finalize().into_bytes();
        format!("v1,{}", BASE64_STANDARD.encode(code))
    }
}

/// The header `webhook-signature`: a signature for each secret that counts.
pub(crate) fn signatures(secrets: &[WebhookSecret], id: &str, seconds: i64, body: &str) -> String {
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.signature(id, seconds, body)).collect();
    signatures.join(" ")
}

/// A seed for a new secret.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn random_seed() -> Result<[u8; SEED], getrandom::Error> {
    let mut seed = [0; SEED];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values come from another program: Python's hmac.
    #[test]
    fn a_signature_is_what_the_specification_says() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secret = WebhookSecret(secret);
        assert_eq!(secret.text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed =
            secret.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_depends_on_the_seed_and_on_the_key_and_is_not_shown_by_accident() {
        let secrets = Secrets::new(&Secret::new("a key of thirty-two characters!!".into()));
        let others = Secrets::new(&Secret::new("another key, also long enough!!!".into()));
        let text = secrets.of(b"seed").text();
        assert_eq!(text, secrets.of(b"seed").text());
        assert_eq!(BASE64_STANDARD.decode(text.strip_prefix(MARK).unwrap()).unwrap().len(), 32);
        assert_ne!(text, secrets.of(b"another").text());
        assert_ne!(text, others.of(b"seed").text());
        assert!(!format!("{:?}", secrets.of(b"seed")).contains("whsec"));
        assert_ne!(random_seed().unwrap(), random_seed().unwrap());
    }

    #[test]
    fn two_secrets_sign_with_a_space_between() {
        let secrets = Secrets::new(&Secret::new("a key of thirty-two characters!!".into()));
        let two = [secrets.of(b"new"), secrets.of(b"old")];
        let both = signatures(&two, "delivery-1", 1, "{}");
        let each: Vec<_> = two.iter().map(|secret| secret.signature("delivery-1", 1, "{}")).collect();
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }
}
