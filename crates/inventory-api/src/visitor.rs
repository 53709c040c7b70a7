//! The gate that every request of the API passes: where it comes from, who sends it, and whether they ask too often. Nobody
//! is refused here for who they are: a route says by its [`crate::caller::Caller`] whom it needs.

use std::{net::IpAddr, num::NonZeroU32};

use actix_web::{
    Error, HttpMessage, HttpRequest, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web,
};
use domain::{Identity, LogoutReason, Problem, ProblemCode};
use service::{
    ApiError,
    access::{Credentials, Refused},
    origin::origin_is_allowed,
};

use crate::{
    Api,
    api_key::ShownKey,
    csrf,
    limits::{Client, Counted, retry_after},
    refusals,
};

/// What a request counts whose credentials aren't good: whoever guesses is slowed down soon.
const BAD_CREDENTIALS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// Where it comes from, behind proxies of ours.
    pub(crate) address: Option<IpAddr>,
    /// Who it is, or why that can't be said.
    pub(crate) known: Result<Identity, Unknown>,
}

/// Why nobody knows who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Its credentials are missing or not good.
    Refused(Refused),
    /// They were good once: the login of this identity was ended.
    Ended(Identity, LogoutReason),
    /// It carries a cookie, and may come from another page than ours.
    Csrf,
    /// Nobody can say yet which logins were ended.
    Starting,
    /// It shows an API key that doesn't look like one, isn't one, or has expired: nobody learns which.
    BadKey,
    /// It shows an API key, with the right secret, that may not be used from this address.
    KeyElsewhere(Identity, Option<IpAddr>),
    /// Nobody can say at the moment whether its API key is good.
    KeyUnchecked,
}

impl From<Refused> for Unknown {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Unknown> for ApiError {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Refused(Refused::Ended(reason)) | Unknown::Ended(_, reason) => {
                Problem::session_ended(reason).into()
            }
            Unknown::Refused(refused) => Self::new(ProblemCode::NotAuthenticated, what_helps(refused)),
            Unknown::Csrf => Self::new(
                ProblemCode::CsrfFailed,
                "With a cookie, a request that changes something needs the csrf_token of /api/v1/me as X-CSRF-Token.",
            ),
            Unknown::Starting => Self::for_now("The service starts.", 1),
            Unknown::BadKey => {
                Self::new(ProblemCode::NotAuthenticated, "The API key is not valid, or has expired.")
            }
            Unknown::KeyElsewhere(_, address) => {
                let address =
                    address.map_or_else(|| "this address".to_owned(), |address| address.to_string());
                Self::new(ProblemCode::Forbidden, format!("The API key may not be used from {address}."))
            }
            Unknown::KeyUnchecked => Self::for_now("API keys can't be checked at the moment.", 1),
        }
    }
}

/// What is wrong with a request's credentials, and what to send instead.
const fn what_helps(refused: Refused) -> &'static str {
    match refused {
        Refused::Missing => {
            "No credentials came. Send Authorization: Bearer with an API key, or with the access token of a sign-in \
             at POST /api/v1/sessions."
        }
        Refused::Invalid => {
            "The credentials are not valid. Authorization has to be Bearer, a space, and an access token or API key."
        }
        Refused::Expired => {
            "The access token has expired. POST /api/v1/sessions/refresh gets the next one, and POST /api/v1/tokens \
             one for an API key."
        }
        Refused::Ended(reason) => reason.message(),
    }
}

impl Visitor {
    /// Whoever sent this request; the gate has looked.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let found = request.extensions().get::<Self>().cloned();
        found.ok_or_else(|| ApiError::new(ProblemCode::Internal, "The gate was not passed."))
    }
}

