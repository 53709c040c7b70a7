//! API keys: making, listing, finding, revoking. Who revokes one, in here or in `psql`, ends its tokens everywhere: the
//! table's triggers tell of it.

use domain::{ApiKey, NewApiKey, Permission, Permissions, TenantId, WriteContext};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Error, Store, transaction::begin};

/// What is kept of a new key's text.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// By which it is found: random, and unique among all tenants.
    pub prefix: String,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
}

/// A key that someone shows, as it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// By which it was found.
    pub prefix: String,
    /// Its id.
    pub id: i64,
    /// Whose.
    pub tenant: TenantId,
    /// SHA-256 of its secret.
    pub secret_hash: Vec<u8>,
    /// What may be done with it.
    pub permissions: Permissions,
    /// Networks that it may be used from; none means anywhere.
    pub addresses: Vec<String>,
    /// When it ends by itself, if it does.
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A page of a tenant's keys.
#[derive(Debug)]
pub struct ApiKeyPage {
    /// The newest first.
    pub keys: Vec<ApiKey>,
    /// Where the next page starts, if there is one.
    pub next: Option<i64>,
}

impl Store {
    /// Makes a key.
    ///
    /// # Errors
    /// The tenant doesn't exist, or the database is away.
    pub async fn create_api_key(
        &self,
        tenant: TenantId,
        new: &NewApiKey,
        sealed: &SealedKey,
        context: &WriteContext,
    ) -> Result<ApiKey, Error> {
        const CREATE: &str = "/* store::create_api_key */
            insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, addresses, expires_at, created_by)
            values ($1, $2, $3, $4, $5, $6::text[]::cidr[], $7, $8)
            returning id, name, prefix, scopes, addresses::text[] as addresses, expires_at, created_by, created_at,
              last_used_at, revoked_at";
        let scopes: Vec<&str> = new.scopes.iter().map(Permission::as_str).collect();
        let addresses: Vec<String> = new.addresses.iter().map(ToString::to_string).collect();
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(CREATE).await?;
        let row = transaction
            .query_one(
                &statement,
                &[
                    &tenant.get(),
                    &new.name.as_str(),
                    &sealed.prefix,
                    &sealed.secret_hash.as_slice(),
                    &scopes,
                    &addresses,
                    &new.expires_at,
                    &context.actor,
                ],
            )
            .await?;
        let key = read_key(&row)?;
        transaction.commit().await?;
        Ok(key)
    }

    /// A page of at most `limit` keys, older than the one with the id `before`; revoked ones too.
    ///
    /// # Errors
    /// The database is away.
    pub async fn api_keys(
        &self,
        tenant: TenantId,
        before: Option<i64>,
        limit: u16,
    ) -> Result<ApiKeyPage, Error> {
        const KEYS: &str = "/* store::api_keys */
            select id, name, prefix, scopes, addresses::text[] as addresses, expires_at, created_by, created_at,
              last_used_at, revoked_at
            from api_keys where tenant_id = $1 and ($2::bigint is null or id < $2)
            order by id desc limit $3";
        let client = self.client().await?;
        let rows = client.rows(KEYS, &[&tenant.get(), &before, &(i64::from(limit) + 1)]).await?;
        let limit = usize::from(limit);
        let keys = rows.iter().take(limit).map(read_key).collect::<Result<Vec<_>, _>>()?;
        let next = keys.last().map(|last| last.id).filter(|_| rows.len() > limit);
        Ok(ApiKeyPage { keys, next })
    }

    /// One key.
    ///
    /// # Errors
    /// The database is away.
    pub async fn api_key(&self, tenant: TenantId, id: i64) -> Result<Option<ApiKey>, Error> {
        const KEY: &str = "/* store::api_key */
            select id, name, prefix, scopes, addresses::text[] as addresses, expires_at, created_by, created_at,
              last_used_at, revoked_at
            from api_keys where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        client.row_if_any(KEY, &[&tenant.get(), &id]).await?.as_ref().map(read_key).transpose()
    }

    /// Revokes a key for good. Says whether there is one; that it was revoked before changes nothing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn revoke_api_key(
        &self,
        tenant: TenantId,
        id: i64,
        context: &WriteContext,
    ) -> Result<bool, Error> {
        const REVOKE: &str = "/* store::revoke_api_key */
            update api_keys set revoked_at = clock_timestamp() where tenant_id = $1 and id = $2";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(REVOKE).await?;
        let revoked = transaction.execute(&statement, &[&tenant.get(), &id]).await?;
        transaction.commit().await?;
        Ok(revoked > 0)
    }

    /// The keys with these prefixes, of any tenant: until a key is found, nobody knows whose it is. It is the caller's part
    /// to compare the secret before anything of the key is used.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_api_keys(&self, prefixes: &[&str]) -> Result<Vec<FoundKey>, Error> {
        const FIND: &str = "/* store::find_api_keys */
            select prefix, id, tenant_id, secret_hash, scopes, addresses::text[] as addresses, expires_at,
              revoked_at is not null as revoked
            from api_keys where prefix = any ($1)";
        let client = self.client().await?;
        let rows = client.rows(FIND, &[&prefixes]).await?;
        let found = rows.iter().filter_map(|row| {
            // A key that can't be read is not let in, and keeps nobody else out.
            let unreadable =
                |error: &Error| tracing::error!(source = error as &dyn std::error::Error, "an API key");
            read_found(row).inspect_err(unreadable).ok()
        });
        Ok(found.collect())
    }

    /// Writes down that keys were used just now, by their ids, which come from [`Self::find_api_keys`]: of any tenants.
    /// Each is written once a minute at most, however many processes use it, and none is waited for.
    ///
    /// # Errors
    /// The database is away.
    pub async fn touch_api_keys(&self, ids: &[i64]) -> Result<(), Error> {
        const TOUCH: &str = "/* store::touch_api_keys */
            with due as (
              select id from api_keys
              where id = any ($1) and coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)
              for no key update skip locked
            )
            update api_keys set last_used_at = clock_timestamp() from due where api_keys.id = due.id";
        self.client().await?.rows(TOUCH, &[&ids]).await?;
        Ok(())
    }
}

fn read_scopes(row: &Row) -> Result<Vec<Permission>, Error> {
    let words: Vec<&str> = row.try_get("scopes")?;
    let id = row.try_get("id")?;
    let read = |word: &str| {
        Permission::parse(word).ok_or_else(|| Error::Corrupt {
            table: "api_keys",
            column: "scopes",
            id,
            detail: format!("{word} is no permission"),
        })
    };
    words.into_iter().map(read).collect()
}

fn read_key(row: &Row) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        scopes: read_scopes(row)?,
        addresses: row.try_get("addresses")?,
        expires_at: row.try_get("expires_at")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

fn read_found(row: &Row) -> Result<FoundKey, Error> {
    Ok(FoundKey {
        prefix: row.try_get("prefix")?,
        id: row.try_get("id")?,
        tenant: TenantId::new(row.try_get("tenant_id")?),
        secret_hash: row.try_get("secret_hash")?,
        permissions: Permissions::of(read_scopes(row)?),
        addresses: row.try_get("addresses")?,
        expires_at: row.try_get("expires_at")?,
        revoked: row.try_get("revoked")?,
    })
}
