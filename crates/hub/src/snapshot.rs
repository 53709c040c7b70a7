//! Snapshots from inventory-api: fetched once for all clients that ask at the same time, and shared for a moment
//! after, so that a thousand clients which reconnect together cost one query.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use domain::{AsOf, Cursor, TenantId, Topic};
use futures_util::StreamExt;
use serde::Deserialize;
use service::{Call, CurrentRequest, Settings, settings::Secret};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    time::Instant,
};

/// Fetches at once; clients that ask for topics of their own wait for their turn.
const FETCHES: usize = 8;

/// The state of a topic at one moment of the log, in parts that are JSON arrays of documents.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) as_of: AsOf,
    /// At least one.
    pub(crate) parts: Vec<Bytes>,
}

/// Why there is no snapshot, for the log; clients are only told to try again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SnapshotError(String);

impl SnapshotError {
    /// What came belongs to another log than the hub's.
    pub(crate) fn foreign() -> Self {
        Self("inventory-api and the hub know different epochs".to_owned())
    }
}

type Outcome = Result<Arc<Snapshot>, SnapshotError>;
/// What a fetch brought, and when it landed: it may have waited for its turn before.
type Landing = Option<(Instant, Outcome)>;

/// A fetch under way, or done a moment ago.
#[derive(Debug)]
struct Flight {
    outcome: watch::Receiver<Landing>,
}

/// Fetches and shares snapshots; one for all shards of a hub.
#[derive(Debug)]
pub(crate) struct Snapshots {
    client: reqwest::Client,
    url: String,
    secret: Secret,
    reuse: Duration,
    /// Fetches run here, wherever they are asked for.
    runtime: Handle,
    /// So many at once: each is a query.
    fetching: Semaphore,
    flights: Mutex<HashMap<(TenantId, Topic), Flight>>,
}

/// The first line of a snapshot, and its last.
#[derive(Deserialize)]
struct Start {
    as_of: AsOf,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "end")]
    _count: u64,
}

impl Snapshots {
    pub(crate) fn new(settings: &Settings, secret: Secret, runtime: Handle) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .read_timeout(Duration::from_secs(10))
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            url: format!("{}/internal/v1/snapshot", settings.api.url.trim_end_matches('/')),
            secret,
            reuse: Duration::from_millis(settings.hub.snapshot_reuse_ms),
            runtime,
            fetching: Semaphore::new(FETCHES),
            flights: Mutex::default(),
        })
    }

    /// The state of a topic, fetched anew unless there is one that was fetched a moment ago and lies at or behind a
    /// cursor: what lies behind an older one could not be delivered any more.
    pub(crate) async fn get(self: &Arc<Self>, tenant: TenantId, topic: Topic, not_before: Cursor) -> Outcome {
        let mut outcome = self.flight(tenant, topic, not_before);
        let landed = outcome.wait_for(Option::is_some).await;
        match landed.as_deref() {
            Ok(Some((_, outcome))) => outcome.clone(),
            _ => Err(SnapshotError("the fetch ended without an outcome".into())),
        }
    }

    /// Joins the fetch under way, or starts one.
    fn flight(
        self: &Arc<Self>,
        tenant: TenantId,
        topic: Topic,
        not_before: Cursor,
    ) -> watch::Receiver<Landing> {
        let mut flights = self.lock();
        flights.retain(|_, flight| !flight.is_over(self.reuse));
        if let Some(flight) = flights.get(&(tenant, topic))
            && !flight.is_older_than(not_before)
        {
            metrics::counter!("stockwire_hub_snapshots_shared_total").increment(1);
            return flight.outcome.clone();
        }
        let (land, outcome) = watch::channel(None);
        flights.insert((tenant, topic), Flight { outcome: outcome.clone() });
        let this = self.clone();
        // Whoever asks first gives it its id.
        self.runtime.spawn(CurrentRequest::carry(async move {
            let outcome = this.fetch_patiently(tenant, topic).await;
            if let Err(error) = &outcome {
                tracing::warn!(source = error as &dyn std::error::Error, "no snapshot from inventory-api");
            }
            land.send_replace(Some((Instant::now(), outcome.map(Arc::new))));
            // Nobody may ask again for a long time.
            tokio::time::sleep(this.reuse).await;
            this.lock().retain(|_, flight| !flight.is_over(this.reuse));
        }));
        outcome
    }

    /// The log is another one: what was fetched before means nothing any more.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(TenantId, Topic), Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch_patiently(&self, tenant: TenantId, topic: Topic) -> Result<Snapshot, SnapshotError> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.fetch(tenant, topic).await {
                Err(error) if pause < Duration::from_secs(2) => {
                    tracing::debug!(source = &error as &dyn std::error::Error, "asking again for a snapshot");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    async fn fetch(&self, tenant: TenantId, topic: Topic) -> Result<Snapshot, SnapshotError> {
        // Never closed, so this can't fail.
        let _turn = self.fetching.acquire().await;
        metrics::counter!("stockwire_hub_snapshots_fetched_total").increment(1);
        let call = Call::begin("GET /internal/v1/snapshot");
        let url = format!("{}?tenant={tenant}&topic={topic}", self.url);
        let request = self.client.get(url).bearer_auth(self.secret.expose());
        let request = call.headers().fold(request, |request, (name, value)| request.header(name, value));
        let id = call.id().to_owned();
        call.run(receive(request)).await.inspect_err(|error| {
            tracing::debug!(
                request.id = id,
                source = error as &dyn std::error::Error,
                "a snapshot didn't come"
            );
        })
    }
}

