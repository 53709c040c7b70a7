//! `POST /internal/v1/keys/check`, behind the internal secret: whose an API key is that a client showed to a hub.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{FieldError, FieldReader, TicketHolder};
use jiff::Timestamp;
use serde_json::Value;
use service::{ApiError, access};

use crate::{
    Api,
    body::{self, BodyIs},
    routes::tickets::opened_until,
    visitor::Unknown,
};

pub(crate) async fn check_key(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    access::require_secret(request.headers(), api.internal_secret())?;
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let (key, address) = read_question(body).map_err(body::invalid)?;
    let ended = api.logins().ended().ok_or(Unknown::Starting)?;
    let identity = api.keys().identify(&key, address, ended).await.map_err(|unknown| match unknown {
        Unknown::Ended(_, reason) => Unknown::Refused(access::Refused::Ended(reason)),
        other => other,
    })?;
    let mut holder = TicketHolder::from(&identity);
    holder.token_expires_at = opened_until(&holder, Timestamp::now());
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(holder))
}

/// The key, and where the client is as far as the hub knows. What was sent is never repeated.
fn read_question(body: Value) -> Result<(String, Option<IpAddr>), Vec<FieldError>> {
    let mut reader = FieldReader::new(body)?;
    let key = reader.required("key", |value| match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    });
    let address = reader.present("address", |value| {
        value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| "must be an address".to_owned())
    });
    reader.finish()?;
    Ok((key.unwrap_or_default(), address))
}
