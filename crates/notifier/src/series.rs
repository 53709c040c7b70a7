//! What each of the notifier's series says. All are registered at start: a series that appears with its first event has no
//! rate for it.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

const COUNTERS: [(&str, &str); 5] = [
    ("sequencer_steps_total", "Ordering steps, those that found nothing included."),
    ("sequencer_placed_total", "Changes that got their position."),
    ("feed_entries_total", "Entries that were sent to hubs through their feeds."),
    ("feed_backfilled_entries_total", "Older entries that hubs asked for."),
    ("notifications_raised_total", "Notifications that monitors raised."),
];

const GAUGES: [(&str, Unit, &str); 16] = [
    ("sequencer_leading", Unit::Count, "1 on the notifier that gives out positions."),
    (
        "sequencer_unplaced_changes",
        Unit::Count,
        "Committed changes without a position, every few seconds by the leader; 100000 is that many or more.",
    ),
    (
        "sequencer_unplaced_seconds",
        Unit::Seconds,
        "How long ago the oldest of them was written; after a long transaction, before its commit.",
    ),
    ("log_position", Unit::Count, "The newest position that this notifier has taken in."),
    ("log_head_position", Unit::Count, "The newest position that it has seen in the database."),
    (
        "log_lag_positions",
        Unit::Count,
        "How many positions the database had more than this notifier when it looked last.",
    ),
    ("log_lag_seconds", Unit::Seconds, "How long this notifier has not had all that the database had."),
    ("monitors_watched", Unit::Count, "Monitors that watch; on the notifier that looks after them."),
    (
        "monitors_position",
        Unit::Count,
        "The position up to which the log was looked through for monitors; 0 on the others.",
    ),
    ("feed_clients", Unit::Count, "Hubs whose feed is open."),
    (
        "database_notification_queue_ratio",
        Unit::Count,
        "How full Postgres' queue of notifications is, from 0 to 1; by the leader. Full, writers that ring fail.",
    ),
    (
        "database_oldest_transaction_seconds",
        Unit::Seconds,
        "How long the oldest transaction in the database has been open; by the leader. It holds back vacuum.",
    ),
    ("database_server_connections", Unit::Count, "Client sessions on the server; by the leader."),
    ("database_server_connections_max", Unit::Count, "The most that it takes; by the leader."),
    ("database_table_bytes", Unit::Bytes, "Disk space of a table with its indexes; by the leader."),
    (
        "database_vitals_age_seconds",
        Unit::Seconds,
        "How long ago the leader's gauges were measured; 0 on those that don't lead.",
    ),
];

/// Describes all series, and registers those without labels.
pub(crate) fn describe() {
    for (name, text) in COUNTERS {
        let name = format!("stockwire_{name}");
        describe_counter!(name.clone(), Unit::Count, text);
        counter!(name).increment(0);
    }
    for (name, unit, text) in GAUGES {
        let name = format!("stockwire_{name}");
        describe_gauge!(name.clone(), unit, text);
        if !name.ends_with("table_bytes") {
            gauge!(name).set(0.0);
        }
    }
    let text = "An ordering step that placed something, with its commit.";
    describe_histogram!("stockwire_sequencer_step_seconds", Unit::Seconds, text);
    let text = "Writing what monitors raised and remember, with its commit.";
    describe_histogram!("stockwire_monitors_write_seconds", Unit::Seconds, text);
}