/// Wraps the routes of the API.
pub(crate) async fn gate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(api) = request.app_data::<web::Data<Api>>().cloned() else {
        return Err(ApiError::new(ProblemCode::Internal, "The API is not mounted.").into());
    };
    let address = request.peer_addr().map(|peer| api.proxies().client(peer.ip(), request.headers()));
    let known = match Credentials::of(request.headers()) {
        Ok(Credentials::Bearer(key)) if ShownKey::is_meant(key) => identify_key(&api, key, address).await,
        _ => identify(&api, request.method(), request.headers()),
    };
    let visitor = Visitor { address, known };
    let counted = count(&api, &visitor);
    if let Some(Counted::Waits(wait)) = counted {
        let problem = ApiError::new(ProblemCode::RateLimited, "More requests than allowed came from here.");
        let answer = problem.retry_after(Some(retry_after(wait))).error_response();
        let answer = request.into_response(answer).map_body(|_, body| EitherBody::right(body));
        return Ok(finish(&api, counted, answer));
    }
    request.extensions_mut().insert(visitor);
    let answer = next.call(request).await?.map_into_left_body();
    Ok(finish(&api, counted, answer))
}

/// Counts a request among those of its login, else of its address; nothing if there are no limits.
fn count(api: &Api, visitor: &Visitor) -> Option<Counted> {
    let limits = api.limits()?;
    let weight = match &visitor.known {
        // Nobody's fault but ours.
        Err(Unknown::Starting | Unknown::KeyUnchecked) => return None,
        Ok(_) | Err(Unknown::Refused(Refused::Missing | Refused::Expired) | Unknown::Csrf) => NonZeroU32::MIN,
        Err(Unknown::Refused(_) | Unknown::Ended(..) | Unknown::BadKey | Unknown::KeyElsewhere(..)) => {
            BAD_CREDENTIALS
        }
    };
    let login = visitor.known.as_ref().ok().and_then(|identity| identity.login);
    let counted = limits.count(Client::of(login, visitor.address), weight);
    if matches!(counted, Counted::Waits(_)) {
        refusals::count_limited(if login.is_some() { "login" } else { "address" });
    }
    Some(counted)
}

/// What is the same for all answers of the API: how the client stands, and that nobody keeps for others what depends on
/// who asks. A browser may keep what has an entity tag, for this visitor, and asks each time whether it still holds.
fn finish<B>(api: &Api, counted: Option<Counted>, mut answer: ServiceResponse<B>) -> ServiceResponse<B> {
    let headers = answer.headers_mut();
    if let (Some(limits), Some(counted)) = (api.limits(), counted) {
        limits.tell(counted, headers);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        let kept = if headers.contains_key(ETAG) { "private, no-cache" } else { "no-store" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    }
    answer
}

fn identify(api: &Api, method: &Method, headers: &HeaderMap) -> Result<Identity, Unknown> {
    let identity = match Credentials::of(headers)? {
        Credentials::None => api.access().anonymous(headers).ok_or(Refused::Missing)?,
        Credentials::Bearer(token) => api.access().verify(token)?,
        Credentials::Cookie(token) => {
            let identity = api.access().verify(token)?;
            if !method.is_safe() && !shows_our_page(api, &identity, headers) {
                return Err(Unknown::Csrf);
            }
            identity
        }
    };
    let Some(login) = identity.login else { return Ok(identity) };
    match api.logins().ended().ok_or(Unknown::Starting)?.reason(login) {
        None => Ok(identity),
        Some(reason) => Err(Unknown::Ended(identity, reason)),
    }
}

async fn identify_key(api: &Api, key: &str, address: Option<IpAddr>) -> Result<Identity, Unknown> {
    let ended = api.logins().ended().ok_or(Unknown::Starting)?;
    api.keys().identify(key, address, ended).await
}

/// Whether a request with a cookie comes from a page of ours: it says so as far as the browser does, and knows what only
/// such a page can read.
fn shows_our_page(api: &Api, identity: &Identity, headers: &HeaderMap) -> bool {
    let shown = headers.get(csrf::HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    origin_is_allowed(headers, &[]) && identity.login.is_some_and(|login| api.csrf().is_for(login, shown))
}
