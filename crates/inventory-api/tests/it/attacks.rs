//! What attackers try with tokens and passwords: refused, cheaply, and without a secret in the log.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use testkit::{Database, Scratch, process, settings};

use crate::{
    app::{App, answer},
    people::{Device, PASSWORD},
};

/// As `App` sets it.
const SECRET: &str = "a key of access tokens, for tests only";

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this header and these claims, signed as HS256 whatever the header says.
fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&message);
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn claims() -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({"iss": "stockwire", "sub": "user:1", "tenant": 1, "sid": "session:1", "scope": "read users",
        "iat": now, "exp": now + 300})
}

#[tokio::test]
async fn only_tokens_of_ours_are_believed() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let hs256 = json!({"alg": "HS256", "typ": "JWT"});
    let good = signed(&hs256, &claims(), SECRET);
    assert_eq!(
        app.ask(&good, "GET", "/api/v1/items").await.status,
        200,
        "the tampering starts from a good one"
    );
    let changed = |member: &str, value: Value| {
        let mut claims = claims();
        claims[member] = value;
        signed(&hs256, &claims, SECRET)
    };
    let without = |member: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(member);
        signed(&hs256, &claims, SECRET)
    };
    let parts: Vec<&str> = good.split('.').collect();
    let hs512 = {
        let message = format!("{}.{}", encoded(&json!({"alg": "HS512"})), parts[1]);
        let mac = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&message);
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let mut other_claims = claims();
    other_claims["tenant"] = json!(2);
    let wrong = [
        signed(&hs256, &claims(), "another key of access tokens, for tests"),
        signed(&json!({"alg": "none"}), &claims(), SECRET),
        format!("{}.{}.", encoded(&json!({"alg": "none"})), parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        signed(&json!({"alg": "RS256"}), &claims(), SECRET),
        signed(&json!({"alg": "hs256"}), &claims(), SECRET),
        signed(&json!({"typ": "JWT"}), &claims(), SECRET),
        hs512,
        format!("{}.{}.{}", parts[0], encoded(&other_claims), parts[2]),
        good[..good.len() - 1].to_owned(),
        good[1..].to_owned(),
        format!("{good}.{}", parts[2]),
        changed("iss", json!("elsewhere")),
        changed("exp", json!("never")),
        changed("exp", json!(1)),
        changed("tenant", json!("1")),
        changed("scope", json!("everything")),
        changed("sid", json!("session:x")),
        changed("sub", Value::Null),
        without("exp"),
        without("scope"),
        without("iss"),
        without("tenant"),
        app.settings.internal.secret.expose().to_owned(),
        "a".repeat(5000),
    ];
    for token in wrong {
        let refused = app.ask(&token, "GET", "/api/v1/items").await;
        refused.is_problem(401, "not_authenticated");
        assert!(!refused.body.to_string().contains(&token), "an answer repeats the token");
    }
    for authorization in
        ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", &format!("Token {good}"), "Bearer \u{7f}"]
    {
        let Ok(value) = reqwest::header::HeaderValue::from_str(authorization) else { continue };
        let refused = answer(app.request("GET", "/api/v1/items").header("authorization", value)).await;
        refused.is_problem(401, "not_authenticated");
    }
}

#[tokio::test]
async fn a_token_is_good_for_one_thing_only() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let ann = app.person("ann", "owner").await;
    let device = app.sign_in(&ann).await;
    let me = app.ask(&device.access, "GET", "/api/v1/me").await;
    for token in [&device.refresh, me.body["csrf_token"].as_str().unwrap(), PASSWORD] {
        app.ask(token, "GET", "/api/v1/me").await.is_problem(401, "not_authenticated");
        let snapshot = app.request("GET", "/internal/v1/snapshot?tenant=1&topic=items").bearer_auth(token);
        answer(snapshot).await.is_problem(401, "not_authenticated");
    }
    app.refresh(&device.access).await.is_problem(401, "not_authenticated");
}

