//! The spans of requests and of calls, for traces. They have targets of their own and the level `trace`, so that log lines
//! don't know them; where nobody records traces, asking whether to make one is all they cost.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::traceparent::TraceParent;

/// The span of a request.
pub(crate) fn request_span(method: &str, id: &str) -> Span {
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

/// Puts a span that was just made below the caller's, and says where that is in the trace: its own place if it is recorded
/// in this process, else the caller's. A service that records nothing passes a trace on unchanged.
pub(crate) fn place(span: &Span, caller: Option<TraceParent>) -> Option<TraceParent> {
    if span.is_disabled() {
        return caller;
    }
    if let Some(caller) = caller {
        // Fails for a span that nobody records.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller.into()));
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    if own.is_valid() { Some(TraceParent::from(&own)) } else { caller }
}

impl From<TraceParent> for SpanContext {
    fn from(place: TraceParent) -> Self {
        let flags = if place.sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        let (trace, span) = (TraceId::from(place.trace_id), SpanId::from(place.span_id));
        Self::new(trace, span, flags, true, TraceState::default())
    }
}

impl From<&SpanContext> for TraceParent {
    fn from(context: &SpanContext) -> Self {
        Self {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            sampled: context.is_sampled(),
        }
    }
}

/// The request has its response.
pub(crate) fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if span.is_disabled() {
        return;
    }
    // The layer takes a name only before the span has begun.
    span.context().span().update_name(format!("{method} {route}"));
    span.record("http.route", route);
    span.record("http.response.status_code", status);
    if status >= 500 {
        failed(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_means_the_same_to_the_library() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let place: TraceParent = text.parse().unwrap();
        let context = SpanContext::from(place);
        assert!(context.is_valid() && context.is_remote());
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(TraceParent::from(&context), place);
    }

    #[test]
    fn where_nothing_is_recorded_a_trace_is_passed_on_unchanged() {
        let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().ok();
        assert_eq!(place(&request_span("GET", "r-1"), caller), caller);
        assert_eq!(place(&request_span("GET", "r-1"), None), None);
    }
}
