//! Signing in, going on, and being ended.

use std::time::Duration;

use domain::Role;
use serde_json::json;
use testkit::waiting;

use crate::{
    app::{App, answer},
    people::{Device, PASSWORD},
};

#[tokio::test]
async fn a_user_signs_in_goes_on_and_signs_out() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let ann = app.person("ann", "clerk").await;
    let device = app.sign_in(&ann).await;
    let me = app.ask(&device.access, "GET", "/api/v1/me").await;
    assert_eq!(me.body["actor"], format!("user:{}", ann.id));
    assert_eq!(me.body["permissions"], json!(["read", "stock"]));
    assert_eq!(me.body["login"], format!("session:{}", device.session));
    let next = Device::of(&app.refresh(&device.refresh).await);
    assert_eq!(next.session, device.session);
    assert_ne!(next.refresh, device.refresh);
    let sessions = app.ask(&next.access, "GET", "/api/v1/sessions").await;
    assert_eq!(sessions.body["data"][0]["id"], device.session);
    assert_eq!(sessions.body["data"][0]["current"], true);
    let gone = app.ask(&next.access, "DELETE", "/api/v1/sessions/current").await;
    assert_eq!(gone.status, 204);
    for token in [&device.access, &next.access] {
        app.ask(token, "GET", "/api/v1/me").await.is_ended("revoked");
    }
    app.refresh(&next.refresh).await.is_ended("revoked");
    let events: Vec<String> = app.audit().await.into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["user_created", "signed_in", "session_ended"]);
}

#[tokio::test]
async fn a_second_device_ends_the_first_at_once_and_for_every_process() {
    let app = App::spawn().await;
    let url = app.settings.database.url.expose().to_owned();
    let other = App::spawn_on(&url, &[]).await;
    let ann = app.person("ann", "viewer").await;
    let first = app.sign_in(&ann).await;
    assert_eq!(other.ask(&first.access, "GET", "/api/v1/me").await.status, 200);
    let second = app.sign_in(&ann).await;
    app.ask(&first.access, "GET", "/api/v1/items").await.is_ended("other_device_login");
    app.refresh(&first.refresh).await.is_ended("other_device_login");
    // Elsewhere it takes the moment that it takes to hear of it.
    let heard = waiting::until(Duration::from_secs(5), "the other process to hear of it", async || {
        Ok((other.ask(&first.access, "GET", "/api/v1/items").await.status == 401).then_some(()))
    });
    heard.await.unwrap();
    // And from the first moment on where one starts.
    let late = App::spawn_on(&url, &[]).await;
    late.ask(&first.access, "GET", "/api/v1/items").await.is_ended("other_device_login");
    assert_eq!(late.ask(&second.access, "GET", "/api/v1/items").await.status, 200);
}

#[tokio::test]
async fn of_many_logins_at_once_one_stays() {
    let app = App::spawn().await;
    let ann = app.person("ann", "viewer").await;
    let devices = futures_util::future::join_all((0..4).map(|_| app.sign_in(&ann))).await;
    let live = "select count(*) from sessions where ended_at is null";
    assert_eq!(app.sql.query_one(live, &[]).await.unwrap().get::<_, i64>(0), 1);
    let mut good = 0;
    for device in &devices {
        good += u32::from(app.refresh(&device.refresh).await.status == 200);
    }
    assert_eq!(good, 1);
}

#[tokio::test]
async fn where_several_are_allowed_each_is_ended_by_itself() {
    let app = App::spawn().await;
    app.allow_several_sessions().await;
    let (ann, bob) = (app.person("ann", "viewer").await, app.person("bob", "owner").await);
    let (first, second) = (app.sign_in(&ann).await, app.sign_in(&ann).await);
    let owner = app.sign_in(&bob).await;
    let list = app.ask(&first.access, "GET", "/api/v1/sessions").await;
    assert_eq!(list.body["data"].as_array().unwrap().len(), 2);
    // Only an owner sees and ends those of others.
    app.ask(&first.access, "GET", "/api/v1/sessions?user=all").await.is_problem(403, "forbidden");
    let path = format!("/api/v1/sessions/{}", owner.session);
    app.ask(&first.access, "DELETE", &path).await.is_problem(404, "not_found");
    let all = app.ask(&owner.access, "GET", "/api/v1/sessions?user=all").await;
    assert_eq!(all.body["data"].as_array().unwrap().len(), 3);
    let path = format!("/api/v1/sessions/{}", first.session);
    assert_eq!(app.ask(&owner.access, "DELETE", &path).await.status, 204);
    app.ask(&owner.access, "DELETE", &path).await.is_problem(404, "not_found");
    app.ask(&first.access, "GET", "/api/v1/me").await.is_ended("revoked");
    assert_eq!(app.ask(&second.access, "GET", "/api/v1/me").await.status, 200);
    let audit = app.audit().await;
    assert_eq!(audit.last().unwrap(), &("session_ended".to_owned(), format!("user:{}", bob.id)));
}

