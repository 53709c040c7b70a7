//! Who asks, in tests of accounts: tokens of any role, and API keys.

use std::sync::Arc;

use domain::{Identity, Login, Permissions, Role, TenantId};
use jiff::{SignedDuration, Timestamp};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use service::access::Access;

use crate::app::{Answer, App, answer};

pub(crate) const KEYS: &str = "/api/v1/api-keys";
pub(crate) const ME: &str = "/api/v1/me";

/// A new key, as its maker sees it.
pub(crate) struct NewKey {
    pub(crate) id: i64,
    pub(crate) text: String,
}

impl NewKey {
    pub(crate) fn path(&self) -> String {
        format!("{KEYS}/{}", self.id)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.text[3..13]
    }

    pub(crate) fn secret(&self) -> &str {
        &self.text[14..]
    }
}

impl App {
    pub(crate) fn access(&self) -> Access {
        Access::new(&self.settings.token_secret().unwrap(), self.settings.auth.anonymous)
    }

    /// A token of a session of a user with a role.
    pub(crate) fn token_of(&self, role: Role) -> String {
        self.token(TenantId::DEFAULT, role.permissions())
    }

    /// A token of a session in a tenant, with permissions.
    pub(crate) fn token(&self, tenant: TenantId, permissions: Permissions) -> String {
        let identity = Identity {
            tenant,
            actor: Arc::from("user:7"),
            login: Some(Login::Session(7)),
            permissions,
            expires_at: None,
        };
        self.access().issue(&identity, Timestamp::now() + SignedDuration::from_mins(10)).unwrap()
    }

    /// Makes a key as a manager.
    pub(crate) async fn new_key(&self, scopes: &[&str]) -> NewKey {
        self.new_key_with(json!({"name": "till", "scopes": scopes})).await
    }

    pub(crate) async fn new_key_with(&self, body: Value) -> NewKey {
        let manager = self.token_of(Role::Manager);
        let created = answer(self.request("POST", KEYS).bearer_auth(manager).json(&body)).await;
        assert_eq!(created.status, 201, "{created:?}");
        let text = created.body["key"].as_str().unwrap().to_owned();
        NewKey { id: created.body["id"].as_i64().unwrap(), text }
    }

    /// A request that shows a token or a key.
    pub(crate) fn showing(&self, method: &str, path: &str, credentials: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(credentials)
    }

    /// What is answered to who shows this.
    pub(crate) async fn get_with(&self, path: &str, credentials: &str) -> Answer {
        answer(self.showing("GET", path, credentials)).await
    }

    pub(crate) async fn revoke(&self, key: &NewKey) {
        let revoked = answer(self.showing("DELETE", &key.path(), &self.token_of(Role::Manager))).await;
        assert_eq!(revoked.status, 204, "{revoked:?}");
    }
}
