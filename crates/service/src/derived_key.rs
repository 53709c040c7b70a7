//! Keys that are derived from the key of access tokens, one for each purpose.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::settings::Secret;

/// A key for one purpose: what is known of its results tells nothing of other purposes' keys.
#[must_use]
pub fn derive_key(secret: &Secret, purpose: &[u8]) -> Hmac<Sha256> {
    let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key);
    // HMAC takes keys of any length.
    let key = keyed(secret.expose().as_bytes()).map(|mac| mac.chain_update(purpose).finalize().into_bytes());
    key.and_then(|key| keyed(&key)).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
}
