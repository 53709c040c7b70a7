//! Who is connected: what hubs report, and whom it makes present.
//!
//! `hub_people` holds what each hub said; `presence` has a row for everybody who is with any hub, and its trigger writes
//! the log. Two hubs may say of the same person, at the same time, that they came and that they left. Each transaction
//! first writes what its own hub said, then takes a lock for each person that it names, and only then looks at what all
//! hubs said: whoever looks second sees the first one's rows, because the lock is held until they are committed. The
//! locks are advisory and lie in a few buckets, so that a long list doesn't fill the server's table of locks; they are
//! taken in the order of their numbers, so nobody waits in a circle. A hub's row is locked before everything else, and
//! only by its own reports and by the sweep, which passes over those that are locked.

use domain::{Cursor, PersonDocument, PresenceReport, TenantActor, TenantId};
use futures_util::Stream;
use serde_json::value::RawValue;
use tokio_postgres::{Row, types::ToSql};

use crate::{Error, Snapshot, Store, row, snapshot};

type Transaction<'a> = deadpool_postgres::Transaction<'a>;

/// How many people are looked at in one transaction of the sweep.
const SWEPT: i64 = 500;

/// What becomes of a hub's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is known now, or was before.
    Yes,
    /// The hub isn't known (any more), or a report is missing: it must say the whole list.
    Unknown,
}

/// A page of those who are connected.
#[derive(Debug)]
pub struct PeoplePage {
    /// In the order in which they came.
    pub people: Vec<PersonDocument>,
    /// The last one's id, if another page follows.
    pub next: Option<i64>,
    /// The moment of the log that the page shows.
    pub as_of: Cursor,
}

/// People as two arrays for a statement.
#[derive(Debug, Default)]
struct Named {
    tenants: Vec<i64>,
    actors: Vec<String>,
}

impl Named {
    fn of<'a>(people: impl IntoIterator<Item = &'a TenantActor>) -> Self {
        let (tenants, actors) =
            people.into_iter().map(|person| (person.tenant.get(), person.actor.clone())).unzip();
        Self { tenants, actors }
    }

    /// Of the columns `tenant_id` and `actor`.
    fn read(rows: &[Row]) -> Result<Self, Error> {
        let mut named = Self::default();
        for row in rows {
            named.tenants.push(row.try_get("tenant_id")?);
            named.actors.push(row.try_get("actor")?);
        }
        Ok(named)
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            tenants: [&*self.tenants, &*other.tenants].concat(),
            actors: [&*self.actors, &*other.actors].concat(),
        }
    }

    const fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }
}

