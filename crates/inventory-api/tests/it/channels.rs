//! Channels: made, read, changed, tested, deleted; and their secrets.

use domain::{Role, TenantId};
use serde_json::{Value, json};

use crate::{
    app::{App, answer},
    mail::MailServer,
    receiver::{OK, REACH, Receiver},
};

const CHANNELS: &str = "/api/v1/channels";

async fn app_with_mail(server: &str) -> App {
    App::spawn_with(&[
        ("STOCKWIRE__MAIL__SERVER", server),
        ("STOCKWIRE__MAIL__FROM", "Stockwire <stock@shop.example>"),
        ("STOCKWIRE__HTTP__PUBLIC_URL", "https://stock.shop.example"),
    ])
    .await
}

#[tokio::test]
async fn a_channel_is_made_read_changed_and_deleted() {
    let app = App::spawn().await;
    let manager = app.manager();
    let act =
        async |method: &str, path: &str, body: Option<Value>| app.act(&manager, method, path, body).await;
    let body = json!({"name": " Web shop ", "kind": "webhook", "url": "https://shop.example/hook?of=all"});
    let made = act("POST", CHANNELS, Some(body)).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"), "{made:?}");
    let path = made.header("location").to_owned();
    assert_eq!((path.clone(), made.header("etag")), (format!("{CHANNELS}/{}", made.body["id"]), "\"1\""));
    let secret = made.body["secret"].as_str().unwrap().to_owned();
    let mut document = made.body.clone();
    document.as_object_mut().unwrap().remove("secret");
    assert_eq!(document["name"], "Web shop");
    assert_eq!((&document["recipients"], &document["enabled"]), (&json!([]), &json!(true)));
    assert_eq!(act("GET", &path, None).await.body, document);
    assert_eq!(act("GET", CHANNELS, None).await.body["data"], json!([document]));

    let patch = |tag: &str, body: Value| {
        let request = app.request("PATCH", &path).bearer_auth(&manager).header("if-match", tag.to_owned());
        answer(request.json(&body))
    };
    let changed = patch("\"1\"", json!({"name": "Till", "url": "https://till.example/"})).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{changed:?}");
    assert_eq!(
        (&changed.body["name"], &changed.body["url"]),
        (&json!("Till"), &json!("https://till.example/"))
    );
    let late = patch("\"1\"", json!({"enabled": false})).await;
    late.is_problem(412, "version_mismatch");
    assert_eq!(late.header("etag"), "\"2\"");
    let wrong = patch("*", json!({"recipients": ["ann@shop.example"]})).await;
    wrong.is_problem(422, "invalid_body");
    assert_eq!(wrong.pointers(), ["/recipients"]);
    let known = app.request("GET", &path).bearer_auth(&manager).header("if-none-match", "\"2\"");
    assert_eq!(answer(known).await.status, 304);
    for answered in [&changed, &act("GET", &path, None).await, &act("GET", CHANNELS, None).await] {
        assert!(!answered.body.to_string().contains("whsec_"), "{answered:?}");
    }

    let late = app.request("DELETE", &path).bearer_auth(&manager).header("if-match", "\"1\"");
    answer(late).await.is_problem(412, "version_mismatch");
    assert_eq!(act("DELETE", &path, None).await.status, 204);
    act("GET", &path, None).await.is_problem(404, "not_found");
    act("DELETE", &path, None).await.is_problem(404, "not_found");
    let events = "select string_agg(event || ' ' || actor, ', ' order by id) from audit where subject like 'channel:%'";
    let events: String = app.sql.query_one(events, &[]).await.unwrap().get(0);
    assert_eq!(events, "channel_created user:7, channel_changed user:7, channel_deleted user:7");
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
}

#[tokio::test]
async fn what_no_channel_can_be_is_refused_with_every_mistake() {
    let app = App::spawn().await;
    let manager = app.manager();
    for (body, pointers) in [
        (json!({"name": "x", "kind": "webhook", "url": "ftp://shop.example"}), vec!["/url"]),
        (json!({"name": "x", "kind": "webhook", "url": "https://ann:pass@shop.example/"}), vec!["/url"]),
        (json!({"name": "x", "kind": "webhook", "url": "https://shop.example/\r\nx: y"}), vec!["/url"]),
        (json!({"name": "x", "kind": "webhook", "url": "https://a.example", "secret": "x"}), vec!["/secret"]),
        (json!({"name": "", "kind": "pigeon"}), vec!["/name", "/kind"]),
        (
            json!({"name": "x", "kind": "email", "recipients": ["a\r\nBcc: b@x.example"]}),
            vec!["/recipients/0"],
        ),
    ] {
        let refused = app.act(&manager, "POST", CHANNELS, Some(body)).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), pointers, "{refused:?}");
    }
    // Letters would go nowhere.
    let mail = json!({"name": "x", "kind": "email", "recipients": ["ann@shop.example"]});
    let refused = app.act(&manager, "POST", CHANNELS, Some(mail)).await;
    refused.is_problem(422, "invalid_body");
    assert_eq!(refused.pointers(), ["/kind"]);
    assert!(refused.body.to_string().contains("mail.server"), "{refused:?}");
    assert_eq!(app.act(&manager, "GET", CHANNELS, None).await.body["data"], json!([]));
}

