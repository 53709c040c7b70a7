//! What those are called who stand in the history.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Actor, Listing};
use service::{ApiError, QueryReader};
use store::ActorKey;
use utoipa::IntoParams;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::ListProblems,
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
};

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActorListQuery {
    /// How many a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<ActorKey>,
}

/// List the names of users, keys and sources, of those who are gone too.
///
/// Changes name who made them as `user:7`, `key:3` or `source:1`.
#[utoipa::path(
    get,
    path = "/api/v1/actors",
    tag = "changes",
    security(("bearer" = ["read"])),
    params(ActorListQuery),
    responses(
        (status = 200, description = "A page of names, by kind and id.", body = Listing<Actor>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_actors(
    api: web::Data<Api>,
    caller: Caller<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = ActorListQuery::read(request.query_string())?;
    let page = api.store().actors(caller.tenant(), query.after.as_ref(), query.limit).await;
    let page = page.map_err(store_error)?;
    let listing = Listing {
        data: page.actors,
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
    };
    Ok(pagination::respond_with(&request, listing.next_cursor.as_deref(), &listing))
}

impl ActorListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor),
        };
        reader.finish()?;
        Ok(read)
    }
}
