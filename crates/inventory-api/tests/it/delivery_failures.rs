//! Deliveries that fail: tried again, given up, asked for anew, refused; and what nobody finds in a log.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::{Scratch, process};

use crate::{
    app::App,
    receiver::{OK, REACH, Receiver, Reply},
};

const FAILS: Reply = Reply::With(500, "x-nothing: to say");

/// How long until the next try.
fn pause(delivery: &Value) -> SignedDuration {
    let next: Timestamp = delivery["next_attempt_at"].as_str().unwrap().parse().unwrap();
    let last: Timestamp = delivery["last_attempt_at"].as_str().unwrap().parse().unwrap();
    next.duration_since(last)
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_until_it_recovers() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(OK).await;
    receiver.first([FAILS]);
    let channel = app.webhook(&receiver.url).await;
    let id = app.raise_for(channel.id, 1).await[0];
    let failed = app.delivery_failed(id).await;
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("pending"), &json!(1)));
    assert_eq!(failed["last_error"], "it answered with status 500");
    assert!((4..=10).contains(&pause(&failed).as_secs()), "{failed}");
    let received = receiver.receives(2).await;
    let delivered = app.delivery_is(id, "delivered").await;
    assert_eq!((&delivered["attempts"], &delivered["last_error"]), (&json!(2), &Value::Null));
    // The same message, signed anew.
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[0].body, received[1].body);
    assert!(received.iter().all(|request| request.is_signed_with(&channel.secret)));
}

#[tokio::test]
async fn one_who_asks_for_quiet_has_it() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(Reply::With(429, "Retry-After: 3600")).await;
    let channel = app.webhook(&receiver.url).await;
    let id = app.raise_for(channel.id, 1).await[0];
    let failed = app.delivery_failed(id).await;
    assert!((3590..=3620).contains(&pause(&failed).as_secs()), "{failed}");
    // Whoever manages the channel knows better.
    receiver.usually(OK);
    let retried = app.act(&app.manager(), "POST", &format!("/api/v1/deliveries/{id}/retry"), None).await;
    assert_eq!(retried.status, 200, "{retried:?}");
    app.delivery_is(id, "delivered").await;
}

