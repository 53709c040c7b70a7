//! Sessions: signing in, refreshing, listing, ending. What ends a session in here, or in `psql`, is told to everybody by
//! the table's triggers.

use std::time::Duration;

use domain::{LogoutReason, Role, TenantId, WriteContext};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Error, Store, transaction::begin};

/// A sign-in that shall begin.
#[derive(Clone)]
pub struct NewSession {
    /// The password's hash, as it was when the user showed who they are.
    pub password_hash: Option<String>,
    /// By which the refresh token names the session: random.
    pub nonce: [u8; 16],
    /// SHA-256 of the first refresh token.
    pub refresh_hash: [u8; 32],
    /// What the browser or program calls itself, at most 400 characters.
    pub device: String,
    /// How long the session lasts at most.
    pub lifetime: Duration,
}

/// Without secrets and hashes.
impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession").field("device", &self.device).finish_non_exhaustive()
    }
}

/// A session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOwner {
    /// The session's id.
    pub session: i64,
    /// Whose.
    pub tenant: TenantId,
    /// Who.
    pub user: i64,
    /// What the user is now.
    pub role: Role,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
}

/// A refresh token that was presented and is ours by its signature.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    /// The session's.
    pub nonce: [u8; 16],
    /// Which of the session's tokens it is.
    pub generation: i64,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// SHA-256 of the one that replaces it.
    pub next_hash: [u8; 32],
    /// So long after it was replaced it is answered with the same replacement.
    pub grace: Duration,
    /// A session that wasn't refreshed for so long has ended.
    pub idle: Duration,
}

/// What becomes of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The next generation is the current one: now, or since a moment ago.
    Yes(SessionOwner),
    /// There is no such session.
    Unknown,
    /// The session has ended.
    Ended(LogoutReason),
    /// It was replaced long ago, so someone else has it: the session is ended now.
    Reused(SessionOwner),
}

