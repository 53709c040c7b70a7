//! Data sources: what is said about them, rows that are pushed, previews, and secrets.

use domain::Role;
use serde_json::{Value, json};
use testkit::waiting;

use crate::{
    app::{Answer, App, answer},
    sources::{make, price, prices, spawn, with},
    upstream::Upstream,
};

fn pushed() -> Value {
    json!({"name": "Counting", "kind": "push", "format": "csv",
        "mapping": {"item": {"field": "sku", "match": "sku"}, "quantity": "count"}})
}

async fn push(app: &App, token: &str, source: &str, kind: &str, body: &str) -> Answer {
    let request = app.request("POST", &format!("{source}/rows")).header("content-type", kind);
    answer(request.bearer_auth(token).header("x-request-id", "push-7").body(body.to_owned())).await
}

#[tokio::test]
async fn rows_that_are_pushed_are_answered_one_by_one() {
    let app = App::spawn().await;
    let bolt = app.item(json!({"name": "Bolt", "sku": "A", "quantity": 5})).await;
    app.item(json!({"name": "Nut", "sku": "B", "quantity": 3})).await;
    let clerk = app.operator("user:7", Role::Clerk);
    let source = make(&app, pushed()).await;
    let csv = "sku,note,count\nA,\"two,\nlines\",9\nB,,3\nC,,1\nA,,8\nB,,1.5\nB\n,,4\nB,,-1\n";
    let report = push(&app, &clerk, &source, "text/csv; charset=utf-8", csv).await;
    assert_eq!(report.status, 200, "{report:?}");
    let counts = ["read", "applied", "unchanged", "unknown_items", "invalid", "implausible", "shadowed"];
    assert_eq!(counts.map(|count| report.body[count].as_u64().unwrap()), [8, 1, 1, 1, 5, 0, 0], "{report:?}");
    let rows: Vec<u64> = report.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["row"].as_u64().unwrap())
        .collect();
    assert_eq!(rows, [4, 5, 6, 7, 8]);
    let history = app.get(&format!("{bolt}/history")).await.body;
    let change = history["data"].as_array().unwrap().last().unwrap();
    assert_eq!((&change["request_id"], &change["reason"]), (&json!("push-7"), &json!("Counting")));
    assert_eq!(change["data"]["quantity"], 9);
    let as_json = r#"[{"sku":"A","count":10}]"#;
    assert_eq!(push(&app, &clerk, &source, "application/json", as_json).await.body["applied"], 1);
    let health = app.get(&source).await.body;
    assert_eq!((&health["state"], &health["last_run"]["read"]), (&json!("ok"), &json!(1)));
    assert_eq!(health["next_run_at"], Value::Null);
}

#[tokio::test]
async fn what_postgres_cannot_store_is_no_row_and_no_place_of_rows() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt", "sku": "A"})).await;
    let clerk = app.operator("user:7", Role::Clerk);
    let source = make(&app, pushed()).await;
    let rows = json!([{"sku": "A", "count": 7}, {"sku": "B\0", "count": 1}, {"sku": "C", "count": "\0"}]);
    let report = push(&app, &clerk, &source, "application/json", &rows.to_string()).await;
    assert_eq!(report.status, 200, "{report:?}");
    assert_eq!([&report.body["applied"], &report.body["invalid"]], [1, 2], "{report:?}");
    assert_eq!(report.body["errors"][0]["item"], "B\u{fffd}");
    assert_eq!(app.get(&source).await.body["last_run"], report.body);
    for (url, rows, pointer) in [
        ("https://supplier.example/", "/prices\0", "/mapping/rows"),
        ("https://supplier.example/\0", "/prices", "/url"),
        (" https://supplier.example/", "/prices", "/url"),
    ] {
        let mapping = json!({"rows": rows, "item": {"field": "sku", "match": "sku"}, "price": "price"});
        let refused = app.post("/api/v1/sources", with(prices(url), json!({"mapping": mapping}))).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), [pointer], "{refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_at_all_is_refused_and_changes_nothing() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt", "sku": "A"})).await;
    let clerk = app.operator("user:7", Role::Clerk);
    let source = make(&app, pushed()).await;
    let before = app.state().await;
    for (kind, body, status, code) in [
        ("text/csv", "name,count\nA,1\n", 422, "invalid_body"),
        ("text/csv", "sku,count\nA,many\n", 422, "invalid_body"),
        ("application/json", "{", 422, "invalid_body"),
        ("text/html", "sku,count\nA,1\n", 415, "unsupported_media_type"),
    ] {
        push(&app, &clerk, &source, kind, body).await.is_problem(status, code);
    }
    let huge = "x".repeat(8 * 1024 * 1024 + 1);
    push(&app, &clerk, &source, "text/csv", &huge).await.is_problem(413, "body_too_large");
    app.post(&format!("{source}/stop"), json!({})).await;
    push(&app, &clerk, &source, "text/csv", "sku,count\nA,1\n").await.is_problem(409, "wrong_state");
    let pulled = make(&app, with(prices("https://supplier.example/"), json!({"enabled": false}))).await;
    let manager = app.operator("user:8", Role::Manager);
    push(&app, &manager, &pulled, "application/json", "[]").await.is_problem(409, "wrong_state");
    // Prices need more than counting does.
    push(&app, &clerk, &pulled, "application/json", "[]").await.is_problem(403, "forbidden");
    assert_eq!(app.state().await, before);
}

