//! The gate that every request of the API passes: where it comes from, and who sends it. Nobody is refused here for who
//! they are: a route says by its [`crate::caller::Caller`] whom it needs.

use std::net::IpAddr;

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderMap},
    middleware::Next,
    web,
};
use domain::{Identity, Problem, ProblemCode};
use service::{
    ApiError,
    access::{Credentials, Refused},
    origin::origin_is_allowed,
};

use crate::{Api, api_key::ShownKey, csrf};

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
    /// It carries a cookie, and may come from another page than ours.
    Csrf,
    /// Nobody can say yet which logins were ended.
    Starting,
    /// It shows an API key that doesn't look like one, isn't one, or has expired: nobody learns which.
    BadKey,
    /// It shows an API key, with the right secret, that may not be used from this address.
    KeyElsewhere(Option<IpAddr>),
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
            Unknown::Refused(Refused::Ended(reason)) => Problem::session_ended(reason).into(),
            Unknown::Refused(refused) => Self::new(ProblemCode::NotAuthenticated, refused.to_string()),
            Unknown::Csrf => Self::new(
                ProblemCode::CsrfFailed,
                "With a cookie, a request that changes something needs the csrf_token of /api/v1/me as X-CSRF-Token.",
            ),
            Unknown::Starting => Self::for_now("The service starts.", 1),
            Unknown::BadKey => {
                Self::new(ProblemCode::NotAuthenticated, "The API key is not valid, or has expired.")
            }
            Unknown::KeyElsewhere(address) => {
                let address =
                    address.map_or_else(|| "this address".to_owned(), |address| address.to_string());
                Self::new(ProblemCode::Forbidden, format!("The API key may not be used from {address}."))
            }
            Unknown::KeyUnchecked => Self::for_now("API keys can't be checked at the moment.", 1),
        }
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
    request.extensions_mut().insert(Visitor { address, known });
    next.call(request).await
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
    if identity.login.is_none() {
        return Ok(identity);
    }
    let ended = api.logins().ended().ok_or(Unknown::Starting)?;
    Ok(ended.check(identity)?)
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
