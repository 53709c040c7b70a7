//! Who is signed in: users with their sessions and programs with their keys, written into the tables as the API does, and
//! tokens that name them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::{Identity, Login, Role, TenantId, WriteContext};
use jiff::Timestamp;
use serde_json::Value;
use service::access::Access;
use store::NewSession;
use uuid::Uuid;

use crate::Stack;

/// How long the tokens of tests are good, in seconds.
const TOKEN_SECONDS: i64 = 600;

/// A user on one device, or a program with its key.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What can be ended.
    pub login: Login,
    /// Who, such as `user:7`.
    pub actor: String,
    /// An access token.
    pub token: String,
}

impl SignedIn {
    /// The id of the session or the key.
    #[must_use]
    pub const fn id(&self) -> i64 {
        match self.login {
            Login::Session(id) | Login::Key(id) => id,
        }
    }
}

impl Stack {
    /// A user of the default tenant signs in on one more device; who isn't there yet is made, as a manager. Where the
    /// tenant allows one login, as it does unless it is told otherwise, that ends the user's others.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sign_in(&self, name: &str) -> Result<SignedIn> {
        const MAKE: &str = "insert into users (tenant_id, email, name, role) values (1, $1, $2, 'manager')
            on conflict on constraint users_email_unique do update set name = excluded.name returning id, password_hash";
        let email = format!("{name}@example.com");
        let row = self.database.sql().await?.query_one(MAKE, &[&email, &name]).await?;
        let user: i64 = row.try_get("id")?;
        let new = NewSession {
            password_hash: row.try_get("password_hash")?,
            nonce: Uuid::new_v4().into_bytes(),
            refresh_hash: [0; 32],
            device: "a test".to_owned(),
            lifetime: Duration::from_secs(3600),
        };
        let actor = format!("user:{user}");
        let context = WriteContext { actor: actor.clone(), ..WriteContext::default() };
        let store = self.database.store()?;
        let session = store.create_session(TenantId::DEFAULT, user, &new, &context).await?;
        let login = Login::Session(session.context("the user may not sign in")?.session);
        self.signed_in(login, actor)
    }

    /// A program of the default tenant has exchanged its new key for a token.
    ///
    /// # Errors
    /// The database is away.
    pub async fn key(&self, name: &str) -> Result<SignedIn> {
        const MAKE: &str = "insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, created_by)
            values (1, $1, left($2::text, 10), sha256(''), '{read,stock,items}', 'test') returning id";
        let prefix = Uuid::new_v4().simple().to_string();
        let id: i64 = self.database.sql().await?.query_one(MAKE, &[&name, &prefix]).await?.try_get(0)?;
        self.signed_in(Login::Key(id), format!("key:{id}"))
    }

    fn signed_in(&self, login: Login, actor: String) -> Result<SignedIn> {
        let permissions = Role::Manager.permissions();
        let identity = Identity {
            login: Some(login),
            actor: actor.as_str().into(),
            permissions,
            ..Identity::anonymous()
        };
        Ok(SignedIn { login, actor, token: self.token_of(&identity, TOKEN_SECONDS)? })
    }

    /// A token of anybody that ends after so many seconds, which may be negative.
    ///
    /// # Errors
    /// Never in practice.
    pub fn token_of(&self, identity: &Identity, seconds: i64) -> Result<String> {
        let access = Access::new(&self.settings.token_secret()?, self.settings.auth.anonymous);
        let expires_at = Timestamp::from_second(Timestamp::now().as_second() + seconds)?;
        Ok(access.issue(identity, expires_at)?)
    }

    /// A token for the default tenant that belongs to no login and ends after so many seconds, which may be negative.
    ///
    /// # Errors
    /// Never in practice.
    pub fn token(&self, actor: &str, seconds: i64) -> Result<String> {
        self.token_of(&Identity { actor: actor.into(), ..Identity::anonymous() }, seconds)
    }

    /// A one-time ticket for whoever has this token.
    ///
    /// # Errors
    /// The API doesn't give one.
    pub async fn ticket(&self, token: &str) -> Result<String> {
        let asking = reqwest::Client::new().post(format!("{}/api/v1/tickets", self.api.url()));
        let answer: Value = asking.bearer_auth(token).send().await?.error_for_status()?.json().await?;
        answer["ticket"].as_str().map(ToOwned::to_owned).with_context(|| format!("no ticket: {answer}"))
    }

    /// Ends a login as an operator does in `psql`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn end_in_psql(&self, login: Login) -> Result<()> {
        let statement = match login {
            Login::Session(id) => format!("update sessions set ended_at = now() where id = {id}"),
            Login::Key(id) => format!("update api_keys set revoked_at = now() where id = {id}"),
        };
        Ok(self.database.sql().await?.batch_execute(&statement).await?)
    }
}
