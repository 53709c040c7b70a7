//! What happens around every request: its id, its log line, its metrics, and the last touch on problem documents.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
};
use domain::{Problem, ProblemCode};
use tracing::Instrument;
use uuid::Uuid;

use crate::problem::complete;

/// The id of a request: the client's `X-Request-Id` if it is a sensible one, else ours.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

const HEADER: header::HeaderName = header::HeaderName::from_static("x-request-id");

impl RequestId {
    fn of(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&HEADER).and_then(|value| value.to_str().ok());
        let sensible = |id: &&str| {
            (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
        };
        Self(given.filter(sensible).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned))
    }
}

pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(&request);
    let method = request.method().clone();
    let path = request.path().to_owned();
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id.0, http.method = %method, http.path = %path);
    async {
        let mut response = match next.call(request).await {
            Ok(response) => response.map_into_boxed_body(),
            Err(error) => return Err(error),
        };
        // The pattern, not the path: a series for each item would drown everything.
        let route = response.request().match_pattern().unwrap_or_else(|| "(none)".to_owned());
        if response.response().extensions().get::<Problem>().is_none()
            && response.status() == StatusCode::METHOD_NOT_ALLOWED
        {
            let detail = format!("{path} exists, but not with {method}.");
            response
                .response_mut()
                .extensions_mut()
                .insert(Problem::new(ProblemCode::MethodNotAllowed, detail));
        }
        let response = finish(response, &path, &id);
        let status = response.status().as_u16();
        let seconds = started.elapsed().as_secs_f64();
        let labels = [("method", method_label(&method)), ("route", route), ("status", status.to_string())];
        metrics::counter!("stockwire_http_requests_total", &labels).increment(1);
        metrics::histogram!("stockwire_http_request_seconds", &labels[..2]).record(seconds);
        tracing::debug!(http.status = status, duration_ms = seconds * 1e3, "answered");
        Ok(response)
    }
    .instrument(span)
    .await
}

/// HTTP takes any word as a method, and each would be a series of its own for ever.
fn method_label(method: &Method) -> String {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.to_string() } else { "other".to_owned() }
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
    if let Ok(value) = header::HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
