//! `GET /feed/entries?epoch=&after=&limit=`: a part of the log for a hub whose clients come back from further behind
//! than it keeps, behind the internal secret. The answer is a [`domain::feed::FeedPage`].
//!
//! Reading old entries must not hold up ordering new ones, which shares the database and the pool: few reads run at
//! once, and who waits too long for a turn is told to come back.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web};
use domain::{Cursor, Epoch, Position, ResyncReason, feed::FeedPage};
use serde::Deserialize;
use service::{ApiError, access::require_secret};

use crate::{Notifier, entry::Entry, feed::known_head, tail::serialise};

/// Reads from the log at once, for all hubs.
pub(crate) const READS: usize = 2;
/// The longest wait for a turn.
const TURN: Duration = Duration::from_secs(3);
/// Entries that may be asked for.
const MOST_ENTRIES: u16 = 1000;
/// Entries read by one statement: documents may be large, and an answer is cut anyway.
const PAGE: u16 = 250;
/// An answer ends behind the entry that exceeds this, in bytes.
const MOST_BYTES: usize = 2 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    epoch: Epoch,
    after: i64,
    limit: u16,
}

/// What lies right behind a position, as the feed carries it.
pub(crate) async fn answer(
    request: HttpRequest,
    question: web::Query<Question>,
    notifier: web::Data<Notifier>,
) -> Result<HttpResponse, ApiError> {
    require_secret(request.headers(), &notifier.secret)?;
    let Question { epoch, after, limit } = question.into_inner();
    let after = Position::new(after).ok_or_else(|| ApiError::parameter("after", "must not be negative"))?;
    if limit == 0 || limit > MOST_ENTRIES {
        return Err(ApiError::parameter("limit", format!("must be from 1 to {MOST_ENTRIES}")));
    }
    let head = known_head(&notifier).await?;
    if head.epoch != epoch {
        return Ok(reset(head, ResyncReason::Epoch));
    }
    let entries = match notifier.window.behind(after, limit.into()) {
        Some(entries) => entries,
        None => older(&notifier, after, head.position, limit).await?,
    };
    // Read again: the window may have grown since, or belong to another log.
    let head = known_head(&notifier).await?;
    if head.epoch != epoch {
        return Ok(reset(head, ResyncReason::Epoch));
    }
    if entries.is_empty() && after < head.position {
        return Ok(reset(head, ResyncReason::TooOld));
    }
    metrics::counter!("stockwire_feed_backfilled_entries_total").increment(entries.len() as u64);
    Ok(page(head, &entries))
}

fn reset(cursor: Cursor, reason: ResyncReason) -> HttpResponse {
    HttpResponse::Ok().json(FeedPage::Reset { cursor, reason })
}

/// The text of a [`FeedPage`] with as many of the entries as an answer may have.
fn page(head: Cursor, entries: &[Arc<Entry>]) -> HttpResponse {
    let mut text = format!(r#"{{"entries":{{"head":{},"entries":["#, head.position);
    for (place, entry) in entries.iter().enumerate() {
        if text.len() > MOST_BYTES {
            break;
        }
        if place > 0 {
            text.push(',');
        }
        text.push_str(&entry.text);
    }
    text.push_str("]}}");
    HttpResponse::Ok().content_type(ContentType::json()).body(text)
}

/// Entries that the window doesn't have any more, up to the head, as far as they are contiguous.
async fn older(
    notifier: &Notifier,
    after: Position,
    head: Position,
    limit: u16,
) -> Result<Vec<Arc<Entry>>, ApiError> {
    let turn = tokio::time::timeout(TURN, notifier.reads.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return Err(ApiError::unavailable(std::io::Error::other("too many older entries are being read")));
    };
    let (mut found, mut bytes, mut last) = (Vec::new(), 0, after);
    while bytes <= MOST_BYTES && last < head && found.len() < usize::from(limit) {
        let left = usize::from(limit) - found.len();
        let most = u16::try_from(left).unwrap_or(PAGE).min(PAGE);
        let mut read = notifier.store.log_entries(last, most).await.map_err(ApiError::unavailable)?;
        // The log may be ahead of what this notifier has taken in; and rows may have been removed, also among these.
        let contiguous = (last.get() + 1..=head.get())
            .zip(&read)
            .take_while(|(expected, entry)| entry.position.get() == *expected)
            .count();
        let whole = contiguous == read.len();
        read.truncate(contiguous);
        let Some(newest) = read.last().map(|entry| entry.position) else { break };
        last = newest;
        let texts = serialise(&read).map_err(ApiError::internal)?;
        bytes += texts.iter().map(|entry| entry.text.len()).sum::<usize>();
        found.extend(texts.into_iter().map(Arc::new));
        if !whole {
            break;
        }
    }
    Ok(found)
}
