//! Monitors: made, read, changed, deleted.

use domain::{Role, TenantId};
use serde_json::{Value, json};

use crate::{
    app::{Answer, answer},
    manager::Manager,
};

const PATH: &str = "/api/v1/monitors";

fn new_monitor() -> Value {
    json!({"name": " Bolts run low ", "scope": {"kind": "sku_prefix", "prefix": "B-"}, "measure": "quantity",
        "condition": {"kind": "below", "threshold": 10}})
}

/// With some fields that differ.
fn with(fields: Value) -> Value {
    let mut body = new_monitor();
    let Value::Object(fields) = fields else { panic!("{fields}") };
    body.as_object_mut().unwrap().extend(fields);
    body
}

async fn create(app: &Manager, body: Value) -> Answer {
    let created = app.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created
}

/// The path of a new monitor.
async fn path_of_new(app: &Manager) -> String {
    create(app, new_monitor()).await.header("location").to_owned()
}

async fn built_in(app: &Manager) -> String {
    let id = "select id from monitors where tenant_id = 1 and built_in is not null";
    format!("{PATH}/{}", app.sql.query_one(id, &[]).await.unwrap().get::<_, i64>(0))
}

/// Everything that a write could change.
async fn state(app: &Manager) -> String {
    let state = "select coalesce(string_agg(monitors::text, e'\\n' order by id), '')
        || (select count(*) from changes)::text from monitors";
    app.sql.query_one(state, &[]).await.unwrap().get(0)
}

