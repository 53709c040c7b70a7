//! The pull feed of changes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::TrimRules;

use crate::app::App;

const NO_DOORBELL: (&str, &str) = ("STOCKWIRE__NOTIFIER__DOORBELL", "false");
const SLOW_POLL: (&str, &str) = ("STOCKWIRE__NOTIFIER__POLL_INTERVAL_MS", "60000");

#[tokio::test]
async fn the_feed_gives_every_change_once_and_in_order() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    for number in 0..7 {
        app.item(json!({"name": format!("Item {number}")})).await;
    }
    sequencer.step().await.unwrap();
    let mut positions = Vec::new();
    let mut cursor = "0".to_owned();
    for rows in [3, 3, 1, 0] {
        let page = app.get(&format!("/api/v1/changes?limit=3&after={cursor}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let changes = page.body["data"].as_array().unwrap();
        assert_eq!(changes.len(), rows);
        positions.extend(changes.iter().map(|change| change["position"].as_i64().unwrap()));
        assert_eq!(page.body["has_more"], json!(positions.len() < 7));
        assert_eq!(page.headers.contains_key("link"), positions.len() < 7);
        cursor = page.body["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(cursor, format!("{}:{}", sequencer.epoch(), positions.len()));
    }
    assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7]);
    let from_the_start = app.get("/api/v1/changes").await;
    assert_eq!(from_the_start.body["data"].as_array().unwrap().len(), 7);
    assert_eq!(from_the_start.body["data"][0]["data"]["name"], "Item 0");
}

#[tokio::test]
async fn the_cursor_of_an_empty_page_skips_other_tenants_and_nothing_else() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    app.item(json!({"name": "ours"})).await;
    let other = "with t as (insert into tenants (name) values ('other') returning id)
        insert into items (tenant_id, name) select id, 'theirs' from t, generate_series(1, 5)";
    app.sql.batch_execute(other).await.unwrap();
    sequencer.step().await.unwrap();
    let page = app.get("/api/v1/changes").await;
    assert_eq!(page.body["data"].as_array().unwrap().len(), 1);
    // Theirs are the five, and the monitor that every tenant has.
    assert_eq!(page.body["next_cursor"], format!("{}:7", sequencer.epoch()));
    app.item(json!({"name": "ours too"})).await;
    sequencer.step().await.unwrap();
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let page = app.get(&format!("/api/v1/changes?after={cursor}")).await;
    assert_eq!(page.body["data"][0]["data"]["name"], "ours too");
}

#[tokio::test]
async fn a_cursor_of_another_log_is_gone() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    app.item(json!({"name": "Bolt"})).await;
    sequencer.step().await.unwrap();
    let epoch = sequencer.epoch();
    for cursor in ["00000000000000000000000000000007:0".to_owned(), format!("{epoch}:2")] {
        for wait in ["", "&wait=5"] {
            app.get(&format!("/api/v1/changes?after={cursor}{wait}")).await.is_problem(410, "cursor_gone");
        }
    }
    assert_eq!(app.get(&format!("/api/v1/changes?after={epoch}:1")).await.body["data"], json!([]));
    for after in ["x", "", "1", "-1", &format!("{epoch}:-1"), &format!("{epoch}:99999999999999999999")] {
        let refused = app.get(&format!("/api/v1/changes?after={after}")).await;
        refused.is_problem(400, "invalid_parameter");
        assert_eq!(refused.pointers(), ["after"]);
    }
}

/// Deletes everything but the newest so many changes.
async fn delete_all_but(app: &App, least_entries: u32) {
    let rules = TrimRules { older_than: Duration::ZERO, least_entries, batch: 1000, heed_holds: true };
    app.store.trim_log(&rules).await.unwrap();
}

