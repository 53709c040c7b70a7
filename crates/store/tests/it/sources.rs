//! Data sources that are run, changed and deleted at the same time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::{ItemId, ItemValues, Price, TenantId, WriteContext};
use store::{Expected, GivenBy, SourceOutcome, SourceWriter, Store, TakenSource};
use testkit::{Database, waiting};
use tokio_postgres::Client;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(10);
const TENANT: TenantId = TenantId::DEFAULT;

/// Two sources that are due, and an item.
async fn prepared() -> Result<(Database, Store, Client)> {
    let database = Database::create().await?;
    let sql = database.sql().await?;
    sql.batch_execute(
        r#"insert into items (tenant_id, name, sku) values (1, 'Bolt', 'A');
        insert into sources (tenant_id, name, kind, format, url, interval_seconds, mapping, fresh_for_seconds, created_by)
        select 1, name, 'pull', 'json', 'https://shop.example/', 600, '{"item": {"match": "sku"}, "price": "p"}', 600,
          'test'
        from (values ('first'), ('second')) as sources (name)"#,
    )
    .await?;
    let store = database.store()?;
    Ok((database, store, sql))
}

async fn names(store: &Store, holder: Uuid) -> Result<Vec<String>> {
    let mut names = Vec::new();
    while let Some(source) = store.take_due_source(holder, LEASE, &[]).await? {
        names.push(source.definition.name.as_str().to_owned());
    }
    Ok(names)
}

/// Waits until so many statements wait for locks.
async fn waiting_for_locks(sql: &Client, many: i64) -> Result<()> {
    const BLOCKED: &str = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    waiting::until(waiting::PATIENCE, "statements that wait for locks", async || {
        let blocked: i64 = sql.query_one(BLOCKED, &[]).await?.get(0);
        Ok((blocked >= many).then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_source_that_is_deleted_in_the_middle_of_a_batch_is_deleted_after_it() -> Result<()> {
    let (database, store, sql) = prepared().await?;
    let holder = Uuid::new_v4();
    let taken = store.take_due_source(holder, LEASE, &[]).await?;
    let TakenSource { id, .. } = taken.context("none is due")?;
    let item = ItemId::new(1).context("an id")?;
    let price = Price::parse("2").map_err(anyhow::Error::msg)?;
    let values = [ItemValues { item, quantity: None, price: Some(price) }];
    let given = GivenBy { tenant: TENANT, source: id, max_change_percent: None };
    // Somebody else's batch is under way, so that this one waits for its turn.
    let other = database.sql().await?;
    other
        .batch_execute("begin; select pg_advisory_xact_lock(hashint8extended(1, x'535753524345'::bigint))")
        .await?;
    let context = WriteContext { actor: "source:1".into(), ..WriteContext::default() };
    let apply = store.apply_source_values(given, &values, SourceWriter::Run(holder, LEASE), &context);
    let meanwhile = async {
        waiting_for_locks(&sql, 1).await?;
        let delete = store.delete_source(TENANT, id, &Expected::Exists, &context);
        let go_on = async {
            waiting_for_locks(&sql, 2).await?;
            Ok::<_, anyhow::Error>(other.batch_execute("commit").await?)
        };
        let (deleted, went_on) = tokio::join!(delete, go_on);
        went_on?;
        Ok::<_, anyhow::Error>(deleted?)
    };
    let (applied, deleted) = tokio::join!(apply, meanwhile);
    ensure!(applied?.is_some_and(|judged| judged.len() == 1));
    ensure!(matches!(deleted?, SourceOutcome::Done(_)));
    let left = "select count(*) from source_values";
    ensure!(sql.query_one(left, &[]).await?.get::<_, i64>(0) == 0);
    Ok(())
}

#[tokio::test]
async fn a_source_that_cannot_be_read_keeps_no_other_from_being_run() -> Result<()> {
    let (_database, store, sql) = prepared().await?;
    sql.batch_execute(r#"update sources set mapping = '{"rows": 7}' where name = 'first'"#).await?;
    ensure!(names(&store, Uuid::new_v4()).await? == ["second"]);
    let told = "select last_error, next_run_at > clock_timestamp() + interval '30 s', holder is null
        from source_runs join sources on id = source_id where name = 'first'";
    let told = sql.query_one(told, &[]).await?;
    ensure!(told.get::<_, String>(0).contains("mapping") && told.get(1) && told.get(2), "{told:?}");
    ensure!(names(&store, Uuid::new_v4()).await?.is_empty());
    Ok(())
}