/// A live session, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub user: i64,
    /// What the browser or program called itself.
    pub device: String,
    /// Where the sign-in came from.
    pub address: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Store {
    /// Begins a session of a user who has shown who they are. Where the tenant allows one login, it ends the user's
    /// others, and no two that begin at once both stay. `None` if there is no such user, they may not sign in, or their
    /// password was replaced since they showed it: sessions that a change of the password ends don't come back behind it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn create_session(
        &self,
        tenant: TenantId,
        user: i64,
        new: &NewSession,
        context: &WriteContext,
    ) -> Result<Option<SessionOwner>, Error> {
        const USER: &str = "/* store::create_session */
            select role, session_policy(tenant_id) as session_policy from users
            where tenant_id = $1 and id = $2 and disabled_at is null and password_hash is not distinct from $3
            for no key update";
        const END_OTHERS: &str = "/* store::create_session */
            update sessions set ended_at = clock_timestamp(), end_reason = 'other_device_login'
            where user_id = $1 and ended_at is null";
        const CREATE: &str = "/* store::create_session */
            insert into sessions (tenant_id, user_id, nonce, refresh_hash, device, address, expires_at)
            values ($1, $2, $3, $4, left($5::text, 400), $6, now() + make_interval(secs => $7))
            returning id, expires_at";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(USER).await?;
        let found = transaction.query_opt(&statement, &[&tenant.get(), &user, &new.password_hash]).await?;
        let Some(row) = found else { return Ok(None) };
        let role = read_role(&row, user)?;
        if row.try_get::<_, String>("session_policy")? == "single" {
            let statement = transaction.prepare_cached(END_OTHERS).await?;
            transaction.execute(&statement, &[&user]).await?;
        }
        let statement = transaction.prepare_cached(CREATE).await?;
        let address = context.address.as_deref().unwrap_or_default();
        let row = transaction
            .query_one(
                &statement,
                &[
                    &tenant.get(),
                    &user,
                    &new.nonce.as_slice(),
                    &new.refresh_hash.as_slice(),
                    &new.device,
                    &address,
                    &new.lifetime.as_secs_f64(),
                ],
            )
            .await?;
        let (session, expires_at) = (row.try_get("id")?, row.try_get("expires_at")?);
        transaction.commit().await?;
        Ok(Some(SessionOwner { session, tenant, user, role, expires_at }))
    }

    /// Replaces a session's refresh token. The tenant is the session's: nobody knows it before.
    ///
    /// # Errors
    /// The database is away.
    pub async fn refresh_session(
        &self,
        presented: &Presented,
        context: &WriteContext,
    ) -> Result<Refreshed, Error> {
        const FIND: &str = "/* store::refresh_session */
            select sessions.id, sessions.tenant_id, sessions.user_id, sessions.generation, sessions.refresh_hash,
              sessions.previous_hash, sessions.expires_at, sessions.end_reason, users.role,
              sessions.rotated_at > clock_timestamp() - make_interval(secs => $2) as replaced_lately,
              least(sessions.expires_at, sessions.rotated_at + make_interval(secs => $3)) <= clock_timestamp() as expired
            from sessions join users on users.id = sessions.user_id
            where sessions.nonce = $1 for no key update of sessions";
        const ROTATE: &str = "/* store::refresh_session */
            update sessions set generation = generation + 1, previous_hash = refresh_hash, refresh_hash = $2,
              rotated_at = clock_timestamp() where id = $1";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(FIND).await?;
        let (grace, idle) = (presented.grace.as_secs_f64(), presented.idle.as_secs_f64());
        let found = transaction.query_opt(&statement, &[&presented.nonce.as_slice(), &grace, &idle]).await?;
        let Some(row) = found else { return Ok(Refreshed::Unknown) };
        if let Some(reason) = row.try_get::<_, Option<&str>>("end_reason")? {
            return Ok(Refreshed::Ended(LogoutReason::parse(reason).unwrap_or(LogoutReason::Revoked)));
        }
        let owner = SessionOwner {
            session: row.try_get("id")?,
            tenant: TenantId::new(row.try_get("tenant_id")?),
            user: row.try_get("user_id")?,
            role: read_role(&row, row.try_get("user_id")?)?,
            expires_at: row.try_get("expires_at")?,
        };
        let ours = Some(presented.hash.as_slice());
        let (generation, next): (i64, _) = (row.try_get("generation")?, Some(presented.next_hash.as_slice()));
        let (current, previous): (Option<&[u8]>, Option<&[u8]>) =
            (row.try_get("refresh_hash")?, row.try_get("previous_hash")?);
        let refreshed = if row.try_get("expired")? {
            end_within(&transaction, owner.session, LogoutReason::Expired).await?;
            Refreshed::Ended(LogoutReason::Expired)
        } else if presented.generation == generation && ours == current {
            let statement = transaction.prepare_cached(ROTATE).await?;
            transaction.execute(&statement, &[&owner.session, &presented.next_hash.as_slice()]).await?;
            Refreshed::Yes(owner)
        } else if presented.generation + 1 == generation
            && ours == previous
            && next == current
            && row.try_get("replaced_lately")?
        {
            Refreshed::Yes(owner)
        } else if presented.generation < generation {
            end_within(&transaction, owner.session, LogoutReason::Revoked).await?;
            Refreshed::Reused(owner)
        } else {
            Refreshed::Unknown
        };
        transaction.commit().await?;
        Ok(refreshed)
    }

    /// The live sessions of a tenant, of one user or of all, the newest first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sessions(&self, tenant: TenantId, user: Option<i64>) -> Result<Vec<Session>, Error> {
        const SESSIONS: &str = "/* store::sessions */
            select id, user_id, device, address, created_at, rotated_at, expires_at from sessions
            where tenant_id = $1 and ended_at is null and ($2::bigint is null or user_id = $2)
              and expires_at > now()
            order by id desc limit 1000";
        let client = self.client().await?;
        let rows = client.rows(SESSIONS, &[&tenant.get(), &user]).await?;
        rows.iter().map(read_session).collect()
    }

    /// Ends a session of a tenant, of this user if one is given. Says whether there was one that was live.
    ///
    /// # Errors
    /// The database is away.
    pub async fn end_session(
        &self,
        tenant: TenantId,
        user: Option<i64>,
        session: i64,
        reason: LogoutReason,
        context: &WriteContext,
    ) -> Result<bool, Error> {
        const FIND: &str = "/* store::end_session */
            select id from sessions
            where tenant_id = $1 and id = $2 and ended_at is null and ($3::bigint is null or user_id = $3)";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let statement = transaction.prepare_cached(FIND).await?;
        let found = transaction.query_opt(&statement, &[&tenant.get(), &session, &user]).await?;
        let ended = match found {
            Some(_) => end_within(&transaction, session, reason).await?,
            None => false,
        };
        transaction.commit().await?;
        Ok(ended)
    }
}

async fn end_within(
    transaction: &deadpool_postgres::Transaction<'_>,
    session: i64,
    reason: LogoutReason,
) -> Result<bool, Error> {
    const END: &str = "/* store::end_session */
        update sessions set ended_at = clock_timestamp(), end_reason = $2 where id = $1 and ended_at is null";
    let statement = transaction.prepare_cached(END).await?;
    Ok(transaction.execute(&statement, &[&session, &reason.as_str()]).await? > 0)
}

pub(crate) fn read_role(row: &Row, user: i64) -> Result<Role, Error> {
    let role: &str = row.try_get("role")?;
    Role::parse(role).ok_or_else(|| Error::Corrupt {
        table: "users",
        column: "role",
        id: user,
        detail: format!("{role} is no role"),
    })
}

fn read_session(row: &Row) -> Result<Session, Error> {
    Ok(Session {
        id: row.try_get("id")?,
        user: row.try_get("user_id")?,
        device: row.try_get("device")?,
        address: row.try_get("address")?,
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("rotated_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
