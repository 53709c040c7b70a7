//! What monitors raise, from changes in the database to rows in `notifications`: each condition, starting and stopping,
//! what is held back, and what must not be raised.

mod conditions;
mod keeping_on;
mod odd_turns;
mod replay;
mod starting;
mod under_load;

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{Database, Notifier, settings, waiting};
use tokio_postgres::Client;

/// A database whose log is followed, without the built-in monitor.
struct Scene {
    database: Database,
    sql: Client,
    notifier: Notifier,
}

/// What was raised: which item, the value, the position of the change.
type Raised = (i64, Value, i64);

impl Scene {
    async fn set() -> Result<Self> {
        let database = Database::create().await?;
        let sql = database.sql().await?;
        sql.batch_execute("delete from monitors").await?;
        let notifier = Notifier::start(&settings(&database)?).await?;
        let scene = Self { database, sql, notifier };
        scene.looked_through().await?;
        Ok(scene)
    }

    /// A monitor of these columns, such as `"scope": {…}`; the others have their defaults.
    async fn monitor(&self, columns: &Value) -> Result<i64> {
        make_monitor(&self.sql, columns).await
    }

    /// An item of this sku, with this quantity and price.
    async fn item(&self, sku: &str, quantity: i64, price: Option<&str>) -> Result<i64> {
        let insert = "insert into items (tenant_id, sku, name, quantity, price)
            values (1, $1, $1, $2, $3::text::numeric) returning id";
        Ok(self.sql.query_one(insert, &[&sku, &quantity, &price]).await?.get(0))
    }

    async fn quantity(&self, item: i64, quantity: i64) -> Result<()> {
        self.sql.execute("update items set quantity = $2 where id = $1", &[&item, &quantity]).await?;
        Ok(())
    }

    async fn price(&self, item: i64, price: &str) -> Result<()> {
        let update = "update items set price = $2::text::numeric where id = $1";
        self.sql.execute(update, &[&item, &price]).await?;
        Ok(())
    }

    /// Waits until everything that was written was looked at.
    async fn looked_through(&self) -> Result<()> {
        looked_through(&self.database).await
    }

    /// All that one monitor raised, once everything was looked at.
    async fn raised(&self, monitor: i64) -> Result<Vec<Raised>> {
        self.looked_through().await?;
        let raised = "select item_id, notification_document(notifications) -> 'value', change_position
            from notifications where monitor_id = $1 order by id";
        let rows = self.sql.query(raised, &[&monitor]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get::<_, Value>(1), row.get(2))).collect())
    }

    /// The values that one monitor raised.
    async fn values(&self, monitor: i64) -> Result<Vec<Value>> {
        Ok(self.raised(monitor).await?.into_iter().map(|(_, value, _)| value).collect())
    }

    async fn set_state(&self, monitor: i64, state: &str) -> Result<()> {
        self.sql.execute("update monitors set state = $2 where id = $1", &[&monitor, &state]).await?;
        self.looked_through().await
    }
}

async fn make_monitor(sql: &Client, columns: &Value) -> Result<i64> {
    let insert = "insert into monitors (tenant_id, name, scope, measure, condition, hysteresis, notify_existing, severity,
          message, cooldown_seconds, schedule, created_by)
        select 1, coalesce(name, 'a monitor'), coalesce(scope, '{\"kind\":\"all\"}'), coalesce(measure, 'quantity'), condition,
          coalesce(hysteresis, 0), coalesce(notify_existing, false), coalesce(severity, 'warning'), message,
          coalesce(cooldown_seconds, 0), schedule, 'test'
        from jsonb_populate_record(null::monitors, $1) returning id";
    Ok(sql.query_one(insert, &[columns]).await?.get(0))
}

async fn looked_through(database: &Database) -> Result<()> {
    let sql = database.sql().await?;
    // Also what was committed and has no position yet.
    let behind = "select (select max(id) from changes where resource in ('item', 'monitor')) as written,
        (select position from monitor_cursor) as seen,
        (select position from change_log join changes on changes.id = change_id
         where resource in ('item', 'monitor') order by changes.id desc limit 1) as needed,
        (select count(*) from changes where resource in ('item', 'monitor')
         and not exists (select from change_log where change_id = changes.id)) as unplaced";
    let seen = waiting::until(waiting::PATIENCE * 6, "monitors to have seen everything", async || {
        let row = sql.query_one(behind, &[]).await?;
        let (seen, needed): (i64, Option<i64>) = (row.get("seen"), row.get("needed"));
        let unplaced: i64 = row.get("unplaced");
        Ok((unplaced == 0 && seen >= needed.unwrap_or_default()).then_some(()))
    });
    seen.await.context("how far monitors have got")?;
    Ok(())
}
