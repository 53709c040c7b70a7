//! How this service connects to Postgres, from the settings.

use std::time::Duration;

use service::{CurrentRequest, Settings, settings::Comment};
use store::{Comments, ConnectError, Options, Origin, Store};

/// How a service connects, from the settings.
#[must_use]
pub fn store_options(settings: &Settings, application_name: &str) -> Options {
    let database = &settings.database;
    Options {
        url: database.url.expose().to_owned(),
        password: database.password.expose().to_owned(),
        pool_size: database.pool_size,
        pool_wait: Duration::from_millis(database.pool_wait_ms),
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        lock_timeout: Duration::from_millis(database.lock_timeout_ms),
        application_name: application_name.to_owned(),
    }
}

/// The store of a service: its statements say for which request they run, as far as the settings want that.
///
/// # Errors
/// The URL can't be read.
pub fn open_store(settings: &Settings, options: &Options) -> Result<Store, ConnectError> {
    let comments = match settings.database.comment {
        Comment::None => Comments::None,
        Comment::Sampled => Comments::Sampled,
        Comment::All => Comments::All,
    };
    Ok(Store::new(options)?.attributed(comments, current_request))
}

fn current_request() -> Option<Origin> {
    let request = CurrentRequest::get()?;
    Some(Origin {
        request_id: request.id,
        traceparent: request.trace.map(|trace| trace.to_string().into()),
        sampled: request.trace.is_some_and(|trace| trace.sampled),
    })
}
