//! The hub and the API in this process, and all three services together.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::Value;
use service::{Health, Settings, http::Http};
use store::{Options, Store};

use crate::{
    Database, Notifier, SocketClient, SocketOptions, SocketRefused, running::RunningService, server, settings,
};

/// A running hub; dropped, it is killed.
#[derive(Debug)]
pub struct Hub {
    running: RunningService,
}

impl Hub {
    /// Starts one more and waits until it follows the feed.
    ///
    /// # Errors
    /// It doesn't start.
    pub async fn start(settings: &Settings) -> Result<Self> {
        let serve = async move |context: service::Context, listener| {
            let workers = context.settings.hub.workers;
            hub::Hub::start(&context)?.serve(listener, workers).await
        };
        Ok(Self { running: RunningService::start("hub", settings.clone(), serve).await? })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Connects a client that names nobody.
    ///
    /// # Errors
    /// The hub refuses.
    pub async fn connect(&self) -> Result<SocketClient, SocketRefused> {
        SocketClient::connect(self.address(), &SocketOptions::default()).await
    }

    /// Connects a client that shows a token in its handshake.
    ///
    /// # Errors
    /// The hub refuses.
    pub async fn connect_with(&self, token: &str) -> Result<SocketClient, SocketRefused> {
        let options = SocketOptions { token: Some(token.to_owned()), ..SocketOptions::default() };
        SocketClient::connect(self.address(), &options).await
    }

    /// As SIGTERM does: returns when it has drained.
    ///
    /// # Errors
    /// It failed, or doesn't drain.
    pub async fn stop(self) -> Result<()> {
        self.running.stop().await
    }

    /// As kill -9 does: clients lose their sockets without a goodbye.
    pub async fn kill(self) {
        self.running.kill().await;
    }
}

/// A running inventory-api; dropped, it is killed.
#[derive(Debug)]
pub struct InventoryApi {
    running: RunningService,
    client: reqwest::Client,
}

impl InventoryApi {
    /// Starts one more and waits until it answers.
    ///
    /// # Errors
    /// It doesn't start.
    pub async fn start(settings: &Settings) -> Result<Self> {
        let options = Options {
            pool_size: settings.database.pool_size,
            application_name: "stockwire inventory-api".to_owned(),
            ..server::store_options(settings.database.url.expose().to_owned())
        };
        let serve = async move |context: service::Context, listener| {
            let api = inventory_api::Api::start(&context, Store::new(&options)?)?;
            let health = Health::new("inventory-api", vec![api.check()], context.stop.clone());
            let workers = context.settings.http.workers;
            let tls_only = context.settings.http.is_tls_only();
            let http = Http { name: "inventory-api", listener, workers, drain_seconds: 2, tls_only };
            Ok(service::http::serve(http, api.configure(health), context.stop.clone()).await?)
        };
        let running = RunningService::start("inventory-api", settings.clone(), serve).await?;
        Ok(Self { running, client: reqwest::Client::new() })
    }

    /// Where it answers, such as `http://127.0.0.1:12345`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address())
    }

    /// The same as an address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Creates an item and answers with it.
    ///
    /// # Errors
    /// It isn't created.
    pub async fn create_item(&self, body: &Value) -> Result<Value> {
        let answer = self.client.post(format!("{}/api/v1/items", self.url())).json(body).send().await?;
        answer.error_for_status()?.json().await.context("the item can't be read")
    }

    /// Changes an item and answers with it.
    ///
    /// # Errors
    /// It isn't changed.
    pub async fn patch_item(&self, id: i64, body: &Value) -> Result<Value> {
        let answer = self.client.patch(format!("{}/api/v1/items/{id}", self.url())).json(body).send().await?;
        answer.error_for_status()?.json().await.context("the item can't be read")
    }

    /// As kill -9 does.
    pub async fn kill(self) {
        self.running.kill().await;
    }
}

/// A database, a notifier, an inventory-api and a hub that know each other.
#[derive(Debug)]
pub struct Stack {
    /// The database of this test.
    pub database: Database,
    /// What the services were started with; start more with the same.
    pub settings: Settings,
    /// Sequences and feeds.
    pub notifier: Notifier,
    /// Answers REST.
    pub api: InventoryApi,
    /// Serves sockets.
    pub hub: Hub,
}

impl Stack {
    /// Starts everything with settings that suit tests.
    ///
    /// # Errors
    /// Something doesn't start.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| {}).await
    }

    /// Starts everything with settings of the test's choice.
    ///
    /// # Errors
    /// Something doesn't start.
    pub async fn start_with(choose: impl FnOnce(&mut Settings)) -> Result<Self> {
        Self::start_on(Database::create().await?, choose).await
    }

    /// Starts everything on a database of the test's choice.
    ///
    /// # Errors
    /// Something doesn't start.
    pub async fn start_on(database: Database, choose: impl FnOnce(&mut Settings)) -> Result<Self> {
        let mut settings = settings(&database)?;
        settings.hub.drain_ms = 200;
        choose(&mut settings);
        let notifier = Notifier::start(&settings).await?;
        settings.notifier.url = notifier.url();
        let api = InventoryApi::start(&settings).await?;
        settings.api.url = api.url();
        let hub = Hub::start(&settings).await?;
        Ok(Self { database, settings, notifier, api, hub })
    }
}
