//! Snapshots for the hub, internal: what a topic of a tenant shows at one moment of the log, streamed as lines of JSON.
//!
//! The first line is `{"as_of":…}`, each following an array of documents, and the last `{"end":…}` with the number of
//! documents: a stream without it was cut. Memory stays bounded: rows are read from Postgres as the hub takes them.

use std::pin::Pin;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use domain::{AsOf, ItemId, MonitorId, TenantId, Topic};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use service::{ApiError, QueryReader, access};
use store::Snapshot;

use crate::{Api, error::store_error};

/// A line has at most this many items, …
const MOST_ITEMS: usize = 500;

/// … and ends after the item that makes it longer than this.
const LONG_LINE_BYTES: usize = 256 * 1024;

/// A snapshot of notifications has the newest: what a screen shows. Older ones are in the list.
const MOST_NOTIFICATIONS: u16 = 200;

type Documents = Pin<Box<dyn Stream<Item = Result<String, store::Error>>>>;

pub(crate) async fn snapshot(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    access::require_secret(request.headers(), api.internal_secret())?;
    let (tenant, of) = read_query(request.query_string())?;
    let (as_of, documents): (_, Documents) = match of {
        Of::Items(only) => {
            let Snapshot { as_of, documents } =
                api.store().item_snapshot(tenant, only).await.map_err(store_error)?;
            (as_of, Box::pin(documents))
        }
        Of::Monitors(only) => {
            let Snapshot { as_of, documents } =
                api.store().monitor_snapshot(tenant, only).await.map_err(store_error)?;
            (as_of, Box::pin(documents))
        }
        Of::Notifications => {
            let Snapshot { as_of, documents } =
                api.store().notification_snapshot(tenant, MOST_NOTIFICATIONS).await.map_err(store_error)?;
            (as_of, Box::pin(documents))
        }
        Of::Presence => {
            let Snapshot { as_of, documents } =
                api.store().presence_snapshot(tenant).await.map_err(store_error)?;
            (as_of, Box::pin(documents))
        }
    };
    metrics::counter!("stockwire_snapshots_total").increment(1);
    let head = line(json!({"as_of": AsOf::from(as_of)}));
    let head = stream::iter([Ok::<_, store::Error>(head)]);
    // Fused, because the line that finds the end of the rows isn't the last one.
    let body = head.chain(lines(Box::pin(documents.fuse())));
    let body = body.inspect(|line| {
        if let Err(error) = line {
            tracing::error!(source = error as &dyn std::error::Error, "a snapshot was cut");
        }
    });
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/x-ndjson")).streaming(body))
}

/// What a snapshot is of.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// All items, or one.
    Items(Option<ItemId>),
    /// All monitors, or one.
    Monitors(Option<MonitorId>),
    /// The newest notifications.
    Notifications,
    /// Who is connected.
    Presence,
}

/// Whose, and what.
fn read_query(query: &str) -> Result<(TenantId, Of), ApiError> {
    let mut reader = QueryReader::new(query);
    let tenant = reader.required("tenant", |text| {
        text.parse().map(TenantId::new).map_err(|_| "must be an integer".to_owned())
    });
    let of = reader.required("topic", |text| match text.parse() {
        Ok(Topic::Items) => Ok(Of::Items(None)),
        Ok(Topic::Item(id)) => Ok(Of::Items(Some(id))),
        Ok(Topic::Monitors) => Ok(Of::Monitors(None)),
        Ok(Topic::Monitor(id)) => Ok(Of::Monitors(Some(id))),
        Ok(Topic::Notifications) => Ok(Of::Notifications),
        Ok(Topic::Presence) => Ok(Of::Presence),
        Ok(Topic::Session) | Err(_) => {
            Err("must be items, items:{id}, monitors, monitors:{id}, notifications or presence".to_owned())
        }
    });
    reader.finish()?;
    // Both are there: otherwise the reading ended with an error.
    Ok((tenant.unwrap_or(TenantId::DEFAULT), of.unwrap_or(Of::Items(None))))
}

fn lines(documents: Documents) -> impl Stream<Item = Result<Bytes, store::Error>> {
    let start = Some((documents, 0));
    stream::unfold(start, |state| async {
        let (mut documents, count) = state?;
        match next_line(&mut documents).await {
            Err(error) => Some((Err(error), None)),
            Ok((_, 0)) => Some((Ok(line(json!({"end": count}))), None)),
            Ok((line, items)) => Some((Ok(line), Some((documents, count + items)))),
        }
    })
}

/// The next items as one line, and how many they are.
async fn next_line(documents: &mut Documents) -> Result<(Bytes, usize), store::Error> {
    let mut line = Vec::new();
    let mut items = 0;
    while items < MOST_ITEMS && line.len() < LONG_LINE_BYTES {
        let Some(document) = documents.next().await.transpose()? else { break };
        line.push(if items == 0 { b'[' } else { b',' });
        line.extend_from_slice(document.as_bytes());
        items += 1;
    }
    line.extend_from_slice(b"]\n");
    Ok((line.into(), items))
}

fn line(value: serde_json::Value) -> Bytes {
    format!("{value}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_split_and_the_end_is_counted() {
        let documents = (0..1203).map(|number| Ok(format!("{{\"id\":{number}}}")));
        let lines: Vec<_> = lines(Box::pin(stream::iter(documents))).collect().await;
        let lines: Vec<String> =
            lines.into_iter().map(|line| String::from_utf8(line.unwrap().to_vec()).unwrap()).collect();
        let counts: Vec<usize> = lines[..3]
            .iter()
            .map(|line| serde_json::from_str::<Vec<serde_json::Value>>(line).unwrap().len())
            .collect();
        assert_eq!(counts, [500, 500, 203]);
        assert_eq!(lines[3..], ["{\"end\":1203}\n"]);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_has_no_end() {
        let documents = [Ok("{}".to_owned()), Err(store::Error::ForeignCursor)];
        let lines: Vec<_> = lines(Box::pin(stream::iter(documents))).collect().await;
        assert!(matches!(lines.as_slice(), [Err(_)]));
    }
}
