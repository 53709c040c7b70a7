//! Starting, stopping and pausing monitors, and how they do.

use serde_json::{Value, json};

use crate::{
    app::{Answer, answer},
    manager::Manager,
};

const PATH: &str = "/api/v1/monitors";

async fn run(app: &Manager, path: &str) -> Answer {
    let answered = answer(app.request("POST", path)).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    answered
}

async fn monitor(app: &Manager, scope: Value) -> i64 {
    let body = json!({"name": "m", "scope": scope, "measure": "quantity",
        "condition": {"kind": "below", "threshold": 10}});
    let created = app.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.body["id"].as_i64().unwrap()
}

async fn item(app: &Manager, sku: &str, attributes: Value) -> i64 {
    let path = app.item(json!({"name": sku, "sku": sku, "attributes": attributes})).await;
    path.rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_monitor_is_started_stopped_and_paused_once_however_often_one_asks() {
    let app = Manager::spawn().await;
    let id = monitor(&app, json!({"kind": "all"})).await;
    for (word, state, version) in [
        ("start", "running", 1),
        ("pause", "paused", 2),
        ("pause", "paused", 2),
        ("start", "running", 3),
        ("stop", "stopped", 4),
        ("stop", "stopped", 4),
        // It has nothing to remember.
        ("pause", "stopped", 4),
        ("start", "running", 5),
    ] {
        let answered = run(&app, &format!("{PATH}/{id}/{word}")).await;
        assert_eq!(
            (&answered.body["state"], &answered.body["version"]),
            (&json!(state), &json!(version)),
            "{word}"
        );
        assert_eq!(answered.header("etag"), format!("\"{version}\""));
        assert_eq!(app.get(&format!("{PATH}/{id}")).await.body, answered.body);
    }
    for word in ["start", "stop", "pause"] {
        answer(app.request("POST", &format!("{PATH}/4711/{word}"))).await.is_problem(404, "not_found");
        answer(app.request("POST", &format!("{PATH}/x/{word}"))).await.is_problem(400, "invalid_parameter");
        answer(app.request("GET", &format!("{PATH}/{word}"))).await.is_problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn all_monitors_are_started_stopped_and_paused_at_once() {
    let app = Manager::spawn().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(monitor(&app, json!({"kind": "all"})).await);
    }
    run(&app, &format!("{PATH}/{}/stop", ids[0])).await;
    // The built-in one is one of them.
    for (word, changed, counts) in [
        ("pause", 3, [0, 3, 1]),
        ("pause", 0, [0, 3, 1]),
        ("start", 4, [4, 0, 0]),
        ("start", 0, [4, 0, 0]),
        ("stop", 4, [0, 0, 4]),
        ("pause", 0, [0, 0, 4]),
    ] {
        let answered = run(&app, &format!("{PATH}/{word}")).await;
        let [running, paused, stopped] = counts;
        let monitors = json!({"running": running, "paused": paused, "stopped": stopped});
        assert_eq!(answered.body, json!({"changed": changed, "monitors": monitors}), "{word}");
    }
}

#[tokio::test]
async fn more_monitors_than_one_transaction_takes_are_all_stopped() {
    let app = Manager::spawn().await;
    let fill = "insert into monitors (tenant_id, name, scope, measure, condition, created_by)
        select 1, 'm', '{\"kind\":\"all\"}', 'quantity', '{\"kind\":\"below\",\"threshold\":1}', 'test'
        from generate_series(1, 2100)";
    app.sql.batch_execute(fill).await.unwrap();
    let stopped = run(&app, &format!("{PATH}/stop")).await;
    assert_eq!(
        stopped.body,
        json!({"changed": 2101, "monitors": {"running": 0, "paused": 0, "stopped": 2101}})
    );
    let captured = "select count(*) from changes where resource = 'monitor' and op = 'update'";
    assert_eq!(app.sql.query_one(captured, &[]).await.unwrap().get::<_, i64>(0), 2101);
}

#[tokio::test]
async fn the_status_says_what_each_monitor_looks_at() {
    let app = Manager::spawn().await;
    let (red, bolt) =
        (item(&app, "B-1", json!({"colour": "red"})).await, item(&app, "B-12", json!({})).await);
    item(&app, "b-1", json!({"colour": "Red", "size": 5})).await;
    item(&app, "N-1", json!({"colour": {"colour": "red"}, "size": 5.0, "sold": null})).await;
    let built_in = app.get(PATH).await.body["data"][0]["id"].as_i64().unwrap();
    let scopes = [
        (json!({"kind": "all"}), 4),
        (json!({"kind": "item", "item_id": red}), 1),
        (json!({"kind": "item", "item_id": bolt}), 0),
        (json!({"kind": "sku_prefix", "prefix": "B-1"}), 1),
        (json!({"kind": "sku_prefix", "prefix": "B-"}), 1),
        (json!({"kind": "sku_prefix", "prefix": "B-1"}), 1),
        (json!({"kind": "sku_prefix", "prefix": "B-1234"}), 0),
        (json!({"kind": "sku_prefix", "prefix": "%"}), 0),
        (json!({"kind": "attribute", "name": "colour", "value": "red"}), 1),
        (json!({"kind": "attribute", "name": "size", "value": 5}), 2),
        (json!({"kind": "attribute", "name": "sold", "value": null}), 1),
        (json!({"kind": "attribute", "name": "sold", "value": "null"}), 0),
    ];
    let mut expected = vec![json!(4)];
    for (scope, items) in &scopes {
        monitor(&app, scope.clone()).await;
        expected.push(json!(items));
    }
    // What isn't there any more isn't looked at.
    assert_eq!(app.delete(&format!("/api/v1/items/{bolt}")).await.status, 204);
    expected[0] = json!(3);
    expected[1] = json!(3);
    let status = app.get(&format!("{PATH}/status")).await;
    assert_eq!(status.status, 200, "{status:?}");
    let lines = status.body["data"].as_array().unwrap();
    let watched: Vec<Value> = lines.iter().map(|line| line["watched_items"].clone()).collect();
    assert_eq!(watched, expected);
    assert_eq!((&lines[0]["monitor_id"], &status.body["watched_items"]), (&json!(built_in), &json!(3)));
    assert_eq!(status.body["monitors"], json!({"running": 13, "paused": 0, "stopped": 0}));

    // Without those that look at everything, what others look at is counted once.
    app.sql
        .batch_execute("update monitors set state = 'stopped' where scope ->> 'kind' = 'all'")
        .await
        .unwrap();
    assert_eq!(app.get(&format!("{PATH}/status?limit=1")).await.body["watched_items"], 3);
    let only = "update monitors set state = case when scope ->> 'kind' = 'sku_prefix' then 'running' else 'paused' end";
    app.sql.batch_execute(only).await.unwrap();
    assert_eq!(app.get(&format!("{PATH}/status")).await.body["watched_items"], 1);
}

#[tokio::test]
async fn the_status_says_what_was_raised_and_how_far_the_evaluation_is() {
    let app = Manager::spawn().await;
    let id = monitor(&app, json!({"kind": "all"})).await;
    app.sql
        .batch_execute("update monitor_cursor set position = 0, seen_at = '2026-11-22T08:30:00Z'")
        .await
        .unwrap();
    let status = app.get(&format!("{PATH}/status")).await.body;
    assert_eq!(
        status["evaluation"],
        json!({"position": 0, "entries_behind": 0, "seconds_behind": 0.0, "seen_at": "2026-11-22T08:30:00Z"})
    );
    assert_eq!((&status["raised"], &status["last_fired_at"]), (&json!(0), &json!(null)));
    assert_eq!(
        status["data"][1],
        json!({"monitor_id": id, "name": "m", "state": "running", "watching": false, "watched_items": 0,
            "raised_items": 0, "notifications": 0, "last_fired_at": null})
    );

    let sequencer = app.lead().await;
    let item = item(&app, "B-1", json!({})).await;
    assert_eq!(sequencer.step().await.unwrap().head.position.get(), 2, "the monitor and the item");
    let rows = format!(
        "insert into watched_monitors (monitor_id, tenant_id, document, since_position, since_at)
           values ({id}, 1, '{{}}', 0, now());
         insert into monitor_states (monitor_id, item_id, position, raised)
           values ({id}, {item}, 1, true), ({id}, {item} + 1, 1, false), ({id}, {item} + 2, 1, true), (4711, 1, 1, true);
         insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure, condition,
           message, change_position, change_at, created_at)
         select 1, {id}, 'm', {item}, 'B-1', 'warning', 'quantity', '{{}}', 'x', number, now(),
           '2026-11-22T09:00:00Z'::timestamptz + number * interval '1 minute'
         from generate_series(1, 3) as number;
         insert into tenants (name) values ('another');
         insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure, condition,
           message, change_position, change_at)
         values (2, 4711, 'm', 1, 'x', 'warning', 'quantity', '{{}}', 'x', 1, now());
         update changes set at = now() - interval '90 seconds' where resource = 'monitor';"
    );
    app.sql.batch_execute(&rows).await.unwrap();
    let status = app.get(&format!("{PATH}/status")).await.body;
    let evaluation = &status["evaluation"];
    assert_eq!(evaluation["entries_behind"], 2);
    let seconds = evaluation["seconds_behind"].as_f64().unwrap();
    assert!((90.0..900.0).contains(&seconds), "{seconds}");
    assert_eq!((&status["raised"], &status["last_fired_at"]), (&json!(2), &json!("2026-11-22T09:03:00Z")));
    assert_eq!(
        status["data"][1],
        json!({"monitor_id": id, "name": "m", "state": "running", "watching": true, "watched_items": 1,
            "raised_items": 2, "notifications": 3, "last_fired_at": "2026-11-22T09:03:00Z"})
    );
    app.sql.batch_execute("update monitor_cursor set position = (select last from sequencer)").await.unwrap();
    let caught_up = app.get(&format!("{PATH}/status")).await.body;
    assert_eq!(
        (&caught_up["evaluation"]["entries_behind"], &caught_up["evaluation"]["seconds_behind"]),
        (&json!(0), &json!(0.0))
    );
}

#[tokio::test]
async fn the_status_comes_in_pages() {
    let app = Manager::spawn().await;
    for _ in 0..4 {
        monitor(&app, json!({"kind": "all"})).await;
    }
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}/status?limit=2"));
    loop {
        let page = app.get(&path).await;
        let lines = page.body["data"].as_array().unwrap();
        seen.extend(lines.iter().map(|line| line["monitor_id"].as_i64().unwrap()));
        assert_eq!(page.headers.contains_key("link"), page.body["has_more"] == true);
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        path = format!("{PATH}/status?limit=2&after={next}");
    }
    let all = app.get(PATH).await.body["data"].as_array().unwrap().clone();
    assert_eq!(json!(seen), json!(all.iter().map(|monitor| monitor["id"].clone()).collect::<Vec<_>>()));
    assert_eq!(seen.len(), 5);
    let refused = app.get(&format!("{PATH}/status?limit=201&state=running")).await;
    assert_eq!(refused.pointers(), ["limit", "state"]);
}
