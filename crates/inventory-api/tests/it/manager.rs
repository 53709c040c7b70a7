//! A service that is asked with the token of a manager: nobody makes monitors without one.

use std::ops::Deref;

use domain::Role;
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::app::{Answer, App, answer};

/// A running service, and a manager of its first tenant.
pub(crate) struct Manager {
    app: App,
    token: String,
}

impl Manager {
    pub(crate) async fn spawn() -> Self {
        let app = App::spawn().await;
        let token = app.operator("user:77", Role::Manager);
        Self { app, token }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.app.request(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request("PATCH", path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request("DELETE", path)).await
    }
}

impl Deref for Manager {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}
