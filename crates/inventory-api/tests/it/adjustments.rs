//! Quantities that are changed by so much.

use domain::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{App, answer};

const MOST: i64 = (1 << 53) - 1;

async fn adjust(app: &App, item: &str, by: Value) -> crate::app::Answer {
    app.post(&format!("{item}/adjustments"), json!({"by": by})).await
}

#[tokio::test]
async fn a_quantity_is_changed_by_so_much_and_the_history_says_why() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "quantity": 10, "price": "2"})).await;
    let taken = app.request("POST", &format!("{item}/adjustments")).header("x-reason", "sold");
    let taken = answer(taken.json(&json!({"by": -3}))).await;
    assert_eq!((taken.status.as_u16(), taken.header("etag")), (200, "\"2\""));
    assert_eq!((&taken.body["quantity"], &taken.body["price"]), (&json!(7), &json!("2.0000")));
    assert_eq!(taken.body, app.get(&item).await.body);
    assert_eq!(adjust(&app, &item, json!(-7)).await.body["quantity"], 0);
    assert_eq!(adjust(&app, &item, json!(MOST)).await.body["quantity"], MOST);
    let history = app.get(&format!("{item}/history")).await.body["data"].clone();
    assert_eq!(
        (&history[1]["op"], &history[1]["reason"], &history[1]["previous"]),
        (&json!("update"), &json!("sold"), &json!({"quantity": 10}))
    );
}

#[tokio::test]
async fn nothing_falls_below_nothing_or_rises_above_what_can_be_counted() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "quantity": 2})).await;
    let state = app.state().await;
    for (by, code) in [
        (-3, "insufficient_stock"),
        (-MOST, "insufficient_stock"),
        (MOST - 1, "quantity_too_large"),
        (MOST, "quantity_too_large"),
    ] {
        let refused = adjust(&app, &item, json!(by)).await;
        refused.is_problem(409, code);
        assert_eq!((&refused.body["current"]["quantity"], refused.header("etag")), (&json!(2), "\"1\""));
    }
    for by in [json!(0), json!(1.5), json!("3"), Value::Null, json!(MOST + 1), json!(-MOST - 1)] {
        let refused = adjust(&app, &item, by).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), ["/by"]);
    }
    adjust(&app, "/api/v1/items/999", json!(1)).await.is_problem(404, "not_found");
    adjust(&app, "/api/v1/items/x", json!(1)).await.is_problem(400, "invalid_parameter");
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn an_adjustment_can_be_bound_to_a_version() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "quantity": 5})).await;
    let path = format!("{item}/adjustments");
    let bound = async |tag: &str, by: i64| {
        answer(app.request("POST", &path).header("if-match", tag).json(&json!({"by": by}))).await
    };
    assert_eq!(bound("\"1\"", -1).await.body["quantity"], 4);
    // What is wrong first is what the caller believes.
    for by in [-1, -100] {
        let stale = bound("\"1\"", by).await;
        stale.is_problem(412, "version_mismatch");
        assert_eq!((stale.header("etag"), &stale.body["current"]["quantity"]), ("\"2\"", &json!(4)));
    }
    assert_eq!(bound("*", -1).await.body["quantity"], 3);
    let other = app.request("POST", &path).header("if-none-match", "*").json(&json!({"by": 1}));
    answer(other).await.is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn of_many_who_take_the_last_ones_as_many_succeed_as_there_are() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt", "quantity": 10})).await;
    let answers = join_all((0..25).map(|_| adjust(&app, &item, json!(-1)))).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 10);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.is_problem(409, "insufficient_stock");
        assert_eq!(refused.body["current"]["quantity"], 0, "{refused:?}");
    }
    let mut left: Vec<i64> = answers.iter().filter_map(|answer| answer.body["quantity"].as_i64()).collect();
    left.sort_unstable();
    assert_eq!(left, (0..10).collect::<Vec<_>>());
    assert_eq!(app.get(&item).await.header("etag"), "\"11\"");
}

#[tokio::test]
async fn who_may_count_may_adjust_and_who_reads_may_not() {
    let app = App::spawn().await;
    let path = format!("{}/adjustments", app.item(json!({"name": "Bolt"})).await);
    let body = Some(json!({"by": 1}));
    let clerk = app.operator("user:1", Role::Clerk);
    assert_eq!(app.act(&clerk, "POST", &path, body.clone()).await.status, 200);
    let viewer = app.operator("user:2", Role::Viewer);
    app.act(&viewer, "POST", &path, body).await.is_problem(403, "forbidden");
}
