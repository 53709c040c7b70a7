//! What Postgres shows of a request that it works for.

use serde_json::json;
use testkit::waiting;

use crate::app::{App, answer};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The text that the server shows of a write that waits for a lock.
async fn shown(app: &App, traceparent: Option<&str>) -> String {
    let item = app.item(json!({"name": "Bolt"})).await;
    // A transaction sees the activity as it was when it first looked, so another connection looks.
    let url = app.settings.database.url.expose();
    let (observer, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    app.sql.batch_execute("begin; select from items for update").await.unwrap();
    let mut patch =
        app.request("PATCH", &item).header("x-request-id", "r-77*/").json(&json!({"quantity": 7}));
    if let Some(traceparent) = traceparent {
        patch = patch.header("traceparent", traceparent);
    }
    let written = tokio::spawn(answer(patch));
    let waits = "select query from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%store::update_item%'";
    let shown = waiting::until(waiting::PATIENCE, "the write to wait", async || {
        let row = observer.query_opt(waits, &[]).await?;
        Ok(row.map(|row| row.get::<_, String>(0)))
    });
    let (shown, _) = shown.await.unwrap();
    app.sql.batch_execute("rollback").await.unwrap();
    assert_eq!(written.await.unwrap().status, 200);
    shown
}

#[tokio::test]
async fn a_statement_names_the_request_that_it_runs_for() {
    let app = App::spawn_with(&[("STOCKWIRE__DATABASE__COMMENT", "all")]).await;
    let plain = shown(&app, None).await;
    assert!(plain.starts_with("/* store::update_item */ /*request_id='r-77%2A%2F'*/"), "{plain}");
}

#[tokio::test]
async fn unless_told_otherwise_only_requests_of_recorded_traces_pay_for_it() {
    let app = App::spawn().await;
    let plain = shown(&app, None).await;
    assert!(!plain.contains("request_id="), "{plain}");
    let unrecorded = TRACEPARENT.replace("-01", "-00");
    let unrecorded = shown(&app, Some(&unrecorded)).await;
    assert!(!unrecorded.contains("request_id="), "{unrecorded}");
    let traced = shown(&app, Some(TRACEPARENT)).await;
    let comment = format!("/* store::update_item */ /*request_id='r-77%2A%2F',traceparent='{TRACEPARENT}'*/");
    assert!(traced.starts_with(&comment), "{traced}");
}