#[tokio::test]
async fn an_old_refresh_token_ends_the_session_and_a_made_up_one_does_not() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__REFRESH_GRACE_SECONDS", "0")]).await;
    let ann = app.person("ann", "viewer").await;
    let device = app.sign_in(&ann).await;
    let next = Device::of(&app.refresh(&device.refresh).await);
    for wrong in ["x", &next.refresh[..next.refresh.len() - 4], &next.access] {
        app.refresh(wrong).await.is_problem(401, "not_authenticated");
    }
    assert_eq!(app.ask(&next.access, "GET", "/api/v1/me").await.status, 200);
    app.refresh(&device.refresh).await.is_ended("revoked");
    app.refresh(&next.refresh).await.is_ended("revoked");
    app.ask(&next.access, "GET", "/api/v1/me").await.is_ended("revoked");
}

#[tokio::test]
async fn a_browser_without_a_refresh_cookie_has_to_sign_in() {
    let app = App::spawn().await;
    let answered = answer(app.with_cookies("POST", "/api/v1/sessions/refresh", "")).await;
    answered.is_problem(401, "not_authenticated");
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_get_the_same() {
    let app = App::spawn().await;
    let ann = app.person("ann", "viewer").await;
    let device = app.sign_in(&ann).await;
    let answers = futures_util::future::join_all((0..5).map(|_| app.refresh(&device.refresh))).await;
    let next = Device::of(&answers[0]);
    assert!(answers.iter().all(|answer| Device::of(answer).refresh == next.refresh));
    assert_eq!(app.refresh(&next.refresh).await.status, 200);
    // The one before the one before is old, however fresh.
    app.refresh(&device.refresh).await.is_ended("revoked");
}

#[tokio::test]
async fn a_session_that_is_too_old_or_was_not_used_has_ended() {
    let app = App::spawn().await;
    app.allow_several_sessions().await;
    let ann = app.person("ann", "viewer").await;
    for outdated in ["expires_at = now() - interval '1 s'", "rotated_at = now() - interval '15 days'"] {
        let device = app.sign_in(&ann).await;
        let update = format!("update sessions set {outdated} where id = {}", device.session);
        app.sql.batch_execute(&update).await.unwrap();
        app.refresh(&device.refresh).await.is_ended("expired");
        app.ask(&device.access, "GET", "/api/v1/me").await.is_ended("expired");
    }
}

#[tokio::test]
async fn whoever_takes_a_right_away_ends_the_sessions() {
    let app = App::spawn().await;
    for (change, reason) in [
        ("role = 'viewer'", "revoked"),
        ("disabled_at = now()", "revoked"),
        ("password_hash = 'x'", "password_changed"),
    ] {
        let person = app.person(reason, "manager").await;
        let device = app.sign_in(&person).await;
        app.sql.batch_execute(&format!("update users set {change} where id = {}", person.id)).await.unwrap();
        app.refresh(&device.refresh).await.is_ended(reason);
        app.ask(&device.access, "GET", "/api/v1/me").await.is_ended(reason);
        app.sql.batch_execute("delete from users").await.unwrap();
    }
    let promoted = app.person("ann", "viewer").await;
    let device = app.sign_in(&promoted).await;
    app.sql.batch_execute("update users set role = 'owner'").await.unwrap();
    let next = Device::of(&app.refresh(&device.refresh).await);
    let me = app.ask(&next.access, "GET", "/api/v1/me").await;
    assert_eq!(me.body["permissions"], json!(["read", "stock", "items", "monitors", "keys", "users"]));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let app = App::spawn().await;
    let ann = app.person("ann", "viewer").await;
    let invited =
        "insert into users (tenant_id, email, name, role) values (1, 'new@shop.example', 'New', 'owner')";
    app.sql.batch_execute(invited).await.unwrap();
    let off = app.person("off", "owner").await;
    app.sql
        .batch_execute(&format!("update users set disabled_at = now() where id = {}", off.id))
        .await
        .unwrap();
    let wrong = app.try_sign_in(&ann.email, "wrong horse battery").await;
    wrong.is_problem(401, "wrong_credentials");
    for (email, password) in [
        ("nobody@shop.example", PASSWORD),
        ("new@shop.example", PASSWORD),
        (off.email.as_str(), PASSWORD),
        ("not an address", PASSWORD),
        (&ann.email, &"x".repeat(300)),
        (&ann.email, ""),
    ] {
        let refused = app.try_sign_in(email, password).await;
        refused.is_problem(401, "wrong_credentials");
        assert_eq!(refused.body["detail"], wrong.body["detail"], "{email}");
    }
    let elsewhere = json!({"tenant": "another", "email": ann.email, "password": PASSWORD});
    app.post("/api/v1/sessions", elsewhere).await.is_problem(401, "wrong_credentials");
    let missing = app.post("/api/v1/sessions", json!({"email": 1, "extra": true})).await;
    missing.is_problem(422, "invalid_body");
    let mut pointers = missing.pointers();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/email", "/extra", "/password"]);
    let details = "select coalesce(string_agg(audit::text, ' '), '') from audit";
    let audit: String = app.sql.query_one(details, &[]).await.unwrap().get(0);
    assert!(audit.contains("sign_in_failed") && !audit.contains("horse"), "{audit}");
}

#[tokio::test]
async fn tries_are_counted_for_the_account_and_the_address() {
    let app = App::spawn_with(&[
        ("STOCKWIRE__AUTH__TRIES_PER_ACCOUNT", "3"),
        ("STOCKWIRE__AUTH__TRIES_PER_ADDRESS", "8"),
        ("STOCKWIRE__HTTP__TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    let ann = app.person("ann", "viewer").await;
    let from = |address: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        answer(app.request("POST", "/api/v1/sessions").header("x-forwarded-for", address).json(&body))
    };
    // What is right costs nothing.
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1", &ann.email, PASSWORD).await.status, 201);
    }
    for place in 0..3 {
        let address = format!("192.0.2.{place}");
        from(&address, &ann.email, "wrong").await.is_problem(401, "wrong_credentials");
    }
    let throttled = from("192.0.2.9", &ann.email, PASSWORD).await;
    throttled.is_problem(429, "rate_limited");
    let wait: u32 = throttled.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    // Accounts that don't exist are counted too, or one could ask which do.
    for name in ["x", "x", "x"] {
        from("192.0.2.8", &format!("{name}@shop.example"), "wrong")
            .await
            .is_problem(401, "wrong_credentials");
    }
    from("192.0.2.8", "x@shop.example", "wrong").await.is_problem(429, "rate_limited");
    for number in 0..8 {
        from("198.51.100.1", &format!("{number}@shop.example"), "wrong")
            .await
            .is_problem(401, "wrong_credentials");
    }
    from("198.51.100.1", "9@shop.example", "wrong").await.is_problem(429, "rate_limited");
    // Another process counts on.
    let other =
        App::spawn_on(app.settings.database.url.expose(), &[("STOCKWIRE__AUTH__TRIES_PER_ACCOUNT", "3")])
            .await;
    other.try_sign_in(&ann.email, PASSWORD).await.is_problem(429, "rate_limited");
}

#[tokio::test]
async fn a_browser_keeps_its_tokens_in_cookies_that_pages_cannot_use() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let ann = app.person("ann", "manager").await;
    let body = json!({"email": ann.email, "password": PASSWORD, "cookies": true});
    let foreign =
        app.request("POST", "/api/v1/sessions").header("origin", "https://evil.example").json(&body);
    answer(foreign).await.is_problem(403, "csrf_failed");
    let fixed =
        app.with_cookies("POST", "/api/v1/sessions", "stockwire_access=chosen; stockwire_refresh=chosen");
    let signed_in = answer(fixed.json(&body)).await;
    assert_eq!(signed_in.status, 201);
    assert!(signed_in.body["access_token"].is_null() && signed_in.body["refresh_token"].is_null());
    for value in signed_in.headers.get_all("set-cookie") {
        let value = value.to_str().unwrap();
        assert!(value.contains("; HttpOnly; SameSite=Strict"), "{value}");
    }
    let access = format!("stockwire_access={}", signed_in.cookie("stockwire_access").unwrap());
    let refresh = format!("stockwire_refresh={}", signed_in.cookie("stockwire_refresh").unwrap());
    assert!(!access.contains("chosen"));
    let item = json!({"name": "Bolt"});
    let write = |token: &str, origin: Option<&str>| {
        let request = app.with_cookies("POST", "/api/v1/items", &access).header("x-csrf-token", token);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        answer(request.json(&item))
    };
    let csrf = signed_in.body["csrf_token"].as_str().unwrap();
    write("", None).await.is_problem(403, "csrf_failed");
    write("wrong", None).await.is_problem(403, "csrf_failed");
    write(csrf, Some("https://evil.example")).await.is_problem(403, "csrf_failed");
    assert_eq!(write(csrf, Some(&app.url)).await.status, 201);
    let me = answer(app.with_cookies("GET", "/api/v1/me", &access)).await;
    assert_eq!(me.body["csrf_token"], csrf);
    let next = answer(app.with_cookies("POST", "/api/v1/sessions/refresh", &refresh)).await;
    assert_eq!(next.status, 200);
    assert!(next.cookie("stockwire_access").is_some() && next.body["access_token"].is_null());
    let out = app.with_cookies("DELETE", "/api/v1/sessions/current", &access).header("x-csrf-token", csrf);
    let out = answer(out).await;
    assert_eq!((out.status.as_u16(), out.cookie("stockwire_access").as_deref()), (204, Some("")));
    let over = answer(app.with_cookies("POST", "/api/v1/sessions/refresh", &refresh)).await;
    over.is_ended("revoked");
    assert_eq!(over.cookie("stockwire_refresh").as_deref(), Some(""));
    answer(app.with_cookies("GET", "/api/v1/me", &access)).await.is_ended("revoked");
}

#[tokio::test]
async fn whoever_waits_for_changes_is_told_that_the_session_has_ended_and_nothing_else() {
    let app = App::spawn().await;
    let ann = app.person("ann", "viewer").await;
    let device = app.sign_in(&ann).await;
    let _sequencer = app.lead().await;
    let waiting = app.ask(&device.access, "GET", "/api/v1/changes?wait=15");
    let ending = async {
        // A bound on how long the question takes to arrive; had it not, it would be refused at the gate.
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.sql.execute("update sessions set ended_at = now(), end_reason = 'revoked'", &[]).await.unwrap();
        tokio::time::Instant::now()
    };
    let (waited, ended_at) = tokio::join!(waiting, ending);
    waited.is_ended("revoked");
    assert!(ended_at.elapsed() < Duration::from_secs(10), "it was told at the end of its wait only");
}

#[tokio::test]
async fn after_a_restore_ids_that_are_given_again_are_not_those_that_were_ended() {
    let app = App::spawn().await;
    let token = app.token_of(Role::Viewer);
    let until_answered = async |status: u16| {
        let answered = waiting::until(Duration::from_secs(90), "the answer", async || {
            let found = answer(app.request("GET", "/api/v1/items").bearer_auth(&token)).await.status;
            Ok((found == status).then_some(()))
        });
        answered.await.unwrap();
    };
    until_answered(200).await;
    app.sql
        .batch_execute(
            "insert into ended_logins (tenant_id, login, reason) values (1, 'session:7', 'revoked')",
        )
        .await
        .unwrap();
    until_answered(401).await;
    // What a restore leaves: another log, without what happened since the backup, after a while without a database.
    let restored = "delete from ended_logins; update sequencer set epoch = gen_random_uuid();
        alter table ended_logins rename to away;";
    app.sql.batch_execute(restored).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    app.sql.batch_execute("alter table away rename to ended_logins").await.unwrap();
    until_answered(200).await;
}
