//! What the routes share, and how another process mounts them on its own server.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use connector::{Courier, Mail, Outgoing, sources::HeaderSeal};
use service::{
    Check, Context, Fatal, Health,
    access::Access,
    client_address::Proxies,
    settings::{Auth, Secret},
};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    audit_trail::AuditTrail, cookies::Cookies, csrf::Csrf, dry_runs::DryRuns, housekeeping,
    invitations::Invitations, key_ring::KeyRing, limits::Limits, log_watch::LogWatch, logins::Logins,
    movement_memory::MovementMemory, passwords::Passwords, presence_sweep, refresh_tokens::RefreshTokens,
    refusals, routes, sign_in, turns::Turns,
};

const MANY_BATCHES: &str = "As many batches are being applied as may be at once.";
const MANY_SERIES: &str = "As many series are being read as may be at once.";

/// The REST API, ready to be mounted. Clones share everything.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    access: Access,
    internal_secret: Secret,
    auth: Auth,
    passwords: Passwords,
    invitations: Invitations,
    courier: Courier,
    refresh_tokens: RefreshTokens,
    cookies: Cookies,
    csrf: Csrf,
    proxies: Proxies,
    log: LogWatch,
    logins: Logins,
    keys: KeyRing,
    limits: Option<Limits>,
    audit: AuditTrail,
    header_seal: HeaderSeal,
    movements: MovementMemory,
    dry_runs: DryRuns,
    batch_turns: Turns,
    series_turns: Turns,
    allowed_origins: Vec<String>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("store", &self.shared.store).finish_non_exhaustive()
    }
}

impl Api {
    /// Begins to watch the log. Call it inside a runtime that lasts as long as the service.
    ///
    /// # Errors
    /// A secret is missing or too short, a proxy or a network is no address, or the mail server's settings can't be used.
    pub fn start(context: &Context, store: Store) -> Result<Self, Fatal> {
        let settings = &context.settings;
        let token_secret = settings.token_secret()?;
        let access = Access::new(&token_secret, settings.auth.anonymous);
        let csrf = Csrf::new(&token_secret);
        let auth = settings.auth.clone();
        let refresh_tokens = RefreshTokens::new(&token_secret, &auth);
        let passwords =
            Passwords::new().map_err(|error| anyhow::anyhow!("passwords can't be hashed: {error}"))?;
        let cookies = Cookies::new(&settings.http.public_url);
        let mail = Mail::new(&settings.mail)?;
        let invitations = Invitations::new(context, mail.clone())?;
        let courier = Courier::new(settings, mail)?;
        sign_in::describe();
        let proxies = Proxies::read("http.trusted_proxies", &settings.http.trusted_proxies)?;
        let internal_secret = settings.internal_secret()?;
        let log = LogWatch::start(context, store.clone());
        let logins = Logins::start(context, store.clone(), &log);
        let keys = KeyRing::start(context, store.clone());
        presence_sweep::start(context, store.clone());
        let limits = Limits::read(&settings.limits);
        let audit = AuditTrail::start(context, store.clone());
        let allowed_origins = settings.http.allowed_origins.clone();
        let header_seal = HeaderSeal::new(&token_secret)?;
        connector::start(context, store.clone(), courier.clone())?;
        housekeeping::start(context, store.clone());
        refusals::describe();
        let text = "Snapshots that were sent to hubs.";
        metrics::describe_counter!("stockwire_snapshots_total", metrics::Unit::Count, text);
        metrics::counter!("stockwire_snapshots_total").increment(0);
        let stop = context.stop.clone();
        let shared = Shared {
            store,
            access,
            internal_secret,
            auth,
            passwords,
            invitations,
            courier,
            refresh_tokens,
            cookies,
            csrf,
            proxies,
            log,
            logins,
            keys,
            limits,
            audit,
            header_seal,
            movements: MovementMemory::new(),
            dry_runs: DryRuns::new(),
            batch_turns: Turns::new(4, Duration::from_secs(10), MANY_BATCHES),
            series_turns: Turns::new(4, Duration::from_secs(5), MANY_SERIES),
            allowed_origins,
            stop,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether the database answers and has our tables, for a [`Health`].
    #[must_use]
    pub fn check(&self) -> Check {
        let (store, logins) = (self.shared.store.clone(), self.shared.logins.clone());
        Check::new("database", move || {
            let (store, logins) = (store.clone(), logins.clone());
            Box::pin(async move {
                let checked = async {
                    store.check().await?;
                    // Before the first look, whoever has a login is sent away.
                    if logins.ended().is_none() { logins.look().await } else { Ok(()) }
                };
                checked.await.map_err(|_| "the database doesn't answer, or has no schema yet".to_owned())
            })
        })
    }

    /// Sets the gauges of the database's pool, for a [`Health`].
    pub fn gauges(&self) -> impl Fn() + Send + Sync + 'static + use<> {
        let store = self.shared.store.clone();
        move || store.report_pool()
    }

    /// Mounts all routes, and those of a health that the caller composes: a process that serves more than this
    /// API adds its own checks.
    pub fn configure(
        &self,
        health: Health,
    ) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static + use<> {
        let api = self.clone();
        move |config| {
            config.app_data(web::Data::new(api.clone()));
            health.clone().configure(config);
            routes::configure(config);
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn access(&self) -> &Access {
        &self.shared.access
    }

    pub(crate) fn internal_secret(&self) -> &Secret {
        &self.shared.internal_secret
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.shared.auth
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.shared.passwords
    }

    pub(crate) fn invitations(&self) -> &Invitations {
        &self.shared.invitations
    }

    /// What brings messages to channels.
    pub(crate) fn courier(&self) -> &Courier {
        &self.shared.courier
    }

    pub(crate) fn refresh_tokens(&self) -> &RefreshTokens {
        &self.shared.refresh_tokens
    }

    pub(crate) fn cookies(&self) -> Cookies {
        self.shared.cookies
    }

    pub(crate) fn csrf(&self) -> &Csrf {
        &self.shared.csrf
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        &self.shared.proxies
    }

    pub(crate) fn logins(&self) -> &Logins {
        &self.shared.logins
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.shared.keys
    }

    /// How often one client may ask, if that is limited.
    pub(crate) fn limits(&self) -> Option<&Limits> {
        self.shared.limits.as_ref()
    }

    /// Takes notes of what is refused.
    pub(crate) fn audit(&self) -> &AuditTrail {
        &self.shared.audit
    }

    /// Makes requests to addresses that users name.
    pub(crate) fn outgoing(&self) -> &Outgoing {
        self.shared.courier.outgoing()
    }

    /// Seals the headers that data sources send along.
    pub(crate) fn header_seal(&self) -> &HeaderSeal {
        &self.shared.header_seal
    }

    /// Sums over many changes, as they were lately.
    pub(crate) fn movements(&self) -> &MovementMemory {
        &self.shared.movements
    }

    /// Tests of monitors over what has happened.
    pub(crate) fn dry_runs(&self) -> &DryRuns {
        &self.shared.dry_runs
    }

    /// Batches of items that are being applied.
    pub(crate) fn batch_turns(&self) -> &Turns {
        &self.shared.batch_turns
    }

    /// Pasts of items that are being read.
    pub(crate) fn series_turns(&self) -> &Turns {
        &self.shared.series_turns
    }

    pub(crate) fn allowed_origins(&self) -> &[String] {
        &self.shared.allowed_origins
    }

    pub(crate) fn log(&self) -> &LogWatch {
        &self.shared.log
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.shared.stop
    }
}
