//! Deleted items that are brought back.

use domain::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{App, answer};

fn column(rows: &Value, field: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().map(|row| row[field].clone()).collect()
}

#[tokio::test]
async fn an_item_comes_back_with_everything_it_had_and_its_version_goes_on() {
    let app = App::spawn().await;
    let whole = json!({"name": "Bolt", "sku": "B-8", "description": "M8\nzinc", "quantity": 12, "unit": "box",
        "price": "999999999999999.9999", "reorder_point": 3, "attributes": {"bin": {"row": [1, "ö", 1e2]}}});
    let item = app.item(whole).await;
    let had = app.patch(&item, json!({"quantity": 11})).await.body;
    assert_eq!(app.delete(&item).await.status, 204);
    let restore = app.request("POST", &format!("{item}/restore")).header("x-reason", "undone");
    let restored = answer(restore).await;
    assert_eq!((restored.status.as_u16(), restored.header("etag")), (201, "\"4\""), "{restored:?}");
    assert_eq!(restored.header("location"), item);
    let mut expected = had.clone();
    expected["version"] = json!(4);
    expected["updated_at"] = restored.body["updated_at"].clone();
    assert_eq!(restored.body, expected);
    assert!(restored.body["updated_at"].as_str() > had["updated_at"].as_str(), "{restored:?}");
    assert_eq!(app.get(&item).await.body, restored.body);

    let history = app.get(&format!("{item}/history")).await.body;
    assert_eq!(column(&history["data"], "op"), ["create", "update", "delete", "create"]);
    assert_eq!(column(&history["data"], "version"), [1, 2, 3, 4]);
    let last = &history["data"][3];
    assert_eq!(
        (&last["reason"], &last["previous"], &last["data"]),
        (&json!("undone"), &Value::Null, &restored.body)
    );
    assert_eq!(history["complete"], true);
    // It is an item like any other, and may go and come again.
    assert_eq!(app.patch(&item, json!({"quantity": 1})).await.header("etag"), "\"5\"");
    assert_eq!(app.delete(&item).await.status, 204);
    let again = app.post(&format!("{item}/restore"), json!({})).await;
    assert_eq!((again.header("etag"), &again.body["quantity"]), ("\"7\"", &json!(1)));
}

#[tokio::test]
async fn what_is_there_or_never_was_cannot_be_brought_back() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    let state = app.state().await;
    let there = app.post(&format!("{item}/restore"), json!({})).await;
    there.is_problem(409, "wrong_state");
    assert_eq!((&there.body["current"]["version"], there.header("etag")), (&json!(1), "\"1\""));
    app.post("/api/v1/items/999/restore", json!({})).await.is_problem(404, "not_found");
    app.post("/api/v1/items/0/restore", json!({})).await.is_problem(400, "invalid_parameter");
    assert_eq!(app.state().await, state);
    app.delete(&item).await;
    let restore = format!("{item}/restore");
    let stranger = app.operator_of(domain::TenantId::new(77), "user:1", Role::Owner);
    app.act(&stranger, "POST", &restore, None).await.is_problem(404, "not_found");
    let clerk = app.operator("user:1", Role::Clerk);
    app.act(&clerk, "POST", &restore, None).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn what_took_its_sku_meanwhile_keeps_it() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "one", "sku": "S"})).await;
    app.delete(&item).await;
    let other = app.item(json!({"name": "two", "sku": "S"})).await;
    let state = app.state().await;
    let taken = app.post(&format!("{item}/restore"), json!({})).await;
    taken.is_problem(409, "duplicate_sku");
    assert_eq!(app.state().await, state);
    app.patch(&other, json!({"sku": null})).await;
    assert_eq!(app.post(&format!("{item}/restore"), json!({})).await.status, 201);
}

#[tokio::test]
async fn of_many_who_bring_it_back_one_does() {
    let app = App::spawn().await;
    let item = app.item(json!({"name": "Bolt"})).await;
    app.delete(&item).await;
    let restore = format!("{item}/restore");
    let answers = join_all((0..8).map(|_| app.post(&restore, json!({})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is_problem(409, "wrong_state");
    }
    let history = app.get(&format!("{item}/history")).await.body;
    assert_eq!(column(&history["data"], "version"), [1, 2, 3]);
}

#[tokio::test]
async fn a_deletion_that_is_no_longer_kept_is_final_and_history_does_not_take_a_return_for_the_beginning() {
    let app = App::spawn().await;
    let (gone, back) = (app.item(json!({"name": "gone"})).await, app.item(json!({"name": "back"})).await);
    app.delete(&gone).await;
    app.delete(&back).await;
    assert_eq!(app.post(&format!("{back}/restore"), json!({})).await.status, 201);
    app.lead().await.step().await.unwrap();
    app.keep_newest(1).await;
    app.post(&format!("{gone}/restore"), json!({})).await.is_problem(404, "not_found");
    let history = app.get(&format!("{back}/history")).await.body;
    assert_eq!(
        (column(&history["data"], "op"), &history["complete"]),
        (vec![json!("create")], &json!(false))
    );
}
