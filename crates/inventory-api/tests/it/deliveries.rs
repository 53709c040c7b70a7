//! The queue of deliveries: what arrives, how often, and who sends it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use testkit::{process, waiting};

use crate::{
    app::App,
    receiver::{OK, REACH, Receiver, Reply},
};

const BINARY: &str = env!("CARGO_BIN_EXE_inventory-api");
const LISTEN: &str = "STOCKWIRE__HTTP__LISTEN";

/// How often each id came.
fn by_id(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for request in receiver.received() {
        *counted.entry(request.header("webhook-id").to_owned()).or_default() += 1;
    }
    counted
}

/// A process of its own that sends.
async fn sender(app: &App, settings: &[(&str, &str)]) -> process::Service {
    let mut environment = process::environment(&app.settings);
    for (key, value) in [REACH].iter().chain(settings) {
        environment.insert((*key).to_owned(), (*value).to_owned());
    }
    process::Service::start(BINARY, LISTEN, &environment).await.unwrap()
}

#[tokio::test]
async fn a_notification_arrives_once_and_signed_as_the_specification_says() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(OK).await;
    let channel = app.webhook(&receiver.url).await;
    let id = app.raise_for(channel.id, 1).await[0];
    let delivery = app.delivery_is(id, "delivered").await;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let request = &received[0];
    assert!(request.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("webhook-id"), format!("delivery-{id}"));
    assert!(request.is_signed_with(&channel.secret));
    let other = app.webhook(&receiver.url).await;
    assert!(!request.is_signed_with(&other.secret) && request.signatures().len() == 1);
    let body = request.json();
    assert_eq!(body["type"], "notification.raised");
    assert_eq!(body["timestamp"], body["data"]["created_at"]);
    let data = &body["data"];
    assert_eq!((&data["item_name"], &data["value"]), (&json!("Bolt"), &json!(3)));
    assert_eq!(data["id"], delivery["notification_id"]);
    assert_eq!((&delivery["attempts"], &delivery["channel_id"]), (&json!(1), &json!(channel.id)));
    assert_eq!((&delivery["last_error"], &delivery["next_attempt_at"]), (&Value::Null, &Value::Null));
    assert!(delivery["delivered_at"].is_string() && delivery["last_attempt_at"].is_string());
    for series in [
        r#"stockwire_deliveries_total{kind="webhook",outcome="delivered"}"#,
        r#"stockwire_delivery_delay_seconds_bucket{kind="webhook",le="86400"}"#,
        r#"stockwire_deliveries_total{kind="email",outcome="dead"}"#,
        "stockwire_deliveries_under_way ",
    ] {
        // It is counted right after it was written down.
        let counted = waiting::until(waiting::PATIENCE, series, async || {
            let metrics = app.get("/metrics").await;
            Ok(metrics.body.as_str().unwrap().contains(series).then_some(()))
        });
        counted.await.unwrap();
    }
}

#[tokio::test]
async fn one_that_never_answers_holds_up_nobody_else() {
    let settings =
        [REACH, ("STOCKWIRE__CONNECTOR__PARALLELISM", "6"), ("STOCKWIRE__CONNECTOR__TRY_MS", "60000")];
    let app = App::spawn_with(&settings).await;
    let (silent, healthy) = (Receiver::start(Reply::Never).await, Receiver::start(OK).await);
    let (silent_channel, channel) = (app.webhook(&silent.url).await, app.webhook(&healthy.url).await);
    let waiting_there = app.raise_for(silent_channel.id, 50).await;
    silent.receives(4).await;
    for id in app.raise_for(channel.id, 20).await {
        app.delivery_is(id, "delivered").await;
    }
    assert_eq!(silent.received().len(), 4, "more at once than to one channel");
    assert_eq!(app.delivery(waiting_there[0]).await["state"], "pending");
}

#[tokio::test]
async fn what_a_killed_process_was_sending_is_taken_over() {
    let idle = [REACH, ("STOCKWIRE__CONNECTOR__ENABLED", "false")];
    let app = App::spawn_with(&idle).await;
    let receiver = Receiver::start(OK).await;
    receiver.first([Reply::Never, Reply::Never]);
    let channel = app.webhook(&receiver.url).await;
    let ids = app.raise_for(channel.id, 2).await;
    // It is the victim's for three seconds.
    let victim = sender(&app, &[("STOCKWIRE__CONNECTOR__TRY_MS", "1000")]).await;
    receiver.receives(2).await;
    victim.kill().await.unwrap();
    assert_eq!(app.delivery(ids[0]).await["state"], "pending");
    let url = app.settings.database.url.expose();
    let _heir = App::spawn_on(url, &[REACH]).await;
    for id in ids {
        let delivery = app.delivery_is(id, "delivered").await;
        assert_eq!(delivery["attempts"], 2, "{delivery}");
    }
    let counted = by_id(&receiver);
    assert!(counted.len() == 2 && counted.values().all(|count| *count == 2), "{counted:?}");
}

