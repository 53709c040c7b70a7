//! Keeps other systems' secrets in the database so that the database alone doesn't give them away: encrypted with
//! AES-256-GCM, under a key derived from that of access tokens. Whoever replaces that key has to set them anew.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use hmac::Mac;

use crate::{derived_key::derive_key, settings::Secret};

/// Seals texts and opens them again.
pub struct Seal(RandomizedNonceKey);

/// It was sealed with another key, for something else, or changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed secret can't be opened")]
pub struct Unsealable;

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    /// With a key for one purpose: what is sealed for another can't be opened with it.
    ///
    /// # Errors
    /// The library can't use the key, which has the length it wants.
    pub fn new(secret: &Secret, purpose: &[u8]) -> Result<Self, Unsealable> {
        let derived = derive_key(secret, purpose).chain_update(b"seal").finalize().into_bytes();
        RandomizedNonceKey::new(&AES_256_GCM, &derived).map(Self).map_err(|_| Unsealable)
    }

    /// Encrypts a text, bound to what it belongs to: nonce, text and tag.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn seal(&self, belongs_to: &str, text: &str) -> Result<Vec<u8>, Unsealable> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce =
            self.0.seal_in_place_append_tag(Aad::from(belongs_to), &mut sealed).map_err(|_| Unsealable)?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Decrypts it.
    ///
    /// # Errors
    /// See [`Unsealable`].
    pub fn open(&self, belongs_to: &str, sealed: &[u8]) -> Result<String, Unsealable> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(Unsealable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealable)?;
        let mut rest = rest.to_vec();
        let text = self.0.open_in_place(nonce, Aad::from(belongs_to), &mut rest).map_err(|_| Unsealable)?;
        String::from_utf8(text.to_vec()).map_err(|_| Unsealable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str, purpose: &[u8]) -> Seal {
        Seal::new(&Secret::new(secret.to_owned()), purpose).unwrap()
    }

    #[test]
    fn a_secret_can_be_opened_by_who_sealed_it_for_what_it_belongs_to() {
        let ours = seal("a key of thirty-two characters!!", b"one");
        let sealed = ours.seal("tenant:1", "Bearer x").unwrap();
        assert_eq!(ours.open("tenant:1", &sealed).unwrap(), "Bearer x");
        assert!(!sealed.windows(8).any(|window| window == b"Bearer x"));
        assert_ne!(ours.seal("tenant:1", "Bearer x").unwrap(), sealed, "the same twice looks the same");
        assert_eq!(ours.open("tenant:2", &sealed), Err(Unsealable));
        assert_eq!(
            seal("a key of thirty-two characters!!", b"two").open("tenant:1", &sealed),
            Err(Unsealable)
        );
        assert_eq!(
            seal("another key, also long enough!!!", b"one").open("tenant:1", &sealed),
            Err(Unsealable)
        );
        let mut bent = sealed.clone();
        bent[20] ^= 1;
        for broken in [&bent[..], &sealed[..5], &[]] {
            assert_eq!(ours.open("tenant:1", broken), Err(Unsealable));
        }
    }
}
