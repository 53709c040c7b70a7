//! `/health`, `/ready` and `/metrics`: what supervisors and dashboards ask every service.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{HttpResponse, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::process;

/// What a check found: fine, or what is wrong in words that may be shown to anyone.
pub type CheckFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A dependency that a service needs to be ready.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    run: Arc<dyn Fn() -> CheckFuture + Send + Sync>,
}

impl Check {
    /// A dependency and how to ask for it. An answer later than 2 s counts as none.
    pub fn new(name: &'static str, run: impl Fn() -> CheckFuture + Send + Sync + 'static) -> Self {
        Self { name, run: Arc::new(run) }
    }

    /// As this one, but before something is done the answer is what it waits for.
    #[must_use]
    pub fn once(self, done: Arc<AtomicBool>, otherwise: &'static str) -> Self {
        let run = self.run;
        Self::new(self.name, move || {
            if done.load(Ordering::Relaxed) { run() } else { Box::pin(async { Err(otherwise.to_owned()) }) }
        })
    }
}

/// What a service says of itself.
#[derive(Clone)]
pub struct Health {
    service: &'static str,
    checks: Vec<Check>,
    stop: CancellationToken,
    metrics: PrometheusHandle,
    gauges: Vec<Arc<dyn Fn() + Send + Sync>>,
}

impl Health {
    /// The health of a service that needs these and is told to stop by the token.
    #[must_use]
    pub fn new(service: &'static str, checks: Vec<Check>, stop: CancellationToken) -> Self {
        Self { service, checks, stop, metrics: crate::install_metrics(), gauges: Vec::new() }
    }

    /// Sets gauges whenever somebody asks for the metrics, so that they are true at that moment and cost nothing before.
    #[must_use]
    pub fn with_gauges(mut self, set: impl Fn() + Send + Sync + 'static) -> Self {
        self.gauges.push(Arc::new(set));
        self
    }

    /// Adds the three routes.
    pub fn configure(self, config: &mut web::ServiceConfig) {
        config
            .app_data(web::Data::new(self))
            .route("/health", web::get().to(health))
            .route("/ready", web::get().to(ready))
            .route("/metrics", web::get().to(metrics_text));
    }
}

async fn health(health: web::Data<Health>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok", "service": health.service, "version": crate::VERSION}))
}

async fn ready(health: web::Data<Health>) -> HttpResponse {
    let mut dependencies = serde_json::Map::new();
    let mut ready = !health.stop.is_cancelled();
    for check in &health.checks {
        let limit = std::time::Duration::from_secs(2);
        let found = tokio::time::timeout(limit, (check.run)()).await;
        let word = match found {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) => reason,
            Err(_) => "no answer within 2 s".to_owned(),
        };
        ready &= word == "ok";
        dependencies.insert(check.name.to_owned(), word.into());
    }
    let status = if ready {
        "ready"
    } else if health.stop.is_cancelled() {
        "stopping"
    } else {
        "not_ready"
    };
    let body = json!({"status": status, "service": health.service, "dependencies": dependencies});
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

async fn metrics_text(health: web::Data<Health>) -> HttpResponse {
    health.gauges.iter().for_each(|set| set());
    health.metrics.run_upkeep();
    let mut text = health.metrics.render();
    text.push_str(&process::series());
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}