#[tokio::test]
async fn two_processes_never_send_the_same_one() {
    let app = App::spawn_with(&[REACH]).await;
    let _other = App::spawn_on(app.settings.database.url.expose(), &[REACH]).await;
    let receiver = Receiver::start(Reply::After(Duration::from_millis(30))).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let channel = app.webhook(&receiver.url).await;
        ids.extend(app.raise_for(channel.id, 20).await);
    }
    for id in &ids {
        app.delivery_is(*id, "delivered").await;
    }
    let counted = by_id(&receiver);
    assert_eq!(counted.len(), 100);
    assert!(counted.values().all(|count| *count == 1), "{counted:?}");
}

#[tokio::test]
async fn what_is_under_way_when_a_service_stops_is_written_down() {
    let app = App::spawn_with(&[("STOCKWIRE__CONNECTOR__ENABLED", "false")]).await;
    let mut service = sender(&app, &[]).await;
    let receiver = Receiver::start(Reply::After(Duration::from_secs(1))).await;
    let channel = app.webhook(&receiver.url).await;
    let id = app.raise_for(channel.id, 1).await[0];
    receiver.receives(1).await;
    service.ask_to_stop().unwrap();
    assert!(service.exit_status(Duration::from_secs(9)).await.unwrap().success());
    let delivery = app.delivery(id).await;
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("delivered"), &json!(1)), "{delivery}");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_process_that_takes_no_part_sends_nothing() {
    let app = App::spawn_with(&[REACH, ("STOCKWIRE__CONNECTOR__ENABLED", "false")]).await;
    let receiver = Receiver::start(OK).await;
    let channel = app.webhook(&receiver.url).await;
    let id = app.raise_for(channel.id, 1).await[0];
    // It sends a test all the same: somebody waits for it.
    let test = format!("/api/v1/channels/{}/test", channel.id);
    let tested = app.act(&app.manager(), "POST", &test, None).await;
    assert_eq!(tested.body["delivered"], true, "{tested:?}");
    assert_eq!(app.delivery(id).await["attempts"], 0);
    assert_eq!(receiver.received().len(), 1);
    let _other = App::spawn_on(app.settings.database.url.expose(), &[REACH]).await;
    app.delivery_is(id, "delivered").await;
}

#[tokio::test]
async fn more_silent_receivers_than_places_leave_room_for_those_that_answer() {
    let settings = [
        REACH,
        ("STOCKWIRE__CONNECTOR__PARALLELISM", "8"),
        ("STOCKWIRE__CONNECTOR__PARALLELISM_PER_CHANNEL", "4"),
        ("STOCKWIRE__CONNECTOR__TRY_MS", "500"),
    ];
    let app = App::spawn_with(&settings).await;
    let (silent, healthy) = (Receiver::start(Reply::Never).await, Receiver::start(OK).await);
    for _ in 0..4 {
        let channel = app.webhook(&silent.url).await;
        app.raise_for(channel.id, 500).await;
    }
    silent.receives(20).await;
    let channel = app.webhook(&healthy.url).await;
    for id in app.raise_for(channel.id, 20).await {
        app.delivery_is(id, "delivered").await;
    }
    let left = "select count(*) from deliveries where attempts = 0";
    let left: i64 = app.sql.query_one(left, &[]).await.unwrap().get(0);
    assert!(left > 500, "the silent ones were worked off before: {left} are left");
}

#[tokio::test]
async fn a_ring_wakes_who_sends() {
    let app = App::spawn_with(&[("STOCKWIRE__CONNECTOR__ENABLED", "false")]).await;
    let bell = store::Doorbell::listen(app.store.clone(), store::Bell::Deliveries, app.stop.clone());
    let ring = async || waiting::within(waiting::PATIENCE, "a ring", bell.rung()).await.unwrap();
    // The first says that it listens.
    ring().await;
    let channel = app.webhook("https://shop.example/").await;
    let id = app.raise_for(channel.id, 3).await[0];
    ring().await;
    let retry = format!("/api/v1/deliveries/{id}/retry");
    assert_eq!(app.act(&app.manager(), "POST", &retry, None).await.status, 200);
    ring().await;
}
