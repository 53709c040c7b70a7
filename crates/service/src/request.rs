//! What happens around every request: its id and its trace, its log line, its metrics, and the last touch on problem
//! documents.

use std::{sync::Arc, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
};
use domain::{Problem, ProblemCode};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use crate::{
    browser_rules::BrowserRules, problem::complete, series::InFlight, traceparent::TraceParent, traces,
};

/// The id of a request: the client's `X-Request-Id` if it is a sensible one, else ours.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The header that carries the id, in and out.
pub const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-request-id");

/// The request that the current task answers, as others need to know it.
#[derive(Debug, Clone)]
pub struct CurrentRequest {
    /// Its id.
    pub id: Arc<str>,
    /// Where it is in a trace, if it is in one: its own span where spans are recorded, else the caller's.
    pub trace: Option<TraceParent>,
}

tokio::task_local! {
    static CURRENT: CurrentRequest;
}

impl CurrentRequest {
    /// The request that this task answers; none outside of requests, and in tasks that a request left behind.
    #[must_use]
    pub fn get() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Work that answers this request.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Work that the current request causes and doesn't wait for: what it asks of other services goes on with the
    /// request's id and trace. Outside of requests, it is just the work.
    pub fn carry<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
        let current = Self::get();
        async move {
            match current {
                Some(current) => current.scope(work).await,
                None => work.await,
            }
        }
    }
}

/// A request that waits on purpose until something happens: its time is no measure of the service's speed, and is kept
/// apart.
#[derive(Debug, Clone, Copy)]
pub struct WaitsOnPurpose;

impl WaitsOnPurpose {
    /// Marks the request.
    pub fn mark(request: &HttpRequest) {
        request.extensions_mut().insert(Self);
    }
}

impl RequestId {
    /// The id that the headers give, or a new one.
    #[must_use]
    pub fn of(headers: &header::HeaderMap) -> Self {
        let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok());
        let sensible = |id: &&str| {
            (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
        };
        given.filter(sensible).map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    /// A new one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one, which a default shouldn't be")]
    pub fn new() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// As a header's value.
    #[must_use]
    pub fn header(&self) -> Option<header::HeaderValue> {
        // Ids are printable, so this never fails.
        header::HeaderValue::from_str(&self.0).ok()
    }
}

pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let in_flight = InFlight::begin();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let path = request.path().to_owned();
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!(
        "request", request.id = %id.0, trace.id = Empty, http.method = %method, http.path = %path
    );
    let trace_it = || traces::request_span(method_name(&method), &id.0);
    let traced = if is_probe(&path) { Span::none() } else { span.in_scope(trace_it) };
    let trace = traces::place(&traced, TraceParent::of(request.headers()));
    if let Some(trace) = trace {
        span.record("trace.id", format_args!("{:032x}", trace.trace_id));
    }
    let current = CurrentRequest { id: id.0.as_str().into(), trace };
    let answered = answer(request, next, &id, in_flight, &traced);
    current.scope(answered.instrument(traced.clone()).instrument(span)).await
}

async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: &RequestId,
    in_flight: InFlight,
    traced: &Span,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let mut response = next.call(request).await?.map_into_boxed_body();
    // The pattern, not the path: a series for each item would drown everything.
    let route = response.request().match_pattern().unwrap_or_else(|| "(none)".to_owned());
    if response.response().extensions().get::<Problem>().is_none()
        && response.status() == StatusCode::METHOD_NOT_ALLOWED
    {
        let detail = format!("{path} exists, but not with {method}.");
        response.response_mut().extensions_mut().insert(Problem::new(ProblemCode::MethodNotAllowed, detail));
    }
    let waits = response.request().extensions().get::<WaitsOnPurpose>().is_some();
    let mut response = finish(response, &path, id);
    let rules = response.request().app_data::<BrowserRules>().copied().unwrap_or_default();
    rules.add_to(response.headers_mut());
    let status = response.status();
    traces::answered(traced, method_name(&method), &route, status.as_u16());
    let duration = started.elapsed();
    in_flight.answered(method_name(&method).to_owned(), route, status, duration, waits);
    tracing::debug!(http.status = status.as_u16(), duration_ms = duration.as_secs_f64() * 1e3, "answered");
    Ok(response)
}

/// What supervisors ask every few seconds is no part of anybody's trace.
fn is_probe(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/metrics")
}

/// HTTP takes any word as a method, and each would be a series of its own for ever.
fn method_name(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.as_str() } else { "other" }
}

fn finish(response: ServiceResponse<BoxBody>, path: &str, id: &RequestId) -> ServiceResponse<BoxBody> {
    let problem = response.response().extensions().get::<Problem>().cloned();
    let mut response = match problem {
        Some(problem) => {
            let body = complete(&problem, path, &id.0);
            let mut response = response.map_body(|_, _| BoxBody::new(body));
            let json = header::HeaderValue::from_static("application/problem+json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        None => response,
    };
    if let Some(value) = id.header() {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