async fn channel(app: &Manager, tenant: i64) -> i64 {
    let insert = "insert into channels (tenant_id, name, kind, recipients) values ($1, 'Ann', 'email', '{ann@x.example}')
        returning id";
    app.sql.query_one(insert, &[&tenant]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_monitor_is_made_read_changed_and_deleted() {
    let app = Manager::spawn().await;
    let created = create(&app, new_monitor()).await;
    let id = created.body["id"].as_i64().unwrap();
    let path = format!("{PATH}/{id}");
    assert_eq!((created.header("location"), created.header("etag")), (path.as_str(), "\"1\""));
    let (at, actor) = (created.body["created_at"].clone(), created.body["created_by"].clone());
    assert_eq!(
        created.body,
        json!({"id": id, "name": "Bolts run low", "built_in": null, "scope": {"kind": "sku_prefix", "prefix": "B-"},
            "measure": "quantity", "condition": {"kind": "below", "threshold": 10}, "hysteresis": 0,
            "notify_existing": false, "severity": "warning", "message": null, "cooldown_seconds": 0,
            "schedule": null, "channels": [], "state": "running", "version": 1, "created_by": actor,
            "created_at": at, "updated_at": at})
    );
    let read = app.get(&path).await;
    assert_eq!((read.status.as_u16(), &read.body, read.header("etag")), (200, &created.body, "\"1\""));

    let patch = json!({"condition": {"kind": "rises_by", "percent": "7.50", "base": "100"}, "measure": "price",
        "hysteresis": "2.5", "message": "{item.name}", "severity": "critical", "cooldown_seconds": 60,
        "notify_existing": true, "name": "Bolts cost more",
        "schedule": {"time_zone": "Europe/Berlin", "weekdays": ["monday"], "from": "22:00", "until": "06:00"}});
    let patched = app.patch(&path, patch.clone()).await;
    assert_eq!((patched.status.as_u16(), patched.header("etag")), (200, "\"2\""), "{patched:?}");
    assert_eq!(patched.body["condition"], json!({"kind": "rises_by", "percent": "7.5", "base": "100.0000"}));
    for field in [
        "measure",
        "hysteresis",
        "message",
        "severity",
        "cooldown_seconds",
        "notify_existing",
        "name",
        "schedule",
    ] {
        assert_eq!(patched.body[field], patch[field], "{field}");
    }
    assert_eq!(patched.body["scope"], created.body["scope"]);
    let again = app.patch(&path, patch).await;
    assert_eq!((again.header("etag"), &again.body), ("\"2\"", &patched.body), "it was the same before");
    let cleared = app.patch(&path, json!({"message": null, "schedule": null})).await;
    assert_eq!((&cleared.body["message"], &cleared.body["schedule"]), (&json!(null), &json!(null)));

    assert_eq!(app.delete(&path).await.status, 204);
    for gone in [app.get(&path).await, app.delete(&path).await, app.patch(&path, json!({"name": "x"})).await]
    {
        gone.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_new_monitor_is_named_at_once() {
    let app = Manager::spawn().await;
    let before = state(&app).await;
    let wrong = json!({
        "name": " ", "scope": {"kind": "attribute", "name": "", "colour": "red"}, "measure": "quantity",
        "condition": {"kind": "outside", "low": "1", "high": 1.5, "threshold": 3}, "hysteresis": -1,
        "severity": "fatal", "message": "{price}", "cooldown_seconds": 31_536_001,
        "schedule": {"time_zone": "Mars/Olympus", "weekdays": ["monday", "mon"], "from": "8:00", "until": "18:00"},
        "channels": [0], "version": 1
    });
    let refused = app.post(PATH, wrong).await;
    refused.is_problem(422, "invalid_body");
    let expected = [
        "/name",
        "/scope/name",
        "/scope/value",
        "/scope/colour",
        "/condition/low",
        "/condition/high",
        "/condition/threshold",
        "/hysteresis",
        "/severity",
        "/message",
        "/cooldown_seconds",
        "/schedule/time_zone",
        "/schedule/weekdays/1",
        "/schedule/from",
        "/channels/0",
        "/version",
    ];
    assert_eq!(refused.pointers(), expected);
    assert_eq!(state(&app).await, before);
}

#[tokio::test]
async fn a_monitor_names_items_and_channels_that_are_there() {
    let app = Manager::spawn().await;
    app.sql.batch_execute("insert into tenants (name) values ('another')").await.unwrap();
    let theirs: i64 = {
        let insert = "insert into items (tenant_id, name) values (2, 'Theirs') returning id";
        app.sql.query_one(insert, &[]).await.unwrap().get(0)
    };
    let (ours, foreign) = (channel(&app, 1).await, channel(&app, 2).await);
    let before = state(&app).await;
    for item in [theirs, 4711] {
        let scope = json!({"kind": "item", "item_id": item});
        let refused = app.post(PATH, with(json!({"scope": scope, "channels": [ours, foreign, 4711]}))).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), ["/scope/item_id", "/channels/1", "/channels/2"]);
    }
    assert_eq!(state(&app).await, before);
    let item = app.item(json!({"name": "Bolt"})).await;
    let item: i64 = item.rsplit('/').next().unwrap().parse().unwrap();
    let scope = json!({"kind": "item", "item_id": item});
    let created = create(&app, with(json!({"scope": scope, "channels": [ours]}))).await;
    assert_eq!((&created.body["scope"], &created.body["channels"]), (&scope, &json!([ours])));
    let path = created.header("location").to_owned();
    let refused = app
        .patch(
            &path,
            json!({"channels": [foreign], "scope": {"kind": "item", "item_id": theirs}, "hysteresis": "1"}),
        )
        .await;
    assert_eq!(refused.pointers(), ["/hysteresis", "/scope/item_id", "/channels/0"]);
    // What is there stays, also when what it names is gone.
    app.sql.batch_execute("delete from channels").await.unwrap();
    let renamed = app.patch(&path, json!({"name": "Another"})).await;
    assert_eq!((renamed.status.as_u16(), &renamed.body["channels"]), (200, &json!([ours])));
}

#[tokio::test]
async fn a_patch_is_checked_with_what_is_stored() {
    let app = Manager::spawn().await;
    let path = path_of_new(&app).await;
    let before = state(&app).await;
    for (patch, pointers) in [
        (json!({"measure": "price"}), vec!["/condition/threshold"]),
        (json!({"condition": {"kind": "below", "threshold": "5"}}), vec!["/condition/threshold"]),
        (json!({"hysteresis": "0.5"}), vec!["/hysteresis"]),
        (json!({"condition": {"kind": "above", "threshold": 5}, "hysteresis": 6}), vec!["/hysteresis"]),
        (json!({"condition": {"threshold": 5}}), vec!["/condition/kind"]),
        (json!({"state": "paused", "built_in": null}), vec!["/state", "/built_in"]),
        (json!({}), vec![""]),
    ] {
        let refused = app.patch(&path, patch.clone()).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), pointers, "{patch}");
    }
    assert_eq!(state(&app).await, before);
    assert_eq!(app.patch(&path, json!({"hysteresis": 3})).await.body["hysteresis"], 3);
    let meaningless = app.patch(&path, json!({"condition": {"kind": "unchanged_for", "seconds": 60}})).await;
    assert_eq!(meaningless.pointers(), ["/hysteresis"]);
}

