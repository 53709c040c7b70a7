//! The hub's settings.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The hub.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Threads that serve sockets; 0 means one for each core.
    pub workers: usize,
    /// A client hears from the hub at least this often, in milliseconds.
    pub heartbeat_ms: u64,
    /// How many recent entries a hub keeps for clients that resume.
    pub ring_entries: usize,
    /// How many bytes of recent entries a hub keeps.
    pub ring_bytes: usize,
    /// How far behind the log's head a client may resume, in entries. What the hub no longer keeps it fetches through
    /// the feed; 0 means that it doesn't.
    pub backfill_entries: usize,
    /// How many bytes of fetched entries a hub keeps for the next client that resumes.
    pub backfill_bytes: usize,
    /// A hub fetches at most this many pages of 1,000 entries in a second, for all its clients together.
    pub backfill_pages_per_second: u32,
    /// The most sockets at once; more get 503.
    pub max_sockets: usize,
    /// The most sockets from one address (one /64 network in IPv6); more get 503. 0 means no limit.
    pub max_sockets_per_address: u32,
    /// The most handshakes in a second; more get 503. 0 means no limit.
    pub max_handshakes_per_second: u32,
    /// Addresses and networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// The most topics a socket may subscribe to.
    pub max_subscriptions: usize,
    /// The largest frame that a client may send, in bytes.
    pub max_frame_bytes: usize,
    /// The most frames that a client may send in a second, averaged over ten.
    pub max_frames_per_second: u32,
    /// A client must say who it is within this time, in milliseconds.
    pub auth_timeout_ms: u64,
    /// A client whose socket takes nothing for this long is closed with 4008, in milliseconds.
    pub stall_timeout_ms: u64,
    /// A client that is this many entries behind gets only the newest change of each resource.
    pub conflate_after: usize,
    /// Clients are told to wait a random time up to this before they reconnect, in milliseconds.
    pub reconnect_jitter_ms: u64,
    /// When the hub stops, it closes its sockets spread over this time, in milliseconds.
    pub drain_ms: u64,
    /// A snapshot is shared with clients that ask for it within this time, in milliseconds.
    pub snapshot_reuse_ms: u64,
    /// Someone whose last connection to a hub has ended is still present for so long, in milliseconds: who loads a page
    /// anew, or reconnects, hasn't left.
    pub presence_grace_ms: u64,
    /// A hub that hasn't told who is connected to it for so long is taken for gone, in milliseconds; it tells three times
    /// as often. inventory-apis look at hubs in the same rhythm.
    pub presence_lasts_ms: u32,
    /// Origins that browsers may connect from, besides the hub's own; `*` means any.
    pub allowed_origins: Vec<String>,
}
