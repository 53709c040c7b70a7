//! What a start says on standard output: what is where, and how to come in for the first time.

use std::net::SocketAddr;

use service::{Fatal, Settings, readiness::reachable, settings::Anonymous};
use store::Store;

use crate::{
    accounts::{self, OwnerLink},
    cli::Demo,
    postgres,
    serve::NAME,
};

/// What lets people and programs in, shown here and nowhere else.
pub(crate) struct FirstSecrets {
    link: Option<OwnerLink>,
    key: Option<String>,
}

impl FirstSecrets {
    /// A link until the first password was chosen, and a key for the examples as long as there is no other way in, or with
    /// the demo.
    pub(crate) async fn make(store: &Store, settings: &Settings, demo: &Demo) -> Result<Self, Fatal> {
        let link = accounts::first_link(store, settings).await?;
        let key = if demo.demo || link.is_some() { Some(accounts::demo_key(store).await?) } else { None };
        Ok(Self { link, key })
    }
}

/// Says on standard output what is where.
pub(crate) fn announce(
    settings: &Settings,
    public: SocketAddr,
    server: Option<&postgres::Server>,
    secrets: &FirstSecrets,
    market: Option<SocketAddr>,
) {
    let at = reachable(public);
    println!("Stockwire {} is ready.\n", service::VERSION);
    println!("  page       http://{at}/   (or /basic)");
    println!("  items      http://{at}/api/v1/items");
    println!("  documents  http://{at}/docs");
    println!("  socket     ws://{at}/ws");
    println!("  events     http://{at}/events?topic=items   (or /poll)");
    println!("  monitors   http://{at}/api/v1/monitors   (what they raise: /events?topic=notifications)");
    println!("  health     http://{at}/ready   http://{at}/metrics");
    if let Some(market) = market {
        println!("  market     http://{market}/prices.json   (POST /down, /up, /slow?ms=500)");
    }
    if let Some(server) = server {
        let directory = server.directory();
        println!("  database   PostgreSQL {}, data in {}", server.version(), directory.display());
        println!(
            "  psql       PGPASSWORD=$(cat {}) psql -h 127.0.0.1 -p {} -U postgres {NAME}",
            directory.join("password").display(),
            server.port()
        );
    }
    let public_url = settings.http.public_url.trim_end_matches('/');
    if secrets.link.is_none() {
        println!("  sign in    {public_url}/sign-in");
    }
    println!("\n{}", who_comes_in(settings.auth.anonymous));
    if let Some(link) = &secrets.link {
        println!("\nSign in as {}: this link lets you choose a password, once.\n", link.email());
        println!("  {}", link.url);
    }
    if let Some(key) = &secrets.key {
        println!("\nA key for the examples, to paste into a shell; the next start makes another one:\n");
        println!("  export STOCKWIRE_KEY={key}");
        println!("  curl -H \"Authorization: Bearer $STOCKWIRE_KEY\" '{public_url}/api/v1/items?limit=3'");
    }
    println!();
}

const fn who_comes_in(anonymous: Anonymous) -> &'static str {
    match anonymous {
        Anonymous::Never => {
            "Who comes in signs in or shows a key. `stockwire owner` prints a link to sign in, and\n\
             `stockwire key --name till --scopes read,stock` a key."
        }
        Anonymous::Loopback => {
            "Everybody on this machine may read and change items without signing in, because auth.anonymous is loopback."
        }
        Anonymous::Anywhere => {
            "Everybody who reaches this address may read and change items without signing in, because auth.anonymous is \
             anywhere."
        }
    }
}
