//! What nobody wants to hear of for a while. Whoever raises notifications looks here; one that has ended counts for nothing,
//! and is deleted when there is time.

use domain::{ItemId, MonitorId, Mute, MuteOf, NewMute, Note, TenantId, WriteContext};
use jiff::Timestamp;
use tokio_postgres::{Row, types::ToSql};

use crate::{
    Error, Store,
    limits::{Limited, is_full},
    transaction::begin,
};

/// Somebody writes `infinity` where nothing means the same.
macro_rules! columns {
    () => {
        "id, monitor_id, item_id, nullif(until, 'infinity') as until, note, created_by, created_at"
    };
}

/// A page of a tenant's mutes.
#[derive(Debug)]
pub struct MutePage {
    /// The newest first.
    pub mutes: Vec<Mute>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
}

/// What becomes of a new mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MuteOutcome {
    /// It is there.
    Made(Mute),
    /// The tenant has no such monitor.
    NoMonitor,
    /// The tenant has no such item.
    NoItem,
    /// The tenant has [`crate::MOST_MUTES`] already.
    TooMany,
}

impl Store {
    /// Makes a mute of what the tenant has.
    ///
    /// # Errors
    /// The tenant doesn't exist, or the database is away.
    pub async fn create_mute(
        &self,
        tenant: TenantId,
        new: &NewMute,
        context: &WriteContext,
    ) -> Result<MuteOutcome, Error> {
        const CREATE: &str = concat!(
            "/* store::create_mute */
            insert into mutes (tenant_id, monitor_id, item_id, until, note, created_by)
            select $1, $2::bigint, $3::bigint, $4, $5, $6
            where ($2 is null or exists (select from monitors where tenant_id = $1 and id = $2))
              and ($3 is null or exists (select from items where tenant_id = $1 and id = $3))
            returning ",
            columns!()
        );
        const HAS_MONITOR: &str = "/* store::create_mute */
            select $2::bigint is null or exists (select from monitors where tenant_id = $1 and id = $2) as has";
        let (monitor, item) = (new.monitor_id.map(MonitorId::get), new.item_id.map(ItemId::get));
        let note = new.note.as_ref().map(Note::as_str);
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if is_full(&transaction, tenant, Limited::Mutes).await? {
            return Ok(MuteOutcome::TooMany);
        }
        let statement = transaction.prepare_cached(CREATE).await?;
        let parameters: [&(dyn ToSql + Sync); 6] =
            [&tenant.get(), &monitor, &item, &new.until, &note, &context.actor];
        if let Some(row) = transaction.query_opt(&statement, &parameters).await? {
            let mute = read_mute(&row)?;
            transaction.commit().await?;
            return Ok(MuteOutcome::Made(mute));
        }
        let statement = transaction.prepare_cached(HAS_MONITOR).await?;
        let has_monitor =
            transaction.query_one(&statement, &[&tenant.get(), &monitor]).await?.try_get("has")?;
        Ok(if has_monitor { MuteOutcome::NoItem } else { MuteOutcome::NoMonitor })
    }

    /// Makes a mute of what a notification is about. `None` if there is no such notification; its monitor or item may be
    /// gone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn mute_like(
        &self,
        tenant: TenantId,
        notification: i64,
        of: MuteOf,
        until: Option<Timestamp>,
        note: Option<&Note>,
        context: &WriteContext,
    ) -> Result<Option<MuteOutcome>, Error> {
        const FIND: &str = "/* store::mute_like */
            select monitor_id, item_id from notifications where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        let Some(found) = client.row_if_any(FIND, &[&tenant.get(), &notification]).await? else {
            return Ok(None);
        };
        drop(client);
        let monitor = MonitorId::new(found.try_get("monitor_id")?);
        let item = ItemId::new(found.try_get("item_id")?);
        let (monitor_id, item_id) = match of {
            MuteOf::Pair => (monitor, item),
            MuteOf::Monitor => (monitor, None),
            MuteOf::Item => (None, item),
        };
        // Ids that nobody can have are as good as gone.
        match (of, monitor, item) {
            (MuteOf::Pair | MuteOf::Monitor, None, _) => return Ok(Some(MuteOutcome::NoMonitor)),
            (MuteOf::Pair | MuteOf::Item, _, None) => return Ok(Some(MuteOutcome::NoItem)),
            _ => {}
        }
        let new = NewMute { monitor_id, item_id, until, note: note.cloned() };
        self.create_mute(tenant, &new, context).await.map(Some)
    }

    /// A page of at most `limit` mutes that haven't ended, older than the one with the id `before`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn mutes(&self, tenant: TenantId, before: Option<i64>, limit: u16) -> Result<MutePage, Error> {
        const MUTES: &str = concat!(
            "/* store::mutes */
            select ",
            columns!(),
            " from mutes
            where tenant_id = $1 and id < $2 and coalesce(until > clock_timestamp(), true)
            order by id desc limit $3"
        );
        let client = self.client().await?;
        let (before, rows) = (before.unwrap_or(i64::MAX), i64::from(limit) + 1);
        let rows = client.rows(MUTES, &[&tenant.get(), &before, &rows]).await?;
        let limit = usize::from(limit);
        let mutes = rows.iter().take(limit).map(read_mute).collect::<Result<Vec<_>, _>>()?;
        let next = mutes.last().map(|last| last.id).filter(|_| rows.len() > limit);
        Ok(MutePage { mutes, next })
    }

    /// One mute that hasn't ended.
    ///
    /// # Errors
    /// The database is away.
    pub async fn mute(&self, tenant: TenantId, id: i64) -> Result<Option<Mute>, Error> {
        const MUTE: &str = concat!(
            "/* store::mute */
            select ",
            columns!(),
            " from mutes where tenant_id = $1 and id = $2 and coalesce(until > clock_timestamp(), true)"
        );
        let client = self.client().await?;
        client.row_if_any(MUTE, &[&tenant.get(), &id]).await?.as_ref().map(read_mute).transpose()
    }

    /// Ends a mute. Says whether there was one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delete_mute(&self, tenant: TenantId, id: i64) -> Result<bool, Error> {
        const DELETE: &str = "/* store::delete_mute */
            delete from mutes where tenant_id = $1 and id = $2 returning id";
        let client = self.client().await?;
        Ok(client.row_if_any(DELETE, &[&tenant.get(), &id]).await?.is_some())
    }
}

fn read_mute(row: &Row) -> Result<Mute, Error> {
    Ok(Mute {
        id: row.try_get("id")?,
        monitor_id: row.try_get("monitor_id")?,
        item_id: row.try_get("item_id")?,
        until: row.try_get("until")?,
        note: row.try_get("note")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
    })
}
