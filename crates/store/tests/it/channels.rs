//! Channels that are deleted while others write the monitors that name them.

use anyhow::{Result, ensure};
use domain::{TenantId, WriteContext};
use store::{ChannelOutcome, Expected};
use testkit::{Database, waiting};

#[tokio::test]
async fn monitors_are_locked_in_the_order_of_their_ids() -> Result<()> {
    let (database, monitor) =
        (Database::create().await?, "2, 'm', '{\"kind\":\"all\"}', 'price', '{}', '{1}', 'test'");
    let sql = database.sql().await?;
    sql.batch_execute(&format!(
        "insert into tenants (name) values ('other');
        delete from monitors;
        insert into channels (tenant_id, name, kind, url, secret_seed) values (2, 'c', 'webhook', 'https://a.example/', '');
        insert into monitors (id, tenant_id, name, scope, measure, condition, channels, created_by) overriding system value
          select id, {monitor} from (values (12), (11)) as given (id);
        analyze monitors"
    ))
    .await?;
    let store = database.store()?;
    let other = database.sql().await?;
    other.batch_execute("begin; select from monitors where id = 11 for update").await?;
    let context = WriteContext { actor: "user:7".into(), ..WriteContext::default() };
    let delete = store.delete_channel(TenantId::new(2), 1, &Expected::Exists, &context);
    let meanwhile = async {
        const BLOCKED: &str = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        waiting::until(waiting::PATIENCE, "the deletion to wait", async || {
            let blocked: i64 = sql.query_one(BLOCKED, &[]).await?.get(0);
            Ok((blocked > 0).then_some(()))
        })
        .await?;
        Ok::<_, anyhow::Error>(
            other.batch_execute("select from monitors where id = 12 for update; commit").await?,
        )
    };
    let (deleted, meanwhile) = tokio::join!(delete, meanwhile);
    meanwhile?;
    ensure!(matches!(deleted?, ChannelOutcome::Done(_)));
    let left = "select count(*) from monitors where cardinality(channels) > 0";
    ensure!(sql.query_one(left, &[]).await?.get::<_, i64>(0) == 0);
    Ok(())
}
