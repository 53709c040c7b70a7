//! From the first release's schema to today's: under its running services, and seen by those that wait for it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::{ItemId, TenantId, WriteContext};
use store::{MigrateError, RestoreOutcome, Sequencer, await_schema};
use testkit::{Database, FirstRelease, log_contents, waiting};
use tokio::task::JoinHandle;

async fn applied(database: &Database) -> Result<Vec<i32>> {
    let applied = "select version from refinery_schema_history order by version";
    Ok(database.sql().await?.query(applied, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Somebody who waits until the schema is ours.
fn waits(database: &Database) -> JoinHandle<Result<(), MigrateError>> {
    let options = database.options();
    tokio::spawn(async move { await_schema(&options).await })
}

#[tokio::test]
async fn services_of_the_first_release_go_on_while_the_schema_is_upgraded_and_after_it() -> Result<()> {
    let database = Database::of_the_first_release().await?;
    let old = FirstRelease::lead(&database).await?;
    let writer = database.sql().await?;
    writer.batch_execute("insert into items (tenant_id, name) values (1, 'Bolt')").await?;
    ensure!(old.step().await? == 1);
    // A long transaction and a snapshot that is being read are in the way of locks that are too strong.
    let (long, reader) = (database.sql().await?, database.sql().await?);
    long.batch_execute("begin; insert into items (tenant_id, name) values (1, 'in flight')").await?;
    let snapshot = "begin isolation level repeatable read; select from sequencer, items, changes, change_log";
    reader.batch_execute(snapshot).await?;

    let mut written = 2;
    let options = database.options();
    let migrating = tokio::spawn(async move { store::migrate(&options).await });
    while !migrating.is_finished() || written < 30 {
        writer.batch_execute("update items set quantity = quantity + 1 where id = 1").await?;
        written += 1;
        old.step().await?;
        ensure!(old.read().await?.iter().all(|rows| *rows > 0));
    }
    ensure!(waiting::within(waiting::PATIENCE, "the migration", migrating).await??? == 5);
    ensure!(applied(&database).await? == [1, 2, 3, 4, 5, 6]);
    for session in [&long, &reader] {
        session.batch_execute("commit").await?;
    }
    // After it.
    writer.batch_execute("insert into items (tenant_id, name) values (1, 'Nut')").await?;
    old.step().await?;
    let (head, first) = old.log_head().await?;
    ensure!((head.position.get(), first) == (written + 1, 1), "{head}");
    let log = log_contents::read_log(&database).await?;
    log_contents::each_change_has_one_dense_position(&database, &log).await?;
    let today = database.store()?.log_head().await?;
    ensure!((today.cursor, today.first.get()) == (head, 1), "{today:?}");
    Ok(())
}

#[tokio::test]
async fn the_log_begins_where_it_began_before() -> Result<()> {
    for (delete, first) in [("", 1), ("where position <= 3", 4), ("where position > 0", 6)] {
        let database = Database::of_the_first_release().await?;
        let old = FirstRelease::lead(&database).await?;
        let sql = database.sql().await?;
        sql.batch_execute("insert into items (tenant_id, name) select 1, 'x' from generate_series(1, 5)")
            .await?;
        old.step().await?;
        // The first release deleted nothing; its operators may have.
        if !delete.is_empty() {
            let gone = format!(
                "with gone as (delete from change_log {delete} returning change_id)
                 delete from changes using gone where id = change_id"
            );
            sql.batch_execute(&gone).await?;
        }
        store::migrate(&database.options()).await?;
        let head = database.store()?.log_head().await?;
        ensure!((head.first.get(), head.cursor.position.get()) == (first, 5), "{delete}: {head:?}");
        let log = log_contents::read_log(&database).await?;
        log_contents::what_is_kept_is_one_run(&database, &log).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_half_sequenced_tail_is_placed_by_todays_sequencer_under_the_same_epoch() -> Result<()> {
    let database = Database::of_the_first_release().await?;
    let old = FirstRelease::lead(&database).await?;
    let (sql, long) = (database.sql().await?, database.sql().await?);
    let insert = "insert into items (tenant_id, name) select 1, 'x' from generate_series(1, 5)";
    sql.batch_execute(insert).await?;
    long.batch_execute(&format!("begin; {insert}")).await?;
    sql.batch_execute(insert).await?;
    ensure!(old.step().await? == 10);
    long.batch_execute("commit").await?;
    sql.batch_execute(insert).await?;
    let (head, _) = old.log_head().await?;
    let placed = log_contents::read_log(&database).await?;
    drop(old);
    store::migrate(&database.options()).await?;
    let sequencer = Sequencer::lead(&database.store()?).await?;
    let step = sequencer.step().await?;
    ensure!((step.placed, step.head.epoch, sequencer.epoch()) == (10, head.epoch, head.epoch), "{step:?}");
    let log = log_contents::read_log(&database).await?;
    ensure!(log[..10] == placed[..], "positions have changed");
    log_contents::each_change_has_one_dense_position(&database, &log).await
}

#[tokio::test]
async fn who_waits_for_the_schema_waits_for_the_database_the_first_migration_and_the_last() -> Result<()> {
    let database = Database::only_named().await?;
    let waiting_for_a_database = waits(&database);
    tokio::time::sleep(Duration::from_millis(300)).await;
    ensure!(!waiting_for_a_database.is_finished(), "there is none");
    ensure!(store::create_database_if_missing(&database.options()).await?, "whoever waits has created it");
    store::migrate(&database.options()).await?;
    waiting::within(waiting::PATIENCE, "the schema", waiting_for_a_database).await???;

    let older = Database::of_the_first_release().await?;
    let waiting_for_migrations = waits(&older);
    tokio::time::sleep(Duration::from_millis(300)).await;
    ensure!(!waiting_for_migrations.is_finished() && applied(&older).await? == [1], "it is not ours yet");
    store::migrate(&older.options()).await?;
    waiting::within(waiting::PATIENCE, "the schema", waiting_for_migrations).await???;
    Ok(())
}

#[tokio::test]
async fn a_schema_that_is_newer_or_not_ours_is_not_waited_for() -> Result<()> {
    let database = Database::create().await?;
    await_schema(&database.options()).await?;
    let sql = database.sql().await?;
    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum)
        values (9999, 'from_the_future', now()::text, '0')";
    sql.batch_execute(newer).await?;
    let refused = waiting::within(waiting::PATIENCE, "a refusal", waits(&database)).await??;
    ensure!(matches!(refused, Err(MigrateError::Newer { found: 9999, known: 6 })), "{refused:?}");
    let other = "delete from refinery_schema_history where version = 9999;
        update refinery_schema_history set checksum = '1' where version = 1";
    sql.batch_execute(other).await?;
    let refused = waiting::within(waiting::PATIENCE, "a refusal", waits(&database)).await??;
    ensure!(matches!(refused, Err(MigrateError::Foreign { version: 1 })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn who_was_gone_before_names_were_kept_is_named_by_the_audit_trail_and_old_deletions_can_be_undone()
-> Result<()> {
    let database = Database::create_empty().await?;
    let sql = database.sql().await?;
    for migration in [
        include_str!("../../../../sql/V1__items_and_the_change_log.sql"),
        include_str!("../../../../sql/V2__retention.sql"),
        include_str!("../../../../sql/V3__accounts.sql"),
        include_str!("../../../../sql/V4__monitors.sql"),
        include_str!("../../../../sql/V5__sources.sql"),
    ] {
        sql.batch_execute(migration).await?;
    }
    sql.batch_execute(
        r#"insert into items (tenant_id, name) values (1, 'Bolt'), (1, 'Nut');
           update items set quantity = 3;
           delete from items where id = 1;
           insert into audit (tenant_id, event, actor, subject, detail) values
             (1, 'source_deleted', 'user:1', 'source:5', '{"name":"Market"}'),
             (1, 'source_changed', 'user:1', 'source:6', '{"name":"Still there"}'),
             (1, 'source_deleted', 'user:1', 'source:7', null),
             (1, 'source_deleted', 'user:1', 'source:99999999999999999999', '{"name":"No id"}'),
             (99, 'source_deleted', 'user:1', 'source:8', '{"name":"Of a tenant that is gone"}'),
             (null, 'source_deleted', 'user:1', 'source:9', '{"name":"Of none"}')"#,
    )
    .await?;
    sql.batch_execute(include_str!("../../../../sql/V6__restored_items.sql")).await?;
    let actors = database.store()?.actors(TenantId::DEFAULT, None, 50).await?.actors;
    let names: Vec<_> = actors.iter().map(|actor| (actor.actor.as_str(), actor.name.as_str())).collect();
    ensure!(names == [("source:5", "Market")], "{names:?}");
    let store = database.store()?;
    let context = WriteContext { actor: "user:1".to_owned(), ..WriteContext::default() };
    let item = ItemId::new(1).context("an id")?;
    let restored = store.restore_item(TenantId::DEFAULT, item, &context).await?;
    // Created, changed, deleted, and back.
    ensure!(matches!(&restored, RestoreOutcome::Done(item) if item.version().get() == 4), "{restored:?}");
    sql.batch_execute("insert into items (tenant_id, name, version) values (1, 'Screw', 77)").await?;
    let version: i64 = sql.query_one("select version from items where name = 'Screw'", &[]).await?.get(0);
    ensure!(version == 1, "{version}");
    Ok(())
}
