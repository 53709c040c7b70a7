//! Channels: making, listing, changing, deleting. Triggers write who did it into the audit trail.

use std::fmt;

use deadpool_postgres::Transaction;
use domain::{Channel, ChannelKind, ChannelPatch, Email, Name, NewChannel, TenantId, Version, WriteContext};
use tokio_postgres::Row;

use crate::{
    Error, Expected, Store,
    limits::{Limited, is_full},
    transaction::begin,
};

/// So many monitors forget a channel in one statement, so that none takes long.
const FORGOTTEN_AT_ONCE: i64 = 1000;

/// A page of a tenant's channels.
#[derive(Debug)]
pub struct ChannelPage {
    /// By id.
    pub channels: Vec<Channel>,
    /// The last one's id, if more follow.
    pub next: Option<i64>,
}

/// How changing or deleting a channel ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelOutcome {
    /// Done; for a deletion this is the channel as it was.
    Done(Channel),
    /// There is no such channel.
    NotFound,
    /// It has another version. Nothing was changed.
    Mismatch(Channel),
    /// It is of another kind, which doesn't have that. Nothing was changed.
    OtherKind(ChannelKind),
}

/// Where a channel leads to, and what signs what goes there.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelAddress {
    /// Which channel.
    pub id: i64,
    /// What it is.
    pub kind: ChannelKind,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Who gets the letters.
    pub recipients: Vec<String>,
    /// Where a webhook is posted to.
    pub url: Option<String>,
    /// From which the secret that signs a webhook is derived.
    pub seed: Option<Vec<u8>>,
    /// The one before, for a day after it was replaced.
    pub previous_seed: Option<Vec<u8>>,
}

/// Without seeds and addresses.
impl fmt::Debug for ChannelAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelAddress")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a channel; `seed` is for the secret of a webhook. `None` if the tenant has [`crate::MOST_CHANNELS`] already.
    ///
    /// # Errors
    /// The tenant doesn't exist, or the database is away.
    pub async fn create_channel(
        &self,
        tenant: TenantId,
        new: &NewChannel,
        seed: Option<&[u8]>,
        context: &WriteContext,
    ) -> Result<Option<Channel>, Error> {
        const CREATE: &str = "/* store::create_channel */
            insert into channels (tenant_id, name, kind, recipients, url, secret_seed, enabled)
            values ($1, $2, $3, $4, $5, $6, $7)
            returning id, name, kind, recipients, url, enabled, seed_changed_at, version, created_at, updated_at";
        let recipients: Vec<&str> = new.recipients.iter().map(Email::as_str).collect();
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if is_full(&transaction, tenant, Limited::Channels).await? {
            return Ok(None);
        }
        let statement = transaction.prepare_cached(CREATE).await?;
        let row = transaction
            .query_one(
                &statement,
                &[
                    &tenant.get(),
                    &new.name.as_str(),
                    &new.kind.as_str(),
                    &recipients,
                    &new.url,
                    &seed,
                    &new.enabled,
                ],
            )
            .await?;
        let channel = read_channel(&row)?;
        transaction.commit().await?;
        Ok(Some(channel))
    }

    /// Channels of a tenant by id, those behind `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn channels(&self, tenant: TenantId, after: i64, limit: u16) -> Result<ChannelPage, Error> {
        const CHANNELS: &str = "/* store::channels */
            select id, name, kind, recipients, url, enabled, seed_changed_at, version, created_at, updated_at
            from channels where tenant_id = $1 and id > $2 order by id limit $3";
        let client = self.client().await?;
        let rows = client.rows(CHANNELS, &[&tenant.get(), &after, &(i64::from(limit) + 1)]).await?;
        let limit = usize::from(limit);
        let channels = rows.iter().take(limit).map(read_channel).collect::<Result<Vec<_>, _>>()?;
        let next = channels.last().map(|last| last.id).filter(|_| rows.len() > limit);
        Ok(ChannelPage { channels, next })
    }

    /// One channel.
    ///
    /// # Errors
    /// The database is away.
    pub async fn channel(&self, tenant: TenantId, id: i64) -> Result<Option<Channel>, Error> {
        const CHANNEL: &str = "/* store::channel */
            select id, name, kind, recipients, url, enabled, seed_changed_at, version, created_at, updated_at
            from channels where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        client.row_if_any(CHANNEL, &[&tenant.get(), &id]).await?.as_ref().map(read_channel).transpose()
    }

    /// Where a channel leads to.
    ///
    /// # Errors
    /// The database is away.
    pub async fn channel_address(&self, tenant: TenantId, id: i64) -> Result<Option<ChannelAddress>, Error> {
        const ADDRESS: &str = "/* store::channel_address */
            select id as channel_id, kind, enabled, recipients, url, secret_seed,
              case when seed_changed_at > now() - interval '1 day' then previous_seed end as previous_seed
            from channels where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        client.row_if_any(ADDRESS, &[&tenant.get(), &id]).await?.as_ref().map(read_address).transpose()
    }

    /// Changes what the patch names. A patch that changes nothing leaves the version as it is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn update_channel(
        &self,
        tenant: TenantId,
        id: i64,
        patch: &ChannelPatch,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<ChannelOutcome, Error> {
        const UPDATE: &str = "/* store::update_channel */
            update channels set name = coalesce($3::text, name), recipients = coalesce($4::text[], recipients),
              url = coalesce($5::text, url), enabled = coalesce($6::boolean, enabled)
            where tenant_id = $1 and id = $2
            returning id, name, kind, recipients, url, enabled, seed_changed_at, version, created_at, updated_at";
        let recipients: Option<Vec<&str>> =
            patch.recipients.as_ref().map(|recipients| recipients.iter().map(Email::as_str).collect());
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let current = match lock(&transaction, tenant, id, expected).await? {
            ChannelOutcome::Done(current) => current,
            refused => return Ok(refused),
        };
        if !patch.errors_for(current.kind).is_empty() {
            return Ok(ChannelOutcome::OtherKind(current.kind));
        }
        let statement = transaction.prepare_cached(UPDATE).await?;
        let name = patch.name.as_ref().map(Name::as_str);
        let row = transaction
            .query_one(&statement, &[&tenant.get(), &id, &name, &recipients, &patch.url, &patch.enabled])
            .await?;
        let channel = read_channel(&row)?;
        transaction.commit().await?;
        Ok(ChannelOutcome::Done(channel))
    }

    /// Gives a webhook another seed; the one before signs too for a day.
    ///
    /// # Errors
    /// The database is away.
    pub async fn replace_channel_seed(
        &self,
        tenant: TenantId,
        id: i64,
        seed: &[u8],
        context: &WriteContext,
    ) -> Result<ChannelOutcome, Error> {
        const REPLACE: &str = "/* store::replace_channel_seed */
            update channels set previous_seed = secret_seed, secret_seed = $3, seed_changed_at = clock_timestamp()
            where tenant_id = $1 and id = $2
            returning id, name, kind, recipients, url, enabled, seed_changed_at, version, created_at, updated_at";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        match lock(&transaction, tenant, id, &Expected::Exists).await? {
            ChannelOutcome::Done(current) if current.kind == ChannelKind::Webhook => {}
            ChannelOutcome::Done(current) => return Ok(ChannelOutcome::OtherKind(current.kind)),
            refused => return Ok(refused),
        }
        let statement = transaction.prepare_cached(REPLACE).await?;
        let row = transaction.query_one(&statement, &[&tenant.get(), &id, &seed]).await?;
        let channel = read_channel(&row)?;
        transaction.commit().await?;
        Ok(ChannelOutcome::Done(channel))
    }

    /// Deletes a channel and its deliveries, and takes it out of the monitors that name it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delete_channel(
        &self,
        tenant: TenantId,
        id: i64,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<ChannelOutcome, Error> {
        // In the order of their ids, as whoever starts or stops them all, so that neither waits for the other in a circle.
        const FORGET: &str = "/* store::delete_channel */
            with named as materialized (
              select id from monitors where tenant_id = $1 and $2 = any (channels)
              order by id limit $3 for no key update
            )
            update monitors set channels = array_remove(channels, $2) from named where monitors.id = named.id";
        const DELETE: &str = "/* store::delete_channel */
            delete from channels where tenant_id = $1 and id = $2";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let deleted = lock(&transaction, tenant, id, expected).await?;
        if matches!(deleted, ChannelOutcome::Done(_)) {
            let statement = transaction.prepare_cached(FORGET).await?;
            while transaction.execute(&statement, &[&tenant.get(), &id, &FORGOTTEN_AT_ONCE]).await? > 0 {}
            let statement = transaction.prepare_cached(DELETE).await?;
            transaction.execute(&statement, &[&tenant.get(), &id]).await?;
            transaction.commit().await?;
        }
        Ok(deleted)
    }
}

