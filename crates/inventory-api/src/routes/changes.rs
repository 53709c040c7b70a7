//! The pull feed: a tenant's changes in the order of the log, from any depth, with an optional wait for the next.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Change, Cursor, Page, Position, Problem, ProblemCode};
use service::{ApiError, QueryReader, WaitsOnPurpose};
use store::ChangePage;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::FeedProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
};

const LONGEST_WAIT_SECONDS: u64 = 30;
/// So often it is asked whether the login of someone who waits goes on: a look into a map.
const LOGIN_CHECKED_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// The `next_cursor` of the page before, or any `as_of` as `epoch:position`. Left out, or `0`: from the first
    /// change on. Where changes behind it are no longer kept, the answer is the problem `changes_removed`: read the items
    /// and go on from their `as_of`, or skip what is gone and go on from the problem's `oldest_cursor`.
    #[param(value_type = Option<String>, pattern = r"^(0|[0-9a-f]{32}:[0-9]{1,18})$", example = "0")]
    after: Option<Cursor>,
    /// How many changes a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// How many seconds to wait for the next change if there is none yet.
    #[param(value_type = Option<i32>, minimum = 0, maximum = 30, default = 0)]
    wait: u64,
}

/// Read the log of changes, in order; `next_cursor` is always there and says where to go on.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    tag = "changes",
    security(("bearer" = ["read"])),
    params(ChangesQuery),
    responses(
        (status = 200, description = "A page of changes, perhaps empty, and the moment of the log that it shows.",
            body = Page<Change>,
            headers(("Link" = Option<String>,
                description = "The next page, as rel=\"next\", if it is there already."))),
        FeedProblems,
    )
)]
pub(crate) async fn list_changes(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = ChangesQuery::read(request.query_string())?;
    let deadline = Instant::now() + Duration::from_secs(query.wait);
    let mut interest = (query.wait > 0).then(|| api.log().interest());
    if interest.is_some() {
        WaitsOnPurpose::mark(&request);
    }
    let mut after = query.after;
    let found = loop {
        let found = look(&api, &caller, after, query.limit).await?;
        caller.check_again(&api)?;
        if !found.changes.is_empty() {
            break found;
        }
        let Some(interest) = &mut interest else { break found };
        // Nothing of this tenant lies before the head, so the next look can start there.
        after = Some(found.as_of);
        tokio::select! {
            () = interest.moved() => {}
            refused = until_refused(&api, &caller) => return Err(refused),
            () = tokio::time::sleep_until(deadline) => break found,
            () = api.stop().cancelled() => break found,
        }
    };
    Ok(pagination::respond(&request, &page(found)))
}

/// Ends with the login of whoever waits.
async fn until_refused(api: &Api, caller: &Caller<Read>) -> ApiError {
    loop {
        tokio::time::sleep(LOGIN_CHECKED_EVERY).await;
        if let Err(refused) = caller.check_again(api) {
            return refused;
        }
    }
}

impl ChangesQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            after: reader.take("after", cursor).flatten(),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            wait: reader.take("wait", wait_seconds).unwrap_or(0),
        };
        reader.finish()?;
        Ok(read)
    }
}

fn cursor(text: &str) -> Result<Option<Cursor>, String> {
    match text {
        "0" => Ok(None),
        text => text.parse().map(Some).map_err(|error: domain::ParseCursorError| error.to_string()),
    }
}

fn wait_seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_WAIT_SECONDS);
    seconds.ok_or_else(|| format!("must be an integer from 0 to {LONGEST_WAIT_SECONDS}, in seconds"))
}

/// Reads a page, and refuses a cursor that means nothing in this log: one of another epoch, or of a position that
/// this log never reached. One that lies before what is kept is refused too, or changes would be left out in silence.
async fn look(
    api: &Api,
    caller: &Caller<Read>,
    after: Option<Cursor>,
    limit: u16,
) -> Result<ChangePage, ApiError> {
    let position = after.map_or(Position::START, |cursor| cursor.position);
    let found = api.store().changes(caller.tenant(), position, limit).await.map_err(store_error)?;
    match after {
        Some(after) if after.epoch != found.as_of.epoch || after.position > found.as_of.position => {
            let detail = format!(
                "The log is {} now, its newest position {}. Read the items anew and go on from their as_of.",
                found.as_of.epoch, found.as_of.position
            );
            Err(ApiError::new(ProblemCode::CursorGone, detail))
        }
        _ if position.next() < found.first => Err(changes_removed(&found)),
        _ => Ok(found),
    }
}

fn changes_removed(found: &ChangePage) -> ApiError {
    let ChangePage { first, as_of, .. } = found;
    let detail = format!(
        "The log is kept from position {first} on; what lies before was removed. Read the items anew and go on from \
         their as_of; or go on from oldest_cursor, without what was removed."
    );
    let problem = Problem::new(ProblemCode::ChangesRemoved, detail);
    match Position::new(first.get() - 1) {
        Some(position) => problem.with_oldest_cursor(Cursor { position, ..*as_of }).into(),
        None => problem.into(),
    }
}

fn page(found: ChangePage) -> Page<Change> {
    let as_of = found.as_of;
    let last = found.changes.last().and_then(|change| change.position);
    // A page that ends the log has seen everything up to its head, other tenants' changes included.
    let next = last.filter(|_| found.has_more).map_or(as_of, |position| Cursor { position, ..as_of });
    Page {
        data: found.changes,
        has_more: found.has_more,
        next_cursor: Some(next.to_string()),
        as_of: as_of.into(),
    }
}
