//! Passwords on their way from a request to the hash: never shown, never logged.

use std::fmt;

/// A password: 10 to 256 characters, whatever they are (NIST SP 800-63B, section 3.1.1: length counts, composition rules
/// don't). Compared as it was typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a password can't be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("must have 10 to 256 characters")]
    Length,
    /// All characters are the same, or it is among the first that anybody tries.
    #[error("is among the first that anybody tries")]
    Common,
}

/// Of those that are long enough to be chosen at all.
const COMMON: [&str; 12] = [
    "1234567890",
    "12345678910",
    "0123456789",
    "1q2w3e4r5t",
    "qwertyuiop",
    "q1w2e3r4t5y6",
    "password12",
    "password123",
    "password1234",
    "passwordpassword",
    "letmeinletmein",
    "administrator",
];

impl Password {
    /// Checks one that shall be chosen.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub fn choose(text: &str) -> Result<Self, PasswordError> {
        let mut chars = text.chars();
        if !(10..=256).contains(&text.chars().count()) {
            return Err(PasswordError::Length);
        }
        let first = chars.next();
        if chars.all(|char| Some(char) == first) || COMMON.contains(&text.to_lowercase().as_str()) {
            return Err(PasswordError::Common);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes one that is only compared: a longer one than any that could be chosen is none, so that nobody has us hash
    /// megabytes.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        (text.chars().count() <= 256).then(|| Self(text.to_owned()))
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_and_composition_does_not() {
        assert!(Password::choose("correct horse").is_ok());
        assert!(Password::choose("ünï€ödé…日本").is_ok());
        assert_eq!(Password::choose("short"), Err(PasswordError::Length));
        assert_eq!(Password::choose(&"xy".repeat(129)), Err(PasswordError::Length));
        assert_eq!(Password::choose("aaaaaaaaaaaa"), Err(PasswordError::Common));
        assert_eq!(Password::choose("PassWord123"), Err(PasswordError::Common));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", Password::choose("correct horse")).contains("horse"));
    }
}
