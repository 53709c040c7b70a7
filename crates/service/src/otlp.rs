//! Where spans go: by OTLP (protobuf over HTTP) to a collector.
//!
//! A thread of its own sends what has been collected for a second, with a small runtime that outlives the service's. What
//! waits is bounded, and what comes beyond is dropped: a collector that is slow or away costs traces and nothing else. It
//! is reported when it goes away and when it is back, not for each attempt; the counters say the rest.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, hyper::HyperClient};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use tokio::{runtime::Runtime, sync::oneshot};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, Registry, filter::Targets};

use crate::settings::Telemetry;

/// Spans that wait to be sent; more are dropped.
const QUEUE: usize = 4096;
/// How long they are collected.
const COLLECT: Duration = Duration::from_secs(1);
/// An attempt takes no longer.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Nor does the last one, when the service stops.
const LAST: Duration = Duration::from_secs(2);

/// The spans of this process on their way; without an endpoint, there are none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    provider: Option<SdkTracerProvider>,
}

/// Traces can't be recorded with these settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TracesError {
    #[error("telemetry.otlp_endpoint must be a URL such as http://127.0.0.1:4318")]
    Endpoint,
    #[error("telemetry.sample_ratio must be from 0 to 1")]
    Ratio,
    #[error("no thread for traces: {0}")]
    Thread(#[from] io::Error),
    #[error("spans can't be sent: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl Traces {
    /// Spans of a service, as the settings want them.
    pub(crate) fn start(service: &'static str, settings: &Telemetry) -> Result<Self, TracesError> {
        if !(0.0..=1.0).contains(&settings.sample_ratio) {
            return Err(TracesError::Ratio);
        }
        if settings.otlp_endpoint.is_empty() {
            return Ok(Self::default());
        }
        Self::to(Collector::new()?, service, settings)
    }

    fn to(collector: Collector, service: &'static str, settings: &Telemetry) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(traces_url(&settings.otlp_endpoint)?)
            .with_timeout(ATTEMPT)
            .build()?;
        let batches =
            BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(COLLECT).build();
        let ratio = Sampler::TraceIdRatioBased(settings.sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_resource(resource(service))
            .build();
        Ok(Self { provider: Some(provider) })
    }

    /// Takes spans in. Only those that are made for traces: the spans of log lines are not among them, nor are events.
    pub(crate) fn layer(&self) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
        let tracer = self.provider.as_ref()?.tracer("stockwire");
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(Targets::new().with_target("stockwire::", LevelFilter::TRACE)).boxed())
    }

    /// Sends what is left, for 2 s at most. The thread that waits for the exporting one to end is its own: nothing bounds
    /// how long a name server takes, and a process waits for the blocking threads of its runtime before it ends.
    pub(crate) async fn finish(self) {
        let Some(provider) = self.provider else { return };
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            // What couldn't be sent is counted already.
            let _ = provider.shutdown_with_timeout(LAST);
            let _ = end.send(());
        });
        let _ = tokio::time::timeout(LAST, ended).await;
    }
}

fn resource(service: &'static str) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.namespace", "stockwire"),
            KeyValue::new("service.name", service),
            KeyValue::new("service.version", crate::VERSION),
        ])
        .build()
}

/// Where traces go at an endpoint that takes signals of all kinds.
fn traces_url(endpoint: &str) -> Result<String, TracesError> {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.strip_prefix("http://").is_none_or(str::is_empty) {
        return Err(TracesError::Endpoint);
    }
    Ok(if endpoint.ends_with("/v1/traces") { endpoint.to_owned() } else { format!("{endpoint}/v1/traces") })
}

/// The collector, as the exporting thread reaches it.
#[derive(Debug)]
struct Collector {
    runtime: Runtime,
    client: HyperClient,
    away: AtomicBool,
}

impl Collector {
    fn new() -> io::Result<Self> {
        let text = "Batches of spans that were sent to the collector, by outcome: ok, failed.";
        describe_counter!("stockwire_telemetry_exports_total", Unit::Count, text);
        for outcome in ["ok", "failed"] {
            counter!("stockwire_telemetry_exports_total", "outcome" => outcome).increment(0);
        }
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            client: HyperClient::with_default_connector(ATTEMPT, None),
            away: AtomicBool::new(false),
        })
    }

    fn attempted(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let name = if outcome.is_ok() { "ok" } else { "failed" };
        counter!("stockwire_telemetry_exports_total", "outcome" => name).increment(1);
        let was_away = self.away.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) if !was_away => {
                let source = error.as_ref() as &(dyn std::error::Error + 'static);
                tracing::warn!(source, "the collector of traces doesn't take them; trying on in silence");
            }
            Ok(_) if was_away => tracing::info!("the collector of traces takes them again"),
            _ => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    /// Blocks: the thread that polls it does nothing else.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let outcome = self.runtime.block_on(async {
            tokio::time::timeout(ATTEMPT, self.client.send_bytes(request)).await.map_err(HttpError::from)?
        });
        self.attempted(&outcome);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn settings(endpoint: &str, sample_ratio: f64) -> Telemetry {
        Telemetry { otlp_endpoint: endpoint.to_owned(), sample_ratio }
    }

    #[test]
    fn an_endpoint_is_a_url_and_a_ratio_is_a_part() {
        assert_eq!(traces_url("http://c:4318/").unwrap(), "http://c:4318/v1/traces");
        assert_eq!(traces_url("http://c:4318/v1/traces").unwrap(), "http://c:4318/v1/traces");
        for wrong in ["c:4318", "https://c", "http://"] {
            assert!(matches!(Traces::start("test", &settings(wrong, 1.0)), Err(TracesError::Endpoint)));
        }
        assert!(matches!(Traces::start("test", &settings("", 1.5)), Err(TracesError::Ratio)));
        assert!(Traces::start("test", &settings("", 0.5)).unwrap().layer().is_none());
    }
    #[test]
    fn a_name_server_that_does_not_answer_keeps_no_process_from_ending() {
        let collector = Collector::new().unwrap();
        // As looking a name up does, which nothing can cut short.
        collector.runtime.spawn_blocking(|| std::thread::sleep(Duration::from_secs(30)));
        let traces = Traces::to(collector, "test", &settings("http://127.0.0.1:9", 1.0)).unwrap();
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(traces.finish());
        drop(runtime);
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    }
}
