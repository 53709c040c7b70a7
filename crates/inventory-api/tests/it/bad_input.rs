//! Bad input: each with a clear 4xx problem document, and nothing changed.

use domain::Role;
use serde_json::{Value, json};

use crate::app::{App, answer};

const ITEMS: &str = "/api/v1/items";

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "S"})).await;
    let state = app.state().await;
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let bodies: [(&[u8], &str); 13] = [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{\n\"name\": \"Bolt\",}", "line 2"),
        (b"{\"name\":\"Bolt\"", "column 14"),
        (b"{\"name\":\"Bo", "column 11"),
        (b"name=Bolt", "not valid JSON"),
        (b"{\"name\":\"Bolt\"} {}", "column 17"),
        (b"{\"name\":\"B\xff\"}", "not UTF-8 at byte 10"),
        (b"{\"name\":\"\xc3\"}", "not UTF-8 at byte 9"),
        (b"{\"name\":\"\\ud800\"}", "not valid JSON"),
        (b"{\"name\":\"Bolt\",\"name\":\"Nut\"}", "twice"),
        (b"{\"name\":\"Bolt\",\"quantity\":1e400}", "out of range"),
        (deep.as_bytes(), "recursion"),
    ];
    for (body, says) in bodies {
        for (method, path) in [("POST", ITEMS), ("PUT", &item), ("PATCH", &item)] {
            let request = app.request(method, path).header("content-type", "application/json");
            let refused = answer(request.body(body.to_vec())).await;
            refused.is_problem(400, "malformed_body");
            let detail = refused.body["detail"].as_str().unwrap();
            assert!(detail.contains(says), "{method} {}: {detail}", String::from_utf8_lossy(body));
        }
    }
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn a_body_that_is_not_json_by_its_type_is_refused() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    let state = app.state().await;
    for content_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json-patch+json",
    ] {
        for (method, path) in [("POST", ITEMS), ("PUT", &item), ("PATCH", &item)] {
            let request = app.request(method, path).header("content-type", content_type);
            let refused = answer(request.body(r#"{"name":"Nut"}"#)).await;
            refused.is_problem(415, "unsupported_media_type");
        }
    }
    let packed = app.request("POST", ITEMS).header("content-encoding", "gzip").json(&json!({"name": "Nut"}));
    answer(packed).await.is_problem(415, "unsupported_media_type");
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn a_field_that_is_not_valid_is_named() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    let state = app.state().await;
    let fields: [(&str, Value); 31] = [
        ("name", json!(null)),
        ("name", json!(7)),
        ("name", json!(" ")),
        ("name", json!("x".repeat(201))),
        ("name", json!("a\0b")),
        ("sku", json!(true)),
        ("sku", json!("")),
        ("sku", json!("x".repeat(65))),
        ("sku", json!("a\0b")),
        ("quantity", json!(-1)),
        ("quantity", json!(1.5)),
        ("quantity", json!(1.0)),
        ("quantity", json!(9_007_199_254_740_992_i64)),
        ("quantity", json!(u64::MAX)),
        ("quantity", json!(1e30)),
        ("quantity", json!("1")),
        ("quantity", json!(null)),
        ("price", json!(12.5)),
        ("price", json!("-1")),
        ("price", json!("1.23456")),
        ("price", json!("1e3")),
        ("price", json!("NaN")),
        ("price", json!("1000000000000000")),
        ("unit", json!("")),
        ("description", json!("a\0b")),
        ("reorder_point", json!(-1)),
        ("attributes", json!([])),
        ("attributes", json!({"a": "x\0"})),
        ("attributes", json!({"a\0": 1})),
        ("attributes", json!({"a": "x".repeat(16 * 1024)})),
        ("colour", json!("red")),
    ];
    for (field, value) in fields {
        for (method, path) in [("POST", ITEMS), ("PUT", &item), ("PATCH", &item)] {
            let mut body = json!({"name": "Nut"});
            body[field] = value.clone();
            let refused = answer(app.request(method, path).json(&body)).await;
            refused.is_problem(422, "invalid_body");
            assert_eq!(refused.pointers(), [format!("/{field}")], "{method} {field} {value}");
        }
    }
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn all_mistakes_of_a_body_are_named_at_once() {
    let app = App::spawn().await;
    let refused = app.post(ITEMS, json!({"quantity": -1, "price": 3, "id": 5, "a/b": 1})).await;
    refused.is_problem(422, "invalid_body");
    assert_eq!(refused.pointers(), ["/name", "/quantity", "/price", "/a~1b", "/id"]);
    for body in [json!([]), json!(null), json!("x"), json!(7)] {
        let refused = app.post(ITEMS, body).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), [""]);
    }
    let item = app.item(json!({"name": "Bolt"})).await;
    app.patch(&item, json!({})).await.is_problem(422, "invalid_body");
}

