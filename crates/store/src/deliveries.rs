//! The queue of what is to be sent through channels: rows of the table `deliveries`, taken by any number of processes.
//!
//! Whoever takes one moves on the time at which it is due, in the statement that finds it, so that nobody else takes it
//! meanwhile. If they die, it is due again after that time; if they only were too slow, `taken_until` isn't theirs any more,
//! and what they say of a failure doesn't count. That something was delivered counts whoever says it.

use std::time::Duration;

use domain::{Delivery, DeliveryState, TenantId};
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio_postgres::Row;

use crate::{ChannelAddress, Error, Store, channels::read_address, history::read_document_of};

/// At most so many dead deliveries are made due at once.
const MOST_RETRIED: i64 = 10_000;

/// How much a process takes.
#[derive(Debug, Clone)]
pub struct Appetite {
    /// So many at most.
    pub most: usize,
    /// So many of one channel at most, those under way counted.
    pub most_of_a_channel: usize,
    /// How many are under way in this process, by channel. Others come first.
    pub under_way: Vec<(i64, usize)>,
    /// So long nobody else takes them.
    pub lease: Duration,
}

/// A delivery that somebody took to try it.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub tenant: TenantId,
    /// Where it goes.
    pub channel: ChannelAddress,
    /// Which try this is; the first is 1.
    pub attempt: i32,
    /// Until when it is ours; by this, the end of the try is told from a later one's.
    pub taken_until: Timestamp,
    /// The notification as it is now.
    pub document: Box<RawValue>,
    /// When the notification was raised.
    pub raised_at: Timestamp,
}

/// Which deliveries to list. All conditions must hold; none lists everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those in this state.
    pub state: Option<DeliveryState>,
    /// Those through this channel.
    pub channel: Option<i64>,
    /// Those of this notification.
    pub notification: Option<i64>,
}

/// A page of deliveries.
#[derive(Debug)]
pub struct DeliveryPage {
    /// The newest first.
    pub deliveries: Vec<Delivery>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
}

