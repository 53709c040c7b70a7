//! The REST API for integrators: items, their history, and the pull feed of changes.
//!
//! | file | noun |
//! |---|---|
//! | `api` | what the routes share, and how another process mounts them on its own server |
//! | `database` | how it connects to Postgres |
//! | `routes/*` | one resource each: policy here, queries in `store` under the same names |
//! | `body`, `unique_keys` | reading a JSON body |
//! | `query` | reading a query string |
//! | `preconditions` | ETag, If-Match, If-None-Match |
//! | `pagination` | pages, cursors, links |
//! | `visitor` | the gate that every request passes: where it comes from and who sends it |
//! | `caller` | what a route needs of who is asking, and what is written down about a write |
//! | `api_key` | the text of an API key |
//! | `key_ring`, `key_memory`, `key_uses` | checking API keys, what is remembered of them, when they were used |
//! | `limits` | how often one client may ask |
//! | `refusals`, `audit_trail` | who was refused: counted, and written into the audit trail in the background |
//! | `cross_origin` | pages of other origins |
//! | `housekeeping` | deletes what has ended and is too old |
//! | `logins` | which logins were ended |
//! | `sign_in`, `passwords`, `refresh_tokens`, `cookies` | beginning a session and going on with it |
//! | `links`, `invitations` | one-time links, and how they get to whom they are for |
//! | `presence_sweep` | who was with hubs that are gone |
//! | `csrf` | whether a request with a cookie comes from a page of ours |
//! | `movement_memory`, `dry_runs`, `turns` | what is dear to work out: shared, bounded, only so many at once |
//! | `log_watch` | wakes the requests that wait for a change |
//! | `error` | what a failed query means to a client |
//! | `openapi`, `documented_problems`, `problem_page` | the API described from this code |
//!
//! Every mistake of a client is answered with a problem document that names it, and changes nothing. There is
//! deliberately no SQL and no socket here; the only state in memory is the head of the log, which logins were ended, and how
//! often each client asked.

mod api;
pub mod api_key;
mod audit_trail;
mod body;
mod caller;
mod cookies;
mod cross_origin;
mod csrf;
mod database;
mod documented_problems;
mod dry_runs;
mod error;
mod housekeeping;
mod invitations;
mod key_memory;
mod key_ring;
mod key_uses;
mod limits;
pub mod links;
mod log_watch;
mod logins;
mod movement_memory;
mod openapi;
mod pagination;
mod passwords;
mod preconditions;
mod presence_sweep;
mod problem_page;
mod refresh_tokens;
mod refusals;
mod routes;
mod sign_in;
mod turns;
mod unique_keys;
mod visitor;

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use service::{Context, Fatal, Health, http::Http};

pub use api::Api;
pub use database::{open_store, store_options};

const NAME: &str = "inventory-api";

/// The service: listens where the settings say, until it is told to stop.
///
/// # Errors
/// The settings can't be used, the address is taken, or the schema can't be brought up to date.
pub async fn run(context: Context) -> Result<(), Fatal> {
    let listen = context.settings.http.listen;
    context.settings.refuse_open_listener("STOCKWIRE__HTTP__LISTEN", listen)?;
    let listener = TcpListener::bind(listen).with_context(|| format!("can't listen on {listen}"))?;
    serve(context, listener).await
}

/// As [`run`], on a listener from outside. Serves from the first moment: while the database is away, or its schema isn't
/// the one that this program knows, `/ready` says so and requests that need more are answered with 503.
///
/// # Errors
/// As for [`run`].
pub async fn serve(context: Context, listener: TcpListener) -> Result<(), Fatal> {
    let settings = context.settings.clone();
    let options = store_options(&settings, NAME);
    let api = Api::start(&context, open_store(&settings, &options)?)?;
    let prepared = Arc::new(AtomicBool::new(false));
    let check = api.check().once(prepared.clone(), "waiting for the database and its schema");
    let health = Health::new(NAME, vec![check], context.stop.clone()).with_gauges(api.gauges());
    // Requests under way get most of the deadline: the rest is for what comes after them.
    let drain_seconds = (settings.shutdown.deadline().as_secs() * 2 / 3).max(1);
    let (workers, tls_only) = (settings.http.workers, settings.http.is_tls_only());
    let http = Http { name: NAME, listener, workers, drain_seconds, tls_only };
    tracing::info!(http.listen = %http.listener.local_addr()?, "listening");
    let serving = service::http::serve(http, api.configure(health), context.stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        ensured = store::ensure_schema(&options, settings.database.migrate) => ensured?,
    }
    prepared.store(true, Ordering::Relaxed);
    Ok(serving.await?)
}
