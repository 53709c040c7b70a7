//! What browsers are told: which pages may use the API, what may be kept, and that data is no page.

use serde_json::json;

use crate::app::{Answer, App, answer};

const SHOP: &str = "https://shop.example";

async fn app() -> App {
    App::spawn_with(&[("STOCKWIRE__HTTP__ALLOWED_ORIGINS", SHOP)]).await
}

async fn ask(app: &App, method: &str, path: &str, origin: &str) -> Answer {
    answer(app.request(method, path).header("origin", origin)).await
}

async fn ask_first(app: &App, path: &str, origin: &str) -> Answer {
    let request = app.request("OPTIONS", path).header("origin", origin);
    answer(request.header("access-control-request-method", "PATCH")).await
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_answers_and_errors() {
    let app = app().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    let found = ask(&app, "GET", &path, SHOP).await;
    assert_eq!(found.status, 200);
    let missing = ask(&app, "GET", "/api/v1/items/999", SHOP).await;
    missing.is_problem(404, "not_found");
    let nowhere = ask(&app, "GET", "/api/v1/nowhere", SHOP).await;
    nowhere.is_problem(404, "not_found");
    let request = app.request("GET", "/api/v1/items").header("origin", SHOP).bearer_auth("guessed");
    let refused = answer(request).await;
    refused.is_problem(401, "not_authenticated");
    let document = ask(&app, "GET", "/api/v1/openapi.json", SHOP).await;
    for answered in [&found, &missing, &nowhere, &refused, &document] {
        assert_eq!(answered.header("access-control-allow-origin"), SHOP);
        assert_eq!(answered.header("access-control-allow-credentials"), "");
        assert_eq!(answered.header("vary"), "origin");
        let readable: Vec<&str> = answered.header("access-control-expose-headers").split(", ").collect();
        for name in
            ["etag", "link", "location", "retry-after", "ratelimit", "x-request-id", "stockwire-as-of"]
        {
            assert!(readable.contains(&name), "{name} in {readable:?}");
        }
    }
}

#[tokio::test]
async fn an_error_within_and_a_limit_are_readable_too() {
    let settings = [
        ("STOCKWIRE__HTTP__ALLOWED_ORIGINS", SHOP),
        ("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "1"),
        ("STOCKWIRE__LIMITS__BURST", "1"),
    ];
    let app = App::spawn_with(&settings).await;
    app.sql.batch_execute("alter table items rename column tenant_id to owner_id").await.unwrap();
    let limited = async || {
        let answered = ask(&app, "GET", "/api/v1/items", SHOP).await;
        assert_eq!(answered.header("access-control-allow-origin"), SHOP, "{answered:?}");
        assert!([500, 429].contains(&answered.status.as_u16()), "{answered:?}");
        Ok((answered.status == 429).then_some(()))
    };
    testkit::waiting::until(testkit::waiting::PATIENCE, "a refusal", limited).await.unwrap();
}

#[tokio::test]
async fn a_page_that_asks_first_is_answered_before_anything_is_looked_at() {
    let settings = [
        ("STOCKWIRE__HTTP__ALLOWED_ORIGINS", SHOP),
        ("STOCKWIRE__AUTH__ANONYMOUS", "never"),
        ("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "1"),
        ("STOCKWIRE__LIMITS__BURST", "1"),
    ];
    let app = App::spawn_with(&settings).await;
    for path in ["/api/v1/items", "/api/v1/items/7", "/api/v1/nowhere", "/db-check", "/api/v1/openapi.json"] {
        let allowed = ask_first(&app, path, SHOP).await;
        assert_eq!(allowed.status, 204, "{path}");
        assert_eq!(allowed.header("access-control-allow-origin"), SHOP, "{path}");
        assert!(allowed.header("access-control-allow-methods").contains("PATCH"), "{path}");
        let sent = allowed.header("access-control-allow-headers");
        for name in
            ["authorization", "content-type", "if-match", "x-reason", "x-csrf-token", "idempotency-key"]
        {
            assert!(sent.split(", ").any(|sent| sent == name), "{name} in {sent}");
        }
        assert_eq!(allowed.header("access-control-max-age"), "600");
        let foreign = ask_first(&app, path, "https://evil.example").await;
        assert!(
            !foreign.headers.keys().any(|name| name.as_str().starts_with("access-control")),
            "{foreign:?}"
        );
        assert_eq!(foreign.header("vary"), "origin");
    }
    // OPTIONS that asks for nothing of that kind is a request like others.
    ask(&app, "OPTIONS", "/api/v1/me", SHOP).await.is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_told_nothing() {
    let app = app().await;
    for origin in ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"]
    {
        let answered = ask(&app, "GET", "/api/v1/items", origin).await;
        assert_eq!(answered.header("access-control-allow-origin"), "", "{origin}");
        assert_eq!(answered.header("access-control-expose-headers"), "", "{origin}");
        assert_eq!(answered.header("vary"), "origin");
    }
}

#[tokio::test]
async fn every_answer_says_that_it_is_no_page_unless_it_is_one() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    for path in
        ["/health", "/metrics", "/nowhere", &path, "/api/v1/items/x", "/internal/v1/snapshot", "/docs"]
    {
        // A redirection followed would show another answer.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answered = client.get(format!("{}{path}", app.url)).send().await.unwrap();
        let header = |name: &str| answered.headers().get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header("strict-transport-security"), "", "{path}");
    }
    for path in ["/docs/", "/docs/swagger-ui.css", "/docs/problems"] {
        let page = app.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; ") && policy.contains("style-src"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(page.headers.get_all("content-security-policy").iter().count(), 1);
        assert_eq!(page.header("x-frame-options"), "DENY");
    }
}

#[tokio::test]
async fn where_people_come_by_tls_browsers_are_told_to_stay_with_it() {
    let app = App::spawn_with(&[("STOCKWIRE__HTTP__PUBLIC_URL", "https://stock.shop.example")]).await;
    for path in ["/health", "/api/v1/items", "/docs/"] {
        assert_eq!(app.get(path).await.header("strict-transport-security"), "max-age=31536000", "{path}");
    }
}

#[tokio::test]
async fn nobody_keeps_what_depends_on_who_asks_and_conditional_requests_go_on() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    let item = app.get(&path).await;
    assert_eq!((item.header("cache-control"), item.header("etag")), ("private, no-cache", "\"1\""));
    let known = answer(app.request("GET", &path).header("if-none-match", "\"1\"")).await;
    assert_eq!((known.status.as_u16(), known.header("cache-control")), (304, "private, no-cache"));
    for path in ["/api/v1/items", "/api/v1/me", "/api/v1/items/999", "/db-check", "/api/v1/nowhere"] {
        assert_eq!(app.get(path).await.header("cache-control"), "no-store", "{path}");
    }
}
