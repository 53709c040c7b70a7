//! What is measured of the log and the server is true.

use std::time::Duration;

use anyhow::{Result, ensure};
use store::Sequencer;
use testkit::Database;

#[tokio::test]
async fn the_backlog_is_what_was_committed_and_not_placed() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let sequencer = Sequencer::lead(&store).await?;
    let open = database.sql().await?;
    open.batch_execute("begin; insert into items (tenant_id, name) values (1, 'open')").await?;
    let writer = database.sql().await?;
    writer.batch_execute("insert into items (tenant_id, name) values (1, 'before')").await?;
    sequencer.step().await?;
    let empty = store.backlog().await?;
    ensure!(empty.changes == 0 && empty.oldest.is_zero(), "what isn't committed doesn't count: {empty:?}");
    writer
        .batch_execute(
            "insert into items (tenant_id, name) select 1, 'after ' || n from generate_series(1, 3) n",
        )
        .await?;
    open.batch_execute("commit").await?;
    let found = store.backlog().await?;
    ensure!(found.changes == 4 && !found.oldest.is_zero(), "{found:?}");
    ensure!(sequencer.step().await?.placed == 4);
    ensure!(store.backlog().await?.changes == 0);
    Ok(())
}

#[tokio::test]
async fn the_server_is_described() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let open = database.sql().await?;
    open.batch_execute("begin; select 1; select pg_sleep(0.05)").await?;
    let vitals = store.server_vitals().await?;
    ensure!(vitals.oldest_transaction >= Duration::from_millis(50), "{vitals:?}");
    ensure!(vitals.connections >= 2 && vitals.connections <= vitals.max_connections, "{vitals:?}");
    ensure!((0.0..=1.0).contains(&vitals.notification_queue), "{vitals:?}");
    let tables: Vec<&str> = vitals.tables.iter().map(|(table, _)| table.as_str()).collect();
    ensure!(tables == ["changes", "change_log", "items"]);
    ensure!(vitals.tables.iter().all(|(_, bytes)| *bytes > 0), "{vitals:?}");
    Ok(())
}
