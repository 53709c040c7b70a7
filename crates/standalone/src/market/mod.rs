//! A simulated market: prices that wander about, as JSON and CSV over HTTP, for data sources to read in demonstrations and
//! tests. It can be told to be down, or slow. It knows nothing of Stockwire but the demo's catalogue, and keeps nothing.

mod walk;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::header::{ETAG, IF_NONE_MATCH},
    web,
};
use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use service::{Context, Fatal};
use tokio_util::sync::CancellationToken;

use self::walk::Walk;
use crate::demo::{priced, seed_of};

/// Prices move once in this time.
const TICK: Duration = Duration::from_secs(1);
/// So many skus may be asked for at once.
const MOST_SKUS: usize = 1000;
/// So many walks are remembered: whoever asks for more gets others' forgotten.
const MOST_WALKS: usize = 100_000;
const SLOWEST_MS: u64 = 60_000;

/// Where it listens, and which market it is.
#[derive(Debug, Clone, Args)]
pub(crate) struct MarketOptions {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8085")]
    listen: SocketAddr,
    /// Another number, other prices
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// A market; clones are the same one.
#[derive(Debug, Clone)]
pub struct Market {
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug)]
struct Inside {
    seed: u64,
    opened: Instant,
    walks: BTreeMap<String, Walk>,
    /// What is sold unless something is asked for, with prices in cents.
    list: BTreeMap<String, f64>,
    down: bool,
    pause: Duration,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    /// With commas between.
    skus: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Slow {
    ms: u64,
}

/// How prices are written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Json,
    Csv,
}

/// A market of its own, until it is told to stop.
///
/// # Errors
/// The address is taken.
pub(crate) async fn run(context: Context, options: MarketOptions) -> Result<(), Fatal> {
    let MarketOptions { listen, seed } = options;
    let listener = TcpListener::bind(listen).with_context(|| format!("can't listen on {listen}"))?;
    let at = listener.local_addr()?;
    println!("A simulated market: http://{at}/prices.json, http://{at}/prices.csv");
    println!("POST /down, /up and /slow?ms=500 make it behave like one.");
    Market::new(seed).serve(listener, context.stop).await
}

impl Market {
    /// A market with these prices.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let inside = Inside {
            seed,
            opened: Instant::now(),
            walks: BTreeMap::new(),
            list: priced().collect(),
            down: false,
            pause: Duration::ZERO,
        };
        Self { inside: Arc::new(Mutex::new(inside)) }
    }

    /// Answers until it is told to stop. Call it inside of an actix runtime.
    ///
    /// # Errors
    /// The listener can't be used.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> Result<(), Fatal> {
        let market = web::Data::new(self);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(market.clone())
                .route("/prices.json", web::get().to(prices_json))
                .route("/prices.csv", web::get().to(prices_csv))
                .route("/down", web::post().to(go_down))
                .route("/up", web::post().to(come_up))
                .route("/slow", web::post().to(be_slow))
        });
        let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run();
        let handle = server.handle();
        tokio::select! {
            ended = server => Ok(ended?),
            () = stop.cancelled() => {
                handle.stop(false).await;
                Ok(())
            }
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// What these cost now.
    fn prices(&mut self, skus: Vec<String>) -> Vec<(String, String)> {
        let tick = u64::try_from(self.opened.elapsed().as_millis() / TICK.as_millis()).unwrap_or(u64::MAX);
        if self.walks.len() + skus.len() > MOST_WALKS {
            self.walks.clear();
        }
        let Self { seed, walks, list, .. } = self;
        let priced = skus.into_iter().map(|sku| {
            let own = *seed ^ seed_of(&sku);
            let usual = || list.get(&sku).copied().unwrap_or_else(|| cents(own));
            let walk = walks.entry(sku.clone()).or_insert_with(|| Walk::around(usual(), own, tick));
            let price = walk.at(tick);
            (sku, price)
        });
        priced.collect()
    }
}

/// From 1.00 to 100.99 for what no catalogue knows.
fn cents(seed: u64) -> f64 {
    100.0 + f64::from(u32::try_from(seed % 10_000).unwrap_or(0))
}

async fn prices_json(
    market: web::Data<Market>,
    request: HttpRequest,
    wanted: web::Query<Wanted>,
) -> HttpResponse {
    prices(&market, &request, &wanted, Form::Json).await
}

async fn prices_csv(
    market: web::Data<Market>,
    request: HttpRequest,
    wanted: web::Query<Wanted>,
) -> HttpResponse {
    prices(&market, &request, &wanted, Form::Csv).await
}

async fn prices(market: &Market, request: &HttpRequest, wanted: &Wanted, form: Form) -> HttpResponse {
    let (down, pause) = {
        let inside = market.inside();
        (inside.down, inside.pause)
    };
    tokio::time::sleep(pause).await;
    if down {
        return HttpResponse::ServiceUnavailable().body("the market is closed\n");
    }
    let skus: Vec<String> = match &wanted.skus {
        Some(skus) => skus.split(',').map(ToOwned::to_owned).collect(),
        None => market.inside().list.keys().cloned().collect(),
    };
    // What needs no quoting in either form.
    let is_plain = |sku: &String| {
        (1..=64).contains(&sku.len())
            && sku.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
    };
    if skus.len() > MOST_SKUS || !skus.iter().all(is_plain) {
        return HttpResponse::BadRequest().body("skus: at most 1000, with commas between\n");
    }
    let body = written(&market.inside().prices(skus), form);
    let tag = format!("\"{:016x}\"", seed_of(&body));
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    if known {
        return HttpResponse::NotModified().insert_header((ETAG, tag)).finish();
    }
    let media_type = match form {
        Form::Json => "application/json",
        Form::Csv => "text/csv; charset=utf-8",
    };
    HttpResponse::Ok().content_type(media_type).insert_header((ETAG, tag)).body(body)
}

fn written(prices: &[(String, String)], form: Form) -> String {
    let mut text = String::new();
    // Writing into a String can't fail.
    match form {
        Form::Json => {
            text.push_str("{\"prices\":[");
            for (place, (sku, price)) in prices.iter().enumerate() {
                let comma = if place == 0 { "" } else { "," };
                let _ = write!(text, "{comma}{{\"sku\":\"{sku}\",\"price\":\"{price}\"}}");
            }
            text.push_str("]}\n");
        }
        Form::Csv => {
            text.push_str("sku,price\n");
            for (sku, price) in prices {
                let _ = writeln!(text, "{sku},{price}");
            }
        }
    }
    text
}

async fn go_down(market: web::Data<Market>) -> HttpResponse {
    market.inside().down = true;
    HttpResponse::NoContent().finish()
}

async fn come_up(market: web::Data<Market>) -> HttpResponse {
    let mut inside = market.inside();
    inside.down = false;
    inside.pause = Duration::ZERO;
    HttpResponse::NoContent().finish()
}

async fn be_slow(market: web::Data<Market>, slow: web::Query<Slow>) -> HttpResponse {
    market.inside().pause = Duration::from_millis(slow.ms.min(SLOWEST_MS));
    HttpResponse::NoContent().finish()
}
