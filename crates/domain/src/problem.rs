//! Problem documents (RFC 9457): how every error of the HTTP API looks.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Cursor, FieldError, LogoutReason};

/// What went wrong, for programs. Each has one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// The body can't be read: not JSON, not UTF-8, cut off.
    MalformedBody,
    /// The body is readable but not valid.
    InvalidBody,
    /// A query parameter or header is not valid.
    InvalidParameter,
    /// No valid credentials.
    NotAuthenticated,
    /// The login that the token belongs to was ended.
    SessionEnded,
    /// No user has this e-mail address and this password.
    WrongCredentials,
    /// A page's request that changes something lacks the token which shows that the page is ours.
    CsrfFailed,
    /// Valid credentials without the right.
    Forbidden,
    /// There is no such thing, or it isn't yours.
    NotFound,
    /// The path exists, the method doesn't.
    MethodNotAllowed,
    /// The sku is taken.
    DuplicateSku,
    /// The e-mail address is taken.
    DuplicateEmail,
    /// There is less of an item than shall be taken.
    InsufficientStock,
    /// There would be more of an item than can be counted.
    QuantityTooLarge,
    /// What it is, or does at the moment, doesn't allow it.
    WrongState,
    /// A tenant must keep an owner who can sign in.
    LastOwner,
    /// A monitor that every tenant has stays, and looks at what it looks at.
    BuiltInMonitor,
    /// The tenant has as many monitors as it may have.
    TooManyMonitors,
    /// The tenant has as many channels, data sources or mutes as it may have.
    TooMany,
    /// A one-time link that was used, replaced, or is too old.
    LinkExpired,
    /// The cursor belongs to another epoch, or lies past the log's end.
    CursorGone,
    /// Changes right behind the cursor are no longer kept.
    ChangesRemoved,
    /// The state isn't the one that `If-Match` names.
    VersionMismatch,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body isn't JSON by its Content-Type.
    UnsupportedMediaType,
    /// What another system was asked for on the caller's behalf can't be had.
    UpstreamFailed,
    /// More changes than can be read in the time that there is.
    TooManyChanges,
    /// Too many requests.
    RateLimited,
    /// Our fault.
    Internal,
    /// Something we need is away; try again.
    Unavailable,
}

