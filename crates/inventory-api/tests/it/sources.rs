//! Data sources that are pulled: read, applied, failing and coming back, several of them, in several processes.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::waiting;

use crate::{
    app::{App, answer},
    upstream::{Mood, Upstream},
};

const LOOPBACK: &[(&str, &str)] = &[("STOCKWIRE__OUTGOING__ALLOWED_NETWORKS", "127.0.0.0/8")];

/// Longer than what any of these takes on a machine that is busy with other tests.
const LONG: Duration = Duration::from_secs(40);

pub(crate) async fn spawn() -> App {
    App::spawn_with(LOOPBACK).await
}

/// A source of prices that runs once, and then when it is told to.
pub(crate) fn prices(url: &str) -> Value {
    json!({"name": "Supplier", "kind": "pull", "format": "json", "url": url, "interval_seconds": 600,
        "mapping": {"item": {"field": "sku", "match": "sku"}, "price": "price"}})
}

pub(crate) fn with(mut definition: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        definition[key] = value.clone();
    }
    definition
}

/// Makes a source and gives its path.
pub(crate) async fn make(app: &App, definition: Value) -> String {
    let made = app.post("/api/v1/sources", definition).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), format!("/api/v1/sources/{}", made.body["id"]));
    format!("/api/v1/sources/{}", made.body["id"])
}

/// Waits until a source says something of itself.
async fn until(app: &App, path: &str, awaited: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let found = waiting::until(LONG, awaited, async || {
        let source = app.get(path).await.body;
        Ok(is_it(&source).then_some(source))
    });
    match found.await {
        Ok((source, _)) => source,
        Err(error) => panic!("{error}: {:?}", app.get(path).await.body),
    }
}

/// Runs it and waits for the end of that run.
async fn run(app: &App, path: &str) -> Value {
    let before = app.get(path).await.body;
    let told = app.post(&format!("{path}/run"), json!({})).await;
    assert_eq!(told.status, 202, "{told:?}");
    ended(app, path, &before).await
}

async fn ended(app: &App, path: &str, before: &Value) -> Value {
    until(app, path, "the end of a run", |source| {
        source["last_attempt_at"] != before["last_attempt_at"]
            && (source["last_success_at"] != before["last_success_at"]
                || source["consecutive_failures"] != before["consecutive_failures"])
            && source["state"] != "half_open"
    })
    .await
}

async fn ran(app: &App, path: &str) -> Value {
    until(app, path, "the first run", |source| source["last_success_at"].is_string()).await
}

pub(crate) async fn price(app: &App, item: &str) -> Value {
    app.get(item).await.body["price"].clone()
}

