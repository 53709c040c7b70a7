//! Log lines and metrics.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{Log, LogFormat};

/// Sends log lines to standard error from now on. Says nothing if someone did so before: tests share a process.
pub(crate) fn install_logging(settings: &Log) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter: EnvFilter = settings.filter.parse()?;
    let registry = tracing_subscriber::registry().with(filter);
    let writer = std::io::stderr;
    let _ = match settings.format {
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(writer)).try_init()
        }
        LogFormat::Pretty => {
            let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(fmt::layer().with_ansi(color).with_target(false).with_writer(writer)).try_init()
        }
    };
    Ok(())
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
            let recorder = builder.unwrap_or_default().build_recorder();
            let handle = recorder.handle();
            // Fails only if a recorder is installed already, and this is the only place that does.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}

/// Says at start what runs here.
pub fn describe_build(service: &str) {
    metrics::gauge!("stockwire_build_info", "service" => service.to_owned(), "version" => crate::VERSION)
        .set(1.0);
}
