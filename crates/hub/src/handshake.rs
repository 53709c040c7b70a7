//! The handshake of `GET /ws`: path, protocol, origin, limits and credentials, decided from the request's head.

use std::{rc::Rc, sync::Arc};

use actix_http::{
    Request,
    header::{HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL},
    ws,
};
use domain::{Problem, ProblemCode, SUBPROTOCOL};
use service::{
    access::Access,
    http::{Decision, Refusal},
};

use crate::shard::Shard;

/// What decides about a handshake besides the request.
pub(crate) struct Doorkeeper {
    pub(crate) shard: Rc<Shard>,
    pub(crate) access: Arc<Access>,
    pub(crate) allowed_origins: Vec<String>,
    /// Why nobody is let in at the moment, if so.
    pub(crate) closed: Box<dyn Fn() -> Option<&'static str>>,
}

impl Doorkeeper {
    /// Decides about a handshake.
    pub(crate) fn decide(&self, request: &Request) -> Decision {
        match self.admit(request) {
            Ok(decision) => decision,
            Err(refusal) => Decision::Refuse(*refusal),
        }
    }

    fn admit(&self, request: &Request) -> Result<Decision, Box<Refusal>> {
        let refuse = |code, detail| Box::new(Refusal::new(code, detail));
        if request.path() != "/ws" {
            return Err(refuse(ProblemCode::NotFound, "There is a socket at /ws only."));
        }
        let headers = request.head().headers();
        if !origin_is_allowed(headers, &self.allowed_origins) {
            return Err(refuse(ProblemCode::Forbidden, "Pages of this origin may not connect."));
        }
        let subprotocol = choose_subprotocol(headers).map_err(|()| {
            refuse(ProblemCode::InvalidParameter, "Sec-WebSocket-Protocol must name stockwire.v1.json.")
        })?;
        let mut builder = ws::handshake(request.head()).map_err(|error| {
            let problem =
                Problem::new(ProblemCode::InvalidParameter, format!("Not a WebSocket handshake: {error}"));
            Box::new(Refusal { problem, retry_after: None })
        })?;
        let closed = (self.closed)()
            .or_else(|| (!self.shard.is_following()).then_some("The hub has not reached the log yet."));
        if let Some(reason) = closed {
            return Err(Box::new(Refusal::for_now(reason, 2)));
        }
        let identity = self.access.identify(headers).map_err(|_| {
            refuse(ProblemCode::NotAuthenticated, "The access token is not valid or has expired.")
        })?;
        if let Some(subprotocol) = subprotocol {
            builder.insert_header((SEC_WEBSOCKET_PROTOCOL, subprotocol));
        }
        let head = builder
            .message_body(())
            .map_err(|_| refuse(ProblemCode::Internal, "The handshake can't be answered."))?;
        let shard = self.shard.clone();
        Ok(Decision::Accept(head, Box::new(move |socket, unread| shard.accept(socket, unread, identity))))
    }
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

/// Browsers send the page's origin, and a page elsewhere must not use a visitor's access. Programs send none.
fn origin_is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, authority)| host == Some(authority));
    own || allowed.iter().any(|pattern| pattern == "*" || pattern == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(actix_http::header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn pages_of_other_origins_are_kept_out_unless_listed() {
        let page = |origin| headers(&[(HOST, "stock.example:8080"), (ORIGIN, origin)]);
        assert!(origin_is_allowed(&headers(&[(HOST, "stock.example")]), &[]));
        assert!(origin_is_allowed(&page("http://stock.example:8080"), &[]));
        assert!(!origin_is_allowed(&page("http://stock.example"), &[]));
        assert!(!origin_is_allowed(&page("null"), &[]));
        assert!(!origin_is_allowed(&page("https://evil.example"), &["https://shop.example".into()]));
        assert!(origin_is_allowed(&page("https://shop.example"), &["https://shop.example".into()]));
        assert!(origin_is_allowed(&page("https://any.example"), &["*".into()]));
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
