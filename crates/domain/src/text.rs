//! Text that people type into an item: trimmed, bounded, and free of the NUL character, which Postgres can't
//! store. Bounds are in characters (Unicode scalar values), as in the table's constraints.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text was refused. The message completes the sentence "the field …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More characters than the bound.
    #[error("must have at most {most} characters, has {has}")]
    TooLong {
        /// The bound.
        most: usize,
        /// What was given, after trimming.
        has: usize,
    },
    /// U+0000 inside.
    #[error("must not contain the NUL character")]
    Nul,
}

fn parse_text(text: &str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    let has = text.chars().count();
    if has > most { Err(TextError::TooLong { most, has }) } else { Ok(text.to_owned()) }
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $most:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = $most))]
        pub struct $name(String);

        impl $name {
            /// The most characters it may have.
            pub const MAX_CHARACTERS: usize = $most;

            /// Trims and checks.
            ///
            /// # Errors
            /// Empty after trimming, too long, or with a NUL character.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                parse_text(text, $most).map(Self)
            }

            /// The text, trimmed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

bounded_text! {
    /// What people call an item: 1 to 200 characters.
    Name, 200
}
bounded_text! {
    /// A stock keeping unit, unique within a tenant: 1 to 64 characters.
    Sku, 64
}
bounded_text! {
    /// What a quantity counts, such as `each`, `kg` or `box of 12`: 1 to 32 characters.
    Unit, 32
}
bounded_text! {
    /// Free text about an item: 1 to 4,000 characters.
    Description, 4000
}
bounded_text! {
    /// What somebody says about a notification or a mute: 1 to 2,000 characters.
    Note, 2000
}

impl Default for Unit {
    /// Things are counted one by one unless told otherwise.
    fn default() -> Self {
        Self("each".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded_in_characters() {
        assert_eq!(Name::parse("  Bolt M8 \n").unwrap().as_str(), "Bolt M8");
        assert_eq!(Name::parse(&"ö".repeat(200)).unwrap().as_str().chars().count(), 200);
        assert_eq!(Name::parse(&"ö".repeat(201)), Err(TextError::TooLong { most: 200, has: 201 }));
        assert_eq!(Name::parse(" \t "), Err(TextError::Empty));
        assert_eq!(Name::parse("a\0b"), Err(TextError::Nul));
    }
}
