//! What clients see when things fail: DESIGN's table, row by row, behind the whole stack.
//!
//! | row | tests |
//! |---|---|
//! | LISTEN connection killed, or NOTIFY never arrives | `doorbell` |
//! | notifier killed, another takes over | `restarts` here; kill -9 in the notifier's `socket_clients` |
//! | hub killed; many clients reconnect at once | `hub_killed` |
//! | Postgres restarted | `postgres_away` |
//! | a client that never reads | `never_reads`, and `slow_clients` for what it hears in the end |
//! | a long transaction; rolled-back and concurrent writers | `writers` |
//! | restore from a backup | `restored` |
//! | SIGTERM anywhere | `stopped`, and `binary` of each service |
//!
//! Besides: a feed that is never read (`feed_stalled`) or falls silent (`half_open`), inventory-api away (`snapshots`).

mod doorbell;
mod feed_stalled;
mod half_open;
mod hub_killed;
mod never_reads;
mod postgres_away;
mod restored;
mod snapshots;
mod stopped;
mod writers;

use anyhow::{Result, ensure};
use service::Settings;
use testkit::{Database, LastingClient, Stack, Table, process};

use crate::{create_items, mirroring};

/// Clients hear from their hub several times a second, so that silence is noticed within a test.
fn lively(settings: &mut Settings) {
    settings.hub.heartbeat_ms = 300;
}

/// Checks that a client noticed nothing: one connection, one reading of the state, then every change once and in
/// order.
async fn noticed_nothing(database: &Database, client: &LastingClient) -> Result<()> {
    ensure!(client.connection_ids.len() == 1 && client.closes.is_empty(), "it lost its socket: {client:?}");
    let mirror = &client.mirror;
    ensure!(client.read_anew == 1 && mirror.resyncs == 0, "it had to read anew: {client:?}");
    mirror.was_sent_the_log(&database.sql().await?).await
}

/// One more hub, as a process of its own: it can be killed, and its metrics and its memory are its own.
pub(crate) async fn start_hub(stack: &Stack) -> Result<process::Service> {
    start_hub_with(stack, &[]).await
}

/// As [`start_hub`], with some of the hub's settings.
pub(crate) async fn start_hub_with(stack: &Stack, settings: &[(&str, &str)]) -> Result<process::Service> {
    let mut environment = process::environment(&stack.settings);
    environment.remove("STOCKWIRE__DATABASE__URL");
    let heartbeat_ms = stack.settings.hub.heartbeat_ms.to_string();
    for (key, value) in [("HEARTBEAT_MS", &*heartbeat_ms), ("WORKERS", "1")].iter().chain(settings) {
        environment.insert(format!("STOCKWIRE__HUB__{key}"), (*value).to_owned());
    }
    process::Service::start(env!("CARGO_BIN_EXE_hub"), "STOCKWIRE__HUB__LISTEN", &environment).await
}

/// The tests of this module would prove little if these could not fail.
#[tokio::test]
async fn what_is_missing_or_comes_twice_is_found() -> Result<()> {
    let stack = Stack::start().await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    let sql = stack.database.sql().await?;
    create_items(&stack.api, 1).await?;
    let table = Table::settled(&stack.database).await?;
    ensure!(mirror.equals(&table).is_err() && mirror.was_sent_the_log(&sql).await.is_err(), "one is missing");
    let create = client.expect("create").await?;
    mirror.take(&create)?;
    mirror.equals(&table)?;
    mirror.was_sent_the_log(&sql).await?;
    mirror.take(&create)?;
    ensure!(mirror.was_sent_the_log(&sql).await.is_err(), "it came twice");
    mirror.lost_its_socket();
    ensure!(mirror.equals(&table).is_err(), "who isn't connected may be wrong a moment later");
    Ok(())
}
