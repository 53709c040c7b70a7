//! Deliveries: what is to be sent through a channel, was sent, or could not be.

use jiff::Timestamp;
use serde::Serialize;

/// How far a delivery has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DeliveryState {
    /// It is still to be sent.
    Pending,
    /// The other side has taken it.
    Delivered,
    /// It was given up, until somebody asks for another try.
    Dead,
}

impl DeliveryState {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One notification on its way through one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// Its id. A webhook carries it as `webhook-id: delivery-<id>`, a letter in its `Message-ID`: the same with every try.
    pub id: i64,
    /// What is sent.
    pub notification_id: i64,
    /// Through which channel.
    pub channel_id: i64,
    /// How far it has got.
    pub state: DeliveryState,
    /// How often it was tried since it was queued, or since somebody asked for it to be tried again.
    pub attempts: i32,
    /// When it is tried next, while it is pending. While a try is under way, this is when it is given up for lost.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was last tried.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub last_attempt_at: Option<Timestamp>,
    /// Why the last try failed.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_error: Option<String>,
    /// When the other side had taken it.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub delivered_at: Option<Timestamp>,
    /// When the notification was raised.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
}
