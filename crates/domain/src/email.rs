//! What people sign in with.

use std::fmt;

use serde::Serialize;

/// An e-mail address in lower case: a local part of 1 to 64 characters, an `@`, a domain; 254 characters at most
/// (RFC 5321, section 4.5.3.1). Whether letters arrive there is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = Email, max_length = 254))]
pub struct Email(String);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of at most 254 characters")]
pub struct ParseEmailError;

impl Email {
    /// Trims, lowers and checks.
    ///
    /// # Errors
    /// There is no `@` with something on both sides, or it holds spaces or control characters, or it is too long.
    pub fn parse(text: &str) -> Result<Self, ParseEmailError> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(ParseEmailError)?;
        let bounded = (1..=64).contains(&local.chars().count()) && text.chars().count() <= 254;
        let clean =
            !text.chars().any(|char| char.is_whitespace() || char.is_control() || "<>,;\"".contains(char));
        let domain_is_good = !domain.is_empty() && !local.contains('@');
        if bounded && clean && domain_is_good { Ok(Self(text)) } else { Err(ParseEmailError) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_lowered() {
        assert_eq!(Email::parse(" Ann@Shop.Example ").unwrap().as_str(), "ann@shop.example");
        assert_eq!(Email::parse("owner@localhost").unwrap().as_str(), "owner@localhost");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@x.example", "a".repeat(65));
        for text in ["", "ann", "@x", "ann@", "a b@x", "a@b@c", "a\u{0}@x", "<a@x>", "a@x, b@y", &long] {
            assert_eq!(Email::parse(text), Err(ParseEmailError), "{text}");
        }
    }
}
