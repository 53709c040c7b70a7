//! What was received and issued, day by day.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use crate::app::App;

const PATH: &str = "/api/v1/statistics/movement";

async fn movement(app: &App, query: &str) -> Value {
    let answer = app.get(&format!("{PATH}?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn what_was_received_and_issued_is_summed_up_day_by_day() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let bolt = app.item(json!({"sku": "B-1", "name": "Bolt", "quantity": 10, "price": "2.50"})).await;
    app.patch(&bolt, json!({"quantity": 4, "price": "3"})).await;
    app.patch(&bolt, json!({"name": "Hex bolt"})).await;
    app.patch(&bolt, json!({"quantity": 9})).await;
    let nut = app.item(json!({"sku": "N-1", "name": "Nut", "quantity": 7})).await;
    app.delete(&nut).await;
    let old = app.item(json!({"name": "Screw", "quantity": 1000})).await;
    // The bolt was made three days ago, and everything else happened yesterday; the screw is older than all that.
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let ago = |days: i32| today.checked_sub(days.days()).unwrap().to_string();
    for (day, which) in [(1, "true"), (3, "resource_id = 1 and op = 'create'"), (9, "resource_id = 3")] {
        let moved = format!("update changes set at = '{} 12:00+00' where {which}", ago(day));
        app.sql.batch_execute(&moved).await.unwrap();
    }
    sequencer.step().await.unwrap();

    let told = movement(&app, "days=4").await;
    let day = |ago_days: i32, numbers: (i64, i64, &str, &str, i64)| {
        let (received, issued, received_value, issued_value, changes) = numbers;
        json!({"date": ago(ago_days), "received": received, "issued": issued, "received_value": received_value,
            "issued_value": issued_value, "changes": changes})
    };
    let nothing = (0, 0, "0.0000", "0.0000", 0);
    assert_eq!(
        told["days"],
        json!([
            day(3, (10, 0, "25.0000", "0.0000", 1)),
            day(2, nothing),
            day(1, (12, 13, "15.0000", "18.0000", 5)),
            day(0, nothing),
        ])
    );
    assert_eq!((&told["time_zone"], &told["complete"]), (&json!("UTC"), &json!(true)));
    assert_eq!(told["as_of"]["position"], 7);
    assert_eq!(
        told["busiest"],
        json!([
            {"item_id": 1, "sku": "B-1", "name": "Hex bolt", "changes": 4, "received": 15, "issued": 6},
            {"item_id": 2, "sku": "N-1", "name": "Nut", "changes": 2, "received": 7, "issued": 7},
        ])
    );
    let longer = movement(&app, "days=366&time_zone=Asia%2FTokyo").await;
    assert_eq!((longer["days"].as_array().unwrap().len(), &longer["time_zone"]), (366, &json!("Asia/Tokyo")));
    let received = longer["days"].as_array().unwrap().iter().map(|day| day["received"].as_i64().unwrap());
    assert_eq!(received.sum::<i64>(), 1022);
    assert_eq!(longer["busiest"][2]["item_id"], 3, "{old}");

    app.keep_newest(3).await;
    assert_eq!(movement(&app, "days=5").await["complete"], false);
}

#[tokio::test]
async fn what_people_write_into_texts_and_attributes_is_nothing_that_moves() {
    let app = App::spawn().await;
    let forged = r#"","quantity":900,"price":"900","attributes":{"#;
    let attributes =
        json!({"quantity": 800, "price": "800", "attributes": {"quantity": 700}, "text": forged});
    let bolt = app
        .item(json!({"sku": r#""quantity":5,"#, "name": forged, "description": forged, "unit": r#"{"price":"6"}"#,
            "quantity": 10, "attributes": attributes}))
        .await;
    app.patch(&bolt, json!({"attributes": {"quantity": 3, "price": "1"}})).await;
    app.patch(&bolt, json!({"attributes": {"a": 1}, "unit": "box", "quantity": 7})).await;
    app.patch(&bolt, json!({"price": "0.5", "quantity": 9, "name": forged.to_uppercase()})).await;
    app.patch(&bolt, json!({"price": null})).await;
    app.patch(&bolt, json!({"reorder_point": 1, "attributes": attributes})).await;
    app.delete(&bolt).await;
    let told = movement(&app, "days=1").await;
    let day = &told["days"][0];
    assert_eq!((&day["received"], &day["issued"], &day["changes"]), (&json!(12), &json!(12), &json!(7)));
    assert_eq!((&day["received_value"], &day["issued_value"]), (&json!("1.0000"), &json!("0.0000")));
}

#[tokio::test]
async fn a_day_is_a_day_of_the_time_zone() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt", "quantity": 1})).await;
    let zone = TimeZone::get("Pacific/Auckland").unwrap();
    let midnight = Timestamp::now().to_zoned(zone.clone()).start_of_day().unwrap().timestamp();
    for (place, seconds) in [(0, -1), (1, 0)] {
        let at = midnight.checked_add(seconds.seconds()).unwrap();
        app.sql.execute("update changes set at = $1", &[&at]).await.unwrap();
        // Another question each time, since an answer is used for a while.
        let told = movement(&app, &format!("days={}&time_zone=Pacific/Auckland", 2 + place)).await;
        let days = told["days"].as_array().unwrap();
        let received = |day: &Value| day["received"].as_i64().unwrap();
        let last_two: Vec<i64> = days[days.len() - 2..].iter().map(received).collect();
        assert_eq!(last_two, if place == 0 { [1, 0] } else { [0, 1] });
    }
}

#[tokio::test]
async fn nobody_sees_what_another_tenant_moves() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt", "quantity": 5})).await;
    app.sql
        .batch_execute(
            "insert into tenants (name) values ('other');
             insert into items (tenant_id, name, quantity) select id, 'Theirs', 7 from tenants where name = 'other'",
        )
        .await
        .unwrap();
    let told = movement(&app, "days=1").await;
    assert_eq!((&told["days"][0]["received"], told["busiest"].as_array().unwrap().len()), (&json!(5), 1));
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_question() {
    let app = App::spawn().await;
    app.item(json!({"name": "Bolt", "quantity": 5})).await;
    // The answer waits until nobody is at the table any more.
    app.sql.batch_execute("begin; lock table changes in access exclusive mode").await.unwrap();
    let asked = (0..40).map(|_| {
        let request = app.request("GET", PATH);
        tokio::spawn(async move { crate::app::answer(request).await })
    });
    let asked: Vec<_> = asked.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    assert_eq!(app.sql.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0), 1);
    app.sql.batch_execute("commit").await.unwrap();
    for answer in asked {
        assert_eq!(answer.await.unwrap().body["busiest"][0]["received"], 5);
    }
    // It is used for some seconds.
    app.item(json!({"name": "Nut", "quantity": 8})).await;
    let first_asked = Instant::now();
    while movement(&app, "").await["days"][29]["received"] != 13 {
        assert!(first_asked.elapsed() < Duration::from_secs(15));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(first_asked.elapsed() > Duration::from_secs(1));
}

#[tokio::test]
async fn too_many_changes_are_a_problem_of_their_own() {
    let app = App::spawn_with(&[("STOCKWIRE__DATABASE__STATEMENT_TIMEOUT_MS", "300")]).await;
    let path = app.item(json!({"name": "Bolt", "quantity": 5})).await;
    app.sql
        .batch_execute(
            "insert into changes (tenant_id, resource, resource_id, op, version, data, previous, actor)
             select 1, 'item', 1, 'update', n, data, '{\"quantity\":1}', 'db:x'
             from changes, generate_series(2, 400000) as n",
        )
        .await
        .unwrap();
    for question in [PATH, &format!("{path}/series?measure=quantity&points=10")] {
        let refused = app.get(question).await;
        refused.is_problem(422, "too_many_changes");
        // It isn't tried again and again.
        app.get(question).await.is_problem(422, "too_many_changes");
    }
}

#[tokio::test]
async fn a_question_without_sense_is_refused() {
    let app = App::spawn().await;
    for query in ["days=0", "days=367", "time_zone=Berlin", "time_zone=posix/UTC%00", "x=1"] {
        app.get(&format!("{PATH}?{query}")).await.is_problem(400, "invalid_parameter");
    }
    let answer = app.get(&format!("{PATH}?days=1")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["busiest"]), (200, &json!([])));
}
