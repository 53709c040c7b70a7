//! What each of the store's series says. All are registered with the first store of a process: a series that appears
//! with its first event has no rate for it.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::error::KINDS;

/// Describes the series of pool and statements, and registers those whose labels are known.
pub(crate) fn describe() {
    for (name, text) in [
        ("in_use", "Connections of the pool that work for somebody."),
        ("open", "Connections that the pool has open."),
        ("max", "The most connections that the pool may have open."),
        ("waiting", "Those who wait for a connection of the pool."),
    ] {
        let name = format!("stockwire_database_pool_{name}");
        describe_gauge!(name.clone(), Unit::Count, text);
        gauge!(name).set(0.0);
    }
    let text = "The wait for a connection of the pool, a new connection's making included.";
    describe_histogram!("stockwire_database_pool_wait_seconds", Unit::Seconds, text);
    let text =
        "A statement's time, by the function of store that runs it; a stream's until its first answer.";
    describe_histogram!("stockwire_database_statement_seconds", Unit::Seconds, text);
    let text = "Statements and connections that failed, by kind: pool_wait (no place in the pool in time), connect, \
        connection (lost, refused, shut down), statement_timeout, lock_timeout, conflict (deadlock, serialisation), \
        constraint, other.";
    describe_counter!("stockwire_database_errors_total", Unit::Count, text);
    for kind in KINDS {
        counter!("stockwire_database_errors_total", "kind" => kind).increment(0);
    }
}
