//! One item's life.

use serde_json::json;

use crate::app::{App, answer};

#[tokio::test]
async fn an_item_is_created_read_changed_replaced_and_deleted() {
    let app = App::spawn().await;
    let created = app
        .post("/api/v1/items", json!({"name": " Bolt M8 ", "sku": "B-8", "quantity": 12, "price": "0.5"}))
        .await;
    assert_eq!(created.status, 201);
    let id = created.body["id"].as_i64().unwrap();
    let path = format!("/api/v1/items/{id}");
    assert_eq!((created.header("location"), created.header("etag")), (path.as_str(), "\"1\""));
    let at = created.body["created_at"].as_str().unwrap();
    assert_eq!(
        created.body,
        json!({"id": id, "sku": "B-8", "name": "Bolt M8", "description": null, "quantity": 12, "unit": "each",
            "price": "0.5000", "reorder_point": null, "attributes": {}, "version": 1, "created_at": at,
            "updated_at": at})
    );
    assert!(at.ends_with('Z'), "{at}");

    let read = app.get(&path).await;
    assert_eq!((read.status.as_u16(), &read.body, read.header("etag")), (200, &created.body, "\"1\""));
    let (epoch, position) = read.header("stockwire-as-of").split_once(':').unwrap();
    assert_eq!((epoch.len(), position), (32, "0"));

    let patched = app.patch(&path, json!({"quantity": 11, "price": null, "attributes": {"bin": "A4"}})).await;
    assert_eq!((patched.status.as_u16(), patched.header("etag")), (200, "\"2\""));
    assert_eq!(patched.body["attributes"], json!({"bin": "A4"}));
    assert_eq!((&patched.body["quantity"], &patched.body["price"]), (&json!(11), &json!(null)));

    let replaced = app.put(&path, json!({"name": "Bolt"})).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"3\""));
    assert_eq!((&replaced.body["sku"], &replaced.body["quantity"]), (&json!(null), &json!(0)));
    assert_eq!(replaced.body["attributes"], json!({}));

    assert_eq!(app.delete(&path).await.status, 204);
    for gone in [app.get(&path).await, app.delete(&path).await, app.put(&path, json!({"name": "x"})).await] {
        gone.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_keeps_the_version() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt", "quantity": 3})).await;
    let state = app.state().await;
    assert_eq!(app.patch(&path, json!({"quantity": 3})).await.header("etag"), "\"1\"");
    assert_eq!(app.put(&path, json!({"name": "Bolt", "quantity": 3})).await.header("etag"), "\"1\"");
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn a_sku_is_taken_once() {
    let app = App::spawn().await;
    app.item(json!({"name": "one", "sku": "S"})).await;
    let other = app.item(json!({"name": "two"})).await;
    let state = app.state().await;
    for taken in [
        app.post("/api/v1/items", json!({"name": "three", "sku": "S"})).await,
        app.patch(&other, json!({"sku": "S"})).await,
        app.put(&other, json!({"name": "two", "sku": "S"})).await,
    ] {
        taken.is_problem(409, "duplicate_sku");
        assert_eq!(taken.pointers(), ["/sku"]);
    }
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn a_merge_patch_may_say_that_it_is_one() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    let patch = app.request("PATCH", &path).header("content-type", "application/merge-patch+json");
    assert_eq!(answer(patch.body(r#"{"name":"Nut"}"#)).await.body["name"], "Nut");
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    let head = answer(app.request("HEAD", &path)).await;
    assert_eq!((head.status.as_u16(), head.header("etag"), &head.body), (200, "\"1\"", &json!("")));
}

#[tokio::test]
async fn a_method_that_is_not_there_names_those_that_are() {
    let app = App::spawn().await;
    let answered = app.delete("/api/v1/items").await;
    answered.is_problem(405, "method_not_allowed");
    let allow = answered.header("allow");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    app.get("/api/v1/nothing").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn tokens_are_needed_where_nobody_may_come_without() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    for path in
        ["/api/v1/items", "/api/v1/items/1", "/api/v1/items/1/history", "/api/v1/changes", "/db-check"]
    {
        let refused = app.get(path).await;
        refused.is_problem(401, "not_authenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    let refused = app.post("/api/v1/items", json!({"name": "Bolt"})).await;
    refused.is_problem(401, "not_authenticated");
    let bad = app.request("GET", "/api/v1/items").bearer_auth("x.y.z");
    answer(bad).await.is_problem(401, "not_authenticated");

    let identity = domain::Identity { actor: "key:3".into(), ..domain::Identity::anonymous() };
    let access =
        service::access::Access::new(&app.settings.token_secret().unwrap(), app.settings.auth.anonymous);
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5);
    let token = access.issue(&identity, ends).unwrap();
    let create = app.request("POST", "/api/v1/items").bearer_auth(&token).json(&json!({"name": "Bolt"}));
    let id = answer(create).await.body["id"].clone();
    let history = app.request("GET", &format!("/api/v1/items/{id}/history")).bearer_auth(&token);
    assert_eq!(answer(history).await.body["data"][0]["actor"], "key:3");

    let stranger = domain::Identity { tenant: domain::TenantId::new(77), ..identity };
    let token = access.issue(&stranger, ends).unwrap();
    let path = format!("/api/v1/items/{id}");
    let bearer = |method: &str, path: &str| app.request(method, path).bearer_auth(&token);
    answer(bearer("GET", &path)).await.is_problem(404, "not_found");
    answer(bearer("GET", &format!("{path}/history"))).await.is_problem(404, "not_found");
    answer(bearer("DELETE", &path)).await.is_problem(404, "not_found");
    assert_eq!(answer(bearer("GET", "/api/v1/items")).await.body["data"], json!([]));
    let create = bearer("POST", "/api/v1/items").json(&json!({"name": "Bolt"}));
    answer(create).await.is_problem(403, "forbidden");
}
