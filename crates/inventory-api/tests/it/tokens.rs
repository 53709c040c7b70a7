//! Short tokens for whatever credentials someone has.

use domain::{Identity, Login, Role};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    app::{App, answer},
    credentials::ME,
};

const TOKENS: &str = "/api/v1/tokens";

fn time(value: &serde_json::Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_key_is_exchanged_for_a_short_token_that_does_the_same() {
    let app = App::spawn().await;
    let key = app.new_key(&["read", "stock"]).await;
    let (before, issued) = (Timestamp::now(), answer(app.showing("POST", TOKENS, &key.text)).await);
    assert_eq!((issued.status.as_u16(), issued.header("cache-control")), (201, "no-store"), "{issued:?}");
    let token = issued.body["token"].as_str().unwrap();
    let identity = app.access().verify(token).unwrap();
    assert_eq!(identity.login, Some(Login::Key(key.id)));
    assert_eq!(identity.expires_at, Some(time(&issued.body["expires_at"])));
    let lifetime = identity.expires_at.unwrap().duration_since(before).as_secs();
    assert!((299..=300 + 20).contains(&lifetime), "{lifetime} s");
    let (by_token, by_key) = (app.get_with(ME, token).await, app.get_with(ME, &key.text).await);
    for member in ["actor", "tenant", "login", "permissions"] {
        assert_eq!(by_token.body[member], by_key.body[member]);
    }
    app.revoke(&key).await;
    app.get_with(ME, token).await.is_problem(401, "session_ended");
    answer(app.showing("POST", TOKENS, &key.text)).await.is_problem(401, "session_ended");
    answer(app.showing("POST", TOKENS, token)).await.is_problem(401, "session_ended");
}

#[tokio::test]
async fn a_token_never_outlives_what_it_was_exchanged_for() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ACCESS_TOKEN_SECONDS", "3600")]).await;
    let soon = Timestamp::now() + jiff::SignedDuration::from_secs(120);
    let body = json!({"name": "till", "scopes": ["read"], "expires_at": soon.to_string()});
    let key = app.new_key_with(body).await;
    let issued = answer(app.showing("POST", TOKENS, &key.text)).await;
    assert_eq!(time(&issued.body["expires_at"]).as_second(), soon.as_second());
    let again = answer(app.showing("POST", TOKENS, issued.body["token"].as_str().unwrap())).await;
    assert_eq!(again.body["expires_at"], issued.body["expires_at"]);

    // A session's token: ten minutes, though others last an hour.
    let session = app.token_of(Role::Clerk);
    let issued = answer(app.showing("POST", TOKENS, &session)).await;
    let ends = app.access().verify(&session).unwrap().expires_at.unwrap();
    assert_eq!(time(&issued.body["expires_at"]), ends);
    let me = app.get_with(ME, issued.body["token"].as_str().unwrap()).await;
    assert_eq!((&me.body["actor"], &me.body["permissions"]), (&json!("user:7"), &json!(["read", "stock"])));
}

#[tokio::test]
async fn who_has_neither_key_nor_session_gets_no_token() {
    let app = App::spawn().await;
    app.post(TOKENS, json!({})).await.is_problem(403, "forbidden");
    let soon = Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let operator = app.access().issue(&Identity::anonymous(), soon).unwrap();
    answer(app.showing("POST", TOKENS, &operator)).await.is_problem(403, "forbidden");
    answer(app.showing("POST", TOKENS, "sw_nonsense")).await.is_problem(401, "not_authenticated");
}