impl Store {
    /// Takes what is due, of all tenants, the longest due first within a channel, and channels in turn: counts a try of each.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_deliveries(&self, appetite: &Appetite) -> Result<Vec<DueDelivery>, Error> {
        // Where nothing is due, looking at the first entry of an index is all, whatever statistics
        // say of the table. Else each channel is looked at for itself:
        // a million deliveries to one that never answers hide nobody else's.
        const TAKE: &str = "/* store::take_deliveries */
            with due as materialized (
              select due.id
              from channels
              left join unnest($1::bigint[], $2::bigint[]) as busy (channel_id, under_way) on busy.channel_id = channels.id
              cross join lateral (
                select deliveries.id, deliveries.next_attempt_at from deliveries
                where deliveries.channel_id = channels.id and state = 'pending' and next_attempt_at <= now()
                order by next_attempt_at
                limit greatest($3::bigint - coalesce(busy.under_way, 0), 0)
                for no key update skip locked
              ) as due
              where (select min(next_attempt_at) from deliveries where state = 'pending') <= now()
              order by coalesce(busy.under_way, 0) + row_number() over (partition by channels.id order by due.next_attempt_at),
                due.next_attempt_at
              limit $4
            ), taken as (
              update deliveries
              set attempts = attempts + 1, last_attempt_at = now(), next_attempt_at = now() + make_interval(secs => $5),
                taken_until = now() + make_interval(secs => $5)
              from due where deliveries.id = due.id
              returning deliveries.*
            )
            select taken.id, taken.tenant_id, taken.attempts, taken.taken_until,
              notification_document(notifications)::text as document, notifications.created_at as raised_at,
              channels.id as channel_id, channels.kind, channels.enabled, channels.recipients, channels.url,
              channels.secret_seed,
              case when channels.seed_changed_at > now() - interval '1 day' then channels.previous_seed end as previous_seed
            from taken
            join notifications on notifications.id = taken.notification_id
            join channels on channels.id = taken.channel_id";
        let (channels, under_way): (Vec<i64>, Vec<i64>) =
            appetite.under_way.iter().map(|(channel, count)| (*channel, as_bigint(*count))).unzip();
        let client = self.client().await?;
        let rows = client
            .rows(
                TAKE,
                &[
                    &channels,
                    &under_way,
                    &as_bigint(appetite.most_of_a_channel),
                    &as_bigint(appetite.most),
                    &appetite.lease.as_secs_f64(),
                ],
            )
            .await?;
        // One that can't be read is tried again when its time is over, and keeps nobody else's from being sent.
        let unreadable =
            |error: &Error| tracing::error!(source = error as &dyn std::error::Error, "a delivery");
        Ok(rows.iter().filter_map(|row| read_due(row).inspect_err(unreadable).ok()).collect())
    }

    /// Writes down that a delivery arrived, whoever has it now. Says whether that is news.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delivered(&self, tenant: TenantId, id: i64) -> Result<bool, Error> {
        const DELIVERED: &str = "/* store::delivered */
            update deliveries
            set state = 'delivered', delivered_at = now(), taken_until = null, last_error = null
            where tenant_id = $1 and id = $2 and state <> 'delivered'
            returning id";
        Ok(self.client().await?.row_if_any(DELIVERED, &[&tenant.get(), &id]).await?.is_some())
    }

    /// Writes down that a try failed, and why: it is tried again after so long, or never. Says nothing, and so `false`,
    /// about a delivery that isn't ours any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn not_delivered(
        &self,
        tried: &DueDelivery,
        error: &str,
        again_in: Option<Duration>,
    ) -> Result<bool, Error> {
        const NOT_DELIVERED: &str = "/* store::not_delivered */
            update deliveries
            set state = case when $5::float8 is null then 'dead' else 'pending' end, taken_until = null,
              last_error = left($4::text, 1000),
              next_attempt_at = now() + make_interval(secs => coalesce($5::float8, 0))
            where tenant_id = $1 and id = $2 and state = 'pending' and taken_until = $3
            returning id";
        let seconds = again_in.map(|pause| pause.as_secs_f64());
        let client = self.client().await?;
        let tenant = tried.tenant.get();
        let row = client
            .row_if_any(NOT_DELIVERED, &[&tenant, &tried.id, &tried.taken_until, &error, &seconds])
            .await?;
        Ok(row.is_some())
    }

    /// A page of at most `limit` deliveries, older than the one with the id `before`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn deliveries(
        &self,
        tenant: TenantId,
        filter: &DeliveryFilter,
        before: Option<i64>,
        limit: u16,
    ) -> Result<DeliveryPage, Error> {
        const DELIVERIES: &str = "/* store::deliveries */
            select id, notification_id, channel_id, state, attempts, next_attempt_at, last_attempt_at, last_error,
              delivered_at, created_at
            from deliveries
            where tenant_id = $1 and ($2::bigint is null or id < $2) and ($3::text is null or state = $3)
              and ($4::bigint is null or channel_id = $4) and ($5::bigint is null or notification_id = $5)
            order by id desc limit $6";
        let client = self.client().await?;
        let state = filter.state.map(DeliveryState::as_str);
        let one_more = i64::from(limit) + 1;
        let (channel, notification) = (filter.channel, filter.notification);
        let rows = client
            .rows(DELIVERIES, &[&tenant.get(), &before, &state, &channel, &notification, &one_more])
            .await?;
        let limit = usize::from(limit);
        let deliveries = rows.iter().take(limit).map(read_delivery).collect::<Result<Vec<_>, _>>()?;
        let next = deliveries.last().map(|last| last.id).filter(|_| rows.len() > limit);
        Ok(DeliveryPage { deliveries, next })
    }

    /// One delivery.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delivery(&self, tenant: TenantId, id: i64) -> Result<Option<Delivery>, Error> {
        const DELIVERY: &str = "/* store::delivery */
            select id, notification_id, channel_id, state, attempts, next_attempt_at, last_attempt_at, last_error,
              delivered_at, created_at
            from deliveries where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        client.row_if_any(DELIVERY, &[&tenant.get(), &id]).await?.as_ref().map(read_delivery).transpose()
    }

    /// Makes a delivery due now, with all its tries before it, and gives it as it is then. One that was delivered, or that
    /// is being tried at this moment, is left alone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn retry_delivery(&self, tenant: TenantId, id: i64) -> Result<Option<Delivery>, Error> {
        const RETRY: &str = "/* store::retry_delivery */
            with retried as (
              update deliveries set state = 'pending', attempts = 0, next_attempt_at = now(), taken_until = null
              where tenant_id = $1 and id = $2
                and (state = 'dead' or state = 'pending' and coalesce(taken_until <= now(), true))
              returning id
            )
            select pg_notify('stockwire_deliveries', '') from retried";
        self.client().await?.rows(RETRY, &[&tenant.get(), &id]).await?;
        self.delivery(tenant, id).await
    }

    /// Makes all dead deliveries through a channel due now, 10,000 at a time, and says how many there were.
    ///
    /// # Errors
    /// The database is away.
    pub async fn retry_dead_deliveries(&self, tenant: TenantId, channel: i64) -> Result<i64, Error> {
        const RETRY: &str = "/* store::retry_dead_deliveries */
            with dead as (
              select id from deliveries where tenant_id = $1 and channel_id = $2 and state = 'dead'
              order by id limit $3 for no key update skip locked
            ), retried as (
              update deliveries set state = 'pending', attempts = 0, next_attempt_at = now(), taken_until = null
              from dead where deliveries.id = dead.id
              returning deliveries.id
            )
            select count(*) as retried, pg_notify('stockwire_deliveries', '') from retried";
        let client = self.client().await?;
        Ok(client.row(RETRY, &[&tenant.get(), &channel, &MOST_RETRIED]).await?.try_get("retried")?)
    }
}

fn as_bigint(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn read_due(row: &Row) -> Result<DueDelivery, Error> {
    let id = row.try_get("id")?;
    let unreadable = || Error::Corrupt {
        table: "notifications",
        column: "notification_document",
        id,
        detail: "there is none".to_owned(),
    };
    Ok(DueDelivery {
        id,
        tenant: TenantId::new(row.try_get("tenant_id")?),
        channel: read_address(row)?,
        attempt: row.try_get("attempts")?,
        taken_until: row.try_get("taken_until")?,
        document: read_document_of("notifications", row, "document", id)?.ok_or_else(unreadable)?,
        raised_at: row.try_get("raised_at")?,
    })
}

fn read_delivery(row: &Row) -> Result<Delivery, Error> {
    let id = row.try_get("id")?;
    let word: &str = row.try_get("state")?;
    let state = DeliveryState::parse(word).ok_or_else(|| Error::Corrupt {
        table: "deliveries",
        column: "state",
        id,
        detail: format!("{word:?} is no state of a delivery"),
    })?;
    let next_attempt_at: Timestamp = row.try_get("next_attempt_at")?;
    Ok(Delivery {
        id,
        notification_id: row.try_get("notification_id")?,
        channel_id: row.try_get("channel_id")?,
        state,
        attempts: row.try_get("attempts")?,
        next_attempt_at: Some(next_attempt_at).filter(|_| state == DeliveryState::Pending),
        last_attempt_at: row.try_get("last_attempt_at")?,
        last_error: row.try_get("last_error")?,
        delivered_at: row.try_get("delivered_at")?,
        created_at: row.try_get("created_at")?,
    })
}
