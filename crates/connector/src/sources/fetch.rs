//! Asks the other side for its rows: bounded in time and bytes, and only for what is new where that is enough.

use std::time::Duration;

use bytes::Bytes;
use domain::{SourceDefinition, SourceFormat, SourceHeader};
use reqwest::{
    Method,
    header::{
        ACCEPT, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    },
};
use store::AnswerTags;

use crate::{Outgoing, OutgoingError};

/// The longest answer that is read.
pub const MOST_ANSWER_BYTES: usize = 20 * 1024 * 1024;

/// Longer tags than this are not kept: the next answer is read whole.
const LONGEST_TAG: usize = 1000;

/// What the other side answered.
#[derive(Debug)]
pub enum Fetched {
    /// Rows, not read yet.
    Rows {
        /// The body.
        body: Bytes,
        /// What it says of its state.
        tags: AnswerTags,
    },
    /// Nothing has changed.
    NotModified,
}

/// Why there are no rows, in words for whoever looks after the source.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It couldn't be asked.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    /// It said something else than rows.
    #[error("the other side answered with the status {0}")]
    Status(u16),
    /// It sent us elsewhere, perhaps to where the settings don't let us go.
    #[error(
        "the other side answered with a redirect ({0}), which isn't followed: name the place that it leads to"
    )]
    Redirect(u16),
    /// What shall be sent along can't be.
    #[error("the header can't be sent as it is: set it anew")]
    Header,
}

/// Asks a source for its rows.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch(
    outgoing: &Outgoing,
    definition: &SourceDefinition,
    header: Option<&SourceHeader>,
    known: Option<&AnswerTags>,
) -> Result<Fetched, FetchError> {
    let accept = match definition.format {
        SourceFormat::Json => "application/json, */*;q=0.5",
        SourceFormat::Csv => "text/csv, */*;q=0.5",
    };
    let url = definition.url.as_deref().unwrap_or_default();
    // Whoever could read the header on its way could use it.
    let request = match header {
        Some(_) => outgoing.confidential(Method::GET, url)?,
        None => outgoing.request(Method::GET, url)?,
    };
    let mut request = request.header(ACCEPT, accept);
    if let Some(header) = header {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| FetchError::Header)?;
        let mut value = HeaderValue::from_str(&header.value).map_err(|_| FetchError::Header)?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    if let Some(known) = known {
        for (name, tag) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(tag) = tag {
                request = request.header(name, tag);
            }
        }
    }
    let patience = Duration::from_secs(definition.timeout_seconds.into());
    let answer = outgoing.send(request, patience, MOST_ANSWER_BYTES).await?;
    match answer.status {
        200 => Ok(Fetched::Rows { body: answer.body, tags: tags(&answer.headers) }),
        304 if known.is_some() => Ok(Fetched::NotModified),
        status @ 300..=399 => Err(FetchError::Redirect(status)),
        status => Err(FetchError::Status(status)),
    }
}

fn tags(headers: &HeaderMap) -> AnswerTags {
    let read = |name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        (!text.is_empty() && text.len() <= LONGEST_TAG).then(|| text.to_owned())
    };
    AnswerTags { etag: read(ETAG), last_modified: read(LAST_MODIFIED) }
}

#[cfg(test)]
mod tests {
    use domain::{Name, SourceKind};
    use service::settings::Outgoing as OutgoingSettings;

    use super::*;

    #[tokio::test]
    async fn a_header_is_not_sent_where_others_could_read_it() {
        let outgoing =
            Outgoing::new(&OutgoingSettings { allowed_networks: vec!["127.0.0.0/8".into()] }).unwrap();
        let definition = |url: &str| SourceDefinition {
            name: Name::parse("Supplier").unwrap(),
            kind: SourceKind::Pull,
            format: SourceFormat::Json,
            url: Some(url.to_owned()),
            interval_seconds: Some(60),
            timeout_seconds: 1,
            mapping: serde_json::from_str(r#"{"item": {"match": "sku"}, "price": "price"}"#).unwrap(),
            max_change_percent: None,
            priority: 100,
            fresh_for_seconds: 60,
            enabled: true,
        };
        let header = SourceHeader { name: "Authorization".into(), value: "Bearer x".into() };
        let open = fetch(&outgoing, &definition("http://1.1.1.1/"), Some(&header), None).await;
        assert!(matches!(open, Err(FetchError::Outgoing(OutgoingError::Refused(_)))), "{open:?}");
        // Nobody listens there, but it may be asked.
        let near = fetch(&outgoing, &definition("http://127.0.0.1:1/"), Some(&header), None).await;
        assert!(matches!(near, Err(FetchError::Outgoing(OutgoingError::Failed(_)))), "{near:?}");
    }
}
