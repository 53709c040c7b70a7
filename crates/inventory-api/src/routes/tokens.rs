//! `/api/v1/tokens`: a short access token for whatever credentials someone has, to open a socket with.

use actix_web::{HttpResponse, http::header, web};
use domain::ProblemCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use crate::{
    Api,
    caller::{Anyone, Caller},
    documented_problems::TokenProblems,
};

/// A token that was made just now.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedToken {
    /// The access token (JWT).
    token: String,
    /// When it ends: after `auth.access_token_seconds`, and never later than what it was exchanged for.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Exchange an API key, or other credentials, for a short access token.
///
/// It lets do the same. For whoever shall not see the key itself, and for the first frame of a socket: ask for one before
/// you open it, and again before it ends. Revoking the key ends the token and its sockets too. The addresses that a key is bound to are looked at here, not where
/// the token is used.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "accounts",
    responses((status = 201, description = "The token.", body = IssuedToken), TokenProblems)
)]
pub(crate) async fn issue_token(
    api: web::Data<Api>,
    caller: Caller<Anyone>,
) -> Result<HttpResponse, ApiError> {
    let identity = caller.identity();
    if identity.login.is_none() {
        let detail =
            "Only an API key or a session can be exchanged for a token, and this request has neither.";
        return Err(ApiError::new(ProblemCode::Forbidden, detail));
    }
    let expires_at = token_end(Timestamp::now(), api.auth().access_token(), identity.expires_at);
    let token = api.access().issue(identity, expires_at).map_err(ApiError::internal)?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(IssuedToken { token, expires_at }))
}

/// Whoever got hold of a token must not make it last by exchanging it: the new one ends with the old. Tokens count in whole
/// seconds.
fn token_end(now: Timestamp, lifetime: std::time::Duration, latest: Option<Timestamp>) -> Timestamp {
    let lifetime = SignedDuration::try_from(lifetime).unwrap_or_default();
    let end = now.saturating_add(lifetime).unwrap_or(now);
    let end = latest.map_or(end, |latest| end.min(latest));
    Timestamp::from_second(end.as_second()).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_ends_with_what_it_was_exchanged_for() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let end = |latest| token_end(at("2026-11-22T08:30:00.7Z"), Duration::from_secs(300), latest);
        assert_eq!(end(None), at("2026-11-22T08:35:00Z"));
        assert_eq!(end(Some(at("2026-12-22T08:30:00Z"))), at("2026-11-22T08:35:00Z"));
        assert_eq!(end(Some(at("2026-11-22T08:31:00.9Z"))), at("2026-11-22T08:31:00Z"));
    }
}
