//! What monitors raised: reading it, and what somebody says about it. It is raised elsewhere.
//!
//! What somebody has read is theirs alone and no change of the notification: a mark up to which they have read everything,
//! and what they said of single ones. That somebody sees to it is for everybody, and in the log.

use std::fmt::Write;

use domain::{
    Acknowledgement, Cursor, ItemId, MonitorId, Note, NotificationCount, NotificationDocument, Severity,
    TenantId, WriteContext,
};
use jiff::Timestamp;
use tokio_postgres::{Row, types::ToSql};

use crate::{Error, Store, history::missing_sequencer, row, transaction::begin};

/// So many of the newest are looked at when they are counted.
const COUNTED: i64 = 10_000;

/// Whether $2, of the tenant $1, has read it, where what they said of single ones is joined as `said`.
macro_rules! read {
    () => {
        "coalesce(said.is_read, notifications.muted or notifications.id <= (
           select coalesce(max(read_up_to), 0) from notification_marks where tenant_id = $1 and actor = $2
         ))"
    };
}

/// Everything that $2 hasn't read lies behind this: their mark, or what they wanted to see again and lies before it.
macro_rules! all_read_up_to {
    () => {
        "(select least(
           (select coalesce(max(read_up_to), 0) from notification_marks where tenant_id = $1 and actor = $2),
           (select min(notification_id) - 1 from notification_reads where actor = $2 and not is_read)
         ))"
    };
}

/// What $2 said of single ones.
macro_rules! said {
    () => {
        "left join notification_reads as said on said.actor = $2 and said.notification_id = notifications.id"
    };
}

/// Which notifications. All conditions must hold; none lists everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// About this item.
    pub item: Option<ItemId>,
    /// Raised by this monitor.
    pub monitor: Option<MonitorId>,
    /// Of one of these severities.
    pub severities: Option<Vec<Severity>>,
    /// Whoever asks hasn't read it.
    pub unread: bool,
    /// Whether somebody sees to it.
    pub acknowledged: Option<bool>,
    /// Whether it was muted when it was raised.
    pub muted: Option<bool>,
    /// Raised at this time or later.
    pub since: Option<Timestamp>,
    /// Raised before this time.
    pub until: Option<Timestamp>,
}

/// A page of notifications.
#[derive(Debug)]
pub struct NotificationPage {
    /// The newest first.
    pub notifications: Vec<NotificationDocument>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
    /// The moment of the log that the page shows.
    pub as_of: Cursor,
}

/// How much there is to see to.
#[derive(Debug)]
pub struct NotificationSummary {
    /// What whoever asks hasn't read.
    pub unread: NotificationCount,
    /// What nobody has said that they see to; nothing that is muted.
    pub unacknowledged: NotificationCount,
    /// The moment of the log that it shows.
    pub as_of: Cursor,
}

