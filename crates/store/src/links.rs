//! One-time links that let a user choose a password, and passwords that are set. Of a link only the hash is here.

use std::time::Duration;

use deadpool_postgres::Transaction;
use domain::{TenantId, User, WriteContext};

use crate::{Error, Store, transaction::begin, users::read_user};

/// A link that shall be.
#[derive(Debug, Clone, Copy)]
pub struct NewLink {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// How long it can be used.
    pub lifetime: Duration,
}

impl Store {
    /// Gives a user who may sign in a new link; the one before can't be used any more. `None` if there is no such user.
    ///
    /// # Errors
    /// The database is away.
    pub async fn create_link(
        &self,
        tenant: TenantId,
        user: i64,
        link: &NewLink,
        context: &WriteContext,
    ) -> Result<Option<User>, Error> {
        const USER: &str = "/* store::create_link */
            select id, email, name, role, disabled_at, password_hash is not null as has_password, version,
              created_at, updated_at
            from users where tenant_id = $1 and id = $2 and disabled_at is null for no key update";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(USER).await?;
        let Some(row) = transaction.query_opt(&statement, &[&tenant.get(), &user]).await? else {
            return Ok(None);
        };
        let user = read_user(&row)?;
        replace(&transaction, tenant, &user, link).await?;
        transaction.commit().await?;
        Ok(Some(user))
    }

    /// Uses a link: its user has this password from now on, their sessions and the link are gone. Of several who use one
    /// at the same moment one succeeds. `None` if it can't be used.
    ///
    /// # Errors
    /// The database is away.
    pub async fn use_link(
        &self,
        hash: &[u8; 32],
        password_hash: &str,
        context: &WriteContext,
    ) -> Result<Option<(TenantId, i64)>, Error> {
        // The user first, as everybody locks them who touches their links.
        const USER: &str = "/* store::use_link */
            select id, tenant_id, set_config('stockwire.actor', 'user:' || id, true) as actor from users
            where id = (select user_id from one_time_links where hash = $1) and disabled_at is null
            for no key update";
        const USE: &str = "/* store::use_link */
            delete from one_time_links where hash = $1 and user_id = $2 and expires_at > clock_timestamp()";
        const CHOOSE: &str = "/* store::use_link */
            update users set password_hash = $2 where id = $1";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(USER).await?;
        let Some(row) = transaction.query_opt(&statement, &[&hash.as_slice()]).await? else {
            return Ok(None);
        };
        let (user, tenant): (i64, i64) = (row.try_get("id")?, row.try_get("tenant_id")?);
        let statement = transaction.prepare_cached(USE).await?;
        if transaction.execute(&statement, &[&hash.as_slice(), &user]).await? == 0 {
            return Ok(None);
        }
        let statement = transaction.prepare_cached(CHOOSE).await?;
        transaction.execute(&statement, &[&user, &password_hash]).await?;
        transaction.commit().await?;
        Ok(Some((TenantId::new(tenant), user)))
    }

    /// Whether a link can be used at this moment: asked before a password is hashed for it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn link_is_good(&self, hash: &[u8; 32]) -> Result<bool, Error> {
        const GOOD: &str = "/* store::link_is_good */
            select exists (select from one_time_links where hash = $1 and expires_at > clock_timestamp()) as good";
        let client = self.client().await?;
        Ok(client.row(GOOD, &[&hash.as_slice()]).await?.try_get("good")?)
    }

    /// Replaces a password, if it is still the one that the user was asked for, and ends all of their sessions but one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn change_password(
        &self,
        tenant: TenantId,
        user: i64,
        (from, to): (&str, &str),
        kept_session: i64,
        context: &WriteContext,
    ) -> Result<bool, Error> {
        const KEEP: &str = "/* store::change_password */
            select set_config('stockwire.keep_session', $1::bigint::text, true)";
        const CHANGE: &str = "/* store::change_password */
            update users set password_hash = $4
            where tenant_id = $1 and id = $2 and disabled_at is null and password_hash = $3";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(KEEP).await?;
        transaction.execute(&statement, &[&kept_session]).await?;
        let statement = transaction.prepare_cached(CHANGE).await?;
        let changed = transaction.execute(&statement, &[&tenant.get(), &user, &from, &to]).await?;
        transaction.commit().await?;
        Ok(changed > 0)
    }
}

/// A user has one link at most.
pub(crate) async fn replace(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    user: &User,
    link: &NewLink,
) -> Result<(), Error> {
    const REPLACE: &str = "/* store::replace_link */
        insert into one_time_links (hash, tenant_id, user_id, purpose, expires_at)
        values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
        on conflict (user_id) do update set hash = excluded.hash, purpose = excluded.purpose,
          created_at = excluded.created_at, expires_at = excluded.expires_at";
    let statement = transaction.prepare_cached(REPLACE).await?;
    let purpose = if user.has_password { "password_reset" } else { "invitation" };
    let (hash, seconds) = (link.hash.as_slice(), link.lifetime.as_secs_f64());
    transaction.execute(&statement, &[&hash, &tenant.get(), &user.id, &purpose, &seconds]).await?;
    Ok(())
}
