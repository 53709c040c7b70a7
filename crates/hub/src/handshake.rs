//! The handshake of `GET /ws`: path, protocol, origin, limits and credentials, decided from the request's head. The HTTP
//! fallbacks pass the same door.

use std::{net::IpAddr, rc::Rc, sync::Arc};

use actix_http::{
    Request,
    header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    ws,
};
use domain::{Identity, Problem, ProblemCode, SUBPROTOCOL};
use service::{
    access::Access,
    http::{Decision, Refusal},
    origin::origin_is_allowed,
};

use crate::{
    admission::{Admission, Admitted},
    shard::Shard,
};

/// What decides about a client besides its request.
pub(crate) struct Doorkeeper {
    pub(crate) shard: Rc<Shard>,
    pub(crate) access: Arc<Access>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) allowed_origins: Vec<String>,
    /// Why nobody is let in at the moment, if so.
    pub(crate) closed: Box<dyn Fn() -> Option<&'static str>>,
}

impl Doorkeeper {
    /// Decides about a handshake.
    pub(crate) fn decide(&self, request: &Request) -> Decision {
        match self.decide_or_refuse(request) {
            Ok(decision) => decision,
            Err(refusal) => Decision::Refuse(*refusal),
        }
    }

    /// Lets a client in: its place, and who it is if it says so in its head.
    ///
    /// # Errors
    /// A page of a foreign origin, a limit, bad credentials, or the hub itself isn't ready.
    pub(crate) fn admit(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Result<(Option<Identity>, Admitted), Box<Refusal>> {
        if !origin_is_allowed(headers, &self.allowed_origins) {
            return Err(refuse(ProblemCode::Forbidden, "Pages of this origin may not connect."));
        }
        let closed = (self.closed)()
            .or_else(|| (!self.shard.is_following()).then_some("The hub has not reached the log yet."));
        if let Some(reason) = closed {
            return Err(Box::new(Refusal::for_now(reason, 2)));
        }
        let admitted = self.admission.admit(peer, headers)?;
        let identity = self.access.identify(headers).map_err(|_| {
            refuse(ProblemCode::NotAuthenticated, "The access token is not valid or has expired.")
        })?;
        Ok((identity, admitted))
    }

    fn decide_or_refuse(&self, request: &Request) -> Result<Decision, Box<Refusal>> {
        if request.path() != "/ws" {
            return Err(refuse(ProblemCode::NotFound, "There is a socket at /ws only."));
        }
        let headers = request.head().headers();
        let subprotocol = choose_subprotocol(headers).map_err(|()| {
            refuse(ProblemCode::InvalidParameter, "Sec-WebSocket-Protocol must name stockwire.v1.json.")
        })?;
        let mut builder = ws::handshake(request.head()).map_err(|error| {
            let problem =
                Problem::new(ProblemCode::InvalidParameter, format!("Not a WebSocket handshake: {error}"));
            Box::new(Refusal { problem, retry_after: None })
        })?;
        let (identity, admitted) = self.admit(request.peer_addr().map(|peer| peer.ip()), headers)?;
        if let Some(subprotocol) = subprotocol {
            builder.insert_header((SEC_WEBSOCKET_PROTOCOL, subprotocol));
        }
        let head = builder
            .message_body(())
            .map_err(|_| refuse(ProblemCode::Internal, "The handshake can't be answered."))?;
        let shard = self.shard.clone();
        let run = move |socket, unread| shard.accept(socket, unread, identity, admitted);
        Ok(Decision::Accept(head, Box::new(run)))
    }
}

fn refuse(code: ProblemCode, detail: &'static str) -> Box<Refusal> {
    Box::new(Refusal::new(code, detail))
}

/// Ours if the client offers it, none if it offers none.
fn choose_subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, ()> {
    let mut offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).peekable();
    if offered.peek().is_none() {
        return Ok(None);
    }
    let names_ours = |value: &HeaderValue| {
        value.to_str().is_ok_and(|names| names.split(',').any(|name| name.trim() == SUBPROTOCOL))
    };
    if offered.any(names_ours) { Ok(Some(HeaderValue::from_static(SUBPROTOCOL))) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(actix_http::header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn the_subprotocol_is_ours_or_none() {
        assert_eq!(choose_subprotocol(&headers(&[])), Ok(None));
        let offer = |names| headers(&[(SEC_WEBSOCKET_PROTOCOL, names)]);
        let ours = Some(HeaderValue::from_static(SUBPROTOCOL));
        assert_eq!(choose_subprotocol(&offer("chat, stockwire.v1.json")), Ok(ours));
        assert_eq!(choose_subprotocol(&offer("chat")), Err(()));
    }
}