impl Store {
    /// A page of at most `limit` notifications, older than the one with the id `before`, as `reader` sees them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn notifications(
        &self,
        tenant: TenantId,
        reader: &str,
        filter: &NotificationFilter,
        before: Option<i64>,
        limit: u16,
    ) -> Result<NotificationPage, Error> {
        let NotificationFilter { severities, muted, since, until, .. } = filter;
        let severities: Option<Vec<&str>> =
            severities.as_ref().map(|some| some.iter().map(|one| one.as_str()).collect());
        let (tenant, before, rows) = (tenant.get(), before.unwrap_or(i64::MAX), i64::from(limit) + 1);
        let (item, monitor) = (filter.item.map(ItemId::get), filter.monitor.map(MonitorId::get));
        let mut parameters: Vec<&(dyn ToSql + Sync)> =
            vec![&tenant, &reader, &before, &severities, muted, since, until, &rows];
        parameters.extend(item.iter().chain(&monitor).map(|id| -> &(dyn ToSql + Sync) { id }));
        let client = self.client().await?;
        let found = client.rows(&list_statement(filter), &parameters).await?;
        read_page(&found, usize::from(limit))
    }

    /// One notification as `reader` sees it, with the moment of the log.
    ///
    /// # Errors
    /// The database is away.
    pub async fn notification(
        &self,
        tenant: TenantId,
        reader: &str,
        id: i64,
    ) -> Result<(Option<NotificationDocument>, Cursor), Error> {
        const NOTIFICATION: &str = concat!(
            "/* store::notification */
            select sequencer.epoch, sequencer.last, one.*
            from sequencer left join lateral (
              select notifications.id, notification_document(notifications)::text as document, ",
            read!(),
            " as read from notifications ",
            said!(),
            " where notifications.tenant_id = $1 and notifications.id = $3
            ) as one on true"
        );
        let client = self.client().await?;
        let found = client.row(NOTIFICATION, &[&tenant.get(), &reader, &id]).await?;
        Ok((read_notification(&found)?, row::head(&found)?))
    }

    /// How much there is to see to, for `reader` and for all. Only the newest 10,000 are looked at.
    ///
    /// # Errors
    /// The database is away.
    pub async fn notification_summary(
        &self,
        tenant: TenantId,
        reader: &str,
    ) -> Result<NotificationSummary, Error> {
        const SUMMARY: &str = concat!(
            "/* store::notification_summary */
            with newest as materialized (
              select notifications.severity, ",
            read!(),
            " as read from (
                select id, muted, severity from notifications
                where tenant_id = $1 and id > ",
            all_read_up_to!(),
            " order by id desc limit $3::bigint + 1
              ) as notifications ",
            said!(),
            "
            ), open as materialized (
              select severity from notifications
              where tenant_id = $1 and acknowledged_at is null and not muted order by id desc limit $3::bigint + 1
            ), unread as (
              select count(*) > $3::bigint as more, count(*) filter (where not read and severity = 'info') as info,
                count(*) filter (where not read and severity = 'warning') as warning,
                count(*) filter (where not read and severity = 'critical') as critical
              from newest
            ), unacknowledged as (
              select count(*) > $3::bigint as more, count(*) filter (where severity = 'info') as info,
                count(*) filter (where severity = 'warning') as warning,
                count(*) filter (where severity = 'critical') as critical
              from open
            )
            select sequencer.epoch, sequencer.last, unread.*, unacknowledged.more as open_more,
              unacknowledged.info as open_info, unacknowledged.warning as open_warning,
              unacknowledged.critical as open_critical
            from sequencer cross join unread cross join unacknowledged"
        );
        let client = self.client().await?;
        let found = client.row(SUMMARY, &[&tenant.get(), &reader, &COUNTED]).await?;
        Ok(NotificationSummary {
            unread: read_count(&found, ["info", "warning", "critical", "more"])?,
            unacknowledged: read_count(&found, ["open_info", "open_warning", "open_critical", "open_more"])?,
            as_of: row::head(&found)?,
        })
    }

    /// Writes down whether `reader` has read one. Says whether there is such a notification.
    ///
    /// # Errors
    /// The database is away.
    pub async fn mark_notification(
        &self,
        tenant: TenantId,
        reader: &str,
        id: i64,
        read: bool,
    ) -> Result<bool, Error> {
        const MARK: &str = "/* store::mark_notification */
            insert into notification_reads (actor, notification_id, is_read)
            select $2, id, $4 from notifications where tenant_id = $1 and id = $3
            on conflict (actor, notification_id) do update set is_read = excluded.is_read
            returning notification_id";
        let client = self.client().await?;
        Ok(client.row_if_any(MARK, &[&tenant.get(), &reader, &id, &read]).await?.is_some())
    }

    /// Writes down that `reader` has read everything up to an id. Says up to where they have now: never less than before,
    /// and never past the newest there is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn mark_notifications(&self, tenant: TenantId, reader: &str, up_to: i64) -> Result<i64, Error> {
        // What was said of single ones up to there means nothing any more.
        const MARK: &str = "/* store::mark_notifications */
            with moved as (
              insert into notification_marks (tenant_id, actor, read_up_to)
              select $1, $2, coalesce(max(id), 0) from notifications where tenant_id = $1 and id <= $3
              on conflict (tenant_id, actor) do update
                set read_up_to = greatest(notification_marks.read_up_to, excluded.read_up_to)
              returning read_up_to
            ), pruned as (
              delete from notification_reads using notifications
              where notification_reads.actor = $2 and notification_reads.notification_id <= $3
                and notifications.id = notification_reads.notification_id and notifications.tenant_id = $1
            )
            select read_up_to from moved";
        let client = self.client().await?;
        Ok(client.row(MARK, &[&tenant.get(), &reader, &up_to]).await?.try_get("read_up_to")?)
    }

    /// Writes down that the context's actor sees to it, and what they say. If somebody did before, they stay who did it
    /// first, and the note is changed. Gives the notification as the actor sees it, or `None` if there is none.
    ///
    /// # Errors
    /// The database is away.
    pub async fn acknowledge_notification(
        &self,
        tenant: TenantId,
        id: i64,
        acknowledgement: &Acknowledgement,
        context: &WriteContext,
    ) -> Result<Option<NotificationDocument>, Error> {
        const ACKNOWLEDGE: &str = "/* store::acknowledge_notification */
            update notifications set acknowledged_at = coalesce(acknowledged_at, clock_timestamp()),
              acknowledged_by = coalesce(acknowledged_by, $3), note = case when $4 then $5::text else note end
            where tenant_id = $1 and id = $2";
        let note = acknowledgement.note.as_ref();
        let text = note.and_then(Option::as_ref).map(Note::as_str);
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(ACKNOWLEDGE).await?;
        let parameters: [&(dyn ToSql + Sync); 5] =
            [&tenant.get(), &id, &context.actor, &note.is_some(), &text];
        let found = transaction.execute(&statement, &parameters).await?;
        transaction.commit().await?;
        drop(client);
        if found == 0 {
            return Ok(None);
        }
        Ok(self.notification(tenant, &context.actor, id).await?.0)
    }

    /// Takes back that somebody sees to it, with what was said. Says whether there is such a notification; that nobody did
    /// changes nothing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn unacknowledge_notification(
        &self,
        tenant: TenantId,
        id: i64,
        context: &WriteContext,
    ) -> Result<bool, Error> {
        const TAKE_BACK: &str = "/* store::unacknowledge_notification */
            update notifications set acknowledged_at = null, acknowledged_by = null, note = null
            where tenant_id = $1 and id = $2";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(TAKE_BACK).await?;
        let found = transaction.execute(&statement, &[&tenant.get(), &id]).await?;
        transaction.commit().await?;
        Ok(found > 0)
    }
}

