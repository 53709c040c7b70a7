//! How this service connects to Postgres, from the settings.

use std::time::Duration;

use service::Settings;
use store::Options;

/// How a service connects, from the settings.
#[must_use]
pub fn store_options(settings: &Settings, application_name: &str) -> Options {
    let database = &settings.database;
    Options {
        url: database.url.expose().to_owned(),
        password: database.password.expose().to_owned(),
        pool_size: database.pool_size,
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        lock_timeout: Duration::from_millis(database.lock_timeout_ms),
        application_name: application_name.to_owned(),
    }
}
