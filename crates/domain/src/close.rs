//! Why the hub closes a socket: the codes that clients act on.

/// A close code of the socket protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The other side asked to close, and this is the answer.
    Normal,
    /// The server goes away for good.
    GoingAway,
    /// A rule of the protocol or the server was broken.
    Policy,
    /// A frame was larger than allowed.
    TooBig,
    /// The server restarts: come back after the advertised jitter.
    Restart,
    /// Not now: come back later.
    TryLater,
    /// No valid credentials, or none in time.
    NotAuthenticated,
    /// The token ended and no new one came.
    TokenExpired,
    /// The session was ended. Final: don't come back with this token.
    ForcedLogout,
    /// The client didn't read. Come back and resume.
    TooSlow,
    /// The client sent more messages than allowed.
    TooManyMessages,
    /// A frame that can't be understood. Final: the client is broken.
    BadFrame,
}

impl CloseCode {
    /// The number on the wire (RFC 6455, section 7.4).
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::Restart => 1012,
            Self::TryLater => 1013,
            Self::NotAuthenticated => 4001,
            Self::TokenExpired => 4002,
            Self::ForcedLogout => 4003,
            Self::TooSlow => 4008,
            Self::TooManyMessages => 4009,
            Self::BadFrame => 4400,
        }
    }

    /// A short name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway => "going_away",
            Self::Policy => "policy",
            Self::TooBig => "too_big",
            Self::Restart => "restart",
            Self::TryLater => "try_later",
            Self::NotAuthenticated => "not_authenticated",
            Self::TokenExpired => "token_expired",
            Self::ForcedLogout => "forced_logout",
            Self::TooSlow => "too_slow",
            Self::TooManyMessages => "too_many_messages",
            Self::BadFrame => "bad_frame",
        }
    }
}