/// The statement for a filter. Conditions that an index serves are there only if they are asked for, so that Postgres
/// needn't plan for both; only text from this file is put in.
fn list_statement(filter: &NotificationFilter) -> String {
    let mut page = String::from(concat!(
        "select notifications.id, notification_document(notifications)::text as document, ",
        read!(),
        " as read from notifications ",
        said!(),
        " where notifications.tenant_id = $1 and notifications.id < $3
           and ($4::text[] is null or notifications.severity = any ($4))
           and ($5::boolean is null or notifications.muted = $5)
           and ($6::timestamptz is null or notifications.created_at >= $6)
           and ($7::timestamptz is null or notifications.created_at < $7)"
    ));
    let mut number = 9;
    for (column, given) in [("item_id", filter.item.is_some()), ("monitor_id", filter.monitor.is_some())] {
        if given {
            // Writing into a String can't fail.
            let _ = write!(page, " and notifications.{column} = ${number}::bigint");
            number += 1;
        }
    }
    page.push_str(match filter.acknowledged {
        None => "",
        Some(true) => " and notifications.acknowledged_at is not null",
        Some(false) => " and notifications.acknowledged_at is null",
    });
    if filter.unread {
        page.push_str(concat!(" and notifications.id > ", all_read_up_to!(), " and not ", read!()));
    }
    // The order outside repeats the one inside: a join promises none.
    format!(
        "/* store::notifications */
         select sequencer.epoch, sequencer.last, page.*
         from sequencer left join lateral ({page} order by notifications.id desc limit $8) as page on true
         order by page.id desc"
    )
}

fn read_page(rows: &[Row], limit: usize) -> Result<NotificationPage, Error> {
    let Some(first) = rows.first() else { return Err(missing_sequencer()) };
    let as_of = row::head(first)?;
    let read = rows.iter().take(limit).filter_map(|row| read_notification(row).transpose());
    let notifications: Vec<_> = read.collect::<Result<_, _>>()?;
    let next = notifications.last().map(NotificationDocument::id).filter(|_| rows.len() > limit);
    Ok(NotificationPage { notifications, next, as_of })
}

/// Reads the columns `id`, `document` and `read`, which are null where there is none.
fn read_notification(row: &Row) -> Result<Option<NotificationDocument>, Error> {
    let Some(id) = row.try_get::<_, Option<i64>>("id")? else { return Ok(None) };
    let document = NotificationDocument::new(id, row.try_get("document")?, row.try_get("read")?);
    document.map(Some).map_err(|error| Error::Corrupt {
        table: "notifications",
        column: "notification_document",
        id,
        detail: error.to_string(),
    })
}

fn read_count(row: &Row, [info, warning, critical, more]: [&str; 4]) -> Result<NotificationCount, Error> {
    let (info, warning, critical) = (row.try_get(info)?, row.try_get(warning)?, row.try_get(critical)?);
    Ok(NotificationCount {
        total: info + warning + critical,
        info,
        warning,
        critical,
        more: row.try_get(more)?,
    })
}
