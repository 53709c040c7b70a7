//! Postgres away, and back.

use std::{net::TcpListener, time::Duration};

use serde_json::json;
use testkit::waiting;
use tokio::time::Instant;

use crate::app::{App, answer, start_server};

#[tokio::test]
async fn while_postgres_is_away_requests_are_told_to_come_back() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = start_server("outage", &[("port", &port)]).await;
    let database = format!("outage_{}", uuid::Uuid::new_v4().simple());
    let app = App::spawn_on(&server.url(&database), &[]).await;
    let path = app.item(json!({"name": "Bolt"})).await;
    server.stop(Duration::from_secs(20)).await.unwrap();

    for away in [
        app.get("/api/v1/items").await,
        app.get(&path).await,
        app.get(&format!("{path}/history")).await,
        app.get("/api/v1/changes?wait=1").await,
        app.post("/api/v1/items", json!({"name": "Nut"})).await,
        app.patch(&path, json!({"name": "Nut"})).await,
        app.delete(&path).await,
        app.get("/db-check").await,
    ] {
        away.is_problem(503, "unavailable");
        assert_eq!(away.header("retry-after"), "1");
        let text = away.body.to_string();
        assert!(!text.contains("127.0.0.1") && !text.to_lowercase().contains("postgres"), "{text}");
    }
    assert_eq!(app.get("/health").await.status, 200);
    let ready = app.get("/ready").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (503, &json!("not_ready")));

    let server = start_server("outage", &[("port", &port)]).await;
    let mut found = app.get(&path).await;
    for _ in 0..50 {
        if found.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        found = app.get(&path).await;
    }
    assert_eq!((found.status.as_u16(), &found.body["name"]), (200, &json!("Bolt")));
    assert_eq!(app.post("/api/v1/items", json!({"name": "Nut"})).await.status, 201);
    server.stop(Duration::from_secs(20)).await.unwrap();
}

/// The gateway gives up a check after a second, and sends nothing to a replica that isn't ready: with all of them under the
/// same load, nobody would be served any more.
#[tokio::test]
async fn a_service_whose_connections_all_work_is_ready_and_says_so_at_once() {
    let app = App::spawn_with(&[("STOCKWIRE__DATABASE__POOL_SIZE", "1")]).await;
    let item = app.item(json!({"name": "Bolt"})).await;
    app.sql.batch_execute("begin; select from items for update").await.unwrap();
    let written = tokio::spawn(answer(app.request("PATCH", &item).json(&json!({"quantity": 7}))));
    let url = app.settings.database.url.expose();
    let (observer, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let waits =
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let busy = waiting::until(waiting::PATIENCE, "the only connection to be busy", async || {
        Ok(observer.query_opt(waits, &[]).await?)
    });
    busy.await.unwrap();
    let asked = Instant::now();
    let ready = app.get("/ready").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert!(asked.elapsed() < Duration::from_secs(1), "it waited behind the others: {:?}", asked.elapsed());
    app.sql.batch_execute("rollback").await.unwrap();
    assert_eq!(written.await.unwrap().status, 200);
}