async fn receive(request: reqwest::RequestBuilder) -> Result<Snapshot, SnapshotError> {
    let answer = request.send().await?.error_for_status()?;
    let mut body = answer.bytes_stream();
    let mut lines = Lines::default();
    while let Some(chunk) = body.next().await {
        lines.push(&chunk?);
    }
    lines.finish()
}

impl From<reqwest::Error> for SnapshotError {
    fn from(error: reqwest::Error) -> Self {
        let source =
            std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        Self(format!("{}{source}", error.without_url()))
    }
}

impl Flight {
    fn is_older_than(&self, cursor: Cursor) -> bool {
        matches!(
            &*self.outcome.borrow(),
            Some((_, Ok(snapshot))) if snapshot.as_of.epoch != cursor.epoch || snapshot.as_of.position < cursor.position
        )
    }

    fn is_over(&self, reuse: Duration) -> bool {
        match &*self.outcome.borrow() {
            None => false,
            Some((landed, Ok(_))) => landed.elapsed() >= reuse,
            Some((_, Err(_))) => true,
        }
    }
}

/// The lines of a snapshot as they arrive.
#[derive(Default)]
struct Lines {
    whole: Vec<Bytes>,
    partial: BytesMut,
}

impl Lines {
    fn push(&mut self, mut chunk: &[u8]) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&chunk[..end]);
            self.whole.push(self.partial.split().freeze());
            chunk = &chunk[end + 1..];
        }
        self.partial.extend_from_slice(chunk);
    }

    fn finish(mut self) -> Result<Snapshot, SnapshotError> {
        let broken = |what: &str| SnapshotError(format!("the snapshot {what}"));
        let last = self.whole.pop().ok_or_else(|| broken("is empty"))?;
        serde_json::from_slice::<End>(&last).map_err(|_| broken("was cut off"))?;
        if self.whole.is_empty() {
            return Err(broken("has no beginning"));
        }
        let first = self.whole.remove(0);
        let start: Start = serde_json::from_slice(&first).map_err(|_| broken("has no as_of"))?;
        let mut parts = self.whole;
        if parts.is_empty() {
            parts.push(Bytes::from_static(b"[]"));
        }
        Ok(Snapshot { as_of: start.as_of, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"as_of":{"epoch":"00000000000000000000000000000001","position":7}}"#;

    fn read(text: &str) -> Result<Snapshot, SnapshotError> {
        let mut lines = Lines::default();
        for chunk in text.as_bytes().chunks(5) {
            lines.push(chunk);
        }
        lines.finish()
    }

    #[test]
    fn a_whole_snapshot_is_read_in_parts() {
        let snapshot = read(&format!("{START}\n[1,2]\n[3]\n{{\"end\":3}}\n")).unwrap();
        assert_eq!(snapshot.as_of.position.get(), 7);
        assert_eq!(snapshot.parts, [Bytes::from("[1,2]"), Bytes::from("[3]")]);
        assert_eq!(read(&format!("{START}\n{{\"end\":0}}\n")).unwrap().parts, [Bytes::from("[]")]);
    }

    #[test]
    fn a_cut_snapshot_is_none() {
        assert!(read(&format!("{START}\n[1,2]\n")).is_err());
        assert!(read(&format!("{START}\n[1,2]\n{{\"end\":2}}")).is_err());
        assert!(read("").is_err());
    }
}
