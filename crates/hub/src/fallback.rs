//! For clients that can't hold a WebSocket: `GET /events` (Server-Sent Events) and `GET /poll` (long poll). The same
//! topics, frames and cursors as on the socket, so that a client may move between them.

use std::{rc::Rc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName},
    middleware::from_fn,
    web,
};
use domain::{CloseCode, Cursor, Identity, ParseTopicError, Permission, Problem, ProblemCode, Topic};
use service::{ApiError, QueryReader, WaitsOnPurpose, access::Refused, http::Refusal, settings::Secret};
use tokio_util::sync::CancellationToken;

use crate::{
    admission::Admitted,
    connection::AHEAD_MS,
    guest::{Answer, Guest, NoAnswer, Patience},
    handshake::{Doorkeeper, TICKET},
    origin::{answer_pages, preflight},
    subscription::Wishes,
    tickets::{NotRedeemed, Shown},
    wire::{self, Encoding},
};

/// How long a poll waits at most, in seconds, and unless it says otherwise.
const LONGEST_WAIT_SECONDS: u64 = 30;
const WAIT_SECONDS: u64 = 25;
/// However short a poll, the hub takes this long to get what it asks for.
const FETCHING: Duration = Duration::from_millis(AHEAD_MS + 1000);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What the routes of a worker thread need.
pub(crate) struct Door {
    pub(crate) doorkeeper: Rc<Doorkeeper>,
    pub(crate) max_topics: usize,
    pub(crate) stop: CancellationToken,
}

/// Adds the routes of the fallbacks.
pub(crate) fn configure(config: &mut web::ServiceConfig, door: web::Data<Door>) {
    let resource = |path: &str| {
        let preflight = web::method(actix_web::http::Method::OPTIONS).to(preflight);
        web::resource(path).app_data(door.clone()).wrap(from_fn(answer_pages)).route(preflight)
    };
    config.service(resource("/events").route(web::get().to(events)));
    config.service(resource("/poll").route(web::get().to(poll)));
}

async fn events(request: HttpRequest, door: web::Data<Door>) -> Result<HttpResponse, ApiError> {
    let mut reader = QueryReader::new(request.query_string());
    let mut wishes = read_wishes(&mut reader, door.max_topics);
    let ticket = reader.take(TICKET, read_ticket);
    reader.finish()?;
    // A browser's EventSource says how far it has got when it reconnects, at the address that it was made with.
    if let Some(last) = last_event_id(request.headers())? {
        wishes.after = Some(last);
    }
    match door.enter(&request, ticket).await {
        Ok((identity, admitted)) => {
            let shard = &door.doorkeeper.shard;
            let stream = Guest::open(shard, Encoding::Events, identity, &wishes, admitted);
            Ok(event_stream().body(stream))
        }
        // A browser never comes back after a status that isn't 200. To be told so, it has to get a stream.
        Err(NotLetIn::ForNow { detail, seconds }) if is_event_source(request.headers()) => {
            let retry_ms = u64::from(seconds) * 1000 + door.doorkeeper.shard.retry_ms();
            Ok(event_stream().body(wire::close(Encoding::Events, CloseCode::TryLater, &detail, retry_ms)))
        }
        Err(refused) => Err(refused.into()),
    }
}

fn event_stream() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        // nginx would hold events back until they fill a buffer.
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(("x-content-type-options", "nosniff"));
    response
}

/// Whether the client reads nothing but events, as a browser's EventSource says.
fn is_event_source(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/event-stream")
}

/// Why a client isn't let in.
enum NotLetIn {
    ForNow { detail: String, seconds: u32 },
    Refused(ApiError),
}

impl From<NotLetIn> for ApiError {
    fn from(refused: NotLetIn) -> Self {
        match refused {
            NotLetIn::ForNow { detail, seconds } => Self::for_now(detail, seconds),
            NotLetIn::Refused(error) => error,
        }
    }
}

async fn poll(request: HttpRequest, door: web::Data<Door>) -> Result<HttpResponse, ApiError> {
    let mut reader = QueryReader::new(request.query_string());
    let wishes = read_wishes(&mut reader, door.max_topics);
    let wait = reader.take("wait", wait_seconds);
    let ticket = reader.take(TICKET, read_ticket);
    reader.finish()?;
    // Without a cursor there is nothing to wait behind: the answer says where to begin.
    let begins = wishes.after.is_none() && !wishes.snapshot;
    let wait = if begins { 0 } else { wait.unwrap_or(WAIT_SECONDS) };
    WaitsOnPurpose::mark(&request);
    let (identity, admitted) = door.enter(&request, ticket).await?;
    let login = identity.login;
    let guest = Guest::open(&door.doorkeeper.shard, Encoding::List, identity, &wishes, admitted);
    let changes = tokio::time::sleep(Duration::from_secs(wait));
    let state = tokio::time::sleep(Duration::from_secs(wait).max(FETCHING));
    tokio::pin!(changes, state);
    let mut patience = if wait == 0 { Patience::ForTheState } else { Patience::ForChanges };
    loop {
        match guest.answer(patience) {
            Ok(answer) => return Ok(respond(answer)),
            Err(NoAnswer::Unavailable) => {
                if let Some(reason) = login.and_then(|login| door.doorkeeper.ended.reason(login)) {
                    return Err(Problem::session_ended(reason).into());
                }
                return Err(ApiError::for_now("The state can't be had at the moment.", 1));
            }
            Err(NoAnswer::NotYet) => {}
        }
        tokio::select! {
            () = guest.moved() => {}
            () = &mut changes, if patience == Patience::ForChanges => patience = Patience::ForTheState,
            () = &mut state, if patience != Patience::Gone => patience = Patience::Gone,
            () = door.stop.cancelled(), if patience != Patience::Gone => patience = Patience::Gone,
        }
    }
}

