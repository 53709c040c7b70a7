//! `/api/v1/tickets`: one-time tickets for clients that can't send a header, and, for hubs, using them up.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{LONGEST_TOKEN, Problem, ProblemCode, TICKET_LIFETIME, TicketHolder, read_ticket};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use service::{ApiError, access};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Anyone, Caller},
    documented_problems::TicketProblems,
    error::store_error,
    visitor::Unknown,
};

/// A ticket.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket {
    /// Goes into the query of `/events`, `/poll` or `/ws` as `ticket`.
    ticket: String,
    /// Until when it can be used.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Ask for a one-time ticket, which opens one stream, poll or socket in place of a token.
///
/// For clients that can't send a header, such as a browser's `EventSource`. What it opens ends with the token that it was
/// asked for with; if that was an API key, with the key, and after an hour at the latest.
#[utoipa::path(
    post,
    path = "/api/v1/tickets",
    tag = "accounts",
    responses((status = 201, description = "A ticket, for the next 30 seconds.", body = Ticket), TicketProblems)
)]
pub(crate) async fn create_ticket(
    api: web::Data<Api>,
    caller: Caller<Anyone>,
) -> Result<HttpResponse, ApiError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| ApiError::internal(std::io::Error::other(error.to_string())))?;
    let ticket = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let mut holder = TicketHolder::from(caller.identity());
    holder.token_expires_at = opened_until(&holder, Timestamp::now());
    let created = api.store().create_ticket(&hash(&ticket), &holder, TICKET_LIFETIME).await;
    let expires_at = created.map_err(store_error)?;
    let ticket = Ticket { ticket, expires_at };
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(ticket))
}

/// `POST /internal/v1/tickets/redeem`, behind the internal secret: who asked for a ticket, which is used up with that.
pub(crate) async fn redeem_ticket(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    access::require_secret(request.headers(), api.internal_secret())?;
    let ticket =
        read_ticket(body::read(&request, payload, BodyIs::Document).await?).map_err(body::invalid)?;
    // Before the ticket is used up: who is told to come back shall still have it.
    let ended = api.logins().ended().ok_or(Unknown::Starting)?;
    let holder = api.store().redeem_ticket(&hash(&ticket)).await.map_err(store_error)?;
    let unusable = "The ticket was used, is too old, or never was one.";
    let holder = holder.ok_or_else(|| ApiError::new(ProblemCode::NotAuthenticated, unusable))?;
    if let Some(reason) = holder.login.and_then(|login| ended.reason(login)) {
        return Err(Problem::session_ended(reason).into());
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(holder))
}

/// When what a ticket, or a key itself, opens ends. A key may last for years, or for ever; what is opened for a login never lasts longer than
/// everybody remembers which logins were ended.
pub(crate) fn opened_until(holder: &TicketHolder, now: Timestamp) -> Option<Timestamp> {
    let longest = SignedDuration::try_from(LONGEST_TOKEN).unwrap_or_default();
    let latest = holder.login.map(|_| now.saturating_add(longest).unwrap_or(now));
    [holder.token_expires_at, latest].into_iter().flatten().min()
}

/// A ticket is random enough to need no slow hash.
fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket).into()
}

#[cfg(test)]
mod tests {
    use domain::{Identity, Login};

    use super::*;

    #[test]
    fn what_is_opened_for_a_login_ends_within_the_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let until = |login, token_expires_at| {
            let holder =
                TicketHolder { login, token_expires_at, ..TicketHolder::from(&Identity::anonymous()) };
            opened_until(&holder, at("2026-11-22T08:30:00Z"))
        };
        let key = Some(Login::Key(3));
        assert_eq!(until(key, None), Some(at("2026-11-22T09:30:00Z")));
        assert_eq!(until(key, Some(at("2027-01-01T00:00:00Z"))), Some(at("2026-11-22T09:30:00Z")));
        assert_eq!(until(key, Some(at("2026-11-22T08:35:00Z"))), Some(at("2026-11-22T08:35:00Z")));
        assert_eq!(until(None, None), None);
    }
}
