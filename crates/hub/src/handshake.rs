//! The handshake of `GET /ws`: path, protocol, origin, limits and credentials, decided from the request's head. The HTTP
//! fallbacks pass the same door.

use std::{net::IpAddr, rc::Rc, sync::Arc};

use actix_http::{
    Request,
    header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    ws,
};
use actix_rt::net::TcpStream;
use bytes::Bytes;
use domain::{API_KEY_MARK, CloseCode, Identity, LogoutReason, Problem, ProblemCode, SUBPROTOCOL};
use service::{
    EndedLogins, QueryReader,
    access::{Access, Credentials, Refused},
    http::{Decision, Refusal},
    origin::origin_is_allowed,
    settings::Secret,
};

use crate::{
    admission::{Admission, Admitted},
    shard::Shard,
    tickets::{NotRedeemed, Tickets},
};

/// The parameter that carries a ticket.
pub(crate) const TICKET: &str = "ticket";

/// What decides about a client besides its request.
pub(crate) struct Doorkeeper {
    pub(crate) shard: Rc<Shard>,
    pub(crate) access: Arc<Access>,
    pub(crate) ended: Arc<EndedLogins>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) allowed_origins: Vec<String>,
    /// Why nobody is let in at the moment, if so.
    pub(crate) closed: Box<dyn Fn() -> Option<&'static str>>,
}

/// What is known of a client whose socket is taken over. A browser's page can't read the status of a handshake, so what
/// it has to know, it is told on the socket.
pub(crate) enum Arrival {
    /// It will say who it is.
    Unknown,
    /// It has said.
    Known(Identity),
    /// Its login was ended.
    Ended(LogoutReason),
    /// It can't stay.
    Refused(CloseCode, &'static str),
}

impl Doorkeeper {
    /// Decides about a handshake.
    pub(crate) fn decide(&self, request: &Request) -> Decision {
        match self.decide_or_refuse(request) {
            Ok(decision) => decision,
            Err(refusal) => Decision::Refuse(*refusal),
        }
    }

    /// Lets a client in.
    ///
    /// # Errors
    /// A page of a foreign origin, a limit, or the hub itself isn't ready.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Admitted, Box<Refusal>> {
        if !origin_is_allowed(headers, &self.allowed_origins) {
            return Err(refuse(ProblemCode::Forbidden, "Pages of this origin may not connect."));
        }
        let closed = (self.closed)()
            .or_else(|| (!self.shard.is_following()).then_some("The hub has not reached the log yet."));
        if let Some(reason) = closed {
            return Err(Box::new(Refusal::for_now(reason, 2)));
        }
        self.admission.admit(peer, headers)
    }

    /// Who a client is, if it says so in its head.
    ///
    /// # Errors
    /// Bad credentials, or a cookie that a page of any origin may have made the browser send.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Box<Refusal>> {
        if matches!(Credentials::of(headers), Ok(Credentials::Cookie(_))) {
            let named: Vec<String> =
                self.allowed_origins.iter().filter(|origin| *origin != "*").cloned().collect();
            if !origin_is_allowed(headers, &named) {
                return Err(refuse(ProblemCode::Forbidden, "Pages of this origin may not use the cookie."));
            }
        }
        self.access.identify(headers).map_err(|_| {
            let detail = match Credentials::of(headers) {
                Ok(Credentials::Bearer(key)) if key.starts_with(API_KEY_MARK) => {
                    "Hubs take no API keys. Exchange the key for a token at POST /api/v1/tokens."
                }
                _ => "The access token is not valid or has expired.",
            };
            refuse(ProblemCode::NotAuthenticated, detail)
        })
    }

    /// What is known of a client that asks for a socket without a ticket.
    fn arrival(&self, headers: &HeaderMap) -> Result<Arrival, Box<Refusal>> {
        match self.identify(headers) {
            Ok(Some(identity)) => Ok(Arrival::Known(identity)),
            Ok(None) => Ok(Arrival::Unknown),
            // The page has been open for a while, and has to know that a refresh helps.
            Err(refusal) if refusal.problem.status == 401 && self.is_old_cookie(headers) => {
                Ok(Arrival::Refused(CloseCode::TokenExpired, "the access token has expired"))
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn is_old_cookie(&self, headers: &HeaderMap) -> bool {
        let Ok(Credentials::Cookie(token)) = Credentials::of(headers) else { return false };
        self.access.verify(token) == Err(Refused::Expired)
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
        let admitted = self.admit(request.peer_addr().map(|peer| peer.ip()), headers)?;
        // A ticket counts before what the browser sends by itself.
        let taken_over = match ticket(request.uri().query().unwrap_or_default()) {
            Some(ticket) => self.redeem_and_accept(ticket, admitted),
            None => self.accept(self.arrival(headers)?, admitted),
        };
        if let Some(subprotocol) = subprotocol {
            builder.insert_header((SEC_WEBSOCKET_PROTOCOL, subprotocol));
        }
        let head = builder
            .message_body(())
            .map_err(|_| refuse(ProblemCode::Internal, "The handshake can't be answered."))?;
        Ok(Decision::Accept(head, taken_over))
    }

    fn accept(&self, arrival: Arrival, admitted: Admitted) -> TakeOver {
        let shard = self.shard.clone();
        Box::new(move |socket, unread| shard.accept(socket, unread, arrival, admitted))
    }

    /// Nothing is read from the socket until somebody has said whose the ticket is.
    fn redeem_and_accept(&self, ticket: Secret, admitted: Admitted) -> TakeOver {
        let (shard, tickets) = (self.shard.clone(), self.tickets.clone());
        Box::new(move |socket, unread| {
            actix_rt::spawn(async move {
                let arrival = match tickets.redeem(ticket).await {
                    Ok(identity) => Arrival::Known(identity),
                    Err(NotRedeemed::Ended(reason)) => Arrival::Ended(reason),
                    Err(refused) => Arrival::Refused(refused.close_code(), refused.detail()),
                };
                shard.accept(socket, unread, arrival, admitted);
            });
        })
    }
}

/// What is done with the stream of a handshake that was accepted.
type TakeOver = Box<dyn FnOnce(TcpStream, Bytes)>;

/// The ticket in a query, of any form.
fn ticket(query: &str) -> Option<Secret> {
    QueryReader::new(query).take(TICKET, |text| Ok(Secret::new(text.to_owned())))
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
    fn a_ticket_is_found_among_other_parameters() {
        let found = |query| ticket(query).map(|ticket| ticket.expose().to_owned());
        assert_eq!(found("v=1&ticket=a%2Db&x"), Some("a-b".to_owned()));
        assert_eq!(found("ticket="), Some(String::new()));
        assert_eq!(found("tickets=x"), None);
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
