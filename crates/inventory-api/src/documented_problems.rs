//! Which problems a route answers with, for the OpenAPI document. Each route names one of these sets; what is
//! the same everywhere (401, 403, 429, 500, 503) is in all of them.

use std::collections::BTreeMap;

use domain::{Problem, ProblemCode};
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder},
};

macro_rules! problem_set {
    ($(#[$doc:meta])* $name:ident: $($code:ident),*) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses(&[$(ProblemCode::$code),*])
            }
        }
    };
}

problem_set! {
    /// Of a list.
    ListProblems: InvalidParameter
}
problem_set! {
    /// Of a list that belongs to an item.
    ItemListProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of how a value of an item went.
    SeriesProblems: InvalidParameter, NotFound, TooManyChanges
}
problem_set! {
    /// Of sums over many changes.
    StatisticsProblems: InvalidParameter, TooManyChanges
}
problem_set! {
    /// Of the pull feed.
    FeedProblems: InvalidParameter, CursorGone, ChangesRemoved
}
problem_set! {
    /// Of reading an item.
    ReadItemProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of creating an item.
    CreateProblems: InvalidParameter, MalformedBody, DuplicateSku, BodyTooLarge, UnsupportedMediaType,
    InvalidBody
}
problem_set! {
    /// Of changing an item.
    ConditionalWriteProblems: InvalidParameter, MalformedBody, NotFound, DuplicateSku, VersionMismatch,
    BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of deleting an item.
    DeleteProblems: InvalidParameter, NotFound, VersionMismatch
}
problem_set! {
    /// Of creating and changing many items.
    BatchProblems: InvalidParameter, MalformedBody, DuplicateSku, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of changing a quantity by so much.
    AdjustProblems: InvalidParameter, MalformedBody, NotFound, InsufficientStock, QuantityTooLarge, VersionMismatch,
    BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of bringing an item back.
    RestoreProblems: InvalidParameter, NotFound, DuplicateSku, WrongState
}
problem_set! {
    /// Of reading a monitor.
    ReadMonitorProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of making a monitor.
    CreateMonitorProblems: InvalidParameter, MalformedBody, TooManyMonitors, BodyTooLarge, UnsupportedMediaType,
    InvalidBody
}
problem_set! {
    /// Of testing a monitor.
    TestMonitorProblems: InvalidParameter, MalformedBody, BodyTooLarge, UnsupportedMediaType, InvalidBody, TooManyChanges
}
problem_set! {
    /// Of changing a monitor.
    ChangeMonitorProblems: InvalidParameter, MalformedBody, NotFound, BuiltInMonitor, VersionMismatch, BodyTooLarge,
    UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of deleting a monitor.
    DeleteMonitorProblems: InvalidParameter, NotFound, BuiltInMonitor, VersionMismatch
}
problem_set! {
    /// Of starting, stopping or pausing a monitor.
    RunMonitorProblems: InvalidParameter, NotFound, VersionMismatch
}
problem_set! {
    /// Of starting, stopping or pausing all monitors.
    RunMonitorsProblems: InvalidParameter
}
problem_set! {
    /// Of asking the database.
    DatabaseProblems:
}
problem_set! {
    /// Of signing in.
    SignInProblems: MalformedBody, WrongCredentials, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of going on with a session.
    RefreshProblems: MalformedBody, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of ending a session.
    EndSessionProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of reading a user.
    ReadUserProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of inviting a user.
    InviteProblems: InvalidParameter, MalformedBody, DuplicateEmail, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of changing a user.
    ChangeUserProblems: InvalidParameter, MalformedBody, NotFound, DuplicateEmail, LastOwner, VersionMismatch,
    BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of deleting a user.
    DeleteUserProblems: InvalidParameter, NotFound, LastOwner, VersionMismatch
}
problem_set! {
    /// Of choosing a password with a link.
    LinkProblems: MalformedBody, LinkExpired, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of changing one's password.
    PasswordProblems: InvalidParameter, MalformedBody, WrongCredentials, BodyTooLarge, UnsupportedMediaType,
    InvalidBody
}
problem_set! {
    /// Of asking for a new password.
    ResetProblems: MalformedBody, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of changing a tenant's settings.
    SettingsProblems: InvalidParameter, MalformedBody, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of asking who one is.
    WhoProblems:
}
problem_set! {
    /// Of asking for a ticket.
    TicketProblems:
}