#[tokio::test]
async fn a_change_of_a_monitor_can_be_bound_to_a_version() {
    let app = Manager::spawn().await;
    let path = path_of_new(&app).await;
    for (tags, status) in [("\"1\"", 304), ("W/\"1\"", 304), ("*", 304), ("\"2\"", 200)] {
        let read = answer(app.request("GET", &path).header("if-none-match", tags)).await;
        assert_eq!((read.status.as_u16(), read.header("etag")), (status, "\"1\""), "{tags}");
    }
    let before = state(&app).await;
    let stop = format!("{path}/stop");
    for (method, path) in [("PATCH", &path), ("DELETE", &path), ("POST", &stop)] {
        let request = app.request(method, path).header("if-match", "\"2\"");
        let request = if method == "PATCH" { request.json(&json!({"name": "x"})) } else { request };
        let refused = answer(request).await;
        refused.is_problem(412, "version_mismatch");
        assert_eq!((refused.header("etag"), &refused.body["current"]["version"]), ("\"1\"", &json!(1)));
        assert_eq!(refused.body["current"]["condition"], json!({"kind": "below", "threshold": 10}));
        let request = app.request(method, path).header("if-none-match", "*");
        let request = if method == "PATCH" { request.json(&json!({"name": "x"})) } else { request };
        answer(request).await.is_problem(400, "invalid_parameter");
    }
    assert_eq!(state(&app).await, before);
    let patch = app.request("PATCH", &path).header("if-match", "\"7\", \"1\"").json(&json!({"name": "x"}));
    assert_eq!(answer(patch).await.header("etag"), "\"2\"");
    assert_eq!(answer(app.request("DELETE", &path).header("if-match", "\"2\"")).await.status, 204);
}

#[tokio::test]
async fn the_built_in_monitor_stays_what_it_is() {
    let app = Manager::spawn().await;
    let path = built_in(&app).await;
    let document = app.get(&path).await.body;
    assert_eq!((&document["built_in"], &document["state"]), (&json!("reorder_point"), &json!("running")));
    let before = state(&app).await;
    for patch in [
        json!({"scope": {"kind": "sku_prefix", "prefix": "B-"}}),
        json!({"measure": "price"}),
        json!({"condition": {"kind": "below", "threshold": 3}, "name": "x"}),
    ] {
        app.patch(&path, patch).await.is_problem(409, "built_in_monitor");
    }
    app.delete(&path).await.is_problem(409, "built_in_monitor");
    let stale = app.request("DELETE", &path).header("if-match", "\"9\"");
    answer(stale).await.is_problem(412, "version_mismatch");
    assert_eq!(state(&app).await, before);
    let patch = json!({"name": "Order more", "hysteresis": 2, "severity": "critical", "scope": {"kind": "all"},
        "measure": "quantity", "condition": {"kind": "at_reorder_point"}, "cooldown_seconds": 60});
    let patched = app.patch(&path, patch).await;
    assert_eq!((patched.status.as_u16(), &patched.body["hysteresis"]), (200, &json!(2)), "{patched:?}");
    let stopped = answer(app.request("POST", &format!("{path}/stop"))).await;
    assert_eq!((&stopped.body["state"], &stopped.body["version"]), (&json!("stopped"), &json!(3)));
}

#[tokio::test]
async fn monitors_are_listed_by_state_and_item_and_in_pages() {
    let app = Manager::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    let item: i64 = item.rsplit('/').next().unwrap().parse().unwrap();
    let scope = json!({"kind": "item", "item_id": item});
    let mut made = Vec::new();
    for number in 0..4 {
        let state = if number % 2 == 0 { "running" } else { "stopped" };
        let body = with(json!({"scope": scope, "name": format!("m{number}"), "state": state}));
        made.push(create(&app, body).await.body);
    }
    create(&app, new_monitor()).await;
    let all = app.get(PATH).await;
    assert_eq!(all.body["data"].as_array().unwrap().len(), 6, "with the built-in one");
    assert_eq!(all.body["as_of"]["position"], 0);
    let of_item = app.get(&format!("{PATH}?item_id={item}")).await;
    assert_eq!(of_item.body["data"], json!(made));
    let stopped = app.get(&format!("{PATH}?item_id={item}&state=stopped")).await;
    assert_eq!(stopped.body["data"], json!([made[1], made[3]]));
    let stopped = app.get(&format!("{PATH}?state=stopped")).await;
    assert_eq!(stopped.body["data"], json!([made[1], made[3]]));
    assert_eq!(app.get(&format!("{PATH}?item_id={}", item + 1)).await.body["data"], json!([]));
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}?item_id={item}&limit=3"));
    loop {
        let page = app.get(&path).await;
        seen.extend(page.body["data"].as_array().unwrap().clone());
        let next = page.body["next_cursor"].as_str();
        assert_eq!(
            (next.is_some(), page.headers.contains_key("link")),
            (page.body["has_more"] == true, next.is_some())
        );
        let Some(next) = next else { break };
        path = format!("{PATH}?item_id={item}&limit=3&after={next}");
    }
    assert_eq!(seen, made);
    let refused = app.get(&format!("{PATH}?state=asleep&item_id=0&limit=0&after=x&sort=name")).await;
    refused.is_problem(400, "invalid_parameter");
    assert_eq!(refused.pointers(), ["state", "item_id", "limit", "after", "sort"]);
}

