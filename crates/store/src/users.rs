//! Users: invited, changed, disabled, deleted. What they lose by that, their sessions and links, the table's triggers
//! take; that a tenant keeps somebody who can let others in is looked after here, under a lock on the tenant's row.

use deadpool_postgres::Transaction;
use domain::{Email, Name, NewUser, Role, TenantId, User, UserPatch, Version, WriteContext};
use tokio_postgres::Row;

use crate::{
    Error, Expected, NewLink, Store, limits::lock_tenant, links, sessions::read_role, transaction::begin,
};

/// A page of users.
#[derive(Debug, Clone)]
pub struct UserPage {
    /// By id.
    pub users: Vec<User>,
    /// The last one's id, if more follow.
    pub next: Option<i64>,
}

/// How changing or deleting a user ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserOutcome {
    /// Done; for a deletion this is the user as they were.
    Done(User),
    /// There is no such user.
    NotFound,
    /// They have another version. Nothing was changed.
    Mismatch(User),
    /// Nobody would be left who can sign in and manage users. Nothing was changed.
    LastOwner,
}

impl Store {
    /// Users of a tenant by id, those behind `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn users(&self, tenant: TenantId, after: i64, limit: u16) -> Result<UserPage, Error> {
        const USERS: &str = "/* store::users */
            select id, email, name, role, disabled_at, password_hash is not null as has_password, version,
              created_at, updated_at
            from users where tenant_id = $1 and id > $2 order by id limit $3";
        let client = self.client().await?;
        let one_more = i64::from(limit) + 1;
        let rows = client.rows(USERS, &[&tenant.get(), &after, &one_more]).await?;
        let shown = rows.iter().take(usize::from(limit));
        let users = shown.map(read_user).collect::<Result<Vec<_>, _>>()?;
        let next = users.last().map(|user| user.id).filter(|_| rows.len() > usize::from(limit));
        Ok(UserPage { users, next })
    }

    /// One user.
    ///
    /// # Errors
    /// The database is away.
    pub async fn user(&self, tenant: TenantId, id: i64) -> Result<Option<User>, Error> {
        const USER: &str = "/* store::user */
            select id, email, name, role, disabled_at, password_hash is not null as has_password, version,
              created_at, updated_at
            from users where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        let row = client.row_if_any(USER, &[&tenant.get(), &id]).await?;
        row.as_ref().map(read_user).transpose()
    }

    /// Creates a user who has no password yet, with the link that lets them choose one.
    ///
    /// # Errors
    /// The address is taken, or the database is away.
    pub async fn create_user(
        &self,
        tenant: TenantId,
        new: &NewUser,
        link: &NewLink,
        context: &WriteContext,
    ) -> Result<User, Error> {
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let user = insert(&transaction, tenant, new).await?;
        links::replace(&transaction, tenant, &user, link).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Changes what the patch names. A patch that changes nothing leaves the version as it is.
    ///
    /// # Errors
    /// The address is taken, or the database is away.
    pub async fn update_user(
        &self,
        tenant: TenantId,
        id: i64,
        patch: &UserPatch,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<UserOutcome, Error> {
        const UPDATE: &str = "/* store::update_user */
            update users set email = coalesce($3::text, email), name = coalesce($4::text, name),
              role = coalesce($5::text, role),
              disabled_at = case when $6::boolean then coalesce(disabled_at, clock_timestamp())
                when not $6 then null else disabled_at end
            where tenant_id = $1 and id = $2
            returning id, email, name, role, disabled_at, password_hash is not null as has_password, version,
              created_at, updated_at";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        let loses = |user: &User| {
            let demoted = patch.role.is_some_and(|role| role != Role::Owner);
            is_able_owner(user) && (demoted || patch.disabled == Some(true))
        };
        if let Some(refused) = refuse(&transaction, tenant, id, expected, loses).await? {
            return Ok(refused);
        }
        let statement = transaction.prepare_cached(UPDATE).await?;
        let row = transaction
            .query_one(
                &statement,
                &[
                    &tenant.get(),
                    &id,
                    &patch.email.as_ref().map(Email::as_str),
                    &patch.name.as_ref().map(Name::as_str),
                    &patch.role.map(Role::as_str),
                    &patch.disabled,
                ],
            )
            .await?;
        let user = read_user(&row)?;
        transaction.commit().await?;
        Ok(UserOutcome::Done(user))
    }

    /// Deletes a user, their sessions and links. What they did stays in the history and in the audit trail.
    ///
    /// # Errors
    /// The database is away.
    pub async fn delete_user(
        &self,
        tenant: TenantId,
        id: i64,
        expected: &Expected,
        context: &WriteContext,
    ) -> Result<UserOutcome, Error> {
        const DELETE: &str = "/* store::delete_user */
            delete from users where tenant_id = $1 and id = $2
            returning id, email, name, role, disabled_at, password_hash is not null as has_password, version,
              created_at, updated_at";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        if let Some(refused) = refuse(&transaction, tenant, id, expected, is_able_owner).await? {
            return Ok(refused);
        }
        let statement = transaction.prepare_cached(DELETE).await?;
        let row = transaction.query_one(&statement, &[&tenant.get(), &id]).await?;
        let user = read_user(&row)?;
        transaction.commit().await?;
        Ok(UserOutcome::Done(user))
    }

    /// Whether anybody of a tenant has ever chosen a password.
    ///
    /// # Errors
    /// The database is away.
    pub async fn has_passwords(&self, tenant: TenantId) -> Result<bool, Error> {
        const HAS_PASSWORDS: &str = "/* store::has_passwords */
            select exists (select from users where tenant_id = $1 and password_hash is not null) as has_passwords";
        let client = self.client().await?;
        Ok(client.row(HAS_PASSWORDS, &[&tenant.get()]).await?.try_get("has_passwords")?)
    }

    /// For whoever runs the service: an owner who may sign in, with a fresh link that lets them. It is the user with this
    /// address, made one where they aren't; without an address the first owner that there is, and where there is none,
    /// one with the address `fallback`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn ensure_owner(
        &self,
        tenant: TenantId,
        email: Option<&Email>,
        fallback: &NewUser,
        link: &NewLink,
        context: &WriteContext,
    ) -> Result<User, Error> {
        const FIND: &str = "/* store::ensure_owner */
            select id, email, name, role, disabled_at, password_hash is not null as has_password, version,
              created_at, updated_at
            from users where tenant_id = $1
              and case when $2::text is null then (role = 'owner' and disabled_at is null) or email = $3
                else email = $2 end
            order by role = 'owner' and disabled_at is null desc, id limit 1";
        const PROMOTE: &str = "/* store::ensure_owner */
            update users set role = 'owner', disabled_at = null where id = $1";
        let mut client = self.client().await?;
        let transaction = begin(&mut client, context).await?;
        // One at a time changes who may manage users: without it, two owners could each take the other's rights away.
        lock_tenant(&transaction, tenant).await?;
        let statement = transaction.prepare_cached(FIND).await?;
        let wanted = email.map(Email::as_str);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&tenant.get(), &wanted, &fallback.email.as_str()];
        let user = match transaction.query_opt(&statement, &parameters).await? {
            Some(row) => read_user(&row)?,
            None => {
                let email = email.unwrap_or(&fallback.email).clone();
                insert(&transaction, tenant, &NewUser { email, ..fallback.clone() }).await?
            }
        };
        let statement = transaction.prepare_cached(PROMOTE).await?;
        transaction.execute(&statement, &[&user.id]).await?;
        links::replace(&transaction, tenant, &user, link).await?;
        transaction.commit().await?;
        Ok(User { role: Role::Owner, disabled: false, ..user })
    }
}

