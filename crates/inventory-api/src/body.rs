//! Reading a JSON body: bounded, in time, of the right media type, UTF-8, and JSON. What the fields may say is
//! `domain`'s.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap},
    web,
};
use bytes::{Bytes, BytesMut};
use domain::{FieldError, Problem, ProblemCode};
use futures_util::StreamExt;
use serde_json::Value;
use service::ApiError;

use crate::unique_keys;

/// The largest body: several times what the largest item needs.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// A client that sends too much hears so only after it has sent it, because many look at the answer no sooner;
/// past this many bytes the connection is closed instead.
const MOST_BYTES_DISCARDED: usize = 16 * 1024 * 1024;

/// A body that isn't there after this time won't come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a route does with its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyIs {
    /// A whole document.
    Document,
    /// A JSON merge patch (RFC 7396).
    MergePatch,
}

/// Reads the body as JSON.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    body_is: BodyIs,
) -> Result<Value, ApiError> {
    let bytes = read_bytes(payload, MOST_BYTES).await?;
    check_media_type(request.headers(), body_is)?;
    parse(&bytes)
}

/// Reads a body of at most so many bytes as JSON, where that keeps nobody else waiting.
pub(crate) async fn read_large(
    request: &HttpRequest,
    payload: web::Payload,
    most: usize,
) -> Result<Value, ApiError> {
    let bytes = read_bytes(payload, most).await?;
    check_media_type(request.headers(), BodyIs::Document)?;
    tokio::task::spawn_blocking(move || parse(&bytes)).await.map_err(ApiError::internal)?
}

/// Reads the body as JSON, where every field may be left out: without a body, nothing is said.
pub(crate) async fn read_if_any(request: &HttpRequest, payload: web::Payload) -> Result<Value, ApiError> {
    let bytes = read_bytes(payload, MOST_BYTES).await?;
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    check_media_type(request.headers(), BodyIs::Document)?;
    parse(&bytes)
}

/// The answer to a body that can be read but isn't valid.
pub(crate) fn invalid(errors: Vec<FieldError>) -> ApiError {
    let detail = match errors.as_slice() {
        [only] if only.pointer.is_empty() => format!("The body is not valid: {}.", only.detail),
        [only] => format!("{} {}.", only.pointer, only.detail),
        several => format!("{} fields are not valid.", several.len()),
    };
    Problem::new(ProblemCode::InvalidBody, detail).with_errors(errors).into()
}

/// Reads the body as it is, at most so many bytes.
pub(crate) async fn read_bytes(payload: web::Payload, most: usize) -> Result<Bytes, ApiError> {
    let Ok(read) = tokio::time::timeout(PATIENCE, collect(payload, most)).await else {
        let detail = format!("The body did not arrive within {} s.", PATIENCE.as_secs());
        return Err(ApiError::new(ProblemCode::MalformedBody, detail));
    };
    read
}

async fn collect(mut payload: web::Payload, most: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| incomplete(&error))?;
        if body.len() + chunk.len() > most {
            discard(&mut payload).await;
            let detail = format!("The body may have at most {most} bytes.");
            return Err(ApiError::new(ProblemCode::BodyTooLarge, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn discard(payload: &mut web::Payload) {
    let mut discarded = 0;
    while discarded < MOST_BYTES_DISCARDED {
        match payload.next().await {
            Some(Ok(chunk)) => discarded += chunk.len(),
            Some(Err(_)) | None => return,
        }
    }
}

fn incomplete(error: &PayloadError) -> ApiError {
    let detail = match error {
        PayloadError::Incomplete(_) => "The body ended before it was complete.".to_owned(),
        other => format!("The body can't be read: {other}."),
    };
    ApiError::new(ProblemCode::MalformedBody, detail)
}

fn check_media_type(headers: &HeaderMap, body_is: BodyIs) -> Result<(), ApiError> {
    let refuse = |detail: &'static str| Err(ApiError::new(ProblemCode::UnsupportedMediaType, detail));
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_json(given, body_is) {
        return refuse(match body_is {
            BodyIs::Document => "Send application/json in UTF-8, and say so in Content-Type.",
            BodyIs::MergePatch => {
                "Send application/merge-patch+json or application/json in UTF-8, and say so in Content-Type."
            }
        });
    }
    let encoding = headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], |value| value.as_bytes());
    if !encoding.eq_ignore_ascii_case(b"identity") {
        return refuse("Send the body without a Content-Encoding.");
    }
    Ok(())
}

fn is_json(content_type: &str, body_is: BodyIs) -> bool {
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media_type = parts.next().unwrap_or_default();
    let utf_8 = parts.all(|parameter| match parameter.split_once('=') {
        Some(("charset", charset)) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
        _ => true,
    });
    let json = match media_type.as_str() {
        "application/json" => true,
        "application/merge-patch+json" => body_is == BodyIs::MergePatch,
        // A list of operations (RFC 6902), which is something else.
        "application/json-patch+json" => false,
        other => other.ends_with("+json"),
    };
    json && utf_8
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let malformed = |detail: String| ApiError::new(ProblemCode::MalformedBody, detail);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(format!("The body is not UTF-8 at byte {}.", error.valid_up_to())))?;
    if text.trim().is_empty() {
        return Err(malformed("The body is empty.".to_owned()));
    }
    // The message ends with line and column.
    unique_keys::parse(text).map_err(|error| malformed(format!("The body is not valid JSON: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_media_type() {
        for (content_type, document, patch) in [
            ("application/json", true, true),
            ("Application/JSON; charset=\"UTF-8\"", true, true),
            ("application/vnd.shop+json", true, true),
            ("application/merge-patch+json", false, true),
            ("application/json-patch+json", false, false),
            ("application/json; charset=latin1", false, false),
            ("text/plain", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_json(content_type, BodyIs::Document), document, "{content_type}");
            assert_eq!(is_json(content_type, BodyIs::MergePatch), patch, "{content_type}");
        }
    }
}
