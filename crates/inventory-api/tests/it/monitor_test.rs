//! Tests of monitors: what one would have raised of late is what one that ran did raise.

use std::time::Duration;

use domain::{Role, TenantId};
use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::Notifier;

use crate::app::App;

const PATH: &str = "/api/v1/monitors/test";

/// What a monitor is, but for its name.
fn definitions() -> Vec<Value> {
    let all = json!({"kind": "all"});
    let bolts = json!({"kind": "sku_prefix", "prefix": "B-"});
    let quantity = |condition: Value, more: Value| {
        let mut definition = json!({"scope": all, "measure": "quantity", "condition": condition});
        definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        definition
    };
    vec![
        quantity(json!({"kind": "below", "threshold": 10}), json!({"hysteresis": 5})),
        quantity(json!({"kind": "above", "threshold": 12}), json!({"cooldown_seconds": 1})),
        quantity(
            json!({"kind": "outside", "low": 5, "high": 15}),
            json!({"scope": bolts, "notify_existing": true, "message": "{item.name} {item.sku}: {value}"}),
        ),
        quantity(
            json!({"kind": "changes_by", "percent": "50", "window_seconds": 60}),
            json!({"severity": "critical"}),
        ),
        quantity(
            json!({"kind": "falls_by", "percent": "30"}),
            json!({"scope": {"kind": "item", "item_id": 1}}),
        ),
        quantity(json!({"kind": "unchanged_for", "seconds": 1}), json!({"scope": bolts})),
        quantity(json!({"kind": "at_reorder_point"}), json!({"notify_existing": true})),
        json!({"scope": {"kind": "attribute", "name": "shelf", "value": "A"}, "measure": "price",
            "condition": {"kind": "rises_by", "percent": "10", "base": "2"}}),
    ]
}