#[tokio::test]
async fn items_are_found_by_id_or_by_an_attribute_that_one_of_them_has() {
    let app = App::spawn().await;
    let bolt = app.item(json!({"name": "Bolt", "attributes": {"ean": "4006381333931"}})).await;
    for _ in 0..2 {
        app.item(json!({"name": "Nut", "attributes": {"ean": "42"}})).await;
    }
    let manager = app.operator("user:8", Role::Manager);
    let by_attribute =
        json!({"item": {"field": "ean", "match": "attribute", "attribute": "ean"}, "price": "p"});
    let source = make(&app, with(pushed(), json!({"format": "json", "mapping": by_attribute}))).await;
    let body = r#"[{"ean":4006381333931,"p":"2"},{"ean":"42","p":"3"},{"ean":"7","p":"3"}]"#;
    let report = push(&app, &manager, &source, "application/json", body).await.body;
    assert_eq!([&report["applied"], &report["invalid"], &report["unknown_items"]], [1, 1, 1], "{report}");
    assert_eq!(price(&app, &bolt).await, "2.0000");
    let by_id = json!({"item": {"match": "id"}, "price": "p"});
    let source = make(&app, with(pushed(), json!({"format": "json", "mapping": by_id, "priority": 1}))).await;
    let id = bolt.rsplit('/').next().unwrap();
    let body = json!({id: {"p": "4"}, "999999": {"p": "1"}, "x": {"p": "1"}}).to_string();
    let report = push(&app, &manager, &source, "application/json", &body).await.body;
    assert_eq!([&report["applied"], &report["invalid"], &report["unknown_items"]], [1, 1, 1], "{report}");
    assert_eq!(price(&app, &bolt).await, "4.0000");
}

