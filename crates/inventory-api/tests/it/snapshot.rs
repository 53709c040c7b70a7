//! The internal snapshot for the hub.

use serde_json::{Value, json};

use crate::app::{App, INTERNAL_SECRET, answer};

async fn snapshot(app: &App, query: &str) -> Vec<Value> {
    let request = app.request("GET", &format!("/internal/v1/snapshot?{query}")).bearer_auth(INTERNAL_SECRET);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_snapshot_has_every_item_and_its_moment_and_an_end() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let many =
        "insert into items (tenant_id, name) select 1, 'Item ' || n from generate_series(1, 1203) as n";
    app.sql.batch_execute(many).await.unwrap();
    sequencer.step().await.unwrap();
    let lines = snapshot(&app, "tenant=1&topic=items").await;
    let as_of = json!({"epoch": sequencer.epoch().to_string(), "position": 1203});
    assert_eq!(lines[0], json!({"as_of": as_of}));
    let counts: Vec<usize> = lines[1..4].iter().map(|line| line.as_array().unwrap().len()).collect();
    assert_eq!(counts, [500, 500, 203]);
    assert_eq!(lines[4..], [json!({"end": 1203})]);
    let id = lines[3][202]["id"].as_i64().unwrap();
    assert_eq!(lines[3][202], app.get(&format!("/api/v1/items/{id}")).await.body);

    let one = snapshot(&app, &format!("tenant=1&topic=items:{id}")).await;
    assert_eq!(one, [json!({"as_of": as_of}), json!([lines[3][202]]), json!({"end": 1})]);
    let none = snapshot(&app, "tenant=2&topic=items").await;
    assert_eq!(none, [json!({"as_of": as_of}), json!({"end": 0})]);
    let metrics = app.get("/metrics").await.body;
    assert!(metrics.as_str().unwrap().contains("stockwire_snapshots_total"));
}

#[tokio::test]
async fn snapshots_of_monitors_and_of_what_they_raised_have_documents_by_id() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let many = "insert into monitors (tenant_id, name, scope, measure, condition, created_by)
          values (1, 'Low', '{\"kind\":\"all\"}', 'price', '{\"kind\":\"below\",\"threshold\":\"10.0000\"}', 'user:1');
        insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure,
          condition, message, change_position, change_at)
        select 1, 2, 'Low', 1, 'Bolt', 'info', 'price', '{}', 'x', number, now() from generate_series(1, 203) as number";
    app.sql.batch_execute(many).await.unwrap();
    sequencer.step().await.unwrap();
    let as_of = json!({"as_of": {"epoch": sequencer.epoch().to_string(), "position": 204}});
    let documents = async |query: &str| -> Vec<Value> {
        app.sql.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let monitors =
        documents("select monitor_document(monitors) from monitors where tenant_id = 1 order by id").await;
    let all = snapshot(&app, "tenant=1&topic=monitors").await;
    assert_eq!(all, [as_of.clone(), json!(monitors), json!({"end": 2})]);
    let one = snapshot(&app, "tenant=1&topic=monitors:2").await;
    assert_eq!(one, [as_of.clone(), json!([monitors[1]]), json!({"end": 1})]);
    let newest = "select notification_document(notifications) from notifications where id > 3 order by id";
    let newest = documents(newest).await;
    let raised = snapshot(&app, "tenant=1&topic=notifications").await;
    assert_eq!(raised, [as_of.clone(), json!(newest), json!({"end": 200})]);
    for topic in ["monitors", "monitors:2", "notifications"] {
        let none = snapshot(&app, &format!("tenant=2&topic={topic}")).await;
        assert_eq!(none, [as_of.clone(), json!({"end": 0})]);
    }
}

#[tokio::test]
async fn a_snapshot_needs_the_internal_secret() {
    let app = App::spawn().await;
    let path = "/internal/v1/snapshot?tenant=1&topic=items";
    app.get(path).await.is_problem(401, "not_authenticated");
    answer(app.request("GET", path).bearer_auth("wrong")).await.is_problem(401, "not_authenticated");
    for query in
        ["", "tenant=1", "topic=items", "tenant=x&topic=items", "tenant=1&topic=session", "tenant=1&topic=x"]
    {
        let request = app.request("GET", &format!("/internal/v1/snapshot?{query}"));
        answer(request.bearer_auth(INTERNAL_SECRET)).await.is_problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_reader_that_stops_reading_holds_back_postgres_and_not_memory() {
    let app = App::spawn().await;
    let many = "insert into items (tenant_id, name, description)
        select 1, 'Item ' || n, repeat('x', 4000) from generate_series(1, 20000) as n";
    app.sql.batch_execute(many).await.unwrap();
    let path = "/internal/v1/snapshot?tenant=1&topic=items";
    let mut response = app.request("GET", path).bearer_auth(INTERNAL_SECRET).send().await.unwrap();
    response.chunk().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    // 80 MB are there to be sent; what is not asked for stays in Postgres, which is still at it.
    let active = "select count(*) from pg_stat_activity where datname = current_database()
        and state = 'active' and query like '%store::item_snapshot%' and pid <> pg_backend_pid()";
    let active: i64 = app.sql.query_one(active, &[]).await.unwrap().get(0);
    assert_eq!(active, 1);
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert!(length > 80_000_000, "{length}");
}
