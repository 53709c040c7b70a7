//! An item's document is the text that Postgres wrote, wherever it is shown, whatever is in it.

use domain::{Change, Page};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::app::{App, INTERNAL_SECRET, answer};

/// Rows that the table admits and the API's own parsers refuse.
const ODD_ROWS: &str = r#"
    insert into items (tenant_id, name, description) values (1, E'\t', '  ');
    insert into items (tenant_id, name, attributes) values (1, 'huge', '{"n": 1e400}');
    insert into items (tenant_id, name, attributes)
      values (1, 'deep', ('{"a": ' || repeat('[', 200) || repeat(']', 200) || '}')::jsonb);
    insert into items (tenant_id, name, updated_at) values (1, 'late', 'infinity');
"#;

async fn send(request: RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    response
}

async fn text(request: RequestBuilder) -> String {
    send(request).await.text().await.unwrap()
}

/// The documents of a list.
async fn list(app: &App, query: &str) -> Vec<String> {
    let page = text(app.request("GET", &format!("/api/v1/items?{query}"))).await;
    let page: Page<Box<RawValue>> = serde_json::from_str(&page).unwrap();
    page.data.iter().map(ToString::to_string).collect()
}

/// The documents of a snapshot.
async fn snapshot(app: &App) -> Vec<String> {
    let path = "/internal/v1/snapshot?tenant=1&topic=items";
    let lines = text(app.request("GET", path).bearer_auth(INTERNAL_SECRET)).await;
    let documents: Vec<Box<RawValue>> = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    documents.iter().map(ToString::to_string).collect()
}

/// The documents after the changes that the pull feed or a history shows; empty for a deletion.
async fn data(app: &App, path: &str) -> Vec<String> {
    let page: Page<Change> = serde_json::from_str(&text(app.request("GET", path)).await).unwrap();
    page.data.into_iter().map(|change| change.data.map(|data| data.to_string()).unwrap_or_default()).collect()
}

#[tokio::test]
async fn every_answer_has_the_same_text_as_history_and_the_feed() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let attributes = json!({"zz": 1, "b": 1e21, "a": "<ü\u{2028}\"\\/>", "c": [0.1, -0.0, {"": null}]});
    let new = json!({"name": "Bolt", "price": "0.5", "attributes": attributes});
    let created = send(app.request("POST", "/api/v1/items").json(&new)).await;
    let path = created.headers()["location"].to_str().unwrap().to_owned();
    let mut answers = vec![created.text().await.unwrap()];
    answers.push(text(app.request("PATCH", &path).json(&json!({"quantity": 7}))).await);
    let written =
        r#"update items set attributes = '{"n": 1.50, "big": 123456789012345678901234567890, "aa": 1e3}'"#;
    app.sql.batch_execute(written).await.unwrap();
    answers.push(text(app.request("GET", &path)).await);
    assert!(
        answers[2].contains(r#""attributes":{"n": 1.50, "aa": 1000, "big": 123456789012345678901234567890}"#)
    );
    // Nothing changes, and the answer is the document all the same.
    assert_eq!(text(app.request("PATCH", &path).json(&json!({"quantity": 7}))).await, answers[2]);
    assert_eq!(
        (list(&app, "").await, snapshot(&app).await),
        (vec![answers[2].clone()], vec![answers[2].clone()])
    );
    answers.push(text(app.request("PUT", &path).json(&new)).await);

    #[derive(Deserialize)]
    struct Mismatch {
        current: Box<RawValue>,
    }
    let refused = app.request("DELETE", &path).header("if-match", "\"1\"").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["etag"].to_str().unwrap()), (412, "\"4\""));
    let refused: Mismatch = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(refused.current.get(), answers[3]);

    sequencer.step().await.unwrap();
    assert_eq!(data(&app, &format!("{path}/history")).await, answers);
    assert_eq!(data(&app, "/api/v1/changes").await, answers);
}

#[tokio::test]
async fn a_row_that_only_the_table_admits_is_shown_like_any_other() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    app.sql.batch_execute(ODD_ROWS).await.unwrap();
    app.item(json!({"name": "plain"})).await;
    let all = list(&app, "").await;
    assert_eq!(all.len(), 5);
    assert_eq!(list(&app, "sort=-updated_at&limit=1").await, [all[3].clone()]);
    assert_eq!(snapshot(&app).await, all);
    sequencer.step().await.unwrap();
    assert_eq!(data(&app, "/api/v1/changes").await, all);
    for (number, document) in all.iter().enumerate() {
        let path = format!("/api/v1/items/{}", number + 1);
        assert_eq!(&text(app.request("GET", &path)).await, document);
        let stale = app.request("PATCH", &path).header("if-match", "\"9\"").json(&json!({"quantity": 1}));
        assert_eq!(answer(stale).await.status, 412);
        let patched = send(app.request("PATCH", &path).json(&json!({"quantity": 7}))).await;
        assert_eq!(patched.headers()["etag"], "\"2\"");
        let patched = patched.text().await.unwrap();
        assert!(patched.contains(r#""quantity":7"#), "{patched}");
        assert_eq!(data(&app, &format!("{path}/history")).await, [document.clone(), patched]);
    }
}

#[tokio::test]
async fn pages_go_on_behind_a_time_that_only_postgres_knows() {
    let app = App::spawn().await;
    app.sql.batch_execute(ODD_ROWS).await.unwrap();
    let first = app.get("/api/v1/items?sort=-updated_at&limit=1").await;
    let link = first.header("link").strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = answer(app.request("GET", link)).await;
    assert_eq!(second.status, 200, "{second:?}");
}