/// Changes of the items 1 to 4 and of a new one, in bursts, with pauses in which what waits falls due.
async fn live(app: &App) {
    let paths: Vec<String> = (1..=5).map(|id| format!("/api/v1/items/{id}")).collect();
    for burst in 0..3_i64 {
        for step in 0..5_i64 {
            for (place, path) in (0_i64..).zip(&paths[..3]) {
                let quantity = (burst * 31 + step * 17 + place * 7) % 23;
                let changed = app
                    .patch(path, json!({"quantity": quantity, "price": format!("{}.5", quantity % 4)}))
                    .await;
                assert_eq!(changed.status, 200, "{changed:?}");
            }
        }
        match burst {
            // One leaves the scopes and comes back under another name, one is gone, one is new.
            0 => drop(app.patch(&paths[1], json!({"sku": "X-2", "attributes": {}})).await),
            1 => {
                app.patch(&paths[1], json!({"sku": "B-2", "name": "Big bolt", "attributes": {"shelf": "A"}}))
                    .await;
                app.delete(&paths[3]).await;
                app.item(json!({"sku": "B-5", "name": "New", "quantity": 1, "reorder_point": 3})).await;
            }
            _ => drop(app.patch(&paths[4], json!({"quantity": 9})).await),
        }
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
}

#[tokio::test]
async fn a_test_says_what_a_running_monitor_raised() {
    let app = App::spawn().await;
    let mut settings = app.settings.clone();
    settings.notifier.listen = ([127, 0, 0, 1], 0).into();
    let _notifier = Notifier::start(&settings).await.unwrap();
    for (id, quantity) in [(1, 20), (2, 2), (3, 8), (4, 3)] {
        app.item(
            json!({"sku": format!("B-{id}"), "name": format!("Bolt {id}"), "quantity": quantity, "price": "2",
            "reorder_point": 4, "attributes": {"shelf": "A"}}),
        )
        .await;
    }
    let manager = app.operator("user:1", Role::Manager);
    let mut made = Vec::new();
    for (place, definition) in definitions().into_iter().enumerate() {
        let mut body = definition.clone();
        body["name"] = json!(format!("monitor {place}"));
        let monitor = app.act(&manager, "POST", "/api/v1/monitors", Some(body.clone())).await;
        assert_eq!(monitor.status, 201, "{monitor:?}");
        made.push((monitor.body["id"].as_i64().unwrap(), body));
    }
    // What they raise of items that are there is in the log before anything else happens.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let quiet: i64 = app.sql.query_one("select last from sequencer", &[]).await.unwrap().get(0);
    live(&app).await;
    let seen = "select (select position from monitor_cursor) >= (select last from sequencer)
        and (select count(*) from changes) = (select count(*) from change_log)";
    while !app.sql.query_one(seen, &[]).await.unwrap().get::<_, bool>(0) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (id, mut body) in made {
        // It watches what lies behind its own entry.
        let began = "select at + interval '1 microsecond' from changes
            where resource = 'monitor' and resource_id = $1 and op = 'create'";
        let began: Timestamp = app.sql.query_one(began, &[&id]).await.unwrap().get(0);
        body["since"] = json!(began);
        let test = app.post(PATH, body.clone()).await;
        assert_eq!((test.status.as_u16(), &test.body["complete"]), (200, &json!(true)), "{test:?}");
        let raised = app.get(&format!("/api/v1/notifications?monitor_id={id}&limit=200")).await;
        let names = [
            "item_id",
            "item_sku",
            "item_name",
            "position",
            "value",
            "previous_value",
            "threshold",
            "message",
            "severity",
        ];
        let told = |list: &Value, position: &str| {
            let row = |told: &Value| {
                let value = |name: &&str| match *name {
                    // Entries that are made at the same time have any order: just where it begins doesn't matter.
                    "position" if told[position].as_i64() <= Some(quiet) => "where it begins".to_owned(),
                    "position" => told[position].to_string(),
                    name => told[name].to_string(),
                };
                names.iter().map(value).collect::<Vec<_>>()
            };
            let mut rows: Vec<_> = list.as_array().unwrap().iter().map(row).collect();
            rows.sort();
            rows
        };
        let really = told(&raised.body["data"], "change_position");
        assert!(!really.is_empty(), "{body}");
        assert_eq!(told(&test.body["notifications"], "position"), really, "{body}");
        assert_eq!(test.body["raised"], really.len());
        let now = "select count(*) from monitor_states where monitor_id = $1 and raised";
        let now: i64 = app.sql.query_one(now, &[&id]).await.unwrap().get(0);
        assert_eq!(test.body["raised_now"], now, "{body}");
    }
}

fn below(threshold: i64) -> Value {
    json!({"name": "low", "scope": {"kind": "all"}, "measure": "quantity",
        "condition": {"kind": "below", "threshold": threshold}})
}

#[tokio::test]
async fn a_test_looks_at_what_is_kept_and_says_since_when() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let path = app.item(json!({"name": "Bolt", "quantity": 20})).await;
    for quantity in 0..300 {
        app.patch(&path, json!({"quantity": if quantity % 2 == 0 { 5 } else { 20 }})).await;
    }
    app.sql
        .batch_execute("update changes set at = clock_timestamp() - (400 - version) * interval '1 minute'")
        .await
        .unwrap();
    sequencer.step().await.unwrap();
    let test = app.post(PATH, below(10)).await.body;
    assert_eq!(
        (&test["changes"], &test["raised"], &test["raised_now"]),
        (&json!(301), &json!(150), &json!(0))
    );
    assert_eq!((&test["complete"], &test["truncated"]), (&json!(true), &json!(true)));
    let told = test["notifications"].as_array().unwrap();
    let positions: Vec<i64> = told.iter().map(|told| told["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (0..100).map(|place| 300 - 2 * place).collect::<Vec<_>>());
    assert_eq!(
        (&told[0]["value"], &told[0]["previous_value"], &told[0]["threshold"]),
        (&json!(5), &json!(20), &json!(10))
    );
    assert_eq!(told[0]["message"], "Bolt: quantity is 5, below 10");

    // Nothing is written by all that.
    assert_eq!(app.get("/api/v1/monitors").await.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/api/v1/notifications").await.body["data"], json!([]));

    let item = json!({"kind": "item", "item_id": 1});
    for scope in [None, Some(item)] {
        let item = scope.is_some().then(|| domain::ItemId::new(1).unwrap());
        let past = app.store.past((TenantId::DEFAULT, item), Timestamp::UNIX_EPOCH, 10).await.unwrap();
        assert_eq!((past.after.get(), past.complete), (291, false));
    }
    app.keep_newest(4).await;
    let mut body = below(10);
    body["since"] = json!("2020-01-01T00:00:00Z");
    let rest = app.post(PATH, body).await.body;
    assert_eq!((&rest["changes"], &rest["raised"], &rest["complete"]), (&json!(4), &json!(2), &json!(false)));
    let first: Timestamp =
        app.sql.query_one("select min(at) from changes where resource = 'item'", &[]).await.unwrap().get(0);
    assert_eq!(rest["since"].as_str().unwrap().parse::<Timestamp>().unwrap(), first);
}

#[tokio::test]
async fn a_test_without_sense_is_refused() {
    let app = App::spawn().await;
    let with = |name: &str, value: Value| {
        let mut body = below(10);
        body[name] = value;
        body
    };
    for (body, pointer) in [
        (with("since", json!("2999-01-01T00:00:00Z")), "/since"),
        (with("since", json!(7)), "/since"),
        (with("since", json!("yesterday")), "/since"),
        (with("scope", json!({"kind": "item", "item_id": 4711})), "/scope/item_id"),
        (with("condition", json!({"kind": "near"})), "/condition/kind"),
        (with("sinse", json!(1)), "/sinse"),
    ] {
        let refused = app.post(PATH, body).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), [pointer]);
    }
    app.post(PATH, json!([])).await.is_problem(422, "invalid_body");
}

#[tokio::test]
async fn only_two_are_tested_at_once() {
    let app = App::spawn().await;
    app.sql.batch_execute("begin; lock table change_log in access exclusive mode").await.unwrap();
    let test = || {
        let request = app.request("POST", PATH).json(&below(10));
        tokio::spawn(async move { crate::app::answer(request).await })
    };
    let tested = [test(), test()];
    tokio::time::sleep(Duration::from_millis(500)).await;
    let third = test().await.unwrap();
    third.is_problem(503, "unavailable");
    assert_eq!(third.header("retry-after"), "2");
    app.sql.batch_execute("commit").await.unwrap();
    for tested in tested {
        assert_eq!(tested.await.unwrap().status, 200);
    }
}