impl ProblemCode {
    /// Every code, in the order of their status.
    pub const ALL: [Self; 30] = [
        Self::MalformedBody,
        Self::InvalidParameter,
        Self::NotAuthenticated,
        Self::SessionEnded,
        Self::WrongCredentials,
        Self::CsrfFailed,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::DuplicateSku,
        Self::DuplicateEmail,
        Self::InsufficientStock,
        Self::QuantityTooLarge,
        Self::LastOwner,
        Self::BuiltInMonitor,
        Self::TooManyMonitors,
        Self::TooMany,
        Self::WrongState,
        Self::LinkExpired,
        Self::CursorGone,
        Self::ChangesRemoved,
        Self::VersionMismatch,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidBody,
        Self::TooManyChanges,
        Self::RateLimited,
        Self::Internal,
        Self::UpstreamFailed,
        Self::Unavailable,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed_body",
            Self::InvalidBody => "invalid_body",
            Self::InvalidParameter => "invalid_parameter",
            Self::NotAuthenticated => "not_authenticated",
            Self::SessionEnded => "session_ended",
            Self::WrongCredentials => "wrong_credentials",
            Self::CsrfFailed => "csrf_failed",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::DuplicateSku => "duplicate_sku",
            Self::DuplicateEmail => "duplicate_email",
            Self::InsufficientStock => "insufficient_stock",
            Self::QuantityTooLarge => "quantity_too_large",
            Self::LastOwner => "last_owner",
            Self::BuiltInMonitor => "built_in_monitor",
            Self::TooManyMonitors => "too_many_monitors",
            Self::TooMany => "too_many",
            Self::WrongState => "wrong_state",
            Self::LinkExpired => "link_expired",
            Self::CursorGone => "cursor_gone",
            Self::ChangesRemoved => "changes_removed",
            Self::VersionMismatch => "version_mismatch",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UpstreamFailed => "upstream_failed",
            Self::TooManyChanges => "too_many_changes",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedBody | Self::InvalidParameter => 400,
            Self::NotAuthenticated | Self::SessionEnded | Self::WrongCredentials => 401,
            Self::CsrfFailed | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::DuplicateSku | Self::DuplicateEmail | Self::LastOwner => 409,
            Self::InsufficientStock | Self::QuantityTooLarge => 409,
            Self::BuiltInMonitor | Self::TooManyMonitors | Self::TooMany | Self::WrongState => 409,
            Self::LinkExpired | Self::CursorGone | Self::ChangesRemoved => 410,
            Self::VersionMismatch => 412,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidBody | Self::TooManyChanges => 422,
            Self::RateLimited => 429,
            Self::UpstreamFailed => 502,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The same for every occurrence, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedBody => "The body can't be read",
            Self::InvalidBody => "The body is not valid",
            Self::InvalidParameter => "A parameter is not valid",
            Self::NotAuthenticated => "Valid credentials are needed",
            Self::SessionEnded => "The login was ended",
            Self::WrongCredentials => "Wrong e-mail address or password",
            Self::CsrfFailed => "The request doesn't show that it comes from our own page",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::DuplicateSku => "The sku is taken",
            Self::DuplicateEmail => "The e-mail address is taken",
            Self::InsufficientStock => "There is not enough in stock",
            Self::QuantityTooLarge => "The quantity would be too large",
            Self::LastOwner => "A tenant must keep an owner",
            Self::BuiltInMonitor => "The monitor is built in",
            Self::TooManyMonitors => "There are as many monitors as there may be",
            Self::TooMany => "There are as many as there may be",
            Self::WrongState => "Its state doesn't allow that",
            Self::LinkExpired => "The link can't be used any more",
            Self::CursorGone => "The cursor can't be used any more",
            Self::ChangesRemoved => "Changes behind the cursor are no longer kept",
            Self::VersionMismatch => "The state has changed",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body must be application/json",
            Self::UpstreamFailed => "Another system can't be reached, or can't be understood",
            Self::TooManyChanges => "There are more changes than can be read in time",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Something went wrong on our side",
            Self::Unavailable => "Not available at the moment",
        }
    }
}

/// A problem document. `instance` and `request_id` are filled in where the response is written.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    pub r#type: String,
    /// The kind of problem, for people.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: Cow<'static, str>,
    /// The path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The kind of problem, for programs.
    pub code: &'static str,
    /// For support: the same id is in every log line of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Everything that is wrong with the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With `version_mismatch`: the document as it is now, of the item or whatever it was. With `insufficient_stock` and
    /// `quantity_too_large`: the item as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>))]
    pub current: Option<Box<RawValue>>,
    /// With `changes_removed`: the cursor right before the oldest change that is kept. Going on from there skips what
    /// was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub oldest_cursor: Option<String>,
    /// With `session_ended`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logout_reason: Option<LogoutReason>,
}

impl Problem {
    /// A problem of a kind, with what happened this time.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            r#type: format!("/docs/problems#{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            detail: detail.into(),
            instance: None,
            code: code.as_str(),
            request_id: None,
            errors: Vec::new(),
            current: None,
            oldest_cursor: None,
            logout_reason: None,
        }
    }

    /// The answer to a token whose login was ended.
    #[must_use]
    pub fn session_ended(reason: LogoutReason) -> Self {
        Self { logout_reason: Some(reason), ..Self::new(ProblemCode::SessionEnded, reason.message()) }
    }

    /// With everything that is wrong with the request.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// With the document as it is now.
    #[must_use]
    pub fn with_current(mut self, current: Box<RawValue>) -> Self {
        self.current = Some(current);
        self
    }

    /// With where what is kept begins.
    #[must_use]
    pub fn with_oldest_cursor(mut self, cursor: Cursor) -> Self {
        self.oldest_cursor = Some(cursor.to_string());
        self
    }
}