#[tokio::test]
async fn a_cursor_from_before_what_is_kept_is_refused_and_told_where_the_log_begins() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    for number in 0..7 {
        app.item(json!({"name": format!("Item {number}")})).await;
    }
    sequencer.step().await.unwrap();
    delete_all_but(&app, 3).await;
    let epoch = sequencer.epoch();
    for query in
        ["", "?after=0", "?after=0&wait=5", &format!("?after={epoch}:3"), &format!("?after={epoch}:0")]
    {
        let refused = app.get(&format!("/api/v1/changes{query}")).await;
        refused.is_problem(410, "changes_removed");
        assert_eq!(refused.body["oldest_cursor"], format!("{epoch}:4"));
        assert!(refused.body["detail"].as_str().unwrap().contains("from position 5 on"), "{refused:?}");
    }
    // Of another log first: what this one keeps means nothing to it.
    let other = "/api/v1/changes?after=00000000000000000000000000000007:0";
    app.get(other).await.is_problem(410, "cursor_gone");
    let page = app.get(&format!("/api/v1/changes?after={epoch}:4")).await;
    let positions: Vec<&Value> =
        page.body["data"].as_array().unwrap().iter().map(|change| &change["position"]).collect();
    assert_eq!(positions, [5, 6, 7]);
    // Nothing at all is kept, and the head is still a place to go on from.
    delete_all_but(&app, 0).await;
    app.get(&format!("/api/v1/changes?after={epoch}:6")).await.is_problem(410, "changes_removed");
    assert_eq!(app.get(&format!("/api/v1/changes?after={epoch}:7")).await.body["data"], json!([]));
    app.item(json!({"name": "new"})).await;
    sequencer.step().await.unwrap();
    let page = app.get(&format!("/api/v1/changes?after={epoch}:7")).await;
    assert_eq!(page.body["data"][0]["data"]["name"], "new");
}

/// Waits for a change that another task makes a moment later, and gives the wait.
async fn wait_for_a_change(settings: &[(&str, &str)]) -> Duration {
    let app = App::spawn_with(settings).await;
    let sequencer = app.lead().await;
    // The doorbell needs a moment to be heard; then it is quiet.
    app.get("/api/v1/changes?wait=1").await;
    let write = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.item(json!({"name": "Bolt"})).await;
        sequencer.step().await.unwrap();
        // As a notifier does.
        app.store.announce_log().await.unwrap();
        Instant::now()
    };
    let (page, written) = tokio::join!(app.get("/api/v1/changes?wait=20"), write);
    assert_eq!(page.body["data"][0]["data"]["name"], "Bolt", "{page:?}");
    written.elapsed()
}

#[tokio::test]
async fn a_waiting_request_is_answered_when_the_change_comes() {
    assert!(wait_for_a_change(&[SLOW_POLL]).await < Duration::from_secs(1));
}

#[tokio::test]
async fn a_waiting_request_is_answered_without_any_notification() {
    assert!(wait_for_a_change(&[NO_DOORBELL]).await < Duration::from_secs(2));
}

#[tokio::test]
async fn a_wait_without_a_change_ends_empty_and_in_time() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let started = Instant::now();
    let page = app.get("/api/v1/changes?wait=1").await;
    let waited = started.elapsed();
    assert!((Duration::from_millis(950)..Duration::from_secs(4)).contains(&waited), "{waited:?}");
    assert_eq!((&page.body["data"], &page.body["has_more"]), (&json!([]), &json!(false)));
    assert_eq!(page.body["next_cursor"], format!("{}:0", sequencer.epoch()));
}

#[tokio::test]
async fn a_change_that_is_there_already_is_not_waited_for() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    app.item(json!({"name": "Bolt"})).await;
    sequencer.step().await.unwrap();
    let started = Instant::now();
    assert_eq!(app.get("/api/v1/changes?wait=20").await.body["data"][0]["op"], "create");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_waiting_request_ends_when_the_service_stops() {
    let app = App::spawn().await;
    let stop = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        app.stop.cancel();
    };
    let started = Instant::now();
    let (page, ()) = tokio::join!(app.get("/api/v1/changes?wait=20"), stop);
    assert_eq!((page.status.as_u16(), &page.body["data"]), (200, &json!([])));
    assert_ne!(page.body["next_cursor"], Value::Null);
    assert!(started.elapsed() < Duration::from_secs(4));
}
