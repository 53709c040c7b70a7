//! Many items at once.

use std::time::{Duration, Instant};

use domain::Role;
use serde_json::{Value, json};

use crate::app::{Answer, App, answer};

const BATCH: &str = "/api/v1/items/batch";

async fn batch(app: &App, body: Value) -> Value {
    let answered = app.post(BATCH, body).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    answered.body
}

fn column(report: &Value, field: &str) -> Vec<Value> {
    report["results"].as_array().unwrap().iter().map(|result| result[field].clone()).collect()
}

fn counts(report: &Value) -> [u64; 5] {
    ["created", "updated", "unchanged", "skipped", "failed"].map(|count| report[count].as_u64().unwrap())
}

/// Everything that is said against rows, as pointers and sentences.
fn errors(report: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, field: &str| error[field].as_str().unwrap().to_owned();
    let errors = column(report, "errors");
    let errors = errors.iter().flat_map(|errors| errors.as_array().unwrap());
    errors.map(|error| (text(error, "pointer"), text(error, "detail"))).collect()
}

#[tokio::test]
async fn rows_create_change_and_fail_and_a_dry_run_says_so_before() {
    let app = App::spawn().await;
    let bolt = json!({"name": "Bolt", "sku": "B-8", "quantity": 5, "price": "1", "attributes": {"n": 1.0}});
    let bolt = app.item(bolt).await;
    let nut = app.item(json!({"name": "Nut", "sku": "N-8", "description": "M8"})).await;
    let rows = json!([
        {"sku": "B-8", "quantity": 7, "price": "1.0000", "attributes": {"n": 1}},
        {"sku": "N-8", "name": " Nut ", "description": "M8"},
        {"sku": "W-8", "name": "Washer", "reorder_point": 3},
        {"sku": "X-8", "quantity": 1},
        {"sku": "B-8", "quantity": 8},
        {"sku": "Y-8", "name": "Y", "quantity": -1, "colour": "red"},
        {"sku": "W-8", "name": "Washer"},
        "nothing",
        {"name": "no sku"},
        {"sku": "N-8 ", "name": "the first is meant"}
    ]);
    let state = app.state().await;
    let request = |dry_run: bool| json!({"match": "sku", "rows": rows, "dry_run": dry_run});
    let mut dry = batch(&app, request(true)).await;
    assert_eq!((&dry["dry_run"], app.state().await), (&json!(true), state));
    let asked = app.request("POST", BATCH).header("x-reason", "imported").json(&request(false));
    let report = answer(asked).await.body;
    assert_eq!(counts(&report), [1, 1, 1, 0, 7]);
    assert_eq!(column(&report, "row"), (0..10).collect::<Vec<_>>());
    let outcomes = column(&report, "outcome");
    assert_eq!(outcomes[..4], ["updated", "unchanged", "created", "failed"]);
    assert_eq!(column(&report, "version")[..4], [json!(2), json!(1), json!(1), Value::Null]);
    assert_eq!(column(&report, "changed")[0], json!(["quantity"]));
    assert_eq!(
        errors(&report),
        [
            ("/rows/3/name", "is required of a new item"),
            ("/rows/4/sku", "is in /rows/0 already"),
            ("/rows/5/quantity", "must not be negative"),
            ("/rows/5/colour", "is not a known field"),
            ("/rows/6/sku", "is in /rows/2 already"),
            ("/rows/7", "expected an object, got a string"),
            ("/rows/8/sku", "is required, because rows are matched by it"),
            ("/rows/9/sku", "is in /rows/1 already"),
        ]
        .map(|(pointer, detail)| (pointer.to_owned(), detail.to_owned()))
    );
    let created = column(&report, "id")[2].clone();
    let washer = app.get(&format!("/api/v1/items/{created}")).await.body;
    assert_eq!((&washer["name"], &washer["reorder_point"]), (&json!("Washer"), &json!(3)));
    assert_eq!(app.get(&bolt).await.body["quantity"], 7);
    assert_eq!(app.get(&nut).await.body["version"], 1);
    let history = app.get(&format!("{bolt}/history")).await.body;
    assert_eq!(history["data"][1]["reason"], "imported");
    // All of it was foretold, but for the id that the new item got.
    dry["dry_run"] = json!(false);
    assert_eq!(dry["results"][2]["id"], Value::Null);
    dry["results"][2]["id"] = created;
    assert_eq!(dry, report);
}