#[tokio::test]
async fn monitors_forget_a_channel_that_is_deleted() {
    let app = App::spawn().await;
    let (gone, stays) = (app.webhook("https://a.example/").await, app.webhook("https://b.example/").await);
    let name = "update monitors set channels = array[$1::bigint, $2]";
    app.sql.execute(name, &[&gone.id, &stays.id]).await.unwrap();
    let delivery = app.raise_for(gone.id, 1).await[0];
    let path = format!("{CHANNELS}/{}", gone.id);
    assert_eq!(app.act(&app.manager(), "DELETE", &path, None).await.status, 204);
    let named: Vec<i64> = app.sql.query_one("select channels from monitors", &[]).await.unwrap().get(0);
    assert_eq!(named, [stays.id]);
    // Whoever follows monitors hears of it, and who did it.
    let told =
        "select actor, data -> 'channels' from changes where resource = 'monitor' order by id desc limit 1";
    let told = app.sql.query_one(told, &[]).await.unwrap();
    assert_eq!((told.get::<_, &str>(0), told.get::<_, Value>(1)), ("user:7", json!([stays.id])));
    let delivery = app.act(&app.manager(), "GET", &format!("/api/v1/deliveries/{delivery}"), None).await;
    delivery.is_problem(404, "not_found");
}

#[tokio::test]
async fn for_a_day_the_secret_before_signs_too() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(OK).await;
    let channel = app.webhook(&receiver.url).await;
    let path = format!("{CHANNELS}/{}", channel.id);
    let rotated = app.act(&app.manager(), "POST", &format!("{path}/rotate-secret"), None).await;
    assert_eq!((rotated.status.as_u16(), rotated.header("cache-control")), (200, "no-store"), "{rotated:?}");
    let new = rotated.body["secret"].as_str().unwrap();
    assert_ne!(new, channel.secret);
    let read = app.act(&app.manager(), "GET", &path, None).await;
    assert!(
        read.body["secret_changed_at"].is_string() && !read.body.to_string().contains("whsec_"),
        "{read:?}"
    );
    app.raise_for(channel.id, 1).await;
    let request = receiver.receives(1).await.remove(0);
    assert_eq!(request.signatures().len(), 2);
    assert!(request.is_signed_with(new) && request.is_signed_with(&channel.secret));

    app.sql
        .batch_execute("update channels set seed_changed_at = now() - interval '24 hours 1 second'")
        .await
        .unwrap();
    app.raise_for(channel.id, 1).await;
    let request = receiver.receives(2).await.remove(1);
    assert!(request.is_signed_with(new) && !request.is_signed_with(&channel.secret));
    assert_eq!(request.signatures().len(), 1);
}

#[tokio::test]
async fn a_test_says_what_came_of_it_and_queues_nothing() {
    let app = App::spawn_with(&[REACH]).await;
    let receiver = Receiver::start(OK).await;
    let channel = app.webhook(&receiver.url).await;
    let path = format!("{CHANNELS}/{}/test", channel.id);
    let tested = app.act(&app.manager(), "POST", &path, None).await;
    assert_eq!(tested.status, 200);
    assert_eq!((&tested.body["delivered"], &tested.body["error"]), (&json!(true), &Value::Null));
    let request = receiver.received().remove(0);
    assert!(request.is_signed_with(&channel.secret));
    assert_eq!(request.json()["type"], "channel.test");
    assert!(request.header("webhook-id").starts_with("test-"));
    receiver.first([crate::receiver::Reply::With(404, "x-nothing: to say")]);
    let tested = app.act(&app.manager(), "POST", &path, None).await;
    assert_eq!(tested.body["error"], "it answered with status 404");
    let count: i64 = app.sql.query_one("select count(*) from deliveries", &[]).await.unwrap().get(0);
    assert_eq!((count, receiver.received().len()), (0, 2));
}