/// The channel as it is, locked until the transaction ends, if it is the expected one. A monitor that names it meanwhile may
/// keep an id that leads nowhere; nothing is sent there.
async fn lock(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: i64,
    expected: &Expected,
) -> Result<ChannelOutcome, Error> {
    const LOCK: &str = "/* store::lock_channel */
        select id, name, kind, recipients, url, enabled, seed_changed_at, version, created_at, updated_at
        from channels where tenant_id = $1 and id = $2 for update";
    let statement = transaction.prepare_cached(LOCK).await?;
    let Some(row) = transaction.query_opt(&statement, &[&tenant.get(), &id]).await? else {
        return Ok(ChannelOutcome::NotFound);
    };
    let channel = read_channel(&row)?;
    let as_expected = match expected {
        Expected::Exists => true,
        Expected::Versions(versions) => versions.contains(&channel.version),
    };
    Ok(if as_expected { ChannelOutcome::Done(channel) } else { ChannelOutcome::Mismatch(channel) })
}

fn read_kind(row: &Row, id: i64) -> Result<ChannelKind, Error> {
    let kind: &str = row.try_get("kind")?;
    ChannelKind::parse(kind).ok_or_else(|| Error::Corrupt {
        table: "channels",
        column: "kind",
        id,
        detail: format!("{kind:?} is no kind of channel"),
    })
}

fn read_channel(row: &Row) -> Result<Channel, Error> {
    let id = row.try_get("id")?;
    Ok(Channel {
        id,
        name: row.try_get("name")?,
        kind: read_kind(row, id)?,
        recipients: row.try_get("recipients")?,
        url: row.try_get("url")?,
        enabled: row.try_get("enabled")?,
        secret_changed_at: row.try_get("seed_changed_at")?,
        version: Version::new(row.try_get("version")?),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// Reads where a channel leads to; its id is called `channel_id`.
pub(crate) fn read_address(row: &Row) -> Result<ChannelAddress, Error> {
    let id = row.try_get("channel_id")?;
    Ok(ChannelAddress {
        id,
        kind: read_kind(row, id)?,
        enabled: row.try_get("enabled")?,
        recipients: row.try_get("recipients")?,
        url: row.try_get("url")?,
        seed: row.try_get("secret_seed")?,
        previous_seed: row.try_get("previous_seed")?,
    })
}
