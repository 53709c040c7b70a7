//! Postgres away, and back.

use std::{net::TcpListener, time::Duration};

use serde_json::json;

use crate::app::{App, start_server};

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
