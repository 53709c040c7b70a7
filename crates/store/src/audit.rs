//! The audit trail: what was done with accounts, and what was refused. Most of it is written by triggers; here is what no
//! row tells of.

use domain::{TenantId, WriteContext};
use serde_json::Value;
use tokio_postgres::types::Json;

use crate::{Error, Store};

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
}
