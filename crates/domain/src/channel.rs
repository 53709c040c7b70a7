//! Channels: ways besides the live stream in which notifications get to people and programs.

use jiff::Timestamp;
use serde::Serialize;

use crate::Version;

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ChannelKind {
    /// Letters to people.
    Email,
    /// Signed requests to a program.
    Webhook,
}

impl ChannelKind {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Email, Self::Webhook];

    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A channel as those see it who manage it: without the secret that signs a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Channel {
    /// Its id; monitors name it by this.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
    /// Who gets the letters; none for a webhook.
    pub recipients: Vec<String>,
    /// Where a webhook is posted to; null for e-mail.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub url: Option<String>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// When the secret that signs a webhook was replaced. For a day after that, the one before signs too.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub secret_changed_at: Option<Timestamp>,
    /// Counts its states; the entity tag.
    pub version: Version,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}
