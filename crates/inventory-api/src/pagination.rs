//! Pages: their size, opaque cursors, and the link to the next one.

use actix_web::{HttpRequest, HttpResponse, http::header::LINK};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Page;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

/// How many rows a page has unless the client says otherwise.
pub(crate) const DEFAULT_LIMIT: u16 = 50;

/// How many rows a page may have.
pub(crate) const MOST_ROWS: u16 = 200;

/// Everything that is not unreserved (RFC 3986).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads the parameter `limit`.
pub(crate) fn limit(text: &str) -> Result<u16, String> {
    let limit = text.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit));
    limit.ok_or_else(|| format!("must be an integer from 1 to {MOST_ROWS}"))
}

/// Writes a cursor: what is in it is our own business, and may change.
pub(crate) fn encode_cursor(key: &impl Serialize) -> String {
    // Serialising fails for maps with keys that aren't strings; there are none in a key.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// Reads a cursor.
pub(crate) fn decode_cursor<K: DeserializeOwned>(text: &str) -> Result<K, String> {
    let decoded = URL_SAFE_NO_PAD.decode(text).ok();
    let key = decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.ok_or_else(|| "is not a cursor of this list; use the next_cursor of the page before".to_owned())
}

/// A page as a response, with the link to the next one.
pub(crate) fn respond<T: Serialize>(request: &HttpRequest, page: &Page<T>) -> HttpResponse {
    respond_with(request, page.next_cursor.as_deref().filter(|_| page.has_more), page)
}

/// A page that says more than others, with the link to the next one.
pub(crate) fn respond_with(request: &HttpRequest, next: Option<&str>, page: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next {
        response.insert_header((LINK, next_link(request.path(), request.query_string(), cursor)));
    }
    response.json(page)
}

/// The same request with another `after`. The query was understood before, so it is encoded anew without doubt
/// about its meaning, and nothing in it can end the link early.
fn next_link(path: &str, query: &str, cursor: &str) -> String {
    let mut link = format!("<{path}?");
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "after" {
            link.push_str(&format!("{}={}&", reencode(name), reencode(value)));
        }
    }
    link.push_str(&format!("after={}>; rel=\"next\"", utf8_percent_encode(cursor, ESCAPED)));
    link
}

fn reencode(text: &str) -> String {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
    utf8_percent_encode(&decoded, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_written_and_read() {
        assert_eq!(decode_cursor::<(String, i64)>(&encode_cursor(&("ö/\0", 7))).unwrap(), ("ö/\0".into(), 7));
        for text in ["", "!", "e30", "bnVsbA=="] {
            assert!(decode_cursor::<(String, i64)>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_link_keeps_every_other_parameter() {
        assert_eq!(
            next_link("/api/v1/items", "q=a+b%26>&after=old&limit=2&", "new:1"),
            "</api/v1/items?q=a%20b%26%3E&limit=2&after=new%3A1>; rel=\"next\""
        );
    }

    #[test]
    fn a_limit_is_from_1_to_200() {
        assert_eq!(limit("200"), Ok(200));
        for text in ["0", "201", "-1", "x", "", "1.0", "99999999999"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
