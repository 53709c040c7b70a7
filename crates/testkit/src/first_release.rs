//! The first release, as far as a database can tell: its schema, and the statements that its services send, word for
//! word. It may be running while today's schema is brought in, so they must go on working.

use anyhow::{Context, Result};
use domain::{Cursor, Epoch, Position};
use refinery::Target;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{Database, server};

mod embedded {
    refinery::embed_migrations!("../../sql");
}

/// What its notifier and its API ask for at the start of everything: the log's head.
const LOG_HEAD: &str = "/* store::log_head */
    select epoch, last, coalesce((select min(position) from change_log), last + 1) as first
    from sequencer";

const LEAD: &str = "/* store::Sequencer::lead */ select pg_try_advisory_lock($1) as leads";

const ORIGIN: &str = "/* store::Sequencer::lead */
    select sequencer.epoch, sequencer.origin, here.origin as here from sequencer cross join lateral (
      select system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/'
        || (select oid from pg_database where datname = current_database()) || '/'
        || 'sequencer'::regclass::oid as origin
      from pg_control_system()
    ) as here";

const ADOPT: &str = "/* store::Sequencer::lead */
    with placed as (
      insert into change_log (position, change_id)
      select (select last from sequencer) + row_number() over (order by id), id
      from changes where not exists (select from change_log where change_log.change_id = changes.id)
      returning 1
    )
    update sequencer set origin = $1, epoch = $2, seen = pg_current_snapshot(),
      last = last + (select count(*) from placed)";

const STEP: &str = "/* store::Sequencer::step */
    with state as materialized (select epoch, seen, last from sequencer),
    now as materialized (select pg_current_snapshot() as seen),
    fresh as (
      select id from changes where xid >= (select pg_snapshot_xmax(seen) from state)
      union all
      select id from changes where xid = any (array(select pg_snapshot_xip(seen) from state))
    ),
    placed as (
      insert into change_log (position, change_id)
      select (select last from state) + row_number() over (order by id), id from fresh
      returning position, change_id
    ),
    total as materialized (select count(*) as placed from placed),
    stepped as (
      update sequencer set seen = (select now.seen from now), last = last + (select placed from total)
      where (select placed from total) > 0
      returning 1
    )
    select state.epoch, state.last + total.placed as last, total.placed,
      (select count(*) from stepped) as stepped, page.*
    from state cross join total left join lateral (
      select placed.position, changes.id as change_id, changes.tenant_id, changes.resource,
        changes.resource_id, changes.op, changes.version, changes.at, changes.actor, changes.reason,
        changes.data::text as data, changes.previous::text as previous
      from placed join changes on changes.id = placed.change_id
      order by placed.position limit $1
    ) as page on true
    order by page.position";

/// What its services read, with what makes them return something: a tenant, an item, a position.
const READS: [&str; 4] = [
    "/* store::changes */
    select sequencer.epoch, sequencer.last, page.*
    from sequencer left join lateral (
      select change_log.position, changes.id as change_id, changes.resource, changes.resource_id, changes.op,
        changes.version, changes.at, changes.actor, changes.reason, changes.request_id,
        changes.data::text as data, changes.previous::text as previous
      from change_log join changes on changes.id = change_log.change_id
      where change_log.position > 0 and changes.tenant_id = 1
      order by change_log.position limit 200
    ) as page on true
    order by page.position",
    "/* store::item_history */
    select sequencer.epoch, sequencer.last, page.*
    from sequencer left join lateral (
      select changes.id as change_id, change_log.position, changes.resource, changes.resource_id, changes.op,
        changes.version, changes.at, changes.actor, changes.reason, changes.request_id,
        changes.data::text as data, changes.previous::text as previous
      from changes left join change_log on change_log.change_id = changes.id
      where changes.tenant_id = 1 and changes.resource = 'item' and changes.resource_id = 1
        and changes.id > 0
      order by changes.id limit 200
    ) as page on true
    order by page.change_id",
    "/* store::log_entries */
    select change_log.position, changes.id as change_id, changes.tenant_id, changes.resource,
      changes.resource_id, changes.op, changes.version, changes.at, changes.actor, changes.reason,
      changes.data::text as data, changes.previous::text as previous
    from change_log join changes on changes.id = change_log.change_id
    where change_log.position > 0
    order by change_log.position limit 1000",
    "/* store::describe */
    select current_setting('server_version') as version, current_database()::text as database,
      (select count(*) from items) as items, (select last from sequencer) as head",
];

impl Database {
    /// A database as the first release leaves it when it starts for the first time.
    ///
    /// # Errors
    /// Postgres can't be started, or refuses.
    pub async fn of_the_first_release() -> Result<Self> {
        let database = Self::create_empty().await?;
        let mut client = database.sql().await?;
        embedded::migrations::runner().set_target(Target::Version(1)).run_async(&mut client).await?;
        Ok(database)
    }
}

/// Its notifier, which leads, and the readers of its other services.
#[derive(Debug)]
pub struct FirstRelease {
    client: Client,
}

impl FirstRelease {
    /// Leads the log, which must have been its own all along.
    ///
    /// # Errors
    /// Somebody else leads.
    pub async fn lead(database: &Database) -> Result<Self> {
        let client = server::connect(&database.url()).await?;
        let leads: bool = client.query_one(LEAD, &[&0x5354_4f43_4b57_4952_i64]).await?.try_get(0)?;
        leads.then_some(()).context("somebody else leads")?;
        let row = client.query_one(ORIGIN, &[]).await?;
        let (epoch, origin, here): (Uuid, String, String) =
            (row.try_get("epoch")?, row.try_get("origin")?, row.try_get("here")?);
        if origin != here {
            client.execute(ADOPT, &[&here, &epoch]).await?;
        }
        Ok(Self { client })
    }

    /// One step of the sequencer, and how many changes it placed.
    ///
    /// # Errors
    /// The statement doesn't work any more.
    pub async fn step(&self) -> Result<i64> {
        let rows = self.client.query(STEP, &[&2000_i64]).await?;
        Ok(rows.first().context("the sequencer has no row")?.try_get("placed")?)
    }

    /// The log's head, and the first position as it knows it.
    ///
    /// # Errors
    /// The statement doesn't work any more.
    pub async fn log_head(&self) -> Result<(Cursor, i64)> {
        let row = self.client.query_one(LOG_HEAD, &[]).await?;
        let position = Position::new(row.try_get("last")?).context("a negative position")?;
        Ok((Cursor { epoch: Epoch::new(row.try_get("epoch")?), position }, row.try_get("first")?))
    }

    /// Reads all that its services read: how many rows each statement gave.
    ///
    /// # Errors
    /// A statement doesn't work any more.
    pub async fn read(&self) -> Result<Vec<usize>> {
        let mut rows = Vec::new();
        for statement in READS {
            rows.push(self.client.query(statement, &[]).await?.len());
        }
        Ok(rows)
    }
}