#[tokio::test]
async fn a_preview_says_what_would_change_and_changes_nothing() {
    let app = spawn().await;
    app.item(json!({"name": "Bolt", "sku": "A", "price": "1"})).await;
    let upstream = Upstream::start(r#"[{"sku":"A","price":"2"},{"sku":"B","price":"2"}]"#).await;
    let source = make(&app, with(prices(&upstream.url), json!({"enabled": false}))).await;
    let before = app.state().await;
    for request in [
        app.request("POST", &format!("{source}/preview")),
        app.request("POST", &format!("{source}/preview"))
            .json(&json!([{"sku": "A", "price": 2}, {"sku": "B", "price": 1}])),
    ] {
        let preview = answer(request).await;
        assert_eq!(preview.status, 200, "{preview:?}");
        let report = &preview.body["report"];
        assert_eq!([&report["applied"], &report["unknown_items"]], [1, 1], "{report}");
        let change = &preview.body["changes"][0];
        assert_eq!((&change["sku"], &change["price"]), (&json!("A"), &json!("1.0000")));
        assert_eq!((&change["new_price"], &change["new_quantity"]), (&json!("2.0000"), &Value::Null));
    }
    assert_eq!(app.state().await, before);
    upstream.says("no JSON");
    app.post(&format!("{source}/preview"), json!("no rows")).await.is_problem(422, "invalid_body");
    let failed = answer(app.request("POST", &format!("{source}/preview"))).await;
    failed.is_problem(502, "upstream_failed");
    assert_eq!(app.get(&source).await.body["state"], "stopped");
}

#[tokio::test]
async fn a_header_is_sent_along_and_never_shown_and_cannot_be_had_sent_elsewhere() {
    let app = spawn().await;
    let upstream = Upstream::start("[]").await;
    let secret = json!({"header": {"name": "X-Api-Key", "value": "hunter2 hunter2"}});
    let source = make(&app, with(prices(&format!("{}?key=hunter3", upstream.url)), secret)).await;
    let asked =
        waiting::until(waiting::PATIENCE, "a request", async || Ok(upstream.asked().first().cloned()));
    assert!(asked.await.unwrap().0.contains("x-api-key: hunter2 hunter2"));
    let row = "select coalesce(string_agg(sources::text, ''), '') || (select coalesce(string_agg(audit::text, ''), '') from audit)
        from sources";
    let stored: String = app.sql.query_one(row, &[]).await.unwrap().get(0);
    let hex: String = "hunter2".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!stored.contains("hunter2") && !stored.contains(&hex), "{stored}");
    let viewer = app.operator("user:9", Role::Viewer);
    let seen = app.act(&viewer, "GET", &source, None).await;
    assert_eq!(seen.body["url"], upstream.url);
    assert_eq!(seen.body["header"], json!({"name": "X-Api-Key"}));
    let list = app.act(&viewer, "GET", "/api/v1/sources", None).await;
    let managed = app.get(&source).await;
    assert!(managed.body["url"].as_str().unwrap().ends_with("?key=hunter3"));
    for shown in [seen.body.to_string(), list.body.to_string()] {
        assert!(!shown.contains("hunter"), "{shown}");
    }
    assert!(!managed.body.to_string().contains("hunter2"));
    let elsewhere = json!({"url": "http://127.0.0.1:9/prices"});
    let refused = app.patch(&source, elsewhere.clone()).await;
    refused.is_problem(422, "invalid_body");
    assert_eq!(refused.pointers(), ["/header"]);
    let moved = app.patch(&source, with(elsewhere, json!({"header": null}))).await;
    assert_eq!((moved.status.as_u16(), &moved.body["header"]), (200, &Value::Null));
}

#[tokio::test]
async fn a_source_is_changed_and_deleted_if_it_is_the_one_that_was_meant() {
    let app = App::spawn().await;
    let source = make(&app, with(prices("https://supplier.example/"), json!({"enabled": false}))).await;
    let patched =
        app.patch(&source, json!({"mapping": {"quantity": "stock"}, "max_change_percent": "5"})).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let mapping = &patched.body["mapping"];
    assert_eq!((&mapping["quantity"], &mapping["price"]), (&json!("stock"), &json!("price")));
    assert_eq!((patched.header("etag"), &patched.body["max_change_percent"]), ("\"2\"", &json!("5.0000")));
    assert_eq!(app.patch(&source, json!({"name": "Supplier"})).await.header("etag"), "\"2\"");
    let stale = app.request("PATCH", &source).header("if-match", "\"1\"").json(&json!({"priority": 1}));
    answer(stale).await.is_problem(412, "version_mismatch");
    answer(app.request("DELETE", &source).header("if-match", "\"1\""))
        .await
        .is_problem(412, "version_mismatch");
    let audited = "select count(*) from audit where subject like 'source:%'";
    let lines: i64 = app.sql.query_one(audited, &[]).await.unwrap().get(0);
    assert_eq!((app.delete(&source).await.status.as_u16(), lines), (204, 2));
    app.get(&source).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_source_is_named_at_once() {
    let app = App::spawn().await;
    for (body, pointers) in [
        (json!({}), vec!["/name", "/kind", "/format", "/mapping"]),
        (
            json!({"name": "x", "kind": "pull", "format": "csv", "url": "ftp://x", "timeout_seconds": 0,
                "mapping": {"rows": "/x", "item": {"match": "sku"}, "delimiter": "|"}, "priority": -1,
                "max_change_percent": "0", "header": {"name": "Host", "value": "a\nb"}, "secret": 1}),
            vec![
                "/url",
                "/timeout_seconds",
                "/mapping/delimiter",
                "/mapping/item/field",
                "/mapping/price",
                "/mapping/rows",
                "/max_change_percent",
                "/priority",
                "/header/name",
                "/header/value",
                "/interval_seconds",
                "/secret",
            ],
        ),
        (
            with(pushed(), json!({"url": "https://x.example", "header": {"name": "X", "value": "y"}})),
            vec!["/header", "/url"],
        ),
    ] {
        let refused = app.post("/api/v1/sources", body.clone()).await;
        refused.is_problem(422, "invalid_body");
        let (mut found, mut expected) = (refused.pointers(), pointers);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{body}");
    }
}
