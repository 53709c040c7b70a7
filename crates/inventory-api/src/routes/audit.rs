//! `/api/v1/audit`: who did what with accounts, and whom something was refused. Changes of items are in their history.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::AuditPage;
use jiff::Timestamp;
use service::{ApiError, QueryReader};
use store::AuditFilter;
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Users},
    documented_problems::ListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    routes::item_list::time,
};

/// No actor and no event is longer.
const MOST_CHARACTERS: usize = 200;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only this event, such as `sign_in_failed` or `role_changed`.
    #[param(max_length = 200)]
    event: Option<String>,
    /// Only what this one did, such as `user:7`.
    #[param(max_length = 200)]
    actor: Option<String>,
    /// Only what was done to this one, such as `user:7`, `session:17` or `key:3`.
    #[param(max_length = 200)]
    subject: Option<String>,
    /// Only what happened at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only what happened before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many lines a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<i64>,
}

/// Read the audit trail, the newest first.
///
/// Sign-ins, refused access, what was done to users, sessions and keys. Changes of items are in their history.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "accounts",
    security(("bearer" = ["users"])),
    params(AuditQuery),
    responses(
        (status = 200, description = "A page of the trail.", body = AuditPage,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_audit(
    api: web::Data<Api>,
    caller: Caller<Users>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = AuditQuery::read(request.query_string())?;
    let filter = AuditFilter {
        event: query.event,
        actor: query.actor,
        subject: query.subject,
        since: query.since,
        until: query.until,
    };
    let list = api.store().audit(caller.tenant(), &filter, query.after, query.limit).await;
    let list = list.map_err(store_error)?;
    let page = AuditPage {
        data: list.entries,
        has_more: list.next.is_some(),
        next_cursor: list.next.as_ref().map(pagination::encode_cursor),
    };
    Ok(pagination::respond_with(&request, page.next_cursor.as_deref(), &page))
}

impl AuditQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            event: reader.take("event", word),
            actor: reader.take("actor", word),
            subject: reader.take("subject", word),
            since: reader.take("since", time),
            until: reader.take("until", time),
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor),
        };
        reader.finish()?;
        Ok(read)
    }
}

fn word(text: &str) -> Result<String, String> {
    let has = text.chars().count();
    if has > MOST_CHARACTERS {
        return Err(format!("must have at most {MOST_CHARACTERS} characters, has {has}"));
    }
    Ok(text.to_owned())
}
