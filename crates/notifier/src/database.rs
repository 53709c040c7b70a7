//! How the notifier connects to Postgres, from the settings. Its pool is small: ordering has a connection of its own, and
//! what is left are short reads.

use std::time::Duration;

use service::{CurrentRequest, Settings, settings::Comment};
use store::{Comments, ConnectError, Options, Origin, Store};

pub(crate) fn options(settings: &Settings) -> Options {
    let database = &settings.database;
    Options {
        url: database.url.expose().to_owned(),
        password: database.password.expose().to_owned(),
        pool_size: settings.notifier.pool_size,
        pool_wait: Duration::from_millis(database.pool_wait_ms),
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        lock_timeout: Duration::from_millis(database.lock_timeout_ms),
        application_name: "stockwire notifier".to_owned(),
    }
}

/// A store whose statements say for which hub's request they run, as far as the settings want that.
pub(crate) fn open(settings: &Settings, options: &Options) -> Result<Store, ConnectError> {
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
