//! A notifier in this process.

use std::net::SocketAddr;

use anyhow::Result;
use domain::Cursor;
use service::{Settings, settings::Secret};
use store::{Options, Store};

use crate::{FeedClient, FeedRefused, running::RunningService, server};

/// A running notifier; dropped, it is killed.
#[derive(Debug)]
pub struct Notifier {
    running: RunningService,
    secret: Secret,
}

impl Notifier {
    /// Starts one more and waits until it answers. It leads if no other does.
    ///
    /// # Errors
    /// It doesn't start.
    pub async fn start(settings: &Settings) -> Result<Self> {
        let secret = settings.internal_secret()?;
        let shown = secret.clone();
        let options = Options {
            pool_size: settings.database.pool_size,
            application_name: "stockwire notifier".to_owned(),
            ..server::store_options(settings.database.url.expose().to_owned())
        };
        let serve = async move |context: service::Context, listener| {
            let notifier = notifier::Notifier::start(&context, Store::new(&options)?, secret);
            notifier.serve(listener).await
        };
        let running = RunningService::start("notifier", settings.clone(), serve).await?;
        Ok(Self { running, secret: shown })
    }

    /// Where hubs connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.running.address())
    }

    /// The same as an address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Listens to its feed, behind a cursor or from now on.
    ///
    /// # Errors
    /// It refuses.
    pub async fn feed(&self, cursor: Option<Cursor>) -> Result<FeedClient, FeedRefused> {
        FeedClient::connect(&self.url(), self.secret.expose(), cursor).await
    }

    /// As SIGTERM does: returns when it has drained.
    ///
    /// # Errors
    /// It failed, or doesn't drain.
    pub async fn stop(self) -> Result<()> {
        self.running.stop().await
    }

    /// As kill -9 does: everything of it ends at once, without a goodbye.
    pub async fn kill(self) {
        self.running.kill().await;
    }
}
