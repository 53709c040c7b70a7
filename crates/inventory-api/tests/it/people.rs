//! Users that sign in, for the tests of accounts.

use argon2::{Argon2, PasswordHasher};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::app::{Answer, App, answer};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A user who is signed in on one device.
pub(crate) struct Device {
    pub(crate) session: i64,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Someone with a password.
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) email: String,
}

impl App {
    /// Puts a user into the default tenant.
    pub(crate) async fn person(&self, name: &str, role: &str) -> Person {
        static HASH: OnceCell<String> = OnceCell::const_new();
        let hash = async || Argon2::default().hash_password(PASSWORD.as_bytes()).unwrap().to_string();
        let hash = HASH.get_or_init(hash).await;
        let email = format!("{name}@shop.example");
        let insert = "insert into users (tenant_id, email, name, role, password_hash) values (1, $1, $2, $3, $4) returning id";
        let row = self.sql.query_one(insert, &[&email, &name, &role, hash]).await.unwrap();
        Person { id: row.get(0), email }
    }

    pub(crate) async fn try_sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/sessions", json!({"email": email, "password": password})).await
    }

    pub(crate) async fn sign_in(&self, person: &Person) -> Device {
        Device::of(&self.try_sign_in(&person.email, PASSWORD).await)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("/api/v1/sessions/refresh", json!({"refresh_token": token})).await
    }

    /// Lets users have several sessions.
    pub(crate) async fn allow_several_sessions(&self) {
        self.sql.batch_execute("insert into tenant_settings values (1, 'multiple')").await.unwrap();
    }

    /// Asks with a token.
    pub(crate) async fn ask(&self, token: &str, method: &str, path: &str) -> Answer {
        answer(self.request(method, path).bearer_auth(token)).await
    }

    /// Asks with cookies.
    pub(crate) fn with_cookies(&self, method: &str, path: &str, cookies: &str) -> RequestBuilder {
        self.request(method, path).header("cookie", cookies)
    }

    /// What the audit trail says, oldest first: event and actor. Without what was refused, which is written in the
    /// background.
    pub(crate) async fn audit(&self) -> Vec<(String, String)> {
        let query = "select event, actor from audit where event <> 'access_refused' order by id";
        let rows = self.sql.query(query, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

impl Device {
    #[track_caller]
    pub(crate) fn of(answered: &Answer) -> Self {
        let text =
            |name: &str| answered.body[name].as_str().unwrap_or_else(|| panic!("{answered:?}")).to_owned();
        Self {
            session: answered.body["session"].as_i64().unwrap(),
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

impl Answer {
    /// The value of a cookie that is set.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let set = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let named = set.filter_map(|value| value.split(';').next()?.split_once('='));
        named.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).next_back()
    }

    /// Checks that this is the answer to a token whose login was ended.
    #[track_caller]
    pub(crate) fn is_ended(&self, reason: &str) {
        self.is_problem(401, "session_ended");
        assert_eq!(self.body["logout_reason"], Value::from(reason));
    }
}
