//! The audit trail: what was done with accounts, and what was refused. Most of it is written by triggers; here is what no
//! row tells of.

use domain::{AuditEntry, TenantId, WriteContext};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Row, types::Json};

use crate::{Error, Store, history::read_document_of};

/// Which lines to list. All conditions must hold; none lists everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What happened.
    pub event: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// To whom or what.
    pub subject: Option<String>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A page of the trail.
#[derive(Debug)]
pub struct AuditList {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
}

impl Store {
    /// Writes down something that changed no row: a refused sign-in, a refused access. Without a tenant if nobody knows
    /// it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn record_audit(
        &self,
        tenant: Option<TenantId>,
        event: &str,
        subject: Option<&str>,
        detail: &Value,
        context: &WriteContext,
    ) -> Result<(), Error> {
        const RECORD: &str = "/* store::record_audit */
            insert into audit (tenant_id, event, actor, subject, address, reason, request_id, detail)
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let client = self.client().await?;
        client
            .rows(
                RECORD,
                &[
                    &tenant.map(TenantId::get),
                    &event,
                    &context.actor,
                    &subject,
                    &context.address,
                    &context.reason,
                    &context.request_id,
                    &Json(detail),
                ],
            )
            .await?;
        Ok(())
    }

    /// A page of at most `limit` lines of a tenant's trail, older than the one with id `before`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u16,
    ) -> Result<AuditList, Error> {
        const AUDIT: &str = "/* store::audit */
            select id, at, event, actor, subject, address, reason, request_id, detail::text as detail from audit
            where tenant_id = $1 and id < $2
              and ($3::text is null or event = $3) and ($4::text is null or actor = $4)
              and ($5::text is null or subject = $5)
              and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
            order by id desc limit $8";
        let client = self.client().await?;
        let (before, rows) = (before.unwrap_or(i64::MAX), i64::from(limit) + 1);
        let AuditFilter { event, actor, subject, since, until } = filter;
        let rows =
            client.rows(AUDIT, &[&tenant.get(), &before, event, actor, subject, since, until, &rows]).await?;
        let limit = usize::from(limit);
        let entries: Vec<_> = rows.iter().take(limit).map(read_entry).collect::<Result<_, _>>()?;
        let next = entries.last().filter(|_| rows.len() > limit).map(|entry| entry.id);
        Ok(AuditList { entries, next })
    }
}

fn read_entry(row: &Row) -> Result<AuditEntry, Error> {
    let id = row.try_get("id")?;
    Ok(AuditEntry {
        id,
        at: row.try_get("at")?,
        event: row.try_get("event")?,
        actor: row.try_get("actor")?,
        subject: row.try_get("subject")?,
        address: row.try_get("address")?,
        reason: row.try_get("reason")?,
        request_id: row.try_get("request_id")?,
        detail: read_document_of("audit", row, "detail", id)?,
    })
}
