//! Bringing the schema up to date: once, together, and not past what the program knows.

use anyhow::{Result, ensure};
use store::MigrateError;
use testkit::Database;

#[tokio::test]
async fn a_missing_database_is_created_once() -> Result<()> {
    let database = Database::only_named().await?;
    let options = database.options();
    ensure!(store::create_database_if_missing(&options).await?, "it was there already");
    ensure!(!store::create_database_if_missing(&options).await?, "it was created twice");
    ensure!(store::migrate(&options).await? > 0, "nothing was applied");
    ensure!(database.store()?.describe(domain::TenantId::DEFAULT).await?.items == 0, "there are items");
    Ok(())
}

#[tokio::test]
async fn two_services_that_start_together_create_and_migrate_without_tripping() -> Result<()> {
    let database = Database::only_named().await?;
    let start = async || {
        let options = database.options();
        store::create_database_if_missing(&options).await?;
        anyhow::Ok(store::migrate(&options).await?)
    };
    let (one, other) = tokio::try_join!(start(), start())?;
    ensure!(one.min(other) == 0 && one.max(other) > 0, "{one} and {other} migrations");
    ensure!(store::migrate(&database.options()).await? == 0, "a third start found something to do");
    Ok(())
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused_and_left_alone() -> Result<()> {
    let database = Database::create().await?;
    let client = database.sql().await?;
    client
        .batch_execute(
            "insert into refinery_schema_history (version, name, applied_on, checksum)
             values (9999, 'from_the_future', now()::text, '0')",
        )
        .await?;
    let refused = store::migrate(&database.options()).await;
    ensure!(matches!(refused, Err(MigrateError::Newer { found: 9999, .. })), "{refused:?}");
    let says = refused.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(says.contains("9999") && says.contains("newer"), "{says}");
    Ok(())
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_is_refused() -> Result<()> {
    let database = Database::create().await?;
    let client = database.sql().await?;
    client.batch_execute("update refinery_schema_history set checksum = '1'").await?;
    let refused = store::migrate(&database.options()).await;
    ensure!(matches!(refused, Err(MigrateError::Migration(_))), "{refused:?}");
    Ok(())
}
