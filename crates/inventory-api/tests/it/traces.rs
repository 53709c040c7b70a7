//! Traces of the real binary: what arrives at a collector, and that nobody waits for one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use testkit::{Collector, Database, Scratch, free_listener, process, settings, waiting};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

async fn start(database: &Database, collector: &str, ratio: &str) -> Result<process::Service> {
    let mut environment = process::environment(&settings(database)?);
    environment.insert("STOCKWIRE__TELEMETRY__OTLP_ENDPOINT".into(), collector.into());
    environment.insert("STOCKWIRE__TELEMETRY__SAMPLE_RATIO".into(), ratio.into());
    process::Service::start(env!("CARGO_BIN_EXE_inventory-api"), "STOCKWIRE__HTTP__LISTEN", &environment)
        .await
}

/// Everything that has arrived, with the name of the service that sent it.
fn arrived(collector: &Collector) -> Result<Vec<(String, Span)>> {
    let mut found = Vec::new();
    for posted in collector.posted() {
        ensure!(posted.head.starts_with("post /v1/traces "), "{}", posted.head);
        ensure!(posted.header("content-type") == Some("application/x-protobuf"), "{}", posted.head);
        for spans in ExportTraceServiceRequest::decode(&*posted.body)?.resource_spans {
            let attributes = spans.resource.context("a resource")?.attributes;
            let service = text(&attributes, "service.name").context("a service")?;
            let spans = spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
            found.extend(spans.map(|span| (service.clone(), span)));
        }
    }
    Ok(found)
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks for the list of items, as a part of a trace.
async fn list(service: &process::Service, sampled: &str) -> Result<()> {
    let url = format!("http://{}/api/v1/items", service.address());
    let request = reqwest::Client::new().get(url).header("x-request-id", "r-77");
    let traceparent = format!("00-{TRACE}-{CALLER}-{sampled}");
    request.header("traceparent", traceparent).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::test]
async fn a_request_with_a_traceparent_is_a_span_of_that_trace_with_the_database_below() -> Result<()> {
    let (database, collector) = (Database::create().await?, Collector::start().await?);
    let service = start(&database, collector.url(), "0").await?;
    list(&service, "01").await?;
    let awaited = "the request's span and one below it";
    let spans = waiting::until(waiting::PATIENCE, awaited, async || {
        let spans = arrived(&collector)?;
        Ok((spans.len() >= 2).then_some(spans))
    });
    let (spans, _) = spans.await?;
    ensure!(spans.iter().all(|(service, _)| service == "inventory-api"), "{spans:?}");
    let kind = |kind: SpanKind| spans.iter().map(|(_, span)| span).find(|span| span.kind == kind as i32);
    let request = kind(SpanKind::Server).context("the request's span")?;
    ensure!((hex(&request.trace_id), hex(&request.parent_span_id)) == (TRACE.into(), CALLER.into()));
    ensure!(request.name == "GET /api/v1/items", "{}", request.name);
    ensure!(text(&request.attributes, "request.id").as_deref() == Some("r-77"), "{request:?}");
    ensure!(text(&request.attributes, "http.response.status_code").as_deref() == Some("200"), "{request:?}");
    let database = kind(SpanKind::Client).context("the database's span")?;
    ensure!(hex(&database.trace_id) == TRACE && database.parent_span_id == request.span_id, "{database:?}");
    ensure!(database.name == "item_list", "{}", database.name);
    ensure!(text(&database.attributes, "db.system.name").as_deref() == Some("postgresql"));
    let within = request.start_time_unix_nano..=request.end_time_unix_nano;
    ensure!(within.contains(&database.start_time_unix_nano) && within.contains(&database.end_time_unix_nano));
    ensure!(spans.len() == 2, "readiness and whatever else runs isn't sampled: {spans:?}");
    Ok(())
}

#[tokio::test]
async fn the_caller_decides_what_is_recorded_and_what_is_left_arrives_at_the_end() -> Result<()> {
    let (database, collector) = (Database::create().await?, Collector::start().await?);
    let mut service = start(&database, collector.url(), "1").await?;
    let missing = format!("http://{}/api/v1/items/4711", service.address());
    list(&service, "00").await?;
    ensure!(reqwest::get(missing).await?.status() == 404);
    // The last spans have not been sent yet.
    service.ask_to_stop()?;
    ensure!(service.exit_status(Duration::from_secs(9)).await?.success());
    let spans = arrived(&collector)?;
    ensure!(spans.iter().all(|(_, span)| hex(&span.trace_id) != TRACE), "the caller didn't record it");
    let named = spans.iter().find(|(_, span)| span.name == "GET /api/v1/items/{id}");
    let (_, request) = named.context("a request without a traceparent is recorded")?;
    ensure!(request.parent_span_id.is_empty(), "{request:?}");
    ensure!(text(&request.attributes, "http.response.status_code").as_deref() == Some("404"));
    let failed = request.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32);
    ensure!(!failed, "a client's mistake is no failure of the service");
    let below = spans.iter().filter(|(_, span)| span.parent_span_id == request.span_id);
    let probes = spans.iter().filter(|(_, span)| span.name.contains("/ready")).count();
    ensure!(probes == 0, "supervisors are no part of anybody's trace: {spans:?}");
    ensure!(below.map(|(_, span)| span.name.as_str()).eq(["item"]), "{spans:?}");
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing_but_traces() -> Result<()> {
    let database = Database::create().await?;
    // Nobody listens there: the port was free a moment ago.
    let nowhere = format!("http://{}", free_listener()?.local_addr()?);
    let mut environment = process::environment(&settings(&database)?);
    environment.insert("STOCKWIRE__TELEMETRY__OTLP_ENDPOINT".into(), nowhere);
    environment.insert("STOCKWIRE__LOG__FILTER".into(), "info".into());
    let directory = Scratch::new()?;
    let log = directory.path().join("log");
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let mut service =
        process::Service::spawn_with_log(binary, "STOCKWIRE__HTTP__LISTEN", &environment, &log)?;
    service.ready().await?;
    let failures = async || {
        list(&service, "01").await?;
        let found = service.metric("stockwire_telemetry_exports_total").await?;
        Ok((found >= 2.0).then_some(()))
    };
    waiting::until(waiting::PATIENCE, "two attempts to send", failures).await?;
    let begun = Instant::now();
    service.ask_to_stop()?;
    let status = service.exit_status(Duration::from_secs(9)).await?;
    ensure!(status.success(), "after {:?}: {status}", begun.elapsed());
    let log = std::fs::read_to_string(log)?;
    let complaints = log.lines().filter(|line| line.contains("the collector of traces")).count();
    ensure!(complaints == 1, "{complaints} lines:\n{log}");
    Ok(())
}