#[tokio::test]
async fn each_write_is_in_the_log_with_who_and_why() {
    let app = Manager::spawn().await;
    let send = async |method: &str, path: &str, body: Option<Value>| {
        let request = app.request(method, path).header("x-reason", "quarter's end");
        let answered = answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await;
        assert!(answered.status.is_success(), "{answered:?}");
        answered
    };
    let created = send("POST", PATH, Some(new_monitor())).await;
    assert_eq!(created.body["created_by"], "user:77");
    let path = created.header("location").to_owned();
    send("PATCH", &path, Some(json!({"severity": "info"}))).await;
    for word in ["start", "pause", "pause", "stop", "start"] {
        send("POST", &format!("{path}/{word}"), None).await;
    }
    send("POST", &format!("{PATH}/pause"), None).await;
    send("DELETE", &path, None).await;
    let changes =
        "select op, version, actor, reason, data ->> 'state', previous::text, request_id is not null
        from changes where resource = 'monitor' and resource_id = $1 order by id";
    let rows = app.sql.query(changes, &[&created.body["id"].as_i64().unwrap()]).await.unwrap();
    let mut found = Vec::new();
    for row in &rows {
        let (actor, reason): (&str, &str) = (row.get(2), row.get(3));
        assert_eq!((actor, reason, row.get::<_, bool>(6)), ("user:77", "quarter's end", true));
        found.push((row.get::<_, String>(0), row.get::<_, i64>(1), row.get::<_, Option<String>>(4)));
    }
    let expected = [
        ("create", 1, Some("running")),
        ("update", 2, Some("running")),
        ("update", 3, Some("paused")),
        ("update", 4, Some("stopped")),
        ("update", 5, Some("running")),
        ("update", 6, Some("paused")),
        ("delete", 7, None),
    ];
    let expected =
        expected.map(|(op, version, state)| (op.to_owned(), version, state.map(ToOwned::to_owned)));
    assert_eq!(found, expected);
    assert_eq!(rows[1].get::<_, &str>(5), r#"{"severity":"warning"}"#);
}

#[tokio::test]
async fn monitors_of_another_tenant_are_not_there() {
    let app = Manager::spawn().await;
    let path = path_of_new(&app).await;
    app.sql.batch_execute("insert into tenants (name) values ('another')").await.unwrap();
    let token = app.operator_of(TenantId::new(2), "user:5", Role::Owner);
    let before = state(&app).await;
    let patch = Some(json!({"name": "x"}));
    for (method, path, body) in [
        ("GET", path.clone(), None),
        ("PATCH", path.clone(), patch),
        ("DELETE", path.clone(), None),
        ("POST", format!("{path}/start"), None),
        ("POST", format!("{path}/stop"), None),
        ("POST", format!("{path}/pause"), None),
    ] {
        app.act(&token, method, &path, body).await.is_problem(404, "not_found");
    }
    let stopped = app.act(&token, "POST", &format!("{PATH}/stop"), None).await;
    assert_eq!(stopped.body, json!({"changed": 1, "monitors": {"running": 0, "paused": 0, "stopped": 1}}));
    let theirs = app.act(&token, "GET", PATH, None).await.body;
    assert_eq!(theirs["data"].as_array().unwrap().len(), 1, "their own built-in one: {theirs}");
    let ours = app.get(&path).await;
    assert_eq!((&ours.body["state"], &ours.body["version"]), (&json!("running"), &json!(1)));
    assert_ne!(state(&app).await, before, "their own was stopped");
    let nobody = app.operator_of(TenantId::new(77), "user:5", Role::Owner);
    app.act(&nobody, "POST", PATH, Some(new_monitor())).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_tenant_has_ten_thousand_monitors_and_no_more() {
    let app = Manager::spawn().await;
    let fill = "begin; set local session_replication_role = replica;
        insert into monitors (tenant_id, name, scope, measure, condition, created_by)
        select 1, 'm', '{\"kind\":\"all\"}', 'quantity', '{\"kind\":\"below\",\"threshold\":1}', 'test'
        from generate_series(1, 9999); commit";
    app.sql.batch_execute(fill).await.unwrap();
    let path = path_of_new(&app).await;
    app.post(PATH, new_monitor()).await.is_problem(409, "too_many_monitors");
    assert_eq!(app.delete(&path).await.status, 204);
    let at_once = futures_util::future::join_all((0..4).map(|_| app.post(PATH, new_monitor()))).await;
    let mut statuses: Vec<u16> = at_once.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
}
