//! Who is asking, and what is written down about a write: actor, reason and request.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    net::IpAddr,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use domain::{Identity, Login, Permission, TenantId, WriteContext};
use percent_encoding::percent_decode;
use service::{ApiError, RequestId};

use crate::{
    Api,
    refusals::{refuse_unknown, require},
    visitor::{Unknown, Visitor},
};

/// The header that says why something is changed.
pub(crate) const REASON: &str = "X-Reason";

const MOST_REASON_CHARACTERS: usize = 500;

/// What a route needs of whoever calls it: a type for each permission, so that no handler can forget to ask.
pub(crate) trait Need {
    /// The permission; none if it is enough to be known.
    const PERMISSION: Option<Permission>;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $permission:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl Need for $name {
            const PERMISSION: Option<Permission> = $permission;
        }
    )*};
}

needs! {
    /// Anybody who is known.
    Anyone = None;
    /// Who may read.
    Read = Some(Permission::Read);
    /// Who may change quantities.
    Stock = Some(Permission::Stock);
    /// Who may change items.
    Items = Some(Permission::Items);
    /// Who may manage monitors, channels and mutes.
    Monitors = Some(Permission::Monitors);
    /// Who may make and revoke API keys.
    Keys = Some(Permission::Keys);
    /// Who may do what concerns users and settings, and read the audit trail.
    Users = Some(Permission::Users);
}

/// Whoever sent the request, and has the permission. A handler that takes one can't be reached without.
#[derive(Debug)]
pub(crate) struct Caller<N: Need> {
    identity: Identity,
    address: Option<IpAddr>,
    /// What a refusal is noted about.
    request: HttpRequest,
    need: PhantomData<N>,
}

impl<N: Need> Caller<N> {
    pub(crate) const fn tenant(&self) -> TenantId {
        self.identity.tenant
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The user's id, if a user asks.
    pub(crate) fn user(&self) -> Option<i64> {
        self.identity
            .actor
            .strip_prefix("user:")
            .and_then(|id| id.parse().ok())
            .filter(|_| self.session().is_some())
    }

    /// The session's id, if one asks.
    pub(crate) const fn session(&self) -> Option<i64> {
        match self.identity.login {
            Some(Login::Session(id)) => Some(id),
            _ => None,
        }
    }

    /// Asks for one permission more.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), ApiError> {
        require(&self.request, &self.identity, permission)
    }

    /// Refuses a caller whose login was ended since the gate looked: for routes that wait.
    pub(crate) fn check_again(&self, api: &Api) -> Result<(), ApiError> {
        let ended = self.identity.login.and_then(|login| api.logins().ended()?.reason(login));
        let Some(reason) = ended else { return Ok(()) };
        Err(refuse_unknown(&self.request, Unknown::Ended(self.identity.clone(), reason)))
    }

    /// What the change log and the audit trail shall say about a write of this request.
    pub(crate) fn write_context(&self, request: &HttpRequest) -> Result<WriteContext, ApiError> {
        let reason = match request.headers().get(REASON) {
            Some(value) => {
                read_reason(value.as_bytes()).map_err(|detail| ApiError::parameter(REASON, detail))?
            }
            None => None,
        };
        Ok(WriteContext { reason, ..context_of(&self.identity.actor, self.address, request) })
    }
}

/// What is known of a request and who sends it, but for the reason.
pub(crate) fn context_of(actor: &str, address: Option<IpAddr>, request: &HttpRequest) -> WriteContext {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let address = address.map(|address| address.to_string());
    WriteContext { actor: actor.to_owned(), reason: None, request_id, address }
}

impl<N: Need> FromRequest for Caller<N> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(identify(request))
    }
}

fn identify<N: Need>(request: &HttpRequest) -> Result<Caller<N>, ApiError> {
    let Visitor { address, known } = Visitor::of(request)?;
    let identity = known.map_err(|unknown| refuse_unknown(request, unknown))?;
    if let Some(permission) = N::PERMISSION {
        require(request, &identity, permission)?;
    }
    Ok(Caller { identity, address, request: request.clone(), need: PhantomData })
}

/// Reads the reason: UTF-8, plain or percent-encoded, because many clients can send only ASCII in a header.
fn read_reason(value: &[u8]) -> Result<Option<String>, String> {
    let text = percent_decode(value).decode_utf8().map_err(|_| "must be UTF-8, plain or percent-encoded")?;
    let text = text.trim();
    if text.contains('\0') {
        return Err("must not contain the NUL character".into());
    }
    let has = text.chars().count();
    if has > MOST_REASON_CHARACTERS {
        return Err(format!("must have at most {MOST_REASON_CHARACTERS} characters, has {has}"));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_be_plain_or_percent_encoded() {
        assert_eq!(read_reason(b"50% off").unwrap().unwrap(), "50% off");
        assert_eq!(read_reason(b"gez%C3%A4hlt").unwrap().unwrap(), "gezählt");
        assert_eq!(read_reason("gezählt".as_bytes()).unwrap().unwrap(), "gezählt");
        assert_eq!(read_reason(b"  ").unwrap(), None);
    }

    #[test]
    fn a_reason_that_cannot_be_stored_is_refused() {
        for value in [&b"a%00b"[..], b"%ff", "x".repeat(501).as_bytes()] {
            assert!(read_reason(value).is_err());
        }
    }
}
