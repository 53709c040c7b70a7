//! What the catalogue says of our tables: everything is explained, and every rule has a name.

use anyhow::{Result, ensure};
use testkit::Database;

async fn names(database: &Database, query: &str) -> Result<Vec<String>> {
    let rows = database.sql().await?.query(query, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn every_table_and_column_is_commented() -> Result<()> {
    let database = Database::create().await?;
    let silent = names(
        &database,
        "select relname || coalesce('.' || attname, '')
         from pg_class
         left join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
           and relname <> 'refinery_schema_history'
           and (col_description(pg_class.oid, attnum) is null or obj_description(pg_class.oid, 'pg_class') is null)
         order by 1",
    )
    .await?;
    ensure!(silent.is_empty(), "without a comment: {silent:?}");
    Ok(())
}

#[tokio::test]
async fn every_function_is_commented() -> Result<()> {
    let database = Database::create().await?;
    let silent = names(
        &database,
        "select proname::text from pg_proc
         where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null",
    )
    .await?;
    ensure!(silent.is_empty(), "without a comment: {silent:?}");
    Ok(())
}

/// A name that Postgres made up begins with the table's name, too: `items_quantity_check`, `items_sku_key`.
#[tokio::test]
async fn every_constraint_has_a_name_that_we_gave_it() -> Result<()> {
    let database = Database::create().await?;
    let made_up = names(
        &database,
        r"select conname::text from pg_constraint join pg_class on pg_class.oid = conrelid
          where connamespace = 'public'::regnamespace and relname <> 'refinery_schema_history'
            and contype <> 'n' and (conname not like relname || '\_%' or conname ~ '_(check|key)\d*$')",
    )
    .await?;
    ensure!(made_up.is_empty(), "not named by us: {made_up:?}");
    Ok(())
}

/// A capture function that ran with the writer's search path could be made to write elsewhere.
#[tokio::test]
async fn whatever_runs_with_the_owners_rights_has_a_fixed_search_path() -> Result<()> {
    let database = Database::create().await?;
    let open = names(
        &database,
        "select proname::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
           and not coalesce(array_to_string(proconfig, ',') like '%search_path=public, pg_temp%', false)",
    )
    .await?;
    ensure!(open.is_empty(), "{open:?}");
    Ok(())
}

#[tokio::test]
async fn versions_are_counted_and_identities_kept_for_any_writer() -> Result<()> {
    let database = Database::create().await?;
    let sql = database.sql().await?;
    sql.batch_execute("insert into tenants (name) values ('other')").await?;
    let version =
        "update monitors set version = 9, name = 'x' where id = 1 returning version, updated_at > created_at";
    for (expected, later) in [(2_i64, true), (2, true)] {
        let row = sql.query_one(version, &[]).await?;
        ensure!((row.get::<_, i64>(0), row.get::<_, bool>(1)) == (expected, later), "{row:?}");
    }
    for column in ["tenant_id = 2", "built_in = null", "created_at = now() - interval '1 day'"] {
        let refused = sql.execute(&format!("update monitors set {column} where id = 1"), &[]).await;
        let constraint = refused.err().and_then(|error| Some(error.as_db_error()?.constraint()?.to_owned()));
        ensure!(constraint.as_deref() == Some("monitors_identity_fixed"), "{column}: {constraint:?}");
    }
    Ok(())
}