async fn changes(app: &App) -> i64 {
    app.sql.query_one("select count(*) from changes where resource = 'item'", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_price_source_that_goes_down_leaves_values_and_says_so_and_comes_back() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A", "price": "1"})).await;
    let upstream = Upstream::start(r#"[{"sku":"A","price":"12.5"},{"sku":"unheard of","price":"1"}]"#).await;
    let source = make(&app, prices(&upstream.url)).await;
    let first = ran(&app, &source).await;
    assert_eq!((first["state"].as_str(), price(&app, &item).await), (Some("ok"), json!("12.5000")));
    let report = &first["last_run"];
    assert_eq!([&report["read"], &report["applied"], &report["unknown_items"]], [2, 1, 1], "{report}");
    let history = app.get(&format!("{item}/history")).await.body;
    let change = history["data"].as_array().unwrap().last().unwrap();
    assert_eq!(change["actor"], format!("source:{}", first["id"]));
    assert_eq!(change["reason"], "Supplier");

    upstream.becomes(Mood::Refuses(503, ""));
    for failures in 1..=5 {
        let failed = run(&app, &source).await;
        assert_eq!(failed["consecutive_failures"], failures);
        assert_eq!(failed["state"], if failures < 5 { "failing" } else { "open" }, "{failed}");
        assert!(failed["last_error"].as_str().unwrap().contains("503"), "{failed}");
        assert_eq!(failed["last_run"], *report);
    }
    assert_eq!(price(&app, &item).await, "12.5000");
    let still = run(&app, &source).await;
    assert_eq!((&still["state"], &still["consecutive_failures"]), (&json!("open"), &json!(6)));

    upstream.says(r#"[{"sku":"A","price":"13"}]"#);
    let back = run(&app, &source).await;
    assert_eq!((&back["state"], &back["consecutive_failures"]), (&json!("ok"), &json!(0)));
    assert_eq!((&back["last_error"], price(&app, &item).await), (&Value::Null, json!("13.0000")));
    let metrics = app.get("/metrics").await.body;
    let metrics = metrics.as_str().unwrap();
    for series in [
        "stockwire_source_runs_total{outcome=\"failed\"}",
        "stockwire_source_rows_total{outcome=\"applied\"}",
        "stockwire_source_run_seconds_count",
    ] {
        assert!(metrics.contains(series), "{series} is missing");
    }
}

#[tokio::test]
async fn while_it_is_tried_again_a_source_says_so() {
    let app = spawn().await;
    let upstream = Upstream::start("[]").await;
    let source = make(&app, prices(&upstream.url)).await;
    ran(&app, &source).await;
    app.sql.batch_execute("update source_runs set breaker = 'open', consecutive_failures = 7").await.unwrap();
    upstream.takes_its_time(Duration::from_secs(3));
    app.post(&format!("{source}/run"), json!({})).await;
    until(&app, &source, "a try", |source| source["state"] == "half_open").await;
    until(&app, &source, "its success", |source| source["state"] == "ok").await;
}

#[tokio::test]
async fn when_the_better_source_goes_silent_the_values_of_the_next_count_again() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A"})).await;
    let better = Upstream::start(r#"[{"sku":"A","price":"10"}]"#).await;
    let worse = Upstream::start(r#"[{"sku":"A","price":"20"}]"#).await;
    let first = make(&app, with(prices(&better.url), json!({"priority": 1, "fresh_for_seconds": 3}))).await;
    ran(&app, &first).await;
    let second = make(&app, with(prices(&worse.url), json!({"priority": 2}))).await;
    let shadowed = ran(&app, &second).await;
    assert_eq!((price(&app, &item).await, &shadowed["last_run"]["shadowed"]), (json!("10.0000"), &json!(1)));
    // It says the same again, in vain or not: that is looked at anew each time.
    better.becomes(Mood::Refuses(500, ""));
    let counted = waiting::until(LONG, "the worse source's value", async || {
        run(&app, &second).await;
        Ok((price(&app, &item).await == "20.0000").then_some(()))
    });
    counted.await.unwrap();
    better.says(r#"[{"sku":"A","price":"11"}]"#);
    run(&app, &first).await;
    assert_eq!(price(&app, &item).await, "11.0000");
    // One that is stopped keeps nobody out.
    app.post(&format!("{first}/stop"), json!({})).await;
    assert_eq!(app.get(&first).await.body["state"], "stopped");
    run(&app, &second).await;
    assert_eq!(price(&app, &item).await, "20.0000");
}

#[tokio::test]
async fn what_has_not_changed_is_not_read_again_until_there_is_an_item_that_it_may_be_about() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A"})).await;
    let upstream = Upstream::start(r#"[{"sku":"A","price":"1"},{"sku":"B","price":"2"}]"#).await;
    let source = make(&app, prices(&upstream.url)).await;
    ran(&app, &source).await;
    let version = app.get(&item).await.body["version"].clone();
    let unchanged = run(&app, &source).await;
    assert_eq!((&unchanged["state"], &unchanged["last_run"]["applied"]), (&json!("ok"), &json!(1)));
    assert!(upstream.asked()[1].contains("if-none-match"), "{:?}", upstream.asked());
    assert_eq!(app.get(&item).await.body["version"], version);
    let other = app.item(json!({"name": "Nut", "sku": "B"})).await;
    run(&app, &source).await;
    assert!(!upstream.asked()[2].contains("if-none-match"), "{:?}", upstream.asked());
    assert_eq!(price(&app, &other).await, "2.0000");
}

#[tokio::test]
async fn of_twenty_thousand_rows_only_those_that_differ_make_changes() {
    let app = spawn().await;
    app.sql
        .batch_execute(
            "insert into items (tenant_id, sku, name, price, quantity)
             select 1, 'S-' || number, 'x', number, 7 from generate_series(1, 20000) as number",
        )
        .await
        .unwrap();
    let row = |number: u32| {
        let cents = if number.is_multiple_of(2000) { "50" } else { "00" };
        format!(r#"{{"sku":"S-{number}","price":{number}.{cents},"stock":7}}"#)
    };
    let rows: Vec<String> = (1..=20_000).map(row).collect();
    let upstream = Upstream::start(&format!("[{}]", rows.join(","))).await;
    let before = changes(&app).await;
    let mapping = json!({"item": {"field": "sku", "match": "sku"}, "price": "price", "quantity": "stock"});
    let source = make(&app, with(prices(&upstream.url), json!({"mapping": mapping}))).await;
    let report = ran(&app, &source).await["last_run"].clone();
    assert_eq!([&report["read"], &report["applied"], &report["unchanged"]], [20_000, 10, 19_990], "{report}");
    assert_eq!(changes(&app).await - before, 10);
}

#[tokio::test]
async fn other_writers_of_the_same_items_and_a_run_do_not_wait_in_a_circle() {
    let app = spawn().await;
    app.sql
        .batch_execute(
            "insert into items (tenant_id, sku, name) select 1, 'S-' || number, 'x' from generate_series(1, 500) as number",
        )
        .await
        .unwrap();
    let says = |price: u32| {
        let rows: Vec<String> =
            (1..=500).rev().map(|number| format!(r#"{{"sku":"S-{number}","price":{price}}}"#)).collect();
        format!("[{}]", rows.join(","))
    };
    let upstream = Upstream::start(&says(1)).await;
    let (one, other) = (make(&app, prices(&upstream.url)).await, make(&app, prices(&upstream.url)).await);
    let url = app.settings.database.url.expose().to_owned();
    let (writer, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let writing = tokio::spawn(async move {
        for _ in 0..20 {
            writer.batch_execute("update items set quantity = quantity + 1").await.unwrap();
        }
    });
    for price in 2..5 {
        upstream.says(&says(price));
        for source in [&one, &other] {
            let ended = run(&app, source).await;
            assert_eq!((&ended["state"], &ended["last_error"]), (&json!("ok"), &Value::Null));
        }
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_run_that_somebody_asks_for_during_another_one_comes_after_it() {
    let app = spawn().await;
    let upstream = Upstream::start("[]").await;
    upstream.takes_its_time(Duration::from_secs(1));
    let source = make(&app, prices(&upstream.url)).await;
    for runs in 1..3 {
        let asked =
            waiting::until(LONG, "a run", async || Ok((upstream.asked().len() >= runs).then_some(())));
        asked.await.unwrap();
        if runs == 1 {
            assert_eq!(app.post(&format!("{source}/run"), json!({})).await.status, 202);
        }
    }
}

#[tokio::test]
async fn two_processes_never_run_the_same_source_at_a_time_and_share_the_work() {
    let app = spawn().await;
    let _other = App::spawn_on(app.settings.database.url.expose(), LOOPBACK).await;
    let upstream = Upstream::start(r#"[]"#).await;
    upstream.takes_its_time(Duration::from_millis(300));
    let source = make(&app, with(prices(&upstream.url), json!({"interval_seconds": 1}))).await;
    let often = waiting::until(LONG, "six runs", async || {
        // Pushing it on while it runs starts no other one.
        app.post(&format!("{source}/run"), json!({})).await;
        Ok((upstream.asked().len() >= 6).then_some(()))
    });
    often.await.unwrap();
    assert_eq!(upstream.most_at_once(), 1);
}

#[tokio::test]
async fn a_source_whose_process_was_killed_in_a_run_is_run_by_another_one() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A"})).await;
    let settings = &app.settings;
    let mut environment = testkit::process::environment(settings);
    environment.insert("STOCKWIRE__OUTGOING__ALLOWED_NETWORKS".into(), "127.0.0.0/8".into());
    let upstream = Upstream::start(r#"[{"sku":"A","price":"1"}]"#).await;
    upstream.becomes(Mood::Hangs);
    // The one in this process takes no part until the other one has it.
    let source = make(&app, with(prices(&upstream.url), json!({"enabled": false}))).await;
    app.stop.cancel();
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let doomed =
        testkit::process::Service::start(binary, "STOCKWIRE__HTTP__LISTEN", &environment).await.unwrap();
    app.sql.batch_execute("update sources set enabled = true").await.unwrap();
    waiting::until(LONG, "a run", async || Ok((!upstream.asked().is_empty()).then_some(()))).await.unwrap();
    doomed.kill().await.unwrap();
    upstream.says(r#"[{"sku":"A","price":"1"}]"#);
    let heir = App::spawn_on(settings.database.url.expose(), LOOPBACK).await;
    until(&heir, &source, "the other process' run", |source| source["state"] == "ok").await;
    assert_eq!((upstream.asked().len(), price(&heir, &item).await), (2, json!("1.0000")));
}

#[tokio::test]
async fn a_run_that_is_under_way_when_its_source_is_stopped_writes_nothing() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A", "price": "5"})).await;
    let upstream = Upstream::start(r#"[{"sku":"A","price":"1"}]"#).await;
    upstream.takes_its_time(Duration::from_secs(1));
    let source = make(&app, prices(&upstream.url)).await;
    waiting::until(LONG, "a run", async || Ok((!upstream.asked().is_empty()).then_some(()))).await.unwrap();
    let stopped = app.post(&format!("{source}/stop"), json!({})).await;
    assert_eq!((stopped.status.as_u16(), &stopped.body["state"]), (200, &json!("stopped")));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(price(&app, &item).await, "5.0000");
    app.post(&format!("{source}/run"), json!({})).await.is_problem(409, "wrong_state");
    app.post(&format!("{source}/start"), json!({})).await;
    ran(&app, &source).await;
    assert_eq!(price(&app, &item).await, "1.0000");
}

#[tokio::test]
async fn an_implausible_price_is_refused_and_reported() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A", "price": "10"})).await;
    let new = app.item(json!({"name": "Nut", "sku": "B"})).await;
    let upstream = Upstream::start(r#"[{"sku":"A","price":"12.01"},{"sku":"B","price":"900"}]"#).await;
    let source = make(&app, with(prices(&upstream.url), json!({"max_change_percent": "20"}))).await;
    let report = ran(&app, &source).await["last_run"].clone();
    assert_eq!([&report["implausible"], &report["applied"]], [1, 1], "{report}");
    let error = &report["errors"][0];
    assert_eq!((&error["row"], &error["item"]), (&json!(1), &json!("A")));
    assert_eq!(error["detail"], "the price 12.01 differs by more than 20 % from 10");
    assert_eq!((price(&app, &item).await, price(&app, &new).await), (json!("10.0000"), json!("900.0000")));
    upstream.says(r#"[{"sku":"A","price":"12"}]"#);
    run(&app, &source).await;
    assert_eq!(price(&app, &item).await, "12.0000");
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_failure_with_a_reason() {
    let app = spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "A", "price": "5"})).await;
    let upstream = Upstream::start("[]").await;
    let source = make(&app, with(prices(&upstream.url), json!({"timeout_seconds": 5}))).await;
    ran(&app, &source).await;
    let says = |text: &str| Mood::Says(text.to_owned());
    for (mood, reason) in [
        (Mood::Endless, "longer than 20971520 bytes"),
        (says("<html>Sign in</html>"), "not valid JSON"),
        (says("\u{0}\u{1}garbage"), "not valid JSON"),
        (says(r#"[{"sku":"A","cost":"1"}]"#), "none of the 1 rows can be used"),
        (Mood::Refuses(302, "location: http://127.0.0.1:1/\r\n"), "redirect"),
        (Mood::Refuses(401, ""), "401"),
        (Mood::Hangs, "no answer within 5 s"),
    ] {
        upstream.becomes(mood);
        app.post(&format!("{source}/start"), json!({})).await;
        let failed = run(&app, &source).await;
        assert!(failed["last_error"].as_str().unwrap_or_default().contains(reason), "{reason}: {failed}");
    }
    assert_eq!(price(&app, &item).await, "5.0000");
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_settings_name_them() {
    let app = App::spawn().await;
    let upstream = Upstream::start("[]").await;
    let source = make(&app, prices(&upstream.url)).await;
    let refused = until(&app, &source, "a refusal", |source| source["state"] == "failing").await;
    assert!(refused["last_error"].as_str().unwrap().contains("private"), "{refused}");
    let preview = answer(app.request("POST", &format!("{source}/preview"))).await;
    preview.is_problem(502, "upstream_failed");
    assert!(upstream.asked().is_empty());
}

#[tokio::test]
async fn sources_of_one_tenant_that_hang_leave_room_for_another_tenants() {
    let app = spawn().await;
    app.sql.batch_execute("insert into tenants (name) values ('other')").await.unwrap();
    app.sql
        .batch_execute("insert into items (tenant_id, name, sku) values (2, 'theirs', 'A')")
        .await
        .unwrap();
    let (hangs, answers) =
        (Upstream::start("[]").await, Upstream::start(r#"[{"sku":"A","price":"2"}]"#).await);
    hangs.becomes(Mood::Hangs);
    for _ in 0..10 {
        make(&app, with(prices(&hangs.url), json!({"timeout_seconds": 300}))).await;
    }
    let many = waiting::until(LONG, "many runs", async || Ok((hangs.asked().len() >= 6).then_some(())));
    many.await.unwrap();
    let other = app.operator_of(domain::TenantId::new(2), "user:9", domain::Role::Owner);
    let made = app.act(&other, "POST", "/api/v1/sources", Some(prices(&answers.url))).await;
    let path = made.header("location").to_owned();
    let ran = waiting::until(LONG, "the other tenant's run", async || {
        let source = app.act(&other, "GET", &path, None).await.body;
        Ok((source["state"] == "ok").then_some(source))
    });
    assert_eq!(ran.await.unwrap().0["last_run"]["applied"], 1);
    assert_eq!(hangs.asked().len(), 6);
}
