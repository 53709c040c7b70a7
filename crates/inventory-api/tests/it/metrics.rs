//! The numbers to run an API by: there from the start, described, and true.

use serde_json::json;

use crate::app::App;

async fn scrape(app: &App) -> String {
    app.request("GET", "/metrics").send().await.unwrap().text().await.unwrap()
}

/// The sum of a series over the labels that aren't given; none if there is no such series.
fn value(text: &str, name: &str, label: &str) -> Option<f64> {
    let values: Vec<f64> = text
        .lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(label))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

#[tokio::test]
async fn every_series_says_what_it_is_and_the_pool_is_shown() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt"})).await;
    let text = scrape(&app).await;
    for (name, label) in [
        ("stockwire_http_requests_in_flight", ""),
        ("stockwire_http_requests_abandoned_total", ""),
        ("stockwire_http_upgrades_total", ""),
        ("stockwire_snapshots_total", ""),
        ("stockwire_database_pool_in_use", ""),
        ("stockwire_database_pool_waiting", ""),
        ("stockwire_database_pool_wait_seconds_count", ""),
        ("stockwire_database_errors_total", "kind=\"pool_wait\""),
        ("stockwire_database_errors_total", "kind=\"lock_timeout\""),
        ("process_start_time_seconds", ""),
    ] {
        assert!(value(&text, name, label).is_some(), "{name} {label} is missing:\n{text}");
    }
    // Other tests' services count in the same process, so these are bounds.
    assert!(value(&text, "stockwire_http_requests_in_flight", "").unwrap() >= 1.0, "this one is under way");
    assert!(value(&text, "stockwire_database_pool_open", "").unwrap() >= 1.0);
    assert!(value(&text, "stockwire_database_pool_max", "").unwrap() >= 4.0);
    let created = "statement=\"create_item\"";
    assert!(value(&text, "stockwire_database_statement_seconds_count", created).unwrap() >= 1.0);
    let posted = "method=\"POST\",route=\"/api/v1/items\",status=\"201\"";
    assert!(value(&text, "stockwire_http_requests_total", posted).unwrap() >= 1.0);
    let lines = |kind: &str| text.lines().filter(|line| line.starts_with(&format!("# {kind} "))).count();
    assert_eq!(lines("HELP"), lines("TYPE"), "a series without a description:\n{text}");
}

#[tokio::test]
async fn a_request_that_waits_on_purpose_is_not_taken_for_a_slow_one() {
    let app = App::spawn().await;
    let head = app.get("/api/v1/changes").await;
    let waiting = format!("/api/v1/changes?wait=1&after={}", head.body["next_cursor"].as_str().unwrap());
    assert_eq!(app.get(&waiting).await.status, 200);
    let text = scrape(&app).await;
    let route = "route=\"/api/v1/changes\"";
    assert!(value(&text, "stockwire_http_waiting_request_seconds_sum", route).unwrap() >= 0.9, "{text}");
    let at_once = value(&text, "stockwire_http_request_seconds_count", route).unwrap();
    assert!(at_once >= 1.0, "the first request didn't wait");
}
