//! Monitors over all items while everything is broken: what they raised must be what the log says they had to.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{compose::Compose, database::Database, patiently};

/// How long they may take to have seen everything once the writers have stopped.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Quantities that the writers keep crossing.
const MONITORS: &str = r#"
    insert into monitors (tenant_id, name, scope, measure, condition, created_by)
    select 1, 'drill', '{"kind": "all"}', 'quantity', jsonb_build_object('kind', kind, 'threshold', threshold), 'drill'
    from (values ('below'), ('above')) as kinds (kind), (values (3), (10), (30)) as thresholds (threshold);"#;

/// Each crossing that the log holds behind the monitor's own beginning, beside each that was raised: where one of the two is
/// missing, something is wrong. Without a hysteresis a change says by itself whether it crosses.
const COMPARED: &str = "
    with watching as (
      select resource_id as monitor_id, data ->> 'name' as name, position, data -> 'condition' ->> 'kind' as kind,
        (data -> 'condition' ->> 'threshold')::bigint as threshold
      from change_log join changes on changes.id = change_id where resource = 'monitor' and op = 'create'
    ),
    steps as (
      select position, resource_id as item_id, (data ->> 'quantity')::bigint as now,
        case when op = 'create' then null else coalesce((previous ->> 'quantity')::bigint, (data ->> 'quantity')::bigint) end
          as before
      from change_log join changes on changes.id = change_id where resource = 'item' and op <> 'delete'
    ),
    due as (
      select monitor_id, item_id, steps.position
      from watching join steps on steps.position > watching.position
      where name = 'drill' and case kind
        when 'below' then now < threshold and (before is null or before >= threshold)
        else now > threshold and (before is null or before <= threshold)
      end
    ),
    told as (
      select monitor_id, item_id, change_position as position from notifications where monitor_name = 'drill'
    )
    select count(*) filter (where told.monitor_id is null) || ' ' || count(*) filter (where due.monitor_id is null)
      || ' ' || count(*) || ' ' || (select count(*) from notifications where monitor_name = 'drill')
    from due full join told using (monitor_id, item_id, position);";

/// Makes them.
///
/// # Errors
/// The database is away.
pub(crate) async fn make(compose: &Compose) -> Result<()> {
    Database::of(compose).await?.psql(MONITORS).await.map(drop)
}

/// Compares what they raised with what they had to.
///
/// # Errors
/// It isn't the same.
pub(crate) async fn verify(database: &Database) -> Result<()> {
    const SEEN: &str = "select (select position from monitor_cursor) >= (
        select max(position) from change_log join changes on changes.id = change_id where resource = 'item');";
    patiently(CATCH_UP, "monitors to have seen everything", async || {
        Ok((database.psql(SEEN).await?.trim() == "t").then_some(()))
    })
    .await?;
    let compared = database.psql(COMPARED).await?;
    let counts: Vec<i64> =
        compared.split_whitespace().map(str::parse).collect::<Result<_, std::num::ParseIntError>>()?;
    let [missing, invented, pairs, raised] = counts[..] else {
        anyhow::bail!("not four numbers: {compared:?}");
    };
    ensure!(missing == 0 && invented == 0, "{missing} crossings were not raised, {invented} were made up");
    ensure!(pairs == raised, "{raised} notifications of {pairs} crossings");
    ensure!(raised > 0, "nothing was raised");
    println!("{raised} crossings of 6 monitors over all items, each raised once, and nothing else");
    Ok(())
}
