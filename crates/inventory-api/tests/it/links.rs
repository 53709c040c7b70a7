//! One-time links and passwords: used once, by whoever has the secret, and never seen by anybody else.

use domain::Role;
use serde_json::{Value, json};

use crate::app::{Answer, App};

const PASSWORD: &str = "correct horse";

async fn invite(app: &App, email: &str) -> (i64, String) {
    let body = json!({"email": email, "name": "Ann", "role": "manager"});
    let invited = app.act(&app.operator("cli", Role::Owner), "POST", "/api/v1/users", Some(body)).await;
    (invited.body["id"].as_i64().unwrap(), secret(&invited.body["invitation"]))
}

fn secret(invitation: &Value) -> String {
    invitation["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned()
}

async fn another_link(app: &App, id: i64) -> Answer {
    app.act(&app.operator("cli", Role::Owner), "POST", &format!("/api/v1/users/{id}/password-link"), None)
        .await
}

async fn choose(app: &App, link: &str, password: &str) -> Answer {
    app.post("/api/v1/password", json!({"link": link, "password": password})).await
}

async fn sign_in(app: &App, password: &str) -> Answer {
    app.post("/api/v1/sessions", json!({"email": "ann@shop.example", "password": password})).await
}

#[tokio::test]
async fn a_link_is_good_once_and_only_its_hash_is_kept() {
    let app = App::spawn().await;
    let (id, link) = invite(&app, "ann@shop.example").await;
    let kept = app.sql.query_one("select hash, purpose from one_time_links", &[]).await.unwrap();
    assert_eq!(kept.get::<_, &[u8]>(0).len(), 32);
    assert_eq!(kept.get::<_, &str>(1), "invitation");
    let everything = "select string_agg(audit::text, '') || (select string_agg(changes::text, '') from changes) from audit";
    assert_eq!(choose(&app, &link, PASSWORD).await.status, 201);
    choose(&app, &link, PASSWORD).await.is_problem(410, "link_expired");
    choose(&app, "", PASSWORD).await.is_problem(410, "link_expired");
    assert_eq!(sign_in(&app, PASSWORD).await.status, 201);
    let written: Option<String> = app.sql.query_one(everything, &[]).await.unwrap().get(0);
    let written = written.unwrap();
    assert!(
        !written.contains(&link) && !written.contains(PASSWORD) && !written.contains("argon2"),
        "{written}"
    );
    let who = "select actor from audit where event = 'password_changed'";
    let actor: String = app.sql.query_one(who, &[]).await.unwrap().get(0);
    assert_eq!(actor, format!("user:{id}"));
}

#[tokio::test]
async fn a_link_may_be_sent_whole() {
    let app = App::spawn().await;
    let (_, link) = invite(&app, "ann@shop.example").await;
    let whole = format!("https://shop.example/sign-in#{link}");
    assert_eq!(choose(&app, &whole, PASSWORD).await.status, 201);
    choose(&app, &link, PASSWORD).await.is_problem(410, "link_expired");
}

#[tokio::test]
async fn of_two_who_use_a_link_at_the_same_moment_one_succeeds() {
    let app = App::spawn().await;
    for round in 0..4 {
        let (_, link) = invite(&app, &format!("{round}@shop.example")).await;
        let (first, second) =
            tokio::join!(choose(&app, &link, "correct horse 1"), choose(&app, &link, "correct horse 2"));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 410], "{first:?} {second:?}");
    }
}

#[tokio::test]
async fn a_new_link_replaces_the_one_before_and_time_ends_it() {
    let app = App::spawn().await;
    let (id, first) = invite(&app, "ann@shop.example").await;
    let second = another_link(&app, id).await;
    assert_eq!((second.status.as_u16(), second.header("cache-control")), (201, "no-store"));
    let second = secret(&second.body);
    choose(&app, &first, PASSWORD).await.is_problem(410, "link_expired");
    app.sql.batch_execute("update one_time_links set expires_at = now()").await.unwrap();
    choose(&app, &second, PASSWORD).await.is_problem(410, "link_expired");
    let third = secret(&another_link(&app, id).await.body);
    assert_eq!(choose(&app, &third, PASSWORD).await.status, 201);
}

#[tokio::test]
async fn a_link_of_somebody_who_may_not_sign_in_is_of_no_use() {
    let app = App::spawn().await;
    let (id, link) = invite(&app, "ann@shop.example").await;
    let token = app.operator("cli", Role::Owner);
    let path = format!("/api/v1/users/{id}");
    assert_eq!(app.act(&token, "PATCH", &path, Some(json!({"disabled": true}))).await.status, 200);
    choose(&app, &link, PASSWORD).await.is_problem(410, "link_expired");
    another_link(&app, id).await.is_problem(403, "forbidden");
    assert_eq!(app.act(&token, "PATCH", &path, Some(json!({"disabled": false}))).await.status, 200);
    let link = secret(&another_link(&app, id).await.body);
    let moved = json!({"email": "anna@shop.example"});
    assert_eq!(app.act(&token, "PATCH", &path, Some(moved)).await.status, 200);
    choose(&app, &link, PASSWORD).await.is_problem(410, "link_expired");
}

