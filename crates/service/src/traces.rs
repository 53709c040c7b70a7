//! The spans of requests, for traces. They have a target of their own and the level `trace`, so that log lines don't know
//! them, and cost nothing where nobody records traces.

use actix_http::header::HeaderMap;
use tracing::{Span, field::Empty};

use crate::traceparent::TraceParent;

/// The span of a request.
pub(crate) fn request_span(_headers: &HeaderMap, method: &str, id: &str) -> Span {
    tracing::trace_span!(
        target: "stockwire::request",
        "request",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        request.id = id,
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
    )
}

/// The span of a call of another service.
pub(crate) fn call_span(name: &'static str, id: &str) -> Span {
    tracing::trace_span!(
        target: "stockwire::call",
        "call",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = Empty,
        request.id = id,
    )
}

/// What the span stands for has failed.
pub(crate) fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

/// Where a request is in a trace.
pub(crate) fn place(_span: &Span, caller: Option<TraceParent>) -> Option<TraceParent> {
    caller
}

/// The request has its response.
pub(crate) fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if span.is_disabled() {
        return;
    }
    span.record("otel.name", format!("{method} {route}"));
    span.record("http.route", route);
    span.record("http.response.status_code", status);
    if status >= 500 {
        failed(span);
    }
}
