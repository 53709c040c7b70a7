//! The history of an item.

use serde_json::{Value, json};

use crate::app::{App, answer};

#[tokio::test]
async fn history_tells_who_when_what_it_was_and_why_after_the_deletion_too() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let path = app.item(json!({"name": "Bolt", "quantity": 5})).await;
    let id: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
    let counted =
        app.request("PATCH", &path).header("x-reason", "gez%C3%A4hlt").header("x-request-id", "r-1");
    assert_eq!(answer(counted.json(&json!({"quantity": 4}))).await.status, 200);
    app.sql.execute("update items set quantity = 3, unit = 'box' where id = $1", &[&id]).await.unwrap();
    let deleted = app.request("DELETE", &path).header("x-reason", "no longer sold");
    assert_eq!(answer(deleted).await.status, 204);

    let unplaced = app.get(&format!("{path}/history")).await;
    assert_eq!(unplaced.body["data"][0]["position"], Value::Null);
    sequencer.step().await.unwrap();
    let history = app.get(&format!("{path}/history")).await;
    assert_eq!(history.status, 200);
    assert_eq!(history.body["as_of"]["position"], 4);
    let changes = history.body["data"].as_array().unwrap();
    let column = |name: &str| changes.iter().map(|change| change[name].clone()).collect::<Vec<_>>();
    let role: String = app.sql.query_one("select current_user::text", &[]).await.unwrap().get(0);
    assert_eq!(column("position"), [1, 2, 3, 4]);
    assert_eq!(column("version"), [1, 2, 3, 4]);
    assert_eq!(column("op"), ["create", "update", "update", "delete"]);
    assert_eq!(column("actor"), ["anonymous", "anonymous", &format!("db:{role}"), "anonymous"]);
    assert_eq!(column("reason"), [json!(null), json!("gezählt"), json!(null), json!("no longer sold")]);
    assert_eq!(changes[1]["request_id"], "r-1");
    assert_eq!(column("resource"), ["item", "item", "item", "item"]);
    assert_eq!(changes[1]["previous"], json!({"quantity": 5}));
    assert_eq!(changes[2]["previous"], json!({"quantity": 4, "unit": "each"}));
    assert_eq!(changes[2]["data"]["quantity"], 3);
    assert_eq!((&changes[0]["previous"], &changes[3]["data"]), (&Value::Null, &Value::Null));
    assert_eq!(changes[3]["previous"], changes[2]["data"]);
}

#[tokio::test]
async fn history_comes_in_pages() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    for quantity in 1..7 {
        app.patch(&path, json!({"quantity": quantity})).await;
    }
    let mut versions = Vec::new();
    let mut next = format!("{path}/history?limit=3");
    loop {
        let page = app.get(&next).await;
        assert_eq!(page.status, 200, "{page:?}");
        versions.extend(page.body["data"].as_array().unwrap().iter().map(|change| change["version"].clone()));
        if page.body["has_more"] == false {
            break;
        }
        let link = page.header("link");
        next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn an_item_that_never_was_has_no_history() {
    let app = App::spawn().await;
    app.get("/api/v1/items/4711/history").await.is_problem(404, "not_found");
    app.get("/api/v1/items/x/history").await.is_problem(400, "invalid_parameter");
    app.get("/api/v1/items/1/history?after=x").await.is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn a_history_whose_beginning_was_removed_says_so_on_every_page() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let (old, path) = (app.item(json!({"name": "Nut"})).await, app.item(json!({"name": "Bolt"})).await);
    for quantity in 1..7 {
        app.patch(&path, json!({"quantity": quantity})).await;
    }
    sequencer.step().await.unwrap();
    let versions = async |query: &str, complete: bool| {
        let page = app.get(&format!("{path}/history{query}")).await;
        assert_eq!((page.status.as_u16(), &page.body["complete"]), (200, &json!(complete)), "{page:?}");
        let changes = page.body["data"].as_array().unwrap();
        let versions: Vec<i64> = changes.iter().map(|change| change["version"].as_i64().unwrap()).collect();
        (versions, page.body["next_cursor"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(versions("", true).await.0, [1, 2, 3, 4, 5, 6, 7]);
    app.keep_newest(4).await;
    let (first, next) = versions("?limit=3", false).await;
    assert_eq!((first, versions(&format!("?after={next}"), false).await.0), (vec![4, 5, 6], vec![7]));
    // Nothing is kept of an item that is there.
    let page = app.get(&format!("{old}/history")).await;
    assert_eq!(
        (page.status.as_u16(), &page.body["data"], &page.body["complete"]),
        (200, &json!([]), &json!(false))
    );
    // Of one that isn't, nothing is known any more.
    app.delete(&path).await;
    assert_eq!(versions("", false).await.0, [4, 5, 6, 7, 8]);
    sequencer.step().await.unwrap();
    app.keep_newest(0).await;
    app.get(&format!("{path}/history")).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn history_is_read_from_either_end_and_between_two_times() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    for quantity in 1..10 {
        app.patch(&path, json!({"quantity": quantity})).await;
    }
    // A change on each day from the first to the tenth of November, among others' of the same days.
    app.sql
        .batch_execute(
            "update changes set at = timestamptz '2026-11-01T12:00:00Z' + (version - 1) * interval '1 day'",
        )
        .await
        .unwrap();
    sequencer.step().await.unwrap();
    let versions = async |query: &str| {
        let (mut versions, mut next) = (Vec::new(), format!("{path}/history?limit=3&{query}"));
        loop {
            let page = app.get(&next).await;
            assert_eq!((page.status.as_u16(), &page.body["complete"]), (200, &json!(true)), "{page:?}");
            let changes = page.body["data"].as_array().unwrap();
            versions.extend(changes.iter().map(|change| change["version"].as_i64().unwrap()));
            if page.body["has_more"] == false {
                return versions;
            }
            let link = page.header("link").to_owned();
            next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        }
    };
    assert_eq!(versions("order=newest").await, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(versions("order=oldest").await, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let (since, until) = ("since=2026-11-03T12:00:00Z", "until=2026-11-08T12:00:00Z");
    assert_eq!(versions(&format!("{since}&{until}")).await, [3, 4, 5, 6, 7]);
    assert_eq!(versions(&format!("{since}&{until}&order=newest")).await, [7, 6, 5, 4, 3]);
    assert_eq!(versions("until=2026-11-01T12:00:00Z").await, [0; 0]);
    assert_eq!(versions("since=2030-01-01T00:00:00Z&order=newest").await, [0; 0]);

    let newest = app.get(&format!("{path}/history?limit=1&order=newest")).await;
    let cursor = newest.body["next_cursor"].as_str().unwrap();
    for query in [&format!("after={cursor}"), "order=up", "since=yesterday", "until=x"] {
        app.get(&format!("{path}/history?{query}")).await.is_problem(400, "invalid_parameter");
    }
}