#[tokio::test]
async fn a_letter_tells_everybody_of_the_channel_what_was_raised() {
    let server = MailServer::start().await;
    let app = app_with_mail(&server.url).await;
    let body =
        json!({"name": "Stock", "kind": "email", "recipients": ["Ann@shop.example", "bob@shop.example"]});
    let made = app.act(&app.manager(), "POST", CHANNELS, Some(body)).await;
    assert_eq!((made.status.as_u16(), made.body.get("secret")), (201, None), "{made:?}");
    assert_eq!(made.body["recipients"], json!(["ann@shop.example", "bob@shop.example"]));
    let channel = made.body["id"].as_i64().unwrap();
    let id = app.raise_for(channel, 1).await[0];
    let letter = server.letter(0).await;
    let message_id = format!("Message-ID: <delivery-{id}@shop.example>");
    for line in [
        "TO:<ann@shop.example>",
        "TO:<bob@shop.example>",
        "Subject: [critical] Bolt: Low stock",
        &message_id,
        "Bolt is low: 3",
        "threshold: 10",
    ] {
        assert!(letter.contains(line), "{line}: {letter}");
    }
    let notification = &app.delivery_is(id, "delivered").await["notification_id"];
    let link = format!("https://stock.shop.example/api/v1/notifications/{notification}");
    assert!(letter.contains(&link), "{letter}");
    let rotate = app.act(&app.manager(), "POST", &format!("{CHANNELS}/{channel}/rotate-secret"), None).await;
    rotate.is_problem(404, "not_found");
    let tested = app.act(&app.manager(), "POST", &format!("{CHANNELS}/{channel}/test"), None).await;
    assert_eq!(tested.body["delivered"], true, "{tested:?}");
    assert!(server.letter(1).await.contains("This is a test"));
}

#[tokio::test]
async fn what_people_call_an_item_makes_no_header() {
    let server = MailServer::start().await;
    let app = app_with_mail(&server.url).await;
    let body = json!({"name": "Stock", "kind": "email", "recipients": ["ann@shop.example"]});
    let made = app.act(&app.manager(), "POST", CHANNELS, Some(body)).await;
    let odd = "insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure,
          condition, message, change_position, change_at)
        values (1, 1, E'Größe\r\nBcc: eve@evil.example', 1, E'Bolt\r\n\r\nHello', 'info', 'quantity', '{}', 'Täglich', 1, now())";
    app.sql.batch_execute(odd).await.unwrap();
    let queue =
        "insert into deliveries (tenant_id, notification_id, channel_id) select 1, id, $1 from notifications";
    app.sql.execute(queue, &[&made.body["id"].as_i64().unwrap()]).await.unwrap();
    let letter = server.letter(0).await;
    let (head, _) = letter.split_once("\r\n\r\n").unwrap();
    assert!(!letter.contains("RCPT TO:<eve"), "{letter}");
    assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
    assert!(head.contains("Subject: ") && head.contains("From: ") && head.contains("=?utf-8?"), "{head}");
}

#[tokio::test]
async fn where_the_mail_server_is_away_the_letter_waits() {
    let app = app_with_mail("smtp+plain://127.0.0.1:1").await;
    let body = json!({"name": "Stock", "kind": "email", "recipients": ["ann@shop.example"]});
    let made = app.act(&app.manager(), "POST", CHANNELS, Some(body)).await;
    let id = app.raise_for(made.body["id"].as_i64().unwrap(), 1).await[0];
    let failed = app.delivery_failed(id).await;
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("pending"), &json!(1)), "{failed}");
}

#[tokio::test]
async fn another_tenants_channels_and_deliveries_are_not_there() {
    let app = App::spawn().await;
    let tenant = "insert into tenants (name) values ('other') returning id";
    let tenant = TenantId::new(app.sql.query_one(tenant, &[]).await.unwrap().get(0));
    let stranger = app.operator_of(tenant, "user:8", Role::Owner);
    let channel = app.webhook("https://shop.example/").await.id;
    let delivery = app.raise_for(channel, 1).await[0];
    let patch = Some(json!({"enabled": false}));
    for (method, path, body) in [
        ("GET", format!("{CHANNELS}/{channel}"), None),
        ("PATCH", format!("{CHANNELS}/{channel}"), patch),
        ("DELETE", format!("{CHANNELS}/{channel}"), None),
        ("POST", format!("{CHANNELS}/{channel}/test"), None),
        ("POST", format!("{CHANNELS}/{channel}/rotate-secret"), None),
        ("GET", format!("/api/v1/deliveries/{delivery}"), None),
        ("POST", format!("/api/v1/deliveries/{delivery}/retry"), None),
        ("POST", "/api/v1/deliveries/retry".to_owned(), Some(json!({"channel_id": channel}))),
    ] {
        app.act(&stranger, method, &path, body).await.is_problem(404, "not_found");
    }
    for path in [CHANNELS, "/api/v1/deliveries"] {
        assert_eq!(app.act(&stranger, "GET", path, None).await.body["data"], json!([]));
    }
    let clerk = app.operator("user:9", Role::Clerk);
    app.act(&clerk, "GET", CHANNELS, None).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn the_secret_of_a_webhook_is_not_in_the_database() {
    let app = App::spawn().await;
    let channel = app.webhook("https://shop.example/").await;
    let secret = channel.secret.strip_prefix("whsec_").unwrap();
    let found = "select count(*) from channels where position($1 in channels::text) > 0
        or encode(secret_seed, 'base64') = $1 or position($1 in (select string_agg(audit::text, '') from audit)) > 0";
    assert_eq!(app.sql.query_one(found, &[&secret]).await.unwrap().get::<_, i64>(0), 0);
    let seed = "select octet_length(secret_seed) from channels";
    assert_eq!(app.sql.query_one(seed, &[]).await.unwrap().get::<_, i32>(0), 32);
}
