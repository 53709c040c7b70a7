//! The HTTP server: an actix-web app, and beside it on the same port a way to take sockets over.
//!
//! A WebSocket handshake never reaches the app's routes and middleware: it is offered to an [`Upgrades`] function,
//! which decides from the request's head alone and then owns the bare TCP stream. That costs 2.4 KB an idle
//! socket where actix-ws costs 13.4 KB; what the middleware would have done (identity, origin, limits, metrics)
//! is the decider's duty.

use std::{io, net::TcpListener, rc::Rc, time::Duration};

use actix_codec::Framed;
use actix_http::{
    HttpService, Request, Response,
    body::BodySize,
    h1::{Codec, Message},
    header,
};
use actix_service::map_config;
use actix_web::{App, dev::AppConfig, middleware::from_fn, web};
use bytes::Bytes;
use domain::{Problem, ProblemCode};
use futures_util::SinkExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty};

use crate::{
    ApiError, TraceParent,
    browser_rules::BrowserRules,
    problem,
    request::{REQUEST_ID, RequestId, observe},
    traces,
};

/// Where and how to serve.
#[derive(Debug)]
pub struct Http {
    /// For logs.
    pub name: &'static str,
    /// Bound already, so that the caller knows the port.
    pub listener: TcpListener,
    /// Threads; 0 means one for each core.
    pub workers: usize,
    /// How long requests under way may take when the server stops, in seconds.
    pub drain_seconds: u64,
    /// Whether browsers shall never come without TLS: [`crate::settings::Http::is_tls_only`].
    pub tls_only: bool,
}

/// What becomes of a handshake.
pub enum Decision {
    /// It is answered and the connection ends.
    Refuse(Refusal),
    /// It is answered with this head, and the stream, with the bytes that were read beyond the request, is handed
    /// over, on the worker's own thread.
    Accept(Response<()>, Box<dyn FnOnce(TcpStream, Bytes)>),
}

/// Decides about handshakes; one for each worker thread.
pub type Upgrades = Rc<dyn Fn(&Request) -> Decision>;

/// What one worker thread serves of its own.
pub struct Worker {
    /// Decides about handshakes.
    pub upgrades: Upgrades,
    /// Adds routes that share this thread's state with the sockets that were taken over.
    pub configure: Rc<dyn Fn(&mut web::ServiceConfig)>,
}

/// A refused handshake: a problem document and perhaps when to come back.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong.
    pub problem: Problem,
    /// Seconds to wait.
    pub retry_after: Option<u32>,
}

/// So long may bytes be on their way before the other side counts as gone. The kernel ends such a connection without
/// a word, and a client that stopped reading and goes on later may never hear of it: so not too soon.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(120);
/// A client that is sent away in the middle of its body gets this long to read why.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves an app until `stop`, then lets requests under way finish.
///
/// # Errors
/// The server can't start or breaks.
pub async fn serve(
    http: Http,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    stop: CancellationToken,
) -> io::Result<()> {
    let rules = BrowserRules { tls_only: http.tls_only };
    let server = actix_web::HttpServer::new(move || app!(configure, rules))
        .workers(workers(http.workers))
        .shutdown_timeout(http.drain_seconds)
        .disable_signals()
        .on_connect(|stream, _| {
            if let Some(stream) = stream.downcast_ref::<TcpStream>() {
                prepare(stream);
                notice_silence(stream);
            }
        })
        .listen(http.listener)?
        .run();
    run_until(server, stop).await
}

/// Serves an app and takes sockets over, until `stop`. Sockets that were taken over are their owner's to close.
///
/// # Errors
/// The server can't start or breaks.
pub async fn serve_with_upgrades(
    http: Http,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    worker: impl Fn() -> Worker + Clone + Send + 'static,
    stop: CancellationToken,
) -> io::Result<()> {
    let rules = BrowserRules { tls_only: http.tls_only };
    let server = actix_server::Server::build()
        .workers(workers(http.workers))
        .shutdown_timeout(http.drain_seconds)
        .backlog(8192)
        .disable_signals()
        .listen(http.name, http.listener, move || {
            let Worker { upgrades, configure: configure_worker } = worker();
            let configure = configure.clone();
            let configure = move |config: &mut web::ServiceConfig| {
                configure(config);
                configure_worker(config);
            };
            HttpService::build()
                .client_disconnect_timeout(GOODBYE)
                .on_connect_ext(|stream: &TcpStream, _| {
                    prepare(stream);
                    notice_silence(stream);
                })
                .upgrade(move |(request, framed)| take_over(upgrades.clone(), rules, request, framed))
                .finish(map_config(app!(configure, rules), |()| AppConfig::default()))
                .tcp()
        })?
        .run();
    run_until(server, stop).await
}

