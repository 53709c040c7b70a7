//! Tenants: found or made by name, and what holds for all of one.

use domain::{Name, SessionPolicy, TenantId, TenantPatch, TenantSettings, WriteContext};
use tokio_postgres::Row;

use crate::{Error, Store, transaction::begin};

impl Store {
    /// What holds for a tenant. `None` if there is no such tenant.
    ///
    /// # Errors
    /// The database is away.
    pub async fn tenant_settings(&self, tenant: TenantId) -> Result<Option<TenantSettings>, Error> {
        const SETTINGS: &str = "/* store::tenant_settings */
            select id, name, session_policy(id) as session_policy from tenants where id = $1";
        let client = self.client().await?;
        client.row_if_any(SETTINGS, &[&tenant.get()]).await?.as_ref().map(read_settings).transpose()
    }

    /// Changes what the patch names. `None` if there is no such tenant.
    ///
    /// # Errors
    /// The database is away.
    pub async fn update_tenant_settings(
        &self,
        tenant: TenantId,
        patch: &TenantPatch,
        context: &WriteContext,
    ) -> Result<Option<TenantSettings>, Error> {
        const SET: &str = "/* store::update_tenant_settings */
            insert into tenant_settings (tenant_id, session_policy)
            select id, coalesce($2::text, 'single') from tenants where id = $1
            on conflict (tenant_id) do update set session_policy = coalesce($2::text, tenant_settings.session_policy)";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(SET).await?;
        let policy = patch.session_policy.map(SessionPolicy::as_str);
        transaction.execute(&statement, &[&tenant.get(), &policy]).await?;
        transaction.commit().await?;
        drop(client);
        self.tenant_settings(tenant).await
    }

    /// The tenant with this name, made where it is missing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn ensure_tenant(&self, name: &Name) -> Result<TenantId, Error> {
        const CREATE: &str = "/* store::ensure_tenant */
            insert into tenants (name) values ($1) on conflict (name) do nothing";
        const FIND: &str = "/* store::ensure_tenant */
            select id from tenants where name = $1";
        let client = self.client().await?;
        client.rows(CREATE, &[&name.as_str()]).await?;
        Ok(TenantId::new(client.row(FIND, &[&name.as_str()]).await?.try_get("id")?))
    }
}

fn read_settings(row: &Row) -> Result<TenantSettings, Error> {
    let corrupt = |column: &'static str, detail: String| {
        let id = row.try_get("id").unwrap_or_default();
        Error::Corrupt { table: "tenants", column, id, detail }
    };
    let policy: &str = row.try_get("session_policy")?;
    Ok(TenantSettings {
        tenant: Name::parse(row.try_get("name")?).map_err(|error| corrupt("name", error.to_string()))?,
        session_policy: SessionPolicy::parse(policy)
            .ok_or_else(|| corrupt("session_policy", format!("{policy} is no policy")))?,
    })
}
