//! The API's documents, and what supervisors ask.

use domain::Role;
use serde_json::{Value, json};

use crate::app::{App, answer};

#[tokio::test]
async fn every_operation_of_the_openapi_document_is_there() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    let document = app.get("/api/v1/openapi.json").await;
    assert_eq!((document.status.as_u16(), &document.body["openapi"]), (200, &json!("3.1.0")));
    let mut operations = 0;
    for (path, methods) in document.body["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap();
        for (method, operation) in methods {
            let here = path.replace("/api/v1/items/{id}", &item).replace("{id}", "999");
            let answered = answer(app.request(&method.to_uppercase(), &here)).await;
            let status = answered.status.as_u16().to_string();
            assert!(operation["responses"].get(&status).is_some(), "{method} {path}: {status}");
            let detail = answered.body["detail"].as_str().unwrap_or_default();
            assert!(!detail.starts_with("There is nothing at"), "{method} {path}");
            assert!(operation["summary"].is_string() && operation["operationId"].is_string());
            operations += 1;
        }
        let unlisted =
            answer(app.request("TRACE", &path.replace("/api/v1/items/{id}", &item).replace("{id}", "999")))
                .await;
        unlisted.is_problem(405, "method_not_allowed");
        let allowed = unlisted.header("allow").split(", ").filter(|method| *method != "HEAD").count();
        assert_eq!(allowed, methods.len(), "{path}: {}", unlisted.header("allow"));
    }
    assert!(operations >= 10, "{operations}");
}

#[tokio::test]
async fn the_openapi_document_names_parameters_headers_and_problems() {
    let app = App::spawn().await;
    let document = app.get("/api/v1/openapi.json").await.body;
    let names = |operation: &Value| {
        let parameters = operation["parameters"].as_array().unwrap();
        parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let paths = &document["paths"];
    assert_eq!(
        names(&paths["/api/v1/items"]["get"]),
        ["q", "sku", "low_stock", "updated_since", "sort", "limit", "after", "X-Request-Id"]
    );
    assert_eq!(names(&paths["/api/v1/changes"]["get"]), ["after", "limit", "wait", "X-Request-Id"]);
    let patch = &paths["/api/v1/items/{id}"]["patch"];
    assert_eq!(names(patch), ["id", "If-Match", "X-Reason", "X-Request-Id"]);
    for status in ["400", "401", "404", "409", "412", "413", "415", "422", "500", "503"] {
        let content = &patch["responses"][status]["content"]["application/problem+json"];
        assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{status}");
    }
    assert!(patch["responses"]["200"]["headers"]["ETag"].is_object());
    assert!(patch["requestBody"]["content"]["application/merge-patch+json"].is_object());
    let schemas = &document["components"]["schemas"];
    assert!(schemas["Item"]["properties"]["quantity"].is_object());
    assert!(schemas["HistoryPage"]["properties"]["complete"].is_object());
    assert!(schemas["Problem"]["properties"]["oldest_cursor"].is_object());
    let gone = &paths["/api/v1/changes"]["get"]["responses"]["410"]["description"];
    assert!(gone.as_str().unwrap().contains("changes_removed"), "{gone}");
}

#[tokio::test]
async fn examples_of_bodies_are_accepted_as_they_stand() {
    let app = App::spawn().await;
    let document = app.get("/api/v1/openapi.json").await.body;
    let owner = app.operator("user:1", Role::Owner);
    app.item(json!({"name": "Bolt"})).await;
    testkit::Raise { item: 1, ..testkit::Raise::default() }.on(&app.sql).await.unwrap();
    let mut examples = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            if example.is_null() {
                continue;
            }
            // The first of its kind that was made, and of monitors the first that isn't built in.
            let path = path.replace("{id}", if path.contains("/monitors/") { "2" } else { "1" });
            let answered = app.act(&owner, &method.to_uppercase(), &path, Some(example.clone())).await;
            let refused = [400, 404, 415, 422].contains(&answered.status.as_u16());
            assert!(!refused, "{method} {path}: {answered:?}");
            examples += 1;
        }
    }
    assert!(examples >= 16, "{examples}");
}

#[tokio::test]
async fn the_documentation_can_be_read_without_any_other_server() {
    let app = App::spawn().await;
    let page = app.get("/docs").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html"));
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let answered = app.get(&format!("/docs/{file}")).await;
        assert_eq!(answered.status, 200, "{file}");
    }
    let initializer = app.get("/docs/swagger-initializer.js").await.body.to_string();
    assert!(initializer.contains("/api/v1/openapi.json"), "{initializer}");
    let problems = app.get("/docs/problems").await;
    assert_eq!(problems.header("content-type"), "text/html; charset=utf-8");
    assert!(problems.body.as_str().unwrap().contains("id=\"duplicate_sku\""));
}

#[tokio::test]
async fn supervisors_get_their_answers() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt"})).await;
    assert_eq!(app.get("/health").await.body["service"], "inventory-api");
    let ready = app.get("/ready").await;
    assert_eq!(ready.body["dependencies"], json!({"database": "ok"}));
    let check = app.get("/db-check").await;
    assert_eq!((check.status.as_u16(), &check.body["items"]), (200, &json!(1)));
    assert!(check.body["round_trip_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(check.body["pool"]["most"], 4);
    let metrics = app.get("/metrics").await;
    let text = metrics.body.as_str().unwrap();
    assert!(
        text.contains(r#"stockwire_http_requests_total{method="POST",route="/api/v1/items",status="201"}"#)
    );
}
