//! Who writes: a role that may write items, and nothing else, is captured and named.

use anyhow::{Context, Result, ensure};
use store::{Error, Options, Store};
use testkit::{Database, Role};
use tokio_postgres::{Client, error::SqlState};

const ITEMS_ONLY: &[&str] = &["select, insert, update, delete on items"];

async fn actors(database: &Database) -> Result<Vec<String>> {
    let rows = database.sql().await?.query("select actor from changes order by id", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn clerk(database: &Database) -> Result<(Role, Client)> {
    let role = database.login_role(ITEMS_ONLY).await?;
    let client = database.sql_as(&role).await?;
    Ok((role, client))
}

#[tokio::test]
async fn a_role_with_rights_on_items_alone_can_write_them_and_is_named() -> Result<()> {
    let database = Database::create().await?;
    let (role, client) = clerk(&database).await?;
    client
        .batch_execute(
            "insert into items (tenant_id, name) values (1, 'Bolt');
             update items set quantity = 5;
             delete from items",
        )
        .await?;
    let expected = format!("db:{}", role.name);
    ensure!(actors(&database).await? == vec![expected; 3], "{:?}", actors(&database).await?);
    Ok(())
}

#[tokio::test]
async fn such_a_role_can_neither_read_nor_write_the_history() -> Result<()> {
    let database = Database::create().await?;
    let (_role, client) = clerk(&database).await?;
    client.batch_execute("insert into items (tenant_id, name) values (1, 'Bolt')").await?;
    for statement in [
        "insert into changes (tenant_id, resource, resource_id, op, version, actor) values (1, 'item', 1, 'delete', 2, 'x')",
        "update changes set actor = 'someone else'",
        "delete from changes",
        "select * from changes",
        "insert into change_log values (1, 1)",
        "update sequencer set last = 0",
        "truncate items",
    ] {
        let refused = client.batch_execute(statement).await;
        let state = refused.err().and_then(|error| error.code().cloned());
        ensure!(state == Some(SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {state:?}");
    }
    Ok(())
}

/// While a password is rotated, the server and a service disagree about it for a moment: that passes.
#[tokio::test]
async fn a_password_that_is_being_rotated_is_an_outage_and_no_bug() -> Result<()> {
    let database = Database::create().await?;
    let role = database.login_role(ITEMS_ONLY).await?;
    // The URL has none, so the password counts that is given beside it.
    let (user, address) = role.url.split_once('@').context("no user")?;
    let url = format!("{}@{address}", user.rsplit_once(':').context("no password")?.0);
    let with = |password: &str| {
        let options = Options { url: url.clone(), password: password.to_owned(), ..database.options() };
        Store::new(&options)
    };
    database.sql().await?.batch_execute(&format!("alter role {} password 'the next one'", role.name)).await?;
    let refused = with("the one before")?.ping().await;
    ensure!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    with("the next one")?.ping().await?;
    Ok(())
}

/// A trigger function that runs as the owner writes whatever the table it hangs on says.
#[tokio::test]
async fn such_a_role_cannot_hang_the_capture_on_a_table_of_its_own() -> Result<()> {
    let database = Database::create().await?;
    let (_role, client) = clerk(&database).await?;
    client.batch_execute("create temporary table mine (like items including defaults)").await?;
    let hang = "create trigger forge after insert on mine referencing new table as new_items
        for each statement execute function capture_created_items()";
    let refused = client.batch_execute(hang).await;
    let state = refused.err().and_then(|error| error.code().cloned());
    ensure!(state == Some(SqlState::INSUFFICIENT_PRIVILEGE), "{state:?}");
    Ok(())
}

/// A session's plan for one row must not be used for many: each would be compared with each.
#[tokio::test]
async fn a_bulk_update_after_a_small_one_in_the_same_session_is_no_slower_than_it_must_be() -> Result<()> {
    let database = Database::create().await?;
    let client = database.sql().await?;
    client
        .batch_execute("insert into items (tenant_id, name) select 1, 'x' from generate_series(1, 30000)")
        .await?;
    for _ in 0..7 {
        client.batch_execute("update items set quantity = quantity + 1 where id = 1").await?;
    }
    let bulk = client.batch_execute("update items set price = 1");
    // Comparing each with each takes minutes.
    testkit::waiting::within(std::time::Duration::from_secs(30), "a bulk update", bulk).await??;
    Ok(())
}

/// `set role` changes what someone may do, not who they are.
#[tokio::test]
async fn who_logged_in_is_named_also_under_another_role() -> Result<()> {
    let database = Database::create().await?;
    let (role, client) = clerk(&database).await?;
    let group = database.login_role(ITEMS_ONLY).await?;
    database.sql().await?.batch_execute(&format!("grant {} to {}", group.name, role.name)).await?;
    let write = "insert into items (tenant_id, name) values (1, 'Bolt')";
    client.batch_execute(&format!("set role {}; {write}", group.name)).await?;
    ensure!(actors(&database).await? == [format!("db:{}", role.name)], "{:?}", actors(&database).await?);
    Ok(())
}

/// What a writer puts into its own schemas is not what the triggers use.
#[tokio::test]
async fn a_writer_cannot_bend_what_is_captured() -> Result<()> {
    let database = Database::create().await?;
    let (role, client) = clerk(&database).await?;
    client
        .batch_execute(
            "create temporary table changes (like items);
             create temporary table sequencer (like items);
             set search_path = pg_temp, public;
             insert into items (tenant_id, name) values (1, 'Bolt')",
        )
        .await?;
    ensure!(actors(&database).await? == [format!("db:{}", role.name)], "{:?}", actors(&database).await?);
    Ok(())
}
