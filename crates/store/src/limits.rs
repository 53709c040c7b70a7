//! How much of each kind a tenant may have, so that nobody fills the tables that all share.

use deadpool_postgres::Transaction;
use domain::TenantId;

use crate::Error;

/// The most monitors that a tenant may have, those that every tenant has aside.
pub const MOST_MONITORS: i64 = 10_000;
/// The most channels that a tenant may have.
pub const MOST_CHANNELS: i64 = 200;
/// The most data sources that a tenant may have.
pub const MOST_SOURCES: i64 = 200;
/// The most mutes that a tenant may have, those that have ended aside.
pub const MOST_MUTES: i64 = 10_000;

/// What a tenant may have only so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limited {
    Monitors,
    Channels,
    Sources,
    Mutes,
}

impl Limited {
    const fn most(self) -> i64 {
        match self {
            Self::Monitors => MOST_MONITORS,
            Self::Channels => MOST_CHANNELS,
            Self::Sources => MOST_SOURCES,
            Self::Mutes => MOST_MUTES,
        }
    }

    const fn statement(self) -> &'static str {
        match self {
            Self::Monitors => {
                "/* store::is_full */
                select count(*) >= $2 as is_full
                from (select from monitors where tenant_id = $1 and built_in is null limit $2) as counted"
            }
            Self::Channels => {
                "/* store::is_full */
                select count(*) >= $2 as is_full from (select from channels where tenant_id = $1 limit $2) as counted"
            }
            Self::Sources => {
                "/* store::is_full */
                select count(*) >= $2 as is_full from (select from sources where tenant_id = $1 limit $2) as counted"
            }
            Self::Mutes => {
                "/* store::is_full */
                select count(*) >= $2 as is_full from (
                  select from mutes where tenant_id = $1 and coalesce(until > clock_timestamp(), true) limit $2
                ) as counted"
            }
        }
    }
}

/// Whether the tenant has as many as it may have; it is locked, so that two can't both be the last one.
pub(crate) async fn is_full(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    limited: Limited,
) -> Result<bool, Error> {
    lock_tenant(transaction, tenant).await?;
    let statement = transaction.prepare_cached(limited.statement()).await?;
    let row = transaction.query_one(&statement, &[&tenant.get(), &limited.most()]).await?;
    Ok(row.try_get("is_full")?)
}

/// Locks the tenant until the transaction ends. Who writes what belongs to it doesn't wait.
pub(crate) async fn lock_tenant(transaction: &Transaction<'_>, tenant: TenantId) -> Result<(), Error> {
    const LOCK: &str = "/* store::lock_tenant */
        select from tenants where id = $1 for no key update";
    let statement = transaction.prepare_cached(LOCK).await?;
    transaction.query_opt(&statement, &[&tenant.get()]).await?;
    Ok(())
}