impl Store {
    /// Takes a hub's report: afterwards the log says who has come and who has gone by it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_presence_report(&self, report: &PresenceReport) -> Result<Taken, Error> {
        const ADD: &str = "/* store::take_presence_report */
            insert into hubs (id, report, expires_at) values ($1, 0, now()) on conflict do nothing";
        const FIND: &str = "/* store::take_presence_report */
            select report from hubs where id = $1 for update";
        const RENEW: &str = "/* store::take_presence_report */
            update hubs set report = $2, expires_at = clock_timestamp() + make_interval(secs => $3) where id = $1";
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let (hub, number) = (&report.hub, report.number);
        if report.begins_anew() {
            execute(&transaction, ADD, &[hub]).await?;
        }
        let Some(found) = rows(&transaction, FIND, &[hub]).await?.pop() else { return Ok(Taken::Unknown) };
        let known: i64 = found.try_get("report")?;
        if number < known {
            // One that was given up and comes late: what it says was said again since.
            return Ok(Taken::Yes);
        }
        if number > known {
            if number != known + 1 && !report.begins_anew() {
                return Ok(Taken::Unknown);
            }
            apply(&transaction, report).await?;
        }
        let seconds = f64::from(report.lasts_ms) / 1000.0;
        execute(&transaction, RENEW, &[hub, &number, &seconds]).await?;
        transaction.commit().await?;
        Ok(Taken::Yes)
    }

    /// Removes hubs that haven't said for too long that they live, then everybody who is with no hub. Says how many
    /// people that were. Several may do it at once.
    ///
    /// # Errors
    /// The database is away; what was done until then stays done.
    pub async fn sweep_presence(&self) -> Result<u64, Error> {
        // Their people go with them.
        const HUBS: &str = "/* store::sweep_presence */
            delete from hubs where id in (
              select id from hubs where expires_at < now() order by id for update skip locked)";
        const NOWHERE: &str = "/* store::sweep_presence */
            select tenant_id, actor from presence
            where not exists (select from hub_people
              where hub_people.tenant_id = presence.tenant_id and hub_people.actor = presence.actor)
            order by tenant_id, actor limit $1";
        let mut client = self.client().await?;
        client.rows(HUBS, &[]).await?;
        let mut gone = 0;
        loop {
            let nowhere = Named::read(&client.rows(NOWHERE, &[&SWEPT]).await?)?;
            if nowhere.is_empty() {
                return Ok(gone);
            }
            let transaction = client.transaction().await?;
            lock(&transaction, &nowhere).await?;
            let left = leave(&transaction, &nowhere).await?;
            transaction.commit().await?;
            gone += left;
            // Others sweep, too, or everybody came back at this moment: the next time will do.
            if left == 0 {
                return Ok(gone);
            }
        }
    }

    /// A page of at most `limit` of those of a tenant who are connected, behind an id, with the moment of the log that it
    /// shows.
    ///
    /// # Errors
    /// The database is away.
    pub async fn people(&self, tenant: TenantId, after: i64, limit: u16) -> Result<PeoplePage, Error> {
        const PEOPLE: &str = "/* store::people */
            select sequencer.epoch, sequencer.last, page.id, page.document
            from sequencer left join lateral (
              select presence.id, presence_document(presence)::text as document from presence
              where presence.tenant_id = $1 and presence.id > $2 order by presence.id limit $3
            ) as page on true
            order by page.id";
        let client = self.client().await?;
        // One more than asked for says whether another page follows.
        let found = client.rows(PEOPLE, &[&tenant.get(), &after, &(i64::from(limit) + 1)]).await?;
        read_page(&found, usize::from(limit))
    }

    /// Everybody of a tenant who is connected, read in one statement and so at one moment.
    ///
    /// # Errors
    /// The database is away; the stream ends with an error if that happens on the way.
    pub async fn presence_snapshot(
        &self,
        tenant: TenantId,
    ) -> Result<Snapshot<impl Stream<Item = Result<String, Error>> + use<>>, Error> {
        const SNAPSHOT: &str = "/* store::presence_snapshot */
            select sequencer.epoch, sequencer.last,
              case when presence.id is not null then presence_document(presence)::text end as document
            from sequencer left join presence on presence.tenant_id = $1
            order by presence.id";
        snapshot::stream(self.client().await?, SNAPSHOT, &[&tenant.get()]).await
    }
}

/// Writes what a hub said, and what that changes for everybody.
async fn apply(transaction: &Transaction<'_>, report: &PresenceReport) -> Result<(), Error> {
    const COME: &str = "/* store::presence::apply */
        insert into hub_people (hub_id, tenant_id, actor, report)
        select distinct $1::uuid, named.tenant, named.actor, $2::bigint
        from unnest($3::bigint[], $4::text[]) as named (tenant, actor)
        on conflict (hub_id, tenant_id, actor) do update set report = excluded.report";
    const GO: &str = "/* store::presence::apply */
        delete from hub_people using unnest($2::bigint[], $3::text[]) as named (tenant, actor)
        where hub_id = $1 and tenant_id = named.tenant and hub_people.actor = named.actor";
    const UNNAMED: &str = "/* store::presence::apply */
        delete from hub_people where hub_id = $1 and report < $2 returning tenant_id, actor";
    let hub = &report.hub;
    let (here, mut gone) = (Named::of(&report.here), Named::of(&report.gone));
    if !here.is_empty() {
        execute(transaction, COME, &[hub, &report.number, &here.tenants, &here.actors]).await?;
    }
    if !gone.is_empty() {
        execute(transaction, GO, &[hub, &gone.tenants, &gone.actors]).await?;
    }
    if let (Some(first), true) = (report.whole, report.done) {
        gone = gone.and(&Named::read(&rows(transaction, UNNAMED, &[hub, &first]).await?)?);
    }
    if here.is_empty() && gone.is_empty() {
        return Ok(());
    }
    lock(transaction, &here.and(&gone)).await?;
    arrive(transaction, &here).await?;
    leave(transaction, &gone).await?;
    Ok(())
}

