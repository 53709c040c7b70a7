//! The numbers to run a hub by: there from the start, named and described, and true.

use anyhow::{Context as _, Result};
use testkit::{EventStream, Stack, waiting};

use crate::{create_items, mirroring, settled, until_equal};

async fn scrape(stack: &Stack) -> Result<String> {
    Ok(reqwest::get(format!("http://{}/metrics", stack.hub.address())).await?.text().await?)
}

/// The value of a series, summed over the labels that aren't given.
fn value(text: &str, series: &str) -> Option<f64> {
    let (name, label) = series.split_once('|').unwrap_or((series, ""));
    let values: Vec<f64> = text
        .lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(label))
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

#[tokio::test]
async fn every_series_is_there_from_the_start_and_says_what_it_is() -> Result<()> {
    let stack = Stack::start().await?;
    let ids = create_items(&stack.api, 2).await?;
    settled(&stack).await?;
    let (mut client, mut mirror) = mirroring(&stack).await?;
    let _events = EventStream::open(stack.hub.address(), "topic=items", None).await?;
    stack.api.patch_item(ids[0], &serde_json::json!({"quantity": 77})).await?;
    until_equal(&stack, &mut client, &mut mirror).await?;
    let text = scrape(&stack).await?;
    for series in [
        "sockets|socket",
        "sockets|events",
        "live_subscriptions",
        "ring_entries",
        "ring_bytes",
        "ring_seconds",
        "feed_connected",
        "feed_lag_positions",
        "feed_lag_seconds",
        "handshakes_total",
        "refused_total|sockets",
        "refused_total|address",
        "refused_total|handshakes",
        "subscribed_total|true",
        "subscribed_total|false",
        "resumes_total|ring",
        "resumes_total|backfill",
        "resumes_total|snapshot",
        "resumes_total|resync",
        "resyncs_total|gap",
        "resyncs_total|epoch",
        "resyncs_total|too_old",
        "deliveries_total",
        "delivered_bytes_total",
        "conflations_total",
        "conflated_changes_total",
        "closes_total|too_slow",
        "closes_total|forced_logout",
        "forced_logouts_total|other_device_login",
        "forced_logouts_total|revoked",
        "forced_logouts_total|password_changed",
        "forced_logouts_total|expired",
        "snapshots_fetched_total",
        "snapshots_shared_total",
        "backfill_pages_total|feed",
        "backfill_failures_total",
        "feed_reconnects_total",
        "people",
        "presence_reports_total",
        "presence_failures_total",
        "commit_to_socket_seconds_count",
        "commit_to_socket_seconds_bucket|le=\"0.01\"",
    ] {
        assert!(value(&text, &format!("stockwire_hub_{series}")).is_some(), "{series} is missing");
    }
    let described = text.lines().filter(|line| line.starts_with("# HELP stockwire_hub_")).count();
    let typed = text.lines().filter(|line| line.starts_with("# TYPE stockwire_hub_")).count();
    assert_eq!(described, typed, "a series without a description:\n{text}");
    // Other tests' hubs count in the same process, so these are bounds.
    let at_least = |series: &str, least: f64| {
        let found = value(&text, &format!("stockwire_hub_{series}")).context("missing")?;
        anyhow::ensure!(found >= least, "{series} is {found}");
        Ok(())
    };
    at_least("sockets|socket", 1.0)?;
    at_least("sockets|events", 1.0)?;
    at_least("deliveries_total", 1.0)?;
    at_least("commit_to_socket_seconds_count", 1.0)?;
    at_least("delivered_bytes_total", 100.0)?;
    let live = waiting::until(waiting::PATIENCE, "live subscriptions to be counted", async || {
        Ok(value(&scrape(&stack).await?, "stockwire_hub_live_subscriptions").filter(|live| *live >= 2.0))
    });
    live.await?;
    Ok(())
}