#[tokio::test]
async fn ten_thousand_wrong_passwords_cost_ten_hashes_and_close_nothing_to_others() {
    let app = App::spawn_with(&[
        ("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "0"),
        ("STOCKWIRE__HTTP__TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    let (ann, bob) = (app.person("ann", "owner").await, app.person("bob", "owner").await);
    let device = app.sign_in(&ann).await;
    let guess = |number: u32| {
        let body = json!({"email": ann.email, "password": format!("guess number {number}")});
        answer(app.request("POST", "/api/v1/sessions").header("x-forwarded-for", "192.0.2.66").json(&body))
    };
    let answers =
        stream::iter(0..10_000).map(guess).buffer_unordered(16).map(|answered| answered.status.as_u16());
    let statuses: Vec<u16> = answers.collect().await;
    let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert_eq!(count(401) + count(429), 10_000, "nothing but refusals");
    let failed = "select count(*) from audit where event = 'sign_in_failed'";
    let failed: i64 = app.sql.query_one(failed, &[]).await.unwrap().get(0);
    assert_eq!(
        usize::try_from(failed).unwrap(),
        count(401),
        "each password that was looked at is written down"
    );
    // Ten at once, and one more each ten seconds.
    assert!((10..50).contains(&count(401)), "{}", count(401));
    // Who is signed in stays so, and others sign in.
    assert_eq!(app.ask(&device.access, "GET", "/api/v1/me").await.status, 200);
    Device::of(&app.try_sign_in(&bob.email, PASSWORD).await);
}

#[tokio::test]
async fn an_old_password_opens_no_session_once_it_was_replaced() {
    const WAITS: &str = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%store::create_session%'";
    let app = App::spawn().await;
    let ann = app.person("ann", "owner").await;
    let (mut changing, connection) =
        tokio_postgres::connect(app.settings.database.url.expose(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let change = changing.transaction().await.unwrap();
    change.execute("update users set password_hash = 'another' where id = $1", &[&ann.id]).await.unwrap();
    // The old password is still the one that is found, and compared; what comes then waits for the change.
    let signing_in = app.try_sign_in(&ann.email, PASSWORD);
    let committing = async {
        let waits = async || {
            let waiting: i64 = app.sql.query_one(WAITS, &[]).await?.get(0);
            Ok((waiting == 1).then_some(()))
        };
        testkit::waiting::until(Duration::from_secs(10), "the session to wait", waits).await.unwrap();
        change.commit().await.unwrap();
    };
    let (signed_in, ()) = tokio::join!(signing_in, committing);
    signed_in.is_problem(401, "wrong_credentials");
    let sessions: i64 = app.sql.query_one("select count(*) from sessions", &[]).await.unwrap().get(0);
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn no_line_of_the_log_says_a_password_or_a_token() {
    let database = Database::create().await.unwrap();
    let hash =
        argon2::PasswordHasher::hash_password(&argon2::Argon2::default(), PASSWORD.as_bytes()).unwrap();
    let sql = database.sql().await.unwrap();
    let insert = "insert into users (tenant_id, email, name, role, password_hash) values (1, 'ann@x.example', 'Ann', 'owner', $1)";
    sql.execute(insert, &[&hash.to_string()]).await.unwrap();
    let directory = Scratch::new().unwrap();
    let log = directory.path().join("log");
    let mut environment = process::environment(&settings(&database).unwrap());
    environment.insert("STOCKWIRE__LOG__FILTER".into(), "trace".into());
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let mut service =
        process::Service::spawn_with_log(binary, "STOCKWIRE__HTTP__LISTEN", &environment, &log).unwrap();
    service.ready().await.unwrap();
    let (client, url) = (reqwest::Client::new(), format!("http://{}/api/v1", service.address()));
    let sign_in = async |password: &str, cookies: bool| {
        let body = json!({"email": "ann@x.example", "password": password, "cookies": cookies});
        let answered = client.post(format!("{url}/sessions")).json(&body).send().await.unwrap();
        answered.json::<Value>().await.unwrap()
    };
    sign_in("a wrong password", true).await;
    sign_in(PASSWORD, true).await;
    let signed_in = sign_in(PASSWORD, false).await;
    let text = |name: &str| signed_in[name].as_str().unwrap().to_owned();
    let (access, refresh, csrf) = (text("access_token"), text("refresh_token"), text("csrf_token"));
    client.get(format!("{url}/me")).bearer_auth(&access).send().await.unwrap();
    let body = json!({"refresh_token": refresh});
    client.post(format!("{url}/sessions/refresh")).json(&body).send().await.unwrap();
    client.get(format!("{url}/me")).bearer_auth(format!("{access}x")).send().await.unwrap();
    service.ask_to_stop().unwrap();
    service.exit_status(Duration::from_secs(15)).await.unwrap();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("signed in"), "{log}");
    for secret in [PASSWORD, "a wrong password", &access, &refresh, &csrf, access.rsplit('.').next().unwrap()]
    {
        assert!(!log.contains(secret), "the log says {secret}");
    }
}
