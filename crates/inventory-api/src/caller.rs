//! Who is asking, and what is written down about a write: actor, reason and request.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use domain::{Identity, ProblemCode, TenantId, WriteContext};
use percent_encoding::percent_decode;
use service::{ApiError, RequestId, access::Refused};

use crate::Api;

/// The header that says why something is changed.
pub(crate) const REASON: &str = "X-Reason";

const MOST_REASON_CHARACTERS: usize = 500;

/// Whoever sent the request. A handler that takes one can't be reached without valid credentials.
#[derive(Debug)]
pub(crate) struct Caller(Identity);

impl Caller {
    pub(crate) fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// What the change log shall say about a write of this request.
    pub(crate) fn write_context(&self, request: &HttpRequest) -> Result<WriteContext, ApiError> {
        let reason = match request.headers().get(REASON) {
            Some(value) => {
                read_reason(value.as_bytes()).map_err(|detail| ApiError::parameter(REASON, detail))?
            }
            None => None,
        };
        let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
        Ok(WriteContext { actor: self.0.actor.to_string(), reason, request_id })
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(identify(request))
    }
}

fn identify(request: &HttpRequest) -> Result<Caller, ApiError> {
    let Some(api) = request.app_data::<web::Data<Api>>() else {
        return Err(ApiError::new(ProblemCode::Internal, "The API is not mounted."));
    };
    let refused = |refused: Refused| ApiError::new(ProblemCode::NotAuthenticated, refused.to_string());
    match api.access().identify(request.headers()) {
        Ok(Some(identity)) => Ok(Caller(identity)),
        Ok(None) => Err(refused(Refused::Missing)),
        Err(error) => Err(refused(error)),
    }
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
