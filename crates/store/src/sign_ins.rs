//! What a sign-in needs to know, and how many may be tried: counted in the database, so that the number is the same
//! however many processes there are, and whether they were restarted.

use domain::{Email, TenantId};

use crate::{Error, Store, pooled::Pooled};

/// A user as a sign-in finds them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Whose.
    pub tenant: TenantId,
    /// Who.
    pub user: i64,
    /// What the password is compared with; none until one was chosen.
    pub password_hash: Option<String>,
    /// Whether they may sign in at all.
    pub disabled: bool,
}

/// Without the hash.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A bucket of tries that refills steadily.
#[derive(Debug, Clone, PartialEq)]
pub struct Throttle {
    /// Whose tries: an account or an address.
    pub subject: String,
    /// So many may come at once.
    pub most: u32,
    /// One more each so many seconds.
    pub seconds_each: f64,
}

impl Store {
    /// Who has this e-mail address in the tenant of this name: the tenant is what is asked for here.
    ///
    /// # Errors
    /// The database is away.
    pub async fn credential(&self, tenant: &str, email: &Email) -> Result<Option<Credential>, Error> {
        const CREDENTIAL: &str = "/* store::credential */
            select users.tenant_id, users.id, users.password_hash, users.disabled_at is not null as disabled
            from users join tenants on tenants.id = users.tenant_id
            where tenants.name = $1 and users.email = $2";
        let client = self.client().await?;
        let row = client.row_if_any(CREDENTIAL, &[&tenant, &email.as_str()]).await?;
        row.map(|row| {
            Ok(Credential {
                tenant: TenantId::new(row.try_get("tenant_id")?),
                user: row.try_get("id")?,
                password_hash: row.try_get("password_hash")?,
                disabled: row.try_get("disabled")?,
            })
        })
        .transpose()
    }

    /// Who a user of a tenant is to a sign-in.
    ///
    /// # Errors
    /// The database is away.
    pub async fn credential_of(
        &self,
        tenant: TenantId,
        user: i64,
    ) -> Result<Option<(Email, Credential)>, Error> {
        const CREDENTIAL: &str = "/* store::credential_of */
            select email, password_hash, disabled_at is not null as disabled from users
            where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        let Some(row) = client.row_if_any(CREDENTIAL, &[&tenant.get(), &user]).await? else {
            return Ok(None);
        };
        let email = Email::parse(row.try_get("email")?).map_err(|error| Error::Corrupt {
            table: "users",
            column: "email",
            id: user,
            detail: error.to_string(),
        })?;
        let (password_hash, disabled) = (row.try_get("password_hash")?, row.try_get("disabled")?);
        Ok(Some((email, Credential { tenant, user, password_hash, disabled })))
    }

    /// Takes a try out of each of these buckets, in their order, until one has none left; then it says how many seconds
    /// that one needs to have one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_try(&self, throttles: &[Throttle]) -> Result<Option<f64>, Error> {
        let client = self.client().await?;
        for throttle in throttles {
            if let Some(wait) = take_one(&client, throttle).await? {
                return Ok(Some(wait));
            }
        }
        Ok(None)
    }

    /// Gives a try back that was none: the password was right.
    ///
    /// # Errors
    /// The database is away.
    pub async fn give_back_try(&self, throttles: &[Throttle]) -> Result<(), Error> {
        const GIVE_BACK: &str = "/* store::give_back_try */
            update sign_in_throttles set allowance = allowance + 1 where subject = $1";
        let client = self.client().await?;
        for throttle in throttles {
            client.rows(GIVE_BACK, &[&throttle.subject]).await?;
        }
        Ok(())
    }
}

async fn take_one(client: &Pooled, throttle: &Throttle) -> Result<Option<f64>, Error> {
    const TAKE: &str = "/* store::take_try */
        insert into sign_in_throttles as throttle (subject, allowance) values ($1, $2::float8 - 1)
        on conflict (subject) do update set (allowance, refused, refilled_at) = (
          select case when refilled.allowance >= 1 then refilled.allowance - 1 else refilled.allowance end,
            refilled.allowance < 1, refilled.at
          from (
            select least($2::float8,
                throttle.allowance + extract(epoch from moment.at - throttle.refilled_at) / $3::float8) as allowance,
              moment.at
            from (select clock_timestamp() as at) as moment
          ) as refilled
        )
        returning refused, (1 - allowance) * $3::float8 as wait";
    let Throttle { subject, most, seconds_each } = throttle;
    let row = client.row(TAKE, &[subject, &f64::from(*most), seconds_each]).await?;
    let refused: bool = row.try_get("refused")?;
    Ok(if refused { Some(row.try_get::<_, f64>("wait")?.max(0.0)) } else { None })
}