#[tokio::test]
async fn a_password_that_cannot_be_chosen_leaves_the_link_good() {
    let app = App::spawn().await;
    let (_, link) = invite(&app, "ann@shop.example").await;
    let refused = choose(&app, &link, "hunter2").await;
    refused.is_problem(422, "invalid_body");
    assert_eq!(refused.pointers(), ["/password"]);
    assert!(!refused.body.to_string().contains("hunter2"));
    assert_eq!(choose(&app, &link, PASSWORD).await.status, 201);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_all_sessions_end() {
    let app = App::spawn().await;
    let (id, link) = invite(&app, "ann@shop.example").await;
    let before = choose(&app, &link, PASSWORD).await.body;
    let link = secret(&another_link(&app, id).await.body);
    assert_eq!(sign_in(&app, PASSWORD).await.status, 201, "the old one counts until then");
    let session = sign_in(&app, PASSWORD).await.body;
    assert_eq!(choose(&app, &link, "another horse").await.status, 201);
    for session in [before, session] {
        let me = app.act(session["access_token"].as_str().unwrap(), "GET", "/api/v1/me", None).await;
        me.is_problem(401, "session_ended");
    }
    sign_in(&app, PASSWORD).await.is_problem(401, "wrong_credentials");
    assert_eq!(sign_in(&app, "another horse").await.status, 201);
}

#[tokio::test]
async fn changing_ones_password_ends_the_other_sessions_and_keeps_this_one() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__TRIES_PER_ACCOUNT", "3")]).await;
    app.allow_several_sessions().await;
    let (_, link) = invite(&app, "ann@shop.example").await;
    let here = choose(&app, &link, PASSWORD).await.body;
    let there = sign_in(&app, PASSWORD).await.body;
    let token = |session: &Value| session["access_token"].as_str().unwrap().to_owned();
    let (here, there) = (token(&here), token(&there));
    let change = async |current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        app.act(&here, "PUT", "/api/v1/me/password", Some(body)).await
    };
    let refused = change("wrong horse", "another horse").await;
    refused.is_problem(401, "wrong_credentials");
    assert_eq!(refused.body["detail"], "The current password is another one.");
    change(PASSWORD, "short").await.is_problem(422, "invalid_body");
    assert_eq!(change(PASSWORD, "another horse").await.status, 204);
    let refused = app.act(&there, "GET", "/api/v1/me", None).await;
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.body["logout_reason"], "password_changed");
    assert_eq!(app.act(&here, "GET", "/api/v1/me", None).await.status, 200);
    assert_eq!(sign_in(&app, "another horse").await.status, 201);
    for _ in 0..2 {
        change("wrong horse", "third horse!!").await.is_problem(401, "wrong_credentials");
    }
    let throttled = change("another horse", "third horse!!").await;
    throttled.is_problem(429, "rate_limited");
    let operator = app.operator("cli", Role::Owner);
    let body = json!({"current": "x", "new": "third horse!!"});
    app.act(&operator, "PUT", "/api/v1/me/password", Some(body)).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn without_a_mail_server_a_reset_says_who_can_help_and_makes_no_link() {
    let app = App::spawn().await;
    let (_, link) = invite(&app, "ann@shop.example").await;
    choose(&app, &link, PASSWORD).await;
    let reset = |email: &str| app.post("/api/v1/password-resets", json!({"email": email}));
    let (known, unknown) = (reset("ann@shop.example").await, reset("nobody@shop.example").await);
    assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (202, 202));
    assert_eq!(known.body, unknown.body);
    assert!(known.body["detail"].as_str().unwrap().contains("owner"), "{known:?}");
    let links: i64 = app.sql.query_one("select count(*) from one_time_links", &[]).await.unwrap().get(0);
    assert_eq!(links, 0);
    reset("ann@shop.example").await;
    reset("ann@shop.example").await;
    reset("ann@shop.example").await.is_problem(429, "rate_limited");
    reset("nobody@shop.example").await;
    reset("nobody@shop.example").await;
    reset("nobody@shop.example").await.is_problem(429, "rate_limited");
}

#[tokio::test]
async fn the_sign_in_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let page = app.get("/sign-in").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
    let html = page.body.as_str().unwrap();
    for inline in ["<style", "style=", " onclick", "javascript:", "https://", "<script>"] {
        assert!(!html.contains(inline), "{inline}");
    }
    for (file, media_type) in [("page.css", "text/css"), ("page.js", "text/javascript")] {
        let path = format!("/sign-in/{file}");
        assert!(html.contains(&path));
        let answered = app.get(&path).await;
        assert!(answered.header("content-type").starts_with(media_type), "{answered:?}");
        assert!(!answered.body.as_str().unwrap().contains("innerHTML"));
    }
}