/// Waits until nobody else decides about these people, and keeps others from it until the transaction ends. What the next
/// statement sees is as new as that.
async fn lock(transaction: &Transaction<'_>, named: &Named) -> Result<(), Error> {
    // The first number says what the locks are for; nobody else uses those of two numbers.
    const LOCK: &str = "/* store::presence::lock */
        select pg_advisory_xact_lock(91634239, bucket) from (
          select distinct hashtext(named.tenant || '/' || named.actor) & 63 as bucket
          from unnest($1::bigint[], $2::text[]) as named (tenant, actor) order by bucket
        ) as buckets";
    execute(transaction, LOCK, &[&named.tenants, &named.actors]).await
}

/// Makes those present who aren't.
async fn arrive(transaction: &Transaction<'_>, here: &Named) -> Result<(), Error> {
    const ARRIVE: &str = "/* store::presence::arrive */
        insert into presence (tenant_id, actor, name)
        select named.tenant, named.actor, coalesce(users.name, api_keys.name, named.actor)
        from (
          select distinct tenant, actor,
            case when actor ~ '^user:[1-9][0-9]{0,17}$' then substr(actor, 6)::bigint end as user_id,
            case when actor ~ '^key:[1-9][0-9]{0,17}$' then substr(actor, 5)::bigint end as key_id
          from unnest($1::bigint[], $2::text[]) as listed (tenant, actor)
        ) as named
        left join users on users.id = named.user_id and users.tenant_id = named.tenant
        left join api_keys on api_keys.id = named.key_id and api_keys.tenant_id = named.tenant
        where not exists (select from presence
          where presence.tenant_id = named.tenant and presence.actor = named.actor)
        order by named.tenant, named.actor
        on conflict (tenant_id, actor) do nothing";
    execute(transaction, ARRIVE, &[&here.tenants, &here.actors]).await
}

/// Removes those who are with no hub, and says how many.
async fn leave(transaction: &Transaction<'_>, gone: &Named) -> Result<u64, Error> {
    const LEAVE: &str = "/* store::presence::leave */
        delete from presence using unnest($1::bigint[], $2::text[]) as named (tenant, actor)
        where presence.tenant_id = named.tenant and presence.actor = named.actor
          and not exists (select from hub_people
            where hub_people.tenant_id = named.tenant and hub_people.actor = named.actor)";
    let statement = transaction.prepare_cached(LEAVE).await?;
    Ok(transaction.execute(&statement, &[&gone.tenants, &gone.actors]).await?)
}

async fn execute(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<(), Error> {
    rows(transaction, statement, parameters).await.map(drop)
}

async fn rows(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    let statement = transaction.prepare_cached(statement).await?;
    Ok(transaction.query(&statement, parameters).await?)
}

fn read_page(rows: &[Row], limit: usize) -> Result<PeoplePage, Error> {
    let Some(first) = rows.first() else {
        let detail = "the row is missing".to_owned();
        return Err(Error::Corrupt { table: "sequencer", column: "singleton", id: 0, detail });
    };
    let as_of = row::head(first)?;
    let mut people = Vec::with_capacity(limit.min(rows.len()));
    let mut last = None;
    for row in rows.iter().take(limit) {
        let Some(id) = row.try_get::<_, Option<i64>>("id")? else { break };
        people.push(read_person(id, row)?);
        last = Some(id);
    }
    Ok(PeoplePage { people, next: last.filter(|_| rows.len() > limit), as_of })
}

fn read_person(id: i64, row: &Row) -> Result<PersonDocument, Error> {
    let json = RawValue::from_string(row.try_get("document")?).map_err(|error| Error::Corrupt {
        table: "presence",
        column: "presence_document",
        id,
        detail: error.to_string(),
    })?;
    Ok(PersonDocument::new(json))
}
