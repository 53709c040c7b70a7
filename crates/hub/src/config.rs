//! The hub's settings in the form that its shards use.

use service::settings::Hub;

/// See [`service::settings::Hub`] for what each means.
#[derive(Debug, Clone)]
pub(crate) struct HubConfig {
    pub(crate) heartbeat_ms: u64,
    pub(crate) ring_entries: usize,
    pub(crate) ring_bytes: usize,
    pub(crate) backfill_entries: usize,
    pub(crate) max_subscriptions: usize,
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_frames_per_second: u32,
    pub(crate) auth_timeout_ms: u64,
    pub(crate) stall_timeout_ms: u64,
    pub(crate) conflate_after: usize,
    pub(crate) reconnect_jitter_ms: u64,
    pub(crate) drain_ms: u64,
    pub(crate) allowed_origins: Vec<String>,
}

impl From<&Hub> for HubConfig {
    fn from(settings: &Hub) -> Self {
        Self {
            heartbeat_ms: settings.heartbeat_ms.max(100),
            ring_entries: settings.ring_entries,
            ring_bytes: settings.ring_bytes,
            backfill_entries: settings.backfill_entries,
            max_subscriptions: settings.max_subscriptions,
            max_frame_bytes: settings.max_frame_bytes,
            max_frames_per_second: settings.max_frames_per_second.max(1),
            auth_timeout_ms: settings.auth_timeout_ms,
            stall_timeout_ms: settings.stall_timeout_ms,
            conflate_after: settings.conflate_after,
            reconnect_jitter_ms: settings.reconnect_jitter_ms,
            drain_ms: settings.drain_ms,
            allowed_origins: settings.allowed_origins.clone(),
        }
    }
}

impl HubConfig {
    /// When one of the clients that are sent away together should come back, in milliseconds; the number tells them
    /// apart.
    pub(crate) fn retry_ms(&self, number: u64) -> u64 {
        // Multiplying by a large odd number scatters neighbours (Knuth, The Art of Computer Programming, 6.4).
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        scattered % self.reconnect_jitter_ms.max(1)
    }
}
