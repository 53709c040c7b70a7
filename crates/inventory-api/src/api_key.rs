//! The text of an API key, `sw_<prefix>_<secret>`: made, taken apart, and compared with what is kept of it.
//!
//! Letters and digits only, so that a double click selects all of it, no shell, URL or header minds it, and nobody can take
//! a part for the mark between them. Scanners for leaked secrets find it by `\bsw_[0-9A-Za-z]{10}_[0-9A-Za-z]{43}\b`.

use domain::API_KEY_MARK;
use sha2::{Digest, Sha256};
use store::SealedKey;
use subtle::ConstantTimeEq;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX_LETTERS: usize = 10;
/// As much chance as in 32 random bytes: 62^43 is a little more than 2^256.
const SECRET_LETTERS: usize = 43;

/// By which a key is found. It is no secret.
pub(crate) type Prefix = [u8; PREFIX_LETTERS];

/// A key that someone shows: it has the form of one, and that is all that is known.
pub(crate) struct ShownKey<'a> {
    prefix: Prefix,
    secret: &'a str,
}

impl<'a> ShownKey<'a> {
    /// Whether this is meant to be a key, and no access token.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.starts_with(API_KEY_MARK)
    }

    /// Takes it apart; `None` if no key of ours looks like this.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (prefix, secret) = text.strip_prefix(API_KEY_MARK)?.split_once('_')?;
        let of_letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let whole = secret.len() == SECRET_LETTERS && of_letters(prefix) && of_letters(secret);
        let prefix = prefix.as_bytes().try_into().ok()?;
        whole.then_some(Self { prefix, secret })
    }

    /// By which it is to be found.
    pub(crate) const fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// Whether its secret is the one with this SHA-256. How long that takes tells nothing.
    pub(crate) fn has_secret(&self, hash: &[u8]) -> bool {
        Sha256::digest(self.secret).as_slice().ct_eq(hash).into()
    }
}

/// A new key: its text, for whoever asked for it, and what is kept of it.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn make() -> Result<(String, SealedKey), getrandom::Error> {
    let (prefix, secret) = (random_letters(PREFIX_LETTERS)?, random_letters(SECRET_LETTERS)?);
    let text = format!("{API_KEY_MARK}{prefix}_{secret}");
    Ok((text, SealedKey { prefix, secret_hash: Sha256::digest(secret).into() }))
}

fn random_letters(count: usize) -> Result<String, getrandom::Error> {
    // Four times 62: with the bytes from there on, the first letters would come more often than the others.
    const EVEN: u8 = 248;
    let mut letters = String::with_capacity(count);
    let mut bytes = [0; 64];
    while letters.len() < count {
        getrandom::fill(&mut bytes)?;
        let drawn = bytes.iter().filter(|byte| **byte < EVEN).map(|byte| LETTERS[usize::from(byte % 62)]);
        letters.extend(drawn.take(count - letters.len()).map(char::from));
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_new_key_is_found_by_its_prefix_and_known_by_its_secret() {
        let (text, sealed) = make().unwrap();
        assert_eq!(text.len(), 57);
        assert!(ShownKey::is_meant(&text));
        let shown = ShownKey::read(&text).unwrap();
        assert_eq!(shown.prefix(), sealed.prefix.as_bytes());
        assert!(shown.has_secret(&sealed.secret_hash));
        assert!(!shown.has_secret(&make().unwrap().1.secret_hash));
        assert!(!shown.has_secret(&sealed.secret_hash[..31]) && !shown.has_secret(&[]));
        assert!(
            !sealed.prefix.contains(shown.secret) && !text.contains(&format!("{:?}", sealed.secret_hash))
        );
    }

    #[test]
    fn no_two_keys_are_the_same_and_all_letters_come() {
        let keys: HashSet<String> = (0..200).map(|_| make().unwrap().0).collect();
        assert_eq!(keys.len(), 200);
        let letters: HashSet<char> = keys.iter().flat_map(|key| key[3..13].chars()).collect();
        assert_eq!(letters.len(), LETTERS.len());
    }

    #[test]
    fn what_no_key_looks_like_is_none() {
        let (text, _) = make().unwrap();
        let changed = [
            text[..56].to_owned(),
            format!("{text}0"),
            format!("{text} "),
            format!(" {text}"),
            text.replacen('_', "-", 1),
            text.replace("sw_", "SW_"),
            text.replace("sw_", "sw_0"),
            text.replace("sw_", "sw__"),
            format!("{}ö", &text[..55]),
            format!("{}_", &text[..56]),
            format!("{}\0", &text[..56]),
            format!("sw_{}", "0".repeat(54)),
            "sw_".to_owned(),
            "sw__".to_owned(),
            String::new(),
        ];
        for text in changed {
            assert!(ShownKey::read(&text).is_none(), "{text}");
        }
    }
}
