//! Whom a route refuses for who they are: counted, and written into the audit trail where it is known who they are.

use actix_web::{HttpRequest, web};
use domain::{Identity, Permission, ProblemCode, Role};
use metrics::{Unit, counter, describe_counter};
use serde_json::Value;
use service::{ApiError, access::Refused};

use crate::{Api, audit_trail::Note, visitor::Unknown};

const REFUSED: &str = "stockwire_api_refused_total";
const LIMITED: &str = "stockwire_api_rate_limited_total";
const EVENT: &str = "access_refused";

/// Describes the series, and registers them.
pub(crate) fn describe() {
    let text = "Requests without the credentials that they need, by reason: missing, invalid, expired, ended (the login \
        was), address (a key's), csrf, forbidden.";
    describe_counter!(REFUSED, Unit::Count, text);
    for reason in ["missing", "invalid", "expired", "ended", "address", "csrf", "forbidden"] {
        counter!(REFUSED, "reason" => reason).increment(0);
    }
    let text = "Requests that were answered with 429, by whose limit was reached: login or address.";
    describe_counter!(LIMITED, Unit::Count, text);
    for limit in ["login", "address"] {
        counter!(LIMITED, "limit" => limit).increment(0);
    }
}

/// Someone asked too often.
pub(crate) fn count_limited(limit: &'static str) {
    counter!(LIMITED, "limit" => limit).increment(1);
}

/// Refuses somebody who isn't known, and has to be.
pub(crate) fn refuse_unknown(request: &HttpRequest, unknown: Unknown) -> ApiError {
    let reason = match &unknown {
        Unknown::Refused(Refused::Missing) => "missing",
        Unknown::Refused(Refused::Invalid) => "invalid",
        Unknown::Refused(Refused::Expired) => "expired",
        Unknown::Refused(Refused::Ended(_)) | Unknown::Ended(..) => "ended",
        Unknown::Csrf => "csrf",
        Unknown::BadKey => "invalid",
        Unknown::KeyElsewhere(..) => "address",
        // Nobody was refused: the service can't say yet.
        Unknown::Starting | Unknown::KeyUnchecked => return unknown.into(),
    };
    counter!(REFUSED, "reason" => reason).increment(1);
    match &unknown {
        Unknown::Ended(identity, why) => note(request, identity, "ended", why.as_str()),
        Unknown::KeyElsewhere(identity, _) => note(request, identity, "key", "not from this address"),
        _ => {}
    }
    unknown.into()
}

/// Asks for a permission.
///
/// # Errors
/// It isn't there.
pub(crate) fn require(
    request: &HttpRequest,
    identity: &Identity,
    permission: Permission,
) -> Result<(), ApiError> {
    if identity.may(permission) {
        return Ok(());
    }
    counter!(REFUSED, "reason" => "forbidden").increment(1);
    note(request, identity, "permission", permission.as_str());
    let has = Role::ALL.into_iter().find(|role| role.permissions().contains(permission));
    let detail = match has {
        Some(role) => format!("This needs the permission {permission}, which comes with the role {role}."),
        None => format!("This needs the permission {permission}."),
    };
    Err(ApiError::new(ProblemCode::Forbidden, detail))
}

fn note(request: &HttpRequest, identity: &Identity, why: &str, word: &str) {
    let Some(api) = request.app_data::<web::Data<Api>>() else { return };
    let mut note = Note::of(request, EVENT);
    note.tenant = Some(identity.tenant);
    note.actor = identity.actor.clone();
    note.login = identity.login;
    note.subject = identity.login.map(|login| login.to_string());
    if let Value::Object(detail) = &mut note.detail {
        detail.insert(why.to_owned(), word.into());
    }
    api.audit().note(note);
}