#[tokio::test]
async fn what_becomes_of_items_that_are_there_or_not_is_the_callers_choice() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "B-8"})).await;
    let rows = json!([{"sku": "B-8", "name": "Other"}, {"sku": "N-8", "name": "Nut"}]);
    let choose = |on_missing: &str, on_present: &str| json!({"rows": rows, "on_missing": on_missing, "on_present": on_present, "dry_run": true});
    for (on_missing, on_present, expected) in [
        ("create", "update", ["updated", "created"]),
        ("skip", "skip", ["skipped", "skipped"]),
        ("fail", "fail", ["failed", "failed"]),
        ("create", "fail", ["failed", "created"]),
    ] {
        let report = batch(&app, choose(on_missing, on_present)).await;
        assert_eq!(column(&report, "outcome"), expected, "{on_missing} {on_present}");
    }
    let refused = batch(&app, choose("fail", "fail")).await;
    let id: i64 = item.rsplit_once('/').unwrap().1.parse().unwrap();
    let present = format!("is that of item {id} already");
    let expected = [("/rows/0/sku", &*present), ("/rows/1/sku", "is that of no item")];
    assert_eq!(errors(&refused), expected.map(|(pointer, detail)| (pointer.to_owned(), detail.to_owned())));
    let skipped = batch(&app, choose("skip", "skip")).await;
    assert_eq!(column(&skipped, "id"), [json!(id), Value::Null]);
    let other_id = json!({"rows": [{"sku": "B-8", "id": id + 1}, {"sku": "Z", "name": "Z", "id": 5000}]});
    assert_eq!(counts(&batch(&app, other_id).await), [0, 0, 0, 0, 2]);
}

#[tokio::test]
async fn rows_that_are_matched_by_id_can_hand_a_sku_on() {
    let app = App::spawn().await;
    let mut ids = Vec::new();
    for sku in ["A", "B", "C"] {
        let item = app.item(json!({"name": sku, "sku": sku})).await;
        ids.push(item.rsplit_once('/').unwrap().1.parse::<i64>().unwrap());
    }
    let rows = json!([
        {"id": ids[0], "sku": null, "unit": "box"}, {"id": ids[1], "sku": "A"}, {"id": ids[2], "sku": "B"},
        {"name": "new", "sku": "C"}, {"name": "another"}, {"id": 999, "name": "gone"}, {"id": ids[0], "quantity": 1},
        {"name": "taken", "sku": "B"}
    ]);
    let report = batch(&app, json!({"match": "id", "rows": rows})).await;
    let failed: Vec<String> = errors(&report).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(failed, ["/rows/5/id", "/rows/6/id", "/rows/7/sku"]);
    assert_eq!(
        (counts(&report), &report["results"][0]["changed"]),
        ([2, 3, 0, 0, 3], &json!(["sku", "unit"]))
    );
    let items = app.get("/api/v1/items?sort=id").await.body["data"].clone();
    let skus: Vec<&Value> = items.as_array().unwrap().iter().map(|item| &item["sku"]).collect();
    assert_eq!(skus, [&Value::Null, &json!("A"), &json!("B"), &json!("C"), &Value::Null]);
    // One change of each, whatever it took.
    assert!(items.as_array().unwrap().iter().take(3).all(|item| item["version"] == 2), "{items}");
    let new = column(&report, "id");
    assert_eq!((&items[3]["id"], &items[4]["id"]), (&new[3], &new[4]));
    let swap = json!({"match": "id", "rows": [{"id": ids[1], "sku": "B"}, {"id": ids[2], "sku": "A"}]});
    assert_eq!(counts(&batch(&app, swap).await), [0, 0, 0, 0, 2]);
}

#[tokio::test]
async fn a_row_that_only_the_table_would_refuse_stops_no_other_one() {
    let app = App::spawn().await;
    // As short as a client writes them; the table writes all of their digits.
    let numbers: Vec<Value> = (0..60).map(|_| json!(1e300)).collect();
    let rows =
        json!([{"sku": "A", "name": "A", "attributes": {"numbers": numbers}}, {"sku": "B", "name": "B"}]);
    let report = batch(&app, json!({"rows": rows})).await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 1]);
    assert_eq!(errors(&report)[0].0, "/rows/0/attributes");
}

