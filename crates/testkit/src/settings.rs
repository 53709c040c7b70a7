//! What a service needs to know in a test.

use std::{collections::HashMap, net::TcpListener};

use anyhow::Result;
use service::{
    Settings,
    settings::{Anonymous, Secret},
};
use uuid::Uuid;

use crate::Database;

/// The defaults, with this database, secrets that nobody knows, everybody let in, and ports that are free.
///
/// The schema is there already, so services don't bring it up to date.
///
/// # Errors
/// Never in practice: the defaults are complete.
pub fn settings(database: &Database) -> Result<Settings> {
    let mut settings = Settings::load(None, HashMap::new())?;
    settings.database.url = Secret::new(database.url());
    settings.database.pool_size = 4;
    settings.database.migrate = false;
    settings.internal.secret = random_secret();
    settings.auth.token_secret = random_secret();
    settings.auth.anonymous = Anonymous::Loopback;
    // Tests ask as often as they like.
    settings.limits.requests_per_second = 0;
    let anywhere = ([127, 0, 0, 1], 0).into();
    settings.http.listen = anywhere;
    settings.http.workers = 1;
    settings.notifier.listen = anywhere;
    settings.hub.listen = anywhere;
    settings.hub.workers = 1;
    // Accidents on purpose are no news.
    settings.log.filter = "error".to_owned();
    Ok(settings)
}

/// A port that is ours from now on.
///
/// # Errors
/// There is none.
pub fn free_listener() -> Result<TcpListener> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?)
}

fn random_secret() -> Secret {
    Secret::new(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
}
