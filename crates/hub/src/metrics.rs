//! What a shard counts. Handles are made once: looking a series up costs more than sending to a client's queue.

use domain::{CloseCode, ResyncReason};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Series of a shard; shards of a process add to the same ones.
pub(crate) struct Metrics {
    resumes: [Counter; 4],
    pub(crate) sockets: Gauge,
    pub(crate) handshakes: Counter,
    deliveries: Counter,
    bytes: Counter,
    recovered: Counter,
    fresh: Counter,
    conflated: Counter,
    latency: Histogram,
    pub(crate) ring_entries: Gauge,
    pub(crate) live: Gauge,
}

/// What became of a client that asked for what lies behind a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    FromRing,
    ByBackfill,
    WithSnapshot,
    NotAtAll,
}

impl Resumed {
    const fn name(self) -> &'static str {
        match self {
            Self::FromRing => "ring",
            Self::ByBackfill => "backfill",
            Self::WithSnapshot => "snapshot",
            Self::NotAtAll => "resync",
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let resumes = [Resumed::FromRing, Resumed::ByBackfill, Resumed::WithSnapshot, Resumed::NotAtAll]
            .map(|outcome| counter!("stockwire_hub_resumes_total", "outcome" => outcome.name()));
        Self {
            resumes,
            sockets: gauge!("stockwire_hub_sockets"),
            handshakes: counter!("stockwire_hub_handshakes_total"),
            deliveries: counter!("stockwire_hub_deliveries_total"),
            bytes: counter!("stockwire_hub_delivered_bytes_total"),
            recovered: counter!("stockwire_hub_subscribed_total", "recovered" => "true"),
            fresh: counter!("stockwire_hub_subscribed_total", "recovered" => "false"),
            conflated: counter!("stockwire_hub_conflated_changes_total"),
            latency: histogram!("stockwire_hub_commit_to_socket_seconds"),
            ring_entries: gauge!("stockwire_hub_ring_entries"),
            live: gauge!("stockwire_hub_live_subscriptions"),
        }
    }

    pub(crate) fn delivered(&self, clients: usize, bytes: usize) {
        self.deliveries.increment(clients as u64);
        self.bytes.increment((clients * bytes) as u64);
    }

    pub(crate) fn subscribed(&self, recovered: bool) {
        if recovered { &self.recovered } else { &self.fresh }.increment(1);
    }

    /// A client that asked for what lies behind a cursor has its answer.
    pub(crate) fn resumed(&self, outcome: Resumed) {
        self.resumes[outcome as usize].increment(1);
    }

    pub(crate) fn conflated(&self, skipped: u64) {
        self.conflated.increment(skipped);
    }

    pub(crate) fn sent_after(&self, seconds: f64) {
        self.latency.record(seconds);
    }

    pub(crate) fn resync(&self, reason: ResyncReason) {
        let reason = match reason {
            ResyncReason::Gap => "gap",
            ResyncReason::Epoch => "epoch",
            ResyncReason::TooOld => "too_old",
        };
        counter!("stockwire_hub_resyncs_total", "reason" => reason).increment(1);
    }

    pub(crate) fn closed(&self, code: CloseCode) {
        counter!("stockwire_hub_closes_total", "code" => code.name()).increment(1);
    }
}