problem_set! {
    /// Of making an API key.
    CreateKeyProblems: InvalidParameter, MalformedBody, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of reading or revoking an API key.
    KeyProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of making a channel.
    CreateChannelProblems: InvalidParameter, MalformedBody, TooMany, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of reading or testing a channel.
    ReadChannelProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of changing a channel.
    ChangeChannelProblems: InvalidParameter, MalformedBody, NotFound, VersionMismatch, BodyTooLarge,
    UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of deleting a channel.
    DeleteChannelProblems: InvalidParameter, NotFound, VersionMismatch
}
problem_set! {
    /// Of reading or retrying a delivery.
    ReadDeliveryProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of retrying all dead deliveries of a channel.
    RetryDeliveriesProblems: MalformedBody, NotFound, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of exchanging credentials for a token.
    TokenProblems:
}
problem_set! {
    /// Of reading a notification, and of what needs no body.
    NotificationProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of changing a notification.
    ChangeNotificationProblems: InvalidParameter, MalformedBody, NotFound, BodyTooLarge, UnsupportedMediaType,
    InvalidBody
}
problem_set! {
    /// Of having read everything.
    ReadUpToProblems: MalformedBody, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of muting what a notification is about.
    MuteNotificationProblems: InvalidParameter, MalformedBody, NotFound, TooMany, BodyTooLarge, UnsupportedMediaType,
    InvalidBody
}
problem_set! {
    /// Of making a mute.
    CreateMuteProblems: InvalidParameter, MalformedBody, TooMany, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of reading or ending a mute.
    MuteProblems: InvalidParameter, NotFound
}

problem_set! {
    /// Of making a data source.
    CreateSourceProblems: InvalidParameter, MalformedBody, TooMany, BodyTooLarge, UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of reading, starting or stopping a data source.
    ReadSourceProblems: InvalidParameter, NotFound
}
problem_set! {
    /// Of changing a data source.
    ChangeSourceProblems: InvalidParameter, MalformedBody, NotFound, VersionMismatch, BodyTooLarge,
    UnsupportedMediaType, InvalidBody
}
problem_set! {
    /// Of deleting a data source.
    DeleteSourceProblems: InvalidParameter, NotFound, VersionMismatch
}
problem_set! {
    /// Of running a data source now.
    SteerSourceProblems: InvalidParameter, NotFound, WrongState
}
problem_set! {
    /// Of pushing rows to a data source.
    PushSourceProblems: InvalidParameter, MalformedBody, NotFound, WrongState, BodyTooLarge, UnsupportedMediaType,
    InvalidBody
}
problem_set! {
    /// Of trying a data source out.
    PreviewSourceProblems: InvalidParameter, MalformedBody, NotFound, BodyTooLarge, UnsupportedMediaType, InvalidBody,
    UpstreamFailed
}

const EVERYWHERE: [ProblemCode; 7] = [
    ProblemCode::NotAuthenticated,
    ProblemCode::SessionEnded,
    ProblemCode::CsrfFailed,
    ProblemCode::Forbidden,
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::Unavailable,
];

fn responses(codes: &[ProblemCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes.iter().chain(&EVERYWHERE) {
        by_status.entry(code.status()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into())).collect()
}

fn response(codes: &[ProblemCode]) -> Response {
    let sentences: Vec<String> =
        codes.iter().map(|code| format!("{} (`{}`).", code.title(), code.as_str())).collect();
    let schema = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let mut response =
        ResponseBuilder::new().description(sentences.join(" ")).content("application/problem+json", content);
    for code in codes {
        response = match code {
            ProblemCode::Unavailable | ProblemCode::RateLimited => {
                response.header("Retry-After", header("Seconds to wait."))
            }
            ProblemCode::VersionMismatch => response.header("ETag", header("The current version.")),
            ProblemCode::NotAuthenticated => response.header("WWW-Authenticate", header("Bearer.")),
            _ => response,
        };
    }
    response.build()
}

fn header(description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build()
}