#[tokio::test]
async fn what_is_wrong_with_the_batch_itself_changes_nothing() {
    let app = App::spawn().await;
    let state = app.state().await;
    let rows = vec![json!({"sku": "A", "name": "A"}); 1001];
    for (body, pointer) in [
        (json!({"rows": []}), "/rows"),
        (json!({"rows": rows}), "/rows"),
        (json!({"rows": [{"sku": "A", "name": "A"}], "match": "name"}), "/match"),
        (json!({"rows": [{"sku": "A", "name": "A"}], "dryrun": true}), "/dryrun"),
        (json!([]), ""),
    ] {
        let refused = app.post(BATCH, body).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), [pointer]);
    }
    let large = json!({"rows": [{"sku": "A", "name": "x".repeat(9 * 1024 * 1024)}]});
    app.post(BATCH, large).await.is_problem(413, "body_too_large");
    let clerk = app.operator("user:1", Role::Clerk);
    let body = json!({"rows": [{"sku": "A", "quantity": 1}]});
    app.act(&clerk, "POST", BATCH, Some(body)).await.is_problem(403, "forbidden");
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn items_of_another_tenant_are_neither_found_nor_in_the_way() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "sku": "B-8"})).await;
    let id: i64 = item.rsplit_once('/').unwrap().1.parse().unwrap();
    app.sql.batch_execute("insert into tenants (name) values ('other')").await.unwrap();
    let other = app.operator_of(domain::TenantId::new(2), "user:1", Role::Owner);
    let by_id = json!({"match": "id", "rows": [{"id": id, "name": "Mine"}]});
    let report = app.act(&other, "POST", BATCH, Some(by_id)).await.body;
    assert_eq!(counts(&report), [0, 0, 0, 0, 1]);
    let by_sku = json!({"rows": [{"sku": "B-8", "name": "Mine"}]});
    let report = app.act(&other, "POST", BATCH, Some(by_sku)).await.body;
    assert_eq!(counts(&report), [1, 0, 0, 0, 0]);
    assert_eq!(app.get(&item).await.body["name"], "Bolt");
}

#[tokio::test]
async fn batches_and_single_writers_that_meet_create_each_sku_once() {
    let app = App::spawn().await;
    let row = |number: i32| json!({"sku": format!("S-{number}"), "name": "x", "quantity": number});
    let upwards: Vec<Value> = (0..200).map(row).collect();
    let downwards: Vec<Value> = (0..200).rev().map(row).collect();
    let single = async {
        let mut made = 0;
        for number in 0..200 {
            let answered = app.post("/api/v1/items", row(number)).await;
            assert!([201, 409].contains(&answered.status.as_u16()), "{answered:?}");
            made += u64::from(answered.status == 201);
        }
        made
    };
    let (one, two, made): (Answer, Answer, u64) = tokio::join!(
        app.post(BATCH, json!({"rows": upwards})),
        app.post(BATCH, json!({"rows": downwards})),
        single
    );
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200), "{one:?} {two:?}");
    assert_eq!(counts(&one.body)[0] + counts(&two.body)[0] + made, 200);
    assert_eq!((counts(&one.body)[4], counts(&two.body)[4]), (0, 0));
    let items: i64 = app.sql.query_one("select count(*) from items", &[]).await.unwrap().get(0);
    assert_eq!(items, 200);
}

#[tokio::test]
async fn many_batches_leave_connections_for_everybody_else() {
    let app = App::spawn_with(&[
        ("STOCKWIRE__DATABASE__POOL_SIZE", "8"),
        ("STOCKWIRE__DATABASE__POOL_WAIT_MS", "500"),
    ])
    .await;
    let item = app.item(json!({"sku": "A", "name": "Bolt", "quantity": 0})).await;
    // Somebody holds the item, so that the batches wait.
    app.sql.batch_execute("begin; update items set quantity = 1").await.unwrap();
    let asked = (1..=12).map(|quantity| {
        let request =
            app.request("POST", BATCH).json(&json!({"rows": [{"sku": "A", "quantity": 1 + quantity}]}));
        tokio::spawn(async move { answer(request).await })
    });
    let asked: Vec<_> = asked.collect();
    let waiting = async || {
        // A transaction sees the same statistics until it says that it wants to see new ones.
        app.sql.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        app.sql.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0)
    };
    while waiting().await < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(app.get(&item).await.status, 200);
    assert_eq!(waiting().await, 4);
    app.sql.batch_execute("commit").await.unwrap();
    for answer in asked {
        assert_eq!(counts(&answer.await.unwrap().body), [0, 1, 0, 0, 0]);
    }
    assert_eq!(app.get(&item).await.body["version"], 14);
}

#[tokio::test]
async fn a_thousand_rows_take_no_time() {
    let app = App::spawn().await;
    let rows = |quantity: i64| {
        let row = |number: i64| json!({"sku": format!("S-{number}"), "name": format!("Item {number}"), "quantity": quantity});
        json!({"rows": (0..1000).map(row).collect::<Vec<_>>()})
    };
    let mut fastest = Duration::MAX;
    for (quantity, expected) in [(1, [1000, 0, 0, 0, 0]), (2, [0, 1000, 0, 0, 0]), (2, [0, 0, 1000, 0, 0])] {
        let started = Instant::now();
        assert_eq!(counts(&batch(&app, rows(quantity)).await), expected);
        fastest = fastest.min(started.elapsed());
    }
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}