fn respond(answer: Answer) -> HttpResponse {
    let Answer { mut frames, cursor, recovered, has_more } = answer;
    // The comma behind the last member.
    frames.truncate(frames.len().saturating_sub(1));
    let mut body = Vec::with_capacity(frames.len() + 256);
    body.extend_from_slice(br#"{"data":["#);
    body.extend_from_slice(&frames);
    let rest = format!(
        r#"],"recovered":{recovered},"has_more":{has_more},"next_cursor":"{cursor}","as_of":{{"epoch":"{}","position":{}}}}}"#,
        cursor.epoch, cursor.position
    );
    body.extend_from_slice(rest.as_bytes());
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(body)
}

impl Door {
    /// Lets a client in that must say who it is in the head of its request, and may read.
    async fn enter(
        &self,
        request: &HttpRequest,
        ticket: Option<Secret>,
    ) -> Result<(Identity, Admitted), NotLetIn> {
        let keeper = &self.doorkeeper;
        let peer = request.peer_addr().map(|peer| peer.ip());
        // First, so that who is told to come back still has the ticket.
        let admitted = keeper.admit(peer, request.headers())?;
        let shown = ticket.map(Shown::Ticket).or_else(|| keeper.key(peer, request.headers()));
        let identity = match shown {
            Some(shown) => keeper.tickets.redeem(shown).await?,
            None => keeper.identify(request.headers())?.ok_or_else(|| {
                NotLetIn::Refused(ApiError::new(ProblemCode::NotAuthenticated, Refused::Missing.to_string()))
            })?,
        };
        if let Some(reason) = identity.login.and_then(|login| keeper.ended.reason(login)) {
            return Err(NotLetIn::Refused(Problem::session_ended(reason).into()));
        }
        if !identity.may(Permission::Read) {
            let detail = "This needs the permission read.";
            return Err(NotLetIn::Refused(ApiError::new(ProblemCode::Forbidden, detail)));
        }
        Ok((identity, admitted))
    }
}

impl From<Box<Refusal>> for NotLetIn {
    fn from(refusal: Box<Refusal>) -> Self {
        match refusal.retry_after {
            Some(seconds) => Self::ForNow { detail: refusal.problem.detail.into_owned(), seconds },
            None => Self::Refused((*refusal).into()),
        }
    }
}

impl From<NotRedeemed> for NotLetIn {
    fn from(refused: NotRedeemed) -> Self {
        let detail = refused.detail();
        match refused {
            NotRedeemed::Unusable | NotRedeemed::BadKey => {
                Self::Refused(ApiError::new(ProblemCode::NotAuthenticated, detail))
            }
            NotRedeemed::Ended(reason) => Self::Refused(Problem::session_ended(reason).into()),
            NotRedeemed::Unavailable => Self::ForNow { detail: detail.to_owned(), seconds: 1 },
        }
    }
}

fn read_wishes(reader: &mut QueryReader, most: usize) -> Wishes {
    Wishes {
        topics: reader.required("topic", |text| topics(text, most)).unwrap_or_default(),
        after: reader.take("after", cursor),
        snapshot: reader.take("snapshot", boolean).unwrap_or(false),
    }
}

fn topics(text: &str, most: usize) -> Result<Vec<Topic>, String> {
    let mut topics: Vec<Topic> = Vec::new();
    for name in text.split(',') {
        match name.trim().parse() {
            Ok(Topic::Session) | Err(_) => return Err(ParseTopicError.to_string()),
            Ok(topic) if topics.contains(&topic) => return Err(format!("names {topic} twice")),
            Ok(topic) => topics.push(topic),
        }
    }
    if topics.len() > most {
        return Err(format!("names more than {most} topics"));
    }
    Ok(topics)
}

/// One of any form: what it is worth is looked up, and it is never repeated.
fn read_ticket(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text.to_owned()))
}

fn cursor(text: &str) -> Result<Cursor, String> {
    text.parse().map_err(|error: domain::ParseCursorError| error.to_string())
}

fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

fn wait_seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_WAIT_SECONDS);
    seconds.ok_or_else(|| format!("must be an integer from 0 to {LONGEST_WAIT_SECONDS}, in seconds"))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Cursor>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let wrong = |detail: String| ApiError::parameter("Last-Event-ID", detail);
    let text = value.to_str().map_err(|_| wrong(domain::ParseCursorError.to_string()))?;
    cursor(text).map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_listed_with_commas() {
        assert_eq!(topics("items", 2), Ok(vec![Topic::Items]));
        assert_eq!(topics("items, notifications", 2).unwrap().len(), 2);
        for wrong in ["", "items,", "items,items", "session", "items,notifications,items:1"] {
            assert!(topics(wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_a_page_of_frames() {
        let cursor: Cursor = "00000000000000000000000000000007:9".parse().unwrap();
        let read = |frames: &str| {
            let answer = Answer { frames: frames.into(), cursor, recovered: true, has_more: false };
            let body = actix_web::body::to_bytes(respond(answer).into_body());
            let body = actix_rt::System::new().block_on(body).unwrap();
            serde_json::from_slice::<serde_json::Value>(&body).unwrap()
        };
        assert_eq!(read("")["data"], serde_json::json!([]));
        let two = read(r#"{"a":1},{"b":2},"#);
        assert_eq!(two["data"][1]["b"], 2);
        assert_eq!(two["next_cursor"], "00000000000000000000000000000007:9");
        assert_eq!(two["as_of"]["position"], 9);
    }
}