#[tokio::test]
async fn what_is_given_up_is_listed_and_sent_when_it_is_asked_for() {
    let app = App::spawn_with(&[REACH, ("STOCKWIRE__CONNECTOR__ATTEMPTS", "1")]).await;
    let receiver = Receiver::start(FAILS).await;
    let (channel, other) = (app.webhook(&receiver.url).await, app.webhook(&receiver.url).await);
    let (ids, others) = (app.raise_for(channel.id, 3).await, app.raise_for(other.id, 1).await);
    for id in ids.iter().chain(&others) {
        app.delivery_is(*id, "dead").await;
    }
    let manager = app.manager();
    let list = async |query: &str| {
        let answer = app.act(&manager, "GET", &format!("/api/v1/deliveries?{query}"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let found = answer.body["data"].as_array().unwrap().clone();
        (found.iter().map(|delivery| delivery["id"].as_i64().unwrap()).collect::<Vec<_>>(), answer)
    };
    let of_channel = format!("state=dead&channel_id={}", channel.id);
    let newest_first: Vec<i64> = ids.iter().rev().copied().collect();
    assert_eq!(list(&of_channel).await.0, newest_first);
    let (first, page) = list(&format!("{of_channel}&limit=2")).await;
    let after = page.body["next_cursor"].as_str().unwrap();
    assert_eq!((first, page.body["has_more"].as_bool()), (newest_first[..2].to_vec(), Some(true)));
    assert_eq!(list(&format!("{of_channel}&limit=2&after={after}")).await.0, newest_first[2..]);
    let notification = app.delivery(ids[0]).await["notification_id"].clone();
    assert_eq!(list(&format!("notification_id={notification}")).await.0, [ids[0]]);
    assert!(list("state=pending").await.0.is_empty());

    receiver.usually(OK);
    let all = json!({"channel_id": channel.id});
    let retried = app.act(&manager, "POST", "/api/v1/deliveries/retry", Some(all)).await;
    assert_eq!((retried.status.as_u16(), &retried.body), (200, &json!({"retried": 3})));
    for id in ids {
        assert_eq!(app.delivery_is(id, "delivered").await["attempts"], 1);
    }
    assert_eq!(list("state=dead").await.0, others);
    let missing = json!({"channel_id": 4711});
    let missing = app.act(&manager, "POST", "/api/v1/deliveries/retry", Some(missing)).await;
    missing.is_problem(404, "not_found");
    for query in ["state=lost", "channel_id=0", "notification_id=x", "channel=1"] {
        let refused = app.act(&manager, "GET", &format!("/api/v1/deliveries?{query}"), None).await;
        refused.is_problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn who_is_gone_for_good_or_sends_elsewhere_is_told_apart() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(OK).await;
    let channel = app.webhook(&receiver.url).await;
    receiver.first([Reply::With(410, "x-nothing: to say")]);
    let gone = app.raise_for(channel.id, 1).await[0];
    let gone = app.delivery_is(gone, "dead").await;
    assert!(
        gone["last_error"].as_str().unwrap().contains("gone for good") && gone["attempts"] == 1,
        "{gone}"
    );
    receiver.first([Reply::With(307, "Location: http://127.0.0.1:1/")]);
    let moved = app.raise_for(channel.id, 1).await[0];
    let moved = app.delivery_failed(moved).await;
    assert!(moved["last_error"].as_str().unwrap().contains("redirects aren't followed"), "{moved}");
    assert_eq!(moved["state"], "pending");
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn an_address_that_only_this_machine_reaches_is_refused_at_once() {
    let app = App::spawn().await;
    let receiver = Receiver::start(OK).await;
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    for url in [&receiver.url, &by_name, &receiver.url.replace("http://", "https://")] {
        let channel = app.webhook(url).await;
        let id = app.raise_for(channel.id, 1).await[0];
        let dead = app.delivery_is(id, "dead").await;
        let why = dead["last_error"].as_str().unwrap();
        assert!(why.contains("outgoing.allowed_networks") && dead["attempts"] == 1, "{url}: {dead}");
        let test = format!("/api/v1/channels/{}/test", channel.id);
        let tested = app.act(&app.manager(), "POST", &test, None).await;
        assert_eq!((&tested.body["delivered"], tested.body["error"].as_str()), (&json!(false), Some(why)));
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn what_becomes_due_while_a_channel_is_disabled_waits_for_somebody() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(OK).await;
    let channel = app.webhook(&receiver.url).await;
    let path = format!("/api/v1/channels/{}", channel.id);
    let enable = async |enabled: bool| {
        let patched = app.act(&app.manager(), "PATCH", &path, Some(json!({"enabled": enabled}))).await;
        assert_eq!((patched.status.as_u16(), &patched.body["enabled"]), (200, &json!(enabled)));
    };
    enable(false).await;
    let id = app.raise_for(channel.id, 1).await[0];
    let dead = app.delivery_is(id, "dead").await;
    assert_eq!(dead["last_error"], "the channel is disabled");
    enable(true).await;
    app.act(&app.manager(), "POST", &format!("/api/v1/deliveries/{id}/retry"), None).await;
    app.delivery_is(id, "delivered").await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn one_that_is_being_tried_is_not_tried_beside_that() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(Reply::After(Duration::from_secs(1))).await;
    let channel = app.webhook(&receiver.url).await;
    let id = app.raise_for(channel.id, 1).await[0];
    receiver.receives(1).await;
    let retry = format!("/api/v1/deliveries/{id}/retry");
    let retried = app.act(&app.manager(), "POST", &retry, None).await;
    assert_eq!((&retried.body["state"], &retried.body["attempts"]), (&json!("pending"), &json!(1)));
    app.delivery_is(id, "delivered").await;
    let retried = app.act(&app.manager(), "POST", &retry, None).await;
    assert_eq!(retried.body["state"], "delivered");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn no_line_of_the_log_says_a_secret_or_what_an_address_hides() {
    let app = App::spawn_with(&[REACH, ("STOCKWIRE__CONNECTOR__ENABLED", "false")]).await;
    let receiver = Receiver::start(OK).await;
    receiver.first([Reply::With(410, "x-nothing: to say")]);
    let channel = app.webhook(&format!("{}?token=hidden-in-the-query", receiver.url)).await;
    let ids = app.raise_for(channel.id, 2).await;
    let mut environment = process::environment(&app.settings);
    for (key, value) in
        [REACH, ("STOCKWIRE__LOG__FILTER", "debug"), ("STOCKWIRE__CONNECTOR__PARALLELISM", "1")]
    {
        environment.insert(key.to_owned(), value.to_owned());
    }
    let directory = Scratch::new().unwrap();
    let log = directory.path().join("log");
    let mut service = process::Service::spawn_with_log(
        env!("CARGO_BIN_EXE_inventory-api"),
        "STOCKWIRE__HTTP__LISTEN",
        &environment,
        &log,
    )
    .unwrap();
    service.ready().await.unwrap();
    app.delivery_is(ids[0], "dead").await;
    app.delivery_is(ids[1], "delivered").await;
    let rotate = format!("http://{}/api/v1/channels/{}/rotate-secret", service.address(), channel.id);
    let rotated = app.client.post(rotate).bearer_auth(app.manager()).send().await.unwrap();
    let rotated: Value = rotated.json().await.unwrap();
    let rotated = rotated["secret"].as_str().unwrap();
    service.ask_to_stop().unwrap();
    service.exit_status(Duration::from_secs(9)).await.unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("delivery given up") && text.contains("it answered with status 410"), "{text}");
    for secret in [&channel.secret, rotated] {
        assert!(!text.contains(secret.strip_prefix("whsec_").unwrap()), "a secret is in the log");
    }
    assert!(!text.contains("hidden-in-the-query"), "{text}");
}
