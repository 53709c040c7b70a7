//! One-time tickets: kept as hashes, and gone once they are used.

use std::time::Duration;

use domain::{Permissions, TenantId, TicketHolder};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Error, Store};

impl Store {
    /// Keeps a ticket, and says when it ends. Its holder's tenant is whose it is.
    ///
    /// # Errors
    /// The database is away, or there is no such tenant.
    pub async fn create_ticket(
        &self,
        hash: &[u8; 32],
        holder: &TicketHolder,
        lifetime: Duration,
    ) -> Result<Timestamp, Error> {
        const CREATE: &str = "/* store::create_ticket */
            insert into tickets (hash, tenant_id, actor, login, scope, token_expires_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
            returning expires_at";
        let client = self.client().await?;
        let row = client
            .row(
                CREATE,
                &[
                    &hash.as_slice(),
                    &holder.tenant.get(),
                    &holder.actor,
                    &holder.login.map(|login| login.to_string()),
                    &holder.scope.to_string(),
                    &holder.token_expires_at,
                    &lifetime.as_secs_f64(),
                ],
            )
            .await?;
        Ok(row.try_get("expires_at")?)
    }

    /// Uses a ticket up: of several that try at once, one gets it. `None` if there is none, or it has ended. The tenant is
    /// the ticket's: nobody knows it before.
    ///
    /// # Errors
    /// The database is away.
    pub async fn redeem_ticket(&self, hash: &[u8; 32]) -> Result<Option<TicketHolder>, Error> {
        const REDEEM: &str = "/* store::redeem_ticket */
            delete from tickets where hash = $1
            returning tenant_id, actor, login, scope, token_expires_at,
              least(expires_at, token_expires_at) > clock_timestamp() as live";
        let client = self.client().await?;
        let row = client.row_if_any(REDEEM, &[&hash.as_slice()]).await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get("live")? { read_holder(&row).map(Some) } else { Ok(None) }
    }
}

fn read_holder(row: &Row) -> Result<TicketHolder, Error> {
    let tenant: i64 = row.try_get("tenant_id")?;
    let corrupt = |column, text: &str| Error::Corrupt {
        table: "tickets",
        column,
        id: tenant,
        detail: format!("{text} can't be read"),
    };
    let login: Option<&str> = row.try_get("login")?;
    let scope: &str = row.try_get("scope")?;
    Ok(TicketHolder {
        tenant: TenantId::new(tenant),
        actor: row.try_get("actor")?,
        login: login.map(|text| text.parse().map_err(|_| corrupt("login", text))).transpose()?,
        scope: scope.parse::<Permissions>().map_err(|_| corrupt("scope", scope))?,
        token_expires_at: row.try_get("token_expires_at")?,
    })
}