async fn insert(transaction: &Transaction<'_>, tenant: TenantId, new: &NewUser) -> Result<User, Error> {
    const CREATE: &str = "/* store::create_user */
        insert into users (tenant_id, email, name, role) values ($1, $2, $3, $4)
        returning id, email, name, role, disabled_at, false as has_password, version, created_at, updated_at";
    let statement = transaction.prepare_cached(CREATE).await?;
    let (email, name, role) = (new.email.as_str(), new.name.as_str(), new.role.as_str());
    let row = transaction.query_one(&statement, &[&tenant.get(), &email, &name, &role]).await?;
    read_user(&row)
}

/// Why a user can't be changed, if they can't; else the tenant is locked.
async fn refuse(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: i64,
    expected: &Expected,
    takes_an_owner: impl FnOnce(&User) -> bool,
) -> Result<Option<UserOutcome>, Error> {
    const USER: &str = "/* store::lock_user */
        select id, email, name, role, disabled_at, password_hash is not null as has_password, version,
          created_at, updated_at
        from users where tenant_id = $1 and id = $2 for no key update";
    // Somebody who was only invited is no replacement for an owner who can sign in now.
    const OTHERS: &str = "/* store::other_owners */
        select exists (select from users
          where tenant_id = $1 and id <> $2 and role = 'owner' and disabled_at is null
            and (password_hash is not null or not $3)) as others";
    lock_tenant(transaction, tenant).await?;
    let statement = transaction.prepare_cached(USER).await?;
    let Some(row) = transaction.query_opt(&statement, &[&tenant.get(), &id]).await? else {
        return Ok(Some(UserOutcome::NotFound));
    };
    let user = read_user(&row)?;
    let as_expected = match expected {
        Expected::Exists => true,
        Expected::Versions(versions) => versions.contains(&user.version),
    };
    if !as_expected {
        return Ok(Some(UserOutcome::Mismatch(user)));
    }
    if takes_an_owner(&user) {
        let statement = transaction.prepare_cached(OTHERS).await?;
        let row = transaction.query_one(&statement, &[&tenant.get(), &id, &user.has_password]).await?;
        if !row.try_get::<_, bool>("others")? {
            return Ok(Some(UserOutcome::LastOwner));
        }
    }
    Ok(None)
}

fn is_able_owner(user: &User) -> bool {
    user.role == Role::Owner && !user.disabled
}

pub(crate) fn read_user(row: &Row) -> Result<User, Error> {
    let id: i64 = row.try_get("id")?;
    let corrupt = |column: &'static str, error: &dyn std::error::Error| Error::Corrupt {
        table: "users",
        column,
        id,
        detail: error.to_string(),
    };
    let disabled_at: Option<jiff::Timestamp> = row.try_get("disabled_at")?;
    Ok(User {
        id,
        email: Email::parse(row.try_get("email")?).map_err(|error| corrupt("email", &error))?,
        name: Name::parse(row.try_get("name")?).map_err(|error| corrupt("name", &error))?,
        role: read_role(row, id)?,
        disabled: disabled_at.is_some(),
        has_password: row.try_get("has_password")?,
        version: Version::new(row.try_get("version")?),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
