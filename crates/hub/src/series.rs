//! What each of the hub's series says, for whoever reads `/metrics`. All are registered at start: a series that appears
//! with its first event has no rate for it.

use domain::{CloseCode, LogoutReason};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

const COUNTERS: [(&str, Unit, &str); 18] = [
    ("handshakes_total", Unit::Count, "Clients that were let in, by kind: socket, events, poll."),
    ("refused_total", Unit::Count, "Clients that were sent away, by limit: sockets, address, handshakes."),
    (
        "subscribed_total",
        Unit::Count,
        "Subscriptions that went live, by whether all that was missed was delivered.",
    ),
    ("resumes_total", Unit::Count, "Clients with a cursor, by outcome: ring, backfill, snapshot, resync."),
    ("resyncs_total", Unit::Count, "Times that a client was told to read anew, by reason."),
    ("deliveries_total", Unit::Count, "Batches of changes that were given to a client."),
    ("delivered_bytes_total", Unit::Bytes, "Bytes of changes that were given to live clients."),
    ("conflations_total", Unit::Count, "Times that changes were left out for a client that fell behind."),
    ("conflated_changes_total", Unit::Count, "Changes that were left out."),
    (
        "closes_total",
        Unit::Count,
        "Connections that the hub closed, by code; too_slow are those that took nothing.",
    ),
    (
        "forced_logouts_total",
        Unit::Count,
        "Connections that were ended, or not let in, because their login was ended, by its reason.",
    ),
    ("snapshots_fetched_total", Unit::Count, "Snapshots fetched from inventory-api."),
    ("snapshots_shared_total", Unit::Count, "Clients whose snapshot was there already, or on its way."),
    ("backfill_pages_total", Unit::Count, "Pages of older changes, by source: feed or cache."),
    ("backfill_failures_total", Unit::Count, "Pages of older changes that couldn't be had."),
    ("feed_reconnects_total", Unit::Count, "Times that the feed had to be opened again."),
    ("presence_reports_total", Unit::Count, "Times that inventory-api was told who is connected."),
    ("presence_failures_total", Unit::Count, "Times that it took no such report."),
];

const GAUGES: [(&str, Unit, &str); 9] = [
    ("sockets", Unit::Count, "Clients that are connected, by kind."),
    (
        "people",
        Unit::Count,
        "Users and keys that inventory-api was told are connected, however many sockets they have.",
    ),
    ("live_subscriptions", Unit::Count, "Subscriptions that get each change as it comes."),
    ("ring_entries", Unit::Count, "Recent changes in memory, which resumes are served from."),
    ("ring_bytes", Unit::Bytes, "What they take."),
    ("ring_seconds", Unit::Seconds, "The time that they span."),
    ("feed_connected", Unit::Count, "1 while the hub follows a notifier."),
    ("feed_lag_positions", Unit::Count, "How many changes the log has that this hub hasn't."),
    (
        "feed_lag_seconds",
        Unit::Seconds,
        "How old the newest change is that this hub has, while the log has newer ones.",
    ),
];

/// Describes all series, and registers those that have no other place to start.
pub(crate) fn describe() {
    for (name, unit, text) in COUNTERS {
        describe_counter!(format!("stockwire_hub_{name}"), unit, text);
    }
    for (name, unit, text) in GAUGES {
        describe_gauge!(format!("stockwire_hub_{name}"), unit, text);
    }
    let text = "From the write of a change to its way into the sockets, for the oldest change of each batch.";
    describe_histogram!("stockwire_hub_commit_to_socket_seconds", Unit::Seconds, text);
    for limit in ["sockets", "address", "handshakes"] {
        counter!("stockwire_hub_refused_total", "limit" => limit).increment(0);
    }
    for reason in ["gap", "epoch", "too_old"] {
        counter!("stockwire_hub_resyncs_total", "reason" => reason).increment(0);
    }
    for reason in LogoutReason::ALL {
        counter!("stockwire_hub_forced_logouts_total", "reason" => reason.as_str()).increment(0);
    }
    for code in [
        CloseCode::ForcedLogout,
        CloseCode::TooSlow,
        CloseCode::Restart,
        CloseCode::BadFrame,
        CloseCode::TooManyMessages,
    ] {
        counter!("stockwire_hub_closes_total", "code" => code.name()).increment(0);
    }
    for name in ["snapshots_fetched_total", "snapshots_shared_total", "feed_reconnects_total"] {
        counter!(format!("stockwire_hub_{name}")).increment(0);
    }
    gauge!("stockwire_hub_feed_connected").set(0.0);
}
