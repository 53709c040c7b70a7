//! Log lines, traces and metrics, as a process installs them.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::ParseError,
    fmt::{self, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    Settings,
    json_lines::JsonLines,
    otlp::{Traces, TracesError},
    process, series,
    settings::{Log, LogFormat},
};

/// Sends log lines to standard error from now on, and spans where the settings say. Says nothing if someone did so
/// before: tests share a process.
pub(crate) fn install(service: &'static str, settings: &Settings) -> Result<Traces, TelemetryError> {
    install_metrics();
    let logs = log_layer(service, &settings.log)?;
    let traces = Traces::start(service, &settings.telemetry)?;
    let layers: Vec<_> = std::iter::once(logs).chain(traces.layer()).collect();
    let _ = tracing_subscriber::registry().with(layers).try_init();
    if settings.log.format == LogFormat::Json {
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a task panicked")));
    }
    Ok(traces)
}

/// Settings that no log or trace can be written with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    #[error(transparent)]
    Traces(#[from] TracesError),
}

fn log_layer(
    service: &'static str,
    settings: &Log,
) -> Result<Box<dyn Layer<Registry> + Send + Sync>, ParseError> {
    let filter: EnvFilter = settings.filter.parse()?;
    let layer = fmt::layer().with_writer(std::io::stderr);
    Ok(match settings.format {
        LogFormat::Json => {
            let layer = layer.fmt_fields(JsonFields::new()).event_format(JsonLines { service });
            layer.with_filter(filter).boxed()
        }
        LogFormat::Pretty => {
            let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
            layer.with_ansi(color).with_target(false).with_filter(filter).boxed()
        }
    })
}

/// Most statements run for a fraction of a millisecond.
const STATEMENTS: &str = "stockwire_database_statement_seconds";
/// Long polls wait for up to half a minute.
const WAITING: &str = "stockwire_http_waiting_request_seconds";
/// A delivery that fails is tried again for a day.
const DELAYS: &str = "stockwire_delivery_delay_seconds";

fn full(name: &str) -> Matcher {
    Matcher::Full(name.to_owned())
}

/// The process' metrics. All services of a process share them.
///
/// # Panics
/// Never: the buckets below are not empty, and nobody else installs a recorder.
pub fn install_metrics() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS
        .get_or_init(|| {
            let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
            let builder = PrometheusBuilder::new();
            let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds);
            let quick =
                [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
            let builder =
                builder.and_then(|builder| builder.set_buckets_for_metric(full(STATEMENTS), &quick));
            let long = [0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];
            let builder = builder.and_then(|builder| builder.set_buckets_for_metric(full(WAITING), &long));
            let delays = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0];
            let builder = builder.and_then(|builder| builder.set_buckets_for_metric(full(DELAYS), &delays));
            let recorder = builder.unwrap_or_default().build_recorder();
            let handle = recorder.handle();
            // Fails only if a recorder is installed already, and this is the only place that does.
            let _ = metrics::set_global_recorder(recorder);
            process::started_at();
            series::describe();
            handle
        })
        .clone()
}

/// Says at start what runs here.
pub fn describe_build(service: &str) {
    metrics::gauge!("stockwire_build_info", "service" => service.to_owned(), "version" => crate::VERSION)
        .set(1.0);
}