/// The app around the routes. A macro, because its type can't be written down.
macro_rules! app {
    ($configure:expr, $rules:expr) => {
        App::new()
            .app_data($rules)
            .wrap(from_fn(observe))
            .configure(problem::configure_extractors)
            .configure($configure.clone())
            .default_service(web::to(problem::not_found))
    };
}
use app;

fn workers(wanted: usize) -> usize {
    if wanted > 0 { wanted } else { std::thread::available_parallelism().map_or(1, usize::from) }
}

/// Small frames leave at once.
fn prepare(stream: &TcpStream) {
    // Fails only on a socket that is gone already.
    let _ = stream.set_nodelay(true);
}

/// A stream that goes on for ever may hear nothing from the other side: the kernel has to notice that nobody
/// acknowledges what is sent.
fn notice_silence(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // Without it, the connection ends when the kernel gives up by itself, after a quarter of an hour.
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

/// Leaves it to the owner of a socket that was taken over to notice that the other side is gone.
pub fn wait_for_ever(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(None);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

async fn run_until(server: actix_server::Server, stop: CancellationToken) -> io::Result<()> {
    let handle = server.handle();
    let stopping = tokio::spawn(async move {
        stop.cancelled().await;
        handle.stop(true).await;
    });
    let ended = server.await;
    stopping.abort();
    ended
}

async fn take_over(
    decide: Upgrades,
    rules: BrowserRules,
    request: Request,
    mut framed: Framed<TcpStream, Codec>,
) -> Result<(), actix_http::Error> {
    let id = RequestId::of(request.head().headers());
    let traced = traces::request_span("GET", &id.0);
    let trace = traces::place(&traced, TraceParent::of(request.head().headers()));
    let path = request.path().to_owned();
    let decision = decide(&request);
    drop(request);
    let span = tracing::info_span!("handshake", request.id = %id.0, trace.id = Empty, http.path = path);
    if let Some(trace) = trace {
        span.record("trace.id", format_args!("{:032x}", trace.trace_id));
    }
    match decision {
        Decision::Refuse(refusal) => {
            traces::answered(&traced, "GET", "(socket)", refusal.problem.status);
            // The client may be gone; nothing is lost then.
            let _ = refuse(&mut framed, refusal, rules, &path, &id).instrument(span).await;
        }
        Decision::Accept(mut head, run) => {
            if let Some(id) = id.header() {
                head.headers_mut().insert(REQUEST_ID, id);
            }
            metrics::counter!("stockwire_http_upgrades_total").increment(1);
            span.in_scope(|| tracing::debug!("handshake accepted"));
            traces::answered(&traced, "GET", "(socket)", head.status().as_u16());
            drop((span, traced));
            if framed.send(Message::Item((head, BodySize::None))).await.is_ok() {
                let parts = framed.into_parts();
                run(parts.io, parts.read_buf.freeze());
            }
        }
    }
    Ok(())
}

async fn refuse(
    framed: &mut Framed<TcpStream, Codec>,
    refusal: Refusal,
    rules: BrowserRules,
    path: &str,
    id: &RequestId,
) -> Result<(), io::Error> {
    metrics::counter!("stockwire_http_upgrades_refused_total", "code" => refusal.problem.code).increment(1);
    tracing::info!(problem.code = refusal.problem.code, "handshake refused");
    let body = Bytes::from(problem::complete(&refusal.problem, path, &id.0));
    let status = actix_http::StatusCode::from_u16(refusal.problem.status).unwrap_or_default();
    let mut head = Response::with_body(status, ());
    let headers = head.headers_mut();
    let json = header::HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    if let Some(id) = id.header() {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(seconds) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if refusal.problem.code == ProblemCode::NotAuthenticated.as_str() {
        headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    }
    rules.add_to(headers);
    // One write: some clients look for the body only in what came with the head.
    framed.feed(Message::Item((head, BodySize::Sized(body.len() as u64)))).await?;
    framed.feed(Message::Chunk(Some(body))).await?;
    framed.send(Message::Chunk(None)).await
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::from(refusal.problem).retry_after(refusal.retry_after)
    }
}

impl Refusal {
    /// Refuses for a reason.
    #[must_use]
    pub fn new(code: ProblemCode, detail: &'static str) -> Self {
        Self { problem: Problem::new(code, detail), retry_after: None }
    }

    /// Refuses for now.
    #[must_use]
    pub fn for_now(detail: &'static str, seconds: u32) -> Self {
        Self { problem: Problem::new(ProblemCode::Unavailable, detail), retry_after: Some(seconds) }
    }
}
