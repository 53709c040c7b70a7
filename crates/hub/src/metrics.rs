//! What a shard counts. Handles are made once: looking a series up costs more than sending to a client.

use domain::{CloseCode, LogoutReason, ResyncReason};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::{ring::Ring, wire::Encoding};

/// Series of a shard; shards of a process add to the same ones.
pub(crate) struct Metrics {
    resumes: [Counter; 4],
    /// For each encoding.
    sockets: [Gauge; Encoding::ALL.len()],
    handshakes: [Counter; Encoding::ALL.len()],
    deliveries: Counter,
    bytes: Counter,
    recovered: Counter,
    fresh: Counter,
    conflations: Counter,
    conflated: Counter,
    latency: Histogram,
    ring_entries: Gauge,
    ring_bytes: Gauge,
    ring_seconds: Gauge,
    live: Gauge,
    /// What this shard's part of `live` was when it was told last.
    told_live: usize,
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
        let kinds = Encoding::ALL.map(|encoding| match encoding {
            Encoding::Socket => "socket",
            Encoding::Events => "events",
            Encoding::List => "poll",
        });
        let resumes = [Resumed::FromRing, Resumed::ByBackfill, Resumed::WithSnapshot, Resumed::NotAtAll]
            .map(|outcome| counter!("stockwire_hub_resumes_total", "outcome" => outcome.name()));
        Self {
            resumes,
            sockets: kinds.map(|kind| gauge!("stockwire_hub_sockets", "kind" => kind)),
            handshakes: kinds.map(|kind| counter!("stockwire_hub_handshakes_total", "kind" => kind)),
            deliveries: counter!("stockwire_hub_deliveries_total"),
            bytes: counter!("stockwire_hub_delivered_bytes_total"),
            recovered: counter!("stockwire_hub_subscribed_total", "recovered" => "true"),
            fresh: counter!("stockwire_hub_subscribed_total", "recovered" => "false"),
            conflations: counter!("stockwire_hub_conflations_total"),
            conflated: counter!("stockwire_hub_conflated_changes_total"),
            latency: histogram!("stockwire_hub_commit_to_socket_seconds"),
            ring_entries: gauge!("stockwire_hub_ring_entries"),
            ring_bytes: gauge!("stockwire_hub_ring_bytes"),
            ring_seconds: gauge!("stockwire_hub_ring_seconds"),
            live: gauge!("stockwire_hub_live_subscriptions"),
            told_live: 0,
        }
    }

    pub(crate) fn opened(&self, encoding: Encoding) {
        self.handshakes[encoding as usize].increment(1);
        self.sockets[encoding as usize].increment(1.0);
    }

    pub(crate) fn gone(&self, encoding: Encoding) {
        self.sockets[encoding as usize].decrement(1.0);
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
        self.conflations.increment(1);
        self.conflated.increment(skipped);
    }

    pub(crate) fn sent_after(&self, seconds: f64) {
        self.latency.record(seconds);
    }

    /// Says how the shard stands: its live subscriptions, and what its ring spans (all rings of a hub span the same).
    pub(crate) fn stand(&mut self, live: usize, ring: &Ring) {
        // Gauges are floats, and these numbers stay far below 2^53.
        let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        self.live.increment(float(live) - float(self.told_live));
        self.told_live = live;
        let (entries, bytes) = ring.size();
        self.ring_entries.set(float(entries));
        self.ring_bytes.set(float(bytes));
        self.ring_seconds.set(ring.span().as_secs_f64());
    }

    pub(crate) fn resync(&self, reason: ResyncReason) {
        let reason = match reason {
            ResyncReason::Gap => "gap",
            ResyncReason::Epoch => "epoch",
            ResyncReason::TooOld => "too_old",
        };
        counter!("stockwire_hub_resyncs_total", "reason" => reason).increment(1);
    }

    pub(crate) fn logged_out(&self, reason: LogoutReason) {
        counter!("stockwire_hub_forced_logouts_total", "reason" => reason.as_str()).increment(1);
    }

    pub(crate) fn closed(&self, code: CloseCode) {
        counter!("stockwire_hub_closes_total", "code" => code.name()).increment(1);
    }
}