#[tokio::test]
async fn an_id_that_no_item_can_have_is_refused() {
    let app = App::spawn().await;
    let state = app.state().await;
    for (id, status) in [
        ("4711", 404),
        ("9223372036854775807", 404),
        ("9223372036854775808", 400),
        ("0", 400),
        ("-1", 400),
        ("1.0", 400),
        ("x", 400),
        ("%00", 400),
        ("%ff", 400),
        ("1%2F2", 400),
    ] {
        let code = if status == 404 { "not_found" } else { "invalid_parameter" };
        let path = format!("{ITEMS}/{id}");
        app.get(&path).await.is_problem(status, code);
        app.get(&format!("{path}/history")).await.is_problem(status, code);
        app.delete(&path).await.is_problem(status, code);
        app.put(&path, json!({"name": "Nut"})).await.is_problem(status, code);
        app.patch(&path, json!({"name": "Nut"})).await.is_problem(status, code);
    }
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn a_parameter_that_is_not_valid_is_named() {
    let app = App::spawn().await;
    for number in 0..3 {
        app.item(json!({"name": format!("Item {number}")})).await;
    }
    let by_name = app.get(&format!("{ITEMS}?sort=name&limit=1")).await;
    let foreign = format!("after={}", by_name.body["next_cursor"].as_str().unwrap());
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("sort=colour", "sort"),
        ("sort=--id", "sort"),
        ("low_stock=yes", "low_stock"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=-009999-01-02T01:59:59Z", "updated_since"),
        ("updated_since=2026-11-22T00:00:00+01:00", "updated_since"),
        ("sku=", "sku"),
        ("q=a%00b", "q"),
        ("sku=a%00b", "sku"),
        ("q=%ff", "q"),
        ("after=x", "after"),
        ("after=e30", "after"),
        (&foreign, "after"),
        ("colour=red", "colour"),
        ("wait=1", "wait"),
    ] {
        let refused = app.get(&format!("{ITEMS}?{query}")).await;
        refused.is_problem(400, "invalid_parameter");
        assert_eq!(refused.pointers(), [name], "{query}");
    }
    let several = app.get(&format!("{ITEMS}?limit=0&sort=x&y=1")).await;
    several.is_problem(400, "invalid_parameter");
    assert_eq!(several.pointers(), ["sort", "limit", "y"]);
    for query in ["wait=31", "wait=-1", "wait=x", "limit=0", "q=x"] {
        app.get(&format!("/api/v1/changes?{query}")).await.is_problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn made_up_cursors_are_refused_and_never_our_fault() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let app = App::spawn().await;
    app.item(json!({"name": "Bolt"})).await;
    for (field, values) in [
        ("name", &["a\0b"][..]),
        ("sku", &["\0"]),
        ("price", &["NaN", "1e999", ""]),
        ("quantity", &["9223372036854775808", "x"]),
        ("updated_at", &["-009999-01-02T01:59:59Z", "2026-13-01", "2026-01-01 Mars/Base", "a\0b", "x", ""]),
    ] {
        for value in values {
            let key = json!({"sort": {"field": field, "descending": false}, "value": value, "id": 1});
            let cursor = URL_SAFE_NO_PAD.encode(key.to_string());
            let refused = app.get(&format!("{ITEMS}?sort={field}&after={cursor}")).await;
            refused.is_problem(400, "invalid_parameter");
            assert_eq!(refused.pointers(), ["after"]);
        }
    }
}

#[tokio::test]
async fn a_reason_that_cannot_be_kept_is_refused() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    let state = app.state().await;
    for reason in ["a%00b", "%ff", &"x".repeat(501)] {
        for method in ["PATCH", "DELETE"] {
            let request = app.request(method, &item).header("x-reason", reason);
            let refused = answer(request.json(&json!({"name": "Nut"}))).await;
            refused.is_problem(400, "invalid_parameter");
            assert_eq!(refused.pointers(), ["X-Reason"]);
        }
    }
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn a_refusal_says_what_to_send_instead() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let missing = app.get("/api/v1/items").await;
    let no_scheme = answer(app.request("GET", "/api/v1/items").header("authorization", "sw_x_y")).await;
    let clerk = app.operator("user:7", Role::Clerk);
    let not_allowed = app.act(&clerk, "GET", "/api/v1/users", None).await;
    for (refused, status, hint) in [
        (missing, 401, "POST /api/v1/sessions"),
        (no_scheme, 401, "Bearer, a space, and an access token or API key"),
        (not_allowed, 403, "permission users, which comes with the role owner"),
    ] {
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(refused.status == status && detail.contains(hint), "{detail}");
    }
}
