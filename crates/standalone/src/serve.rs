//! Everything in one process: Postgres first, then the notifier, the hub and the API, stopped in the opposite order.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{rt, web};
use anyhow::Context as _;
use hub::Hub;
use inventory_api::{Api, open_store, store_options};
use notifier::Notifier;
use service::{
    Context, Fatal, Health, Settings,
    http::{Http, serve_with_upgrades},
    readiness::reachable,
};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    announcement::{FirstSecrets, announce},
    cli::Demo,
    database::{POSTGRES_STOP, ensure_postgres},
    demo,
    market::Market,
    postgres, secrets,
};

pub(crate) const NAME: &str = "stockwire";

/// Runs everything until it is told to stop.
///
/// # Errors
/// The settings can't be used, the address is taken, Postgres can't be had or ends by itself.
pub async fn serve(context: Context, demo: Demo) -> Result<(), Fatal> {
    let listen = context.settings.http.listen;
    context.settings.refuse_open_listener("STOCKWIRE__HTTP__LISTEN", listen)?;
    let public = TcpListener::bind(listen).with_context(|| format!("can't listen on {listen}"))?;
    let internal = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut settings = Settings::clone(&context.settings);
    wire(&mut settings, public.local_addr()?, internal.local_addr()?)?;
    if demo.trades() {
        // The market that its data source reads.
        settings.outgoing.allowed_networks.push(Ipv4Addr::LOCALHOST.to_string());
    }
    let Some(server) = context.stop.run_until_cancelled(ensure_postgres(&mut settings)).await.transpose()?
    else {
        return Ok(());
    };
    let context = Context { settings: Arc::new(settings), ..context };
    let served = {
        let everything = serve_services(&context, public, internal, demo, server.as_ref());
        tokio::pin!(everything);
        match &server {
            None => everything.await,
            Some(server) => tokio::select! {
                served = &mut everything => served,
                error = server.exited() => Err(Fatal::from(error).context("the embedded Postgres ended")),
            },
        }
    };
    context.stop.cancel();
    context.tasks.close();
    context.tasks.wait().await;
    if let Some(server) = server {
        server.stop(POSTGRES_STOP).await?;
        tracing::info!("the embedded Postgres has stopped");
    }
    served
}

/// Creates the database where it is missing, brings its schema up to date, and says so.
///
/// # Errors
/// Postgres can't be had, or a migration fails.
pub(crate) async fn migrate(context: Context) -> Result<String, Fatal> {
    let mut settings = Settings::clone(&context.settings);
    let server = ensure_postgres(&mut settings).await?;
    let options = store_options(&settings, NAME);
    let applied = store::prepare_database(&options).await?;
    if let Some(server) = server {
        server.stop(POSTGRES_STOP).await?;
    }
    Ok(match applied {
        0 => "the schema is up to date".to_owned(),
        1 => "1 migration was applied".to_owned(),
        many => format!("{many} migrations were applied"),
    })
}

/// Tells the services of this process where they find each other, and gives them secrets where none are set.
fn wire(settings: &mut Settings, public: SocketAddr, internal: SocketAddr) -> Result<(), Fatal> {
    settings.auth.token_secret = secrets::token_secret(settings)?;
    if settings.internal.secret.is_empty() {
        settings.internal.secret = secrets::random();
    }
    settings.notifier.url = format!("ws://{internal}");
    settings.api.url = format!("http://{}", reachable(public));
    if settings.http.public_url.is_empty() {
        settings.http.public_url.clone_from(&settings.api.url);
    }
    Ok(())
}

async fn serve_services(
    context: &Context,
    public: TcpListener,
    internal: TcpListener,
    demo: Demo,
    server: Option<&postgres::Server>,
) -> Result<(), Fatal> {
    let settings = context.settings.clone();
    let options = store_options(&settings, NAME);
    let ensured = store::ensure_schema(&options, settings.database.migrate);
    if context.stop.run_until_cancelled(ensured).await.transpose()?.is_none() {
        return Ok(());
    }
    let store = open_store(&settings, &options)?;
    // The notifier stops last: whoever waits for the hub's goodbye still follows.
    let last = CancellationToken::new();
    let _ended_with_this = last.clone().drop_guard();
    let feeding = Context { stop: last.clone(), ..context.clone() };
    let notifier = Notifier::start(&feeding, store.clone(), settings.internal_secret()?);
    let notifier = rt::spawn(notifier.serve(internal));
    // If it stops by itself, so does everything.
    rt::spawn({
        let (last, stop) = (last.clone(), context.stop.clone());
        async move {
            last.cancelled().await;
            stop.cancel();
        }
    });
    let hub = Hub::start(context)?;
    let api = Api::start(context, store.clone())?;
    let secrets = FirstSecrets::make(&store, &settings, &demo).await?;
    let health = Health::new(NAME, vec![api.check(), hub.check()], context.stop.clone());
    let health = health.with_gauges(api.gauges());
    let configure = {
        let api = api.configure(health);
        move |config: &mut web::ServiceConfig| api(config)
    };
    let market = if demo.trades() { Some(open_market(&context.stop)?) } else { None };
    announce(&settings, public.local_addr()?, server, &secrets, market);
    drop(secrets);
    let trading = rt::spawn(trade(store, demo, market, context.stop.clone()));
    // Sockets first: they are told to come back while requests are still answered.
    let drained = CancellationToken::new();
    rt::spawn({
        let (hub, drained) = (hub.clone(), drained.clone());
        async move {
            hub.drained().await;
            drained.cancel();
        }
    });
    let (workers, tls_only) = (settings.http.workers, settings.http.is_tls_only());
    let http = Http { name: NAME, listener: public, workers, drain_seconds: 2, tls_only };
    serve_with_upgrades(http, configure, hub.worker(), drained).await?;
    trading.abort();
    last.cancel();
    notifier.await?
}

/// Opens the demo's market on a free port.
fn open_market(stop: &CancellationToken) -> Result<SocketAddr, Fatal> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let at = listener.local_addr()?;
    let serving = Market::new(1).serve(listener, stop.clone());
    rt::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!("the demo's market has closed: {error:#}");
        }
    });
    Ok(at)
}

async fn trade(store: Store, demo: Demo, market: Option<SocketAddr>, stop: CancellationToken) {
    if market.is_none()
        && let Err(error) = demo::leave_market(&store).await
    {
        let source = &error as &dyn std::error::Error;
        tracing::warn!(source, "the source of a demo before can't be stopped");
    }
    if !demo.demo {
        return;
    }
    match demo::fill(&store).await {
        Ok(0) => tracing::info!("the inventory is not empty, the demo's catalogue stays out"),
        Ok(items) => tracing::info!(demo.items = items, "the demo's catalogue is in"),
        Err(error) => {
            tracing::error!(
                source = &error as &dyn std::error::Error,
                "the demo's catalogue can't be filled in"
            );
        }
    }
    if let Some(market) = market
        && let Err(error) = demo::follow_market(&store, market).await
    {
        let source = &error as &dyn std::error::Error;
        tracing::error!(source, "the demo's market can't be followed");
    }
    stop.run_until_cancelled(demo::trade(store, demo.demo_rate)).await;
}
