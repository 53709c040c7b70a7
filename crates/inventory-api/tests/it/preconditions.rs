//! ETag, If-Match, If-None-Match.

use serde_json::json;

use crate::app::{App, answer};

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    for (tags, status) in
        [("\"1\"", 304), ("W/\"1\"", 304), ("\"0\", \"1\"", 304), ("*", 304), ("\"2\"", 200), ("\"01\"", 200)]
    {
        let read = answer(app.request("GET", &path).header("if-none-match", tags)).await;
        assert_eq!((read.status.as_u16(), read.header("etag")), (status, "\"1\""), "{tags}");
        assert!(!read.header("stockwire-as-of").is_empty());
        assert_eq!(read.body == json!(""), status == 304);
    }
}

#[tokio::test]
async fn a_change_can_be_bound_to_a_version() {
    let app = App::spawn().await;
    for method in ["PUT", "PATCH", "DELETE"] {
        for (tags, succeeds) in [
            ("\"1\"", true),
            ("*", true),
            ("\"7\", \"1\"", true),
            ("W/\"1\"", false),
            ("\"2\"", false),
            ("\"x\"", false),
        ] {
            let path = app.item(json!({"name": "Bolt"})).await;
            let state = app.state().await;
            let request = app.request(method, &path).header("if-match", tags);
            let request = if method == "DELETE" { request } else { request.json(&json!({"name": "Nut"})) };
            let changed = answer(request).await;
            if succeeds {
                assert!(changed.status.is_success(), "{method} {tags}: {changed:?}");
            } else {
                changed.is_problem(412, "version_mismatch");
                assert_eq!(changed.body["current"], app.get(&path).await.body);
                assert_eq!(changed.header("etag"), "\"1\"");
                assert_eq!(app.state().await, state, "{method} {tags}");
            }
        }
    }
}

#[tokio::test]
async fn an_absent_item_is_not_found_whatever_is_expected_of_it() {
    let app = App::spawn().await;
    let change = app.request("DELETE", "/api/v1/items/4711").header("if-match", "\"1\"");
    answer(change).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_precondition_that_cannot_be_read_is_named() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    let state = app.state().await;
    for tags in ["1", "", "\"1", "\"1\" \"2\"", "*, \"1\""] {
        let refused = answer(app.request("DELETE", &path).header("if-match", tags)).await;
        refused.is_problem(400, "invalid_parameter");
        assert_eq!(refused.pointers(), ["If-Match"]);
        let refused = answer(app.request("GET", &path).header("if-none-match", tags)).await;
        refused.is_problem(400, "invalid_parameter");
        assert_eq!(refused.pointers(), ["If-None-Match"]);
    }
    let protected = app.request("PUT", &path).header("if-none-match", "*").json(&json!({"name": "Nut"}));
    answer(protected).await.is_problem(400, "invalid_parameter");
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn of_several_writers_with_one_version_one_wins() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt", "quantity": 0})).await;
    let writes = (1..=8).map(|quantity| {
        let write = app.request("PATCH", &path).header("if-match", "\"1\"");
        answer(write.json(&json!({"quantity": quantity})))
    });
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(writes).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}
