//! Users: invited, changed and deleted by owners, and by nobody else.

use domain::{Role, TenantId};
use serde_json::{Value, json};

use crate::app::{Answer, App, answer};

const USERS: &str = "/api/v1/users";

async fn invite(app: &App, email: &str, role: &str) -> Answer {
    let body = json!({"email": email, "name": "Ann", "role": role});
    app.act(&app.operator("cli", Role::Owner), "POST", USERS, Some(body)).await
}

/// A user who has chosen a password, with the answer to their sign-in.
async fn member(app: &App, email: &str, role: &str) -> (i64, Value) {
    let invited = invite(app, email, role).await;
    assert_eq!(invited.status, 201, "{invited:?}");
    let (_, secret) = invited.body["invitation"]["link"].as_str().unwrap().split_once('#').unwrap();
    let chosen = app.post("/api/v1/password", json!({"link": secret, "password": "correct horse"})).await;
    assert_eq!(chosen.status, 201, "{chosen:?}");
    (invited.body["id"].as_i64().unwrap(), chosen.body)
}

fn path(id: i64) -> String {
    format!("{USERS}/{id}")
}

async fn role_of(app: &App, id: i64) -> String {
    let role = app.sql.query_one("select role from users where id = $1", &[&id]).await.unwrap();
    role.get(0)
}

#[tokio::test]
async fn only_owners_manage_users() {
    let app = App::spawn().await;
    let (id, _) = member(&app, "owner@shop.example", "owner").await;
    let new = json!({"email": "x@shop.example", "name": "X", "role": "viewer"});
    for role in [Role::Viewer, Role::Clerk, Role::Manager] {
        let token = app.operator("user:99", role);
        for (method, path, body) in [
            ("GET", USERS.to_owned(), None),
            ("POST", USERS.to_owned(), Some(new.clone())),
            ("GET", path(id), None),
            ("PATCH", path(id), Some(json!({"role": "viewer"}))),
            ("DELETE", path(id), None),
            ("POST", format!("{}/password-link", path(id)), None),
            ("PATCH", "/api/v1/settings".to_owned(), Some(json!({"session_policy": "multiple"}))),
        ] {
            app.act(&token, method, &path, body).await.is_problem(403, "forbidden");
        }
        assert_eq!(app.act(&token, "GET", "/api/v1/settings", None).await.status, 200);
    }
    app.get(USERS).await.is_problem(403, "forbidden");
    let list = app.act(&app.operator("user:1", Role::Owner), "GET", USERS, None).await;
    assert_eq!(list.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_invited_user_is_shown_without_a_password_and_signs_in_with_one() {
    let app = App::spawn().await;
    let invited = invite(&app, " Ann@Shop.example ", "clerk").await;
    assert_eq!((invited.status.as_u16(), invited.header("etag")), (201, "\"1\""));
    assert_eq!(invited.header("cache-control"), "no-store");
    let here = invited.header("location").to_owned();
    assert_eq!(invited.body["email"], "ann@shop.example");
    assert_eq!((&invited.body["role"], &invited.body["has_password"]), (&json!("clerk"), &json!(false)));
    let invitation = &invited.body["invitation"];
    assert_eq!(invitation["delivery"], "shown");
    let link = invitation["link"].as_str().unwrap();
    assert!(link.starts_with("http://127.0.0.1:8080/sign-in#"), "{link}");
    let (_, secret) = link.split_once('#').unwrap();
    let chosen = app.post("/api/v1/password", json!({"link": secret, "password": "correct horse"})).await;
    let token = chosen.body["access_token"].as_str().unwrap();
    let me = app.act(token, "GET", "/api/v1/me", None).await.body;
    assert_eq!((&me["email"], &me["name"]), (&json!("ann@shop.example"), &json!("Ann")));
    assert_eq!(me["permissions"], json!(["read", "stock"]));
    let shown = app.act(&app.operator("cli", Role::Owner), "GET", &here, None).await;
    assert_eq!((shown.header("etag"), &shown.body["has_password"]), ("\"2\"", &json!(true)));
    assert!(!shown.body.to_string().contains("argon2"), "{shown:?}");
    let sign_in = json!({"email": "ann@shop.example", "password": "correct horse"});
    assert_eq!(app.post("/api/v1/sessions", sign_in).await.status, 201);
}

#[tokio::test]
async fn an_address_belongs_to_one_user_of_a_tenant() {
    let app = App::spawn().await;
    let (id, _) = member(&app, "ann@shop.example", "owner").await;
    let taken = invite(&app, "ANN@shop.example", "viewer").await;
    taken.is_problem(409, "duplicate_email");
    assert_eq!(taken.pointers(), ["/email"]);
    let bob = invite(&app, "bob@shop.example", "viewer").await.body["id"].as_i64().unwrap();
    let token = app.operator("cli", Role::Owner);
    let moved = app.act(&token, "PATCH", &path(bob), Some(json!({"email": "ann@shop.example"}))).await;
    moved.is_problem(409, "duplicate_email");
    app.sql.batch_execute("insert into tenants (name) values ('other')").await.unwrap();
    let theirs = app.operator_of(TenantId::new(2), "cli", Role::Owner);
    let new = json!({"email": "ann@shop.example", "name": "Ann", "role": "owner"});
    assert_eq!(app.act(&theirs, "POST", USERS, Some(new)).await.status, 201);
    for (method, path, body) in [
        ("GET", path(id), None),
        ("PATCH", path(id), Some(json!({"name": "Mine"}))),
        ("DELETE", path(id), None),
        ("POST", format!("{}/password-link", path(id)), None),
    ] {
        app.act(&theirs, method, &path, body).await.is_problem(404, "not_found");
    }
    let list = app.act(&theirs, "GET", USERS, None).await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_is_changed_only_as_the_one_who_asks_knows_them() {
    let app = App::spawn().await;
    let (id, _) = member(&app, "ann@shop.example", "owner").await;
    let token = app.operator("cli", Role::Owner);
    let patch = |tag: &'static str| {
        let request = app.request("PATCH", &path(id)).bearer_auth(&token).header("if-match", tag);
        answer(request.json(&json!({"name": "Anna"})))
    };
    let stale = patch("\"1\"").await;
    stale.is_problem(412, "version_mismatch");
    assert_eq!(stale.header("etag"), "\"2\"");
    let done = patch("\"2\"").await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, "\"3\""));
    assert_eq!(done.body["name"], "Anna");
    let request = app.request("GET", &path(id)).bearer_auth(&token).header("if-none-match", "\"3\"");
    assert_eq!(answer(request).await.status, 304);
    let request = app.request("DELETE", &path(id)).bearer_auth(&token).header("if-match", "\"2\"");
    answer(request).await.is_problem(412, "version_mismatch");
    let bad = app.act(&token, "PATCH", &path(id), Some(json!({"role": "king", "x": 1}))).await;
    bad.is_problem(422, "invalid_body");
    assert_eq!(bad.pointers(), ["/role", "/x"]);
    app.act(&token, "GET", "/api/v1/users/0", None).await.is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn the_last_owner_who_can_sign_in_stays() {
    let app = App::spawn().await;
    let (ann, _) = member(&app, "ann@shop.example", "owner").await;
    // Invited, but without a password: nobody could let others in.
    let bob = invite(&app, "bob@shop.example", "owner").await.body["id"].as_i64().unwrap();
    let token = app.operator("cli", Role::Owner);
    for patch in [json!({"role": "manager"}), json!({"disabled": true})] {
        app.act(&token, "PATCH", &path(ann), Some(patch)).await.is_problem(409, "last_owner");
    }
    app.act(&token, "DELETE", &path(ann), None).await.is_problem(409, "last_owner");
    assert_eq!(app.act(&token, "PATCH", &path(ann), Some(json!({"name": "A"}))).await.status, 200);
    assert_eq!(app.act(&token, "DELETE", &path(bob), None).await.status, 204);
    member(&app, "cid@shop.example", "owner").await;
    assert_eq!(app.act(&token, "DELETE", &path(ann), None).await.status, 204);
}

#[tokio::test]
async fn two_owners_cannot_take_each_others_rights_away_at_once() {
    let app = App::spawn().await;
    for round in 0..5 {
        let (ann, _) = member(&app, &format!("ann{round}@shop.example"), "owner").await;
        let (bob, _) = member(&app, &format!("bob{round}@shop.example"), "owner").await;
        let others = "update users set disabled_at = now() where id not in ($1, $2)";
        app.sql.execute(others, &[&ann, &bob]).await.unwrap();
        let token = app.operator("cli", Role::Owner);
        let (first, second) = (path(ann), path(bob));
        let demote = |path| app.act(&token, "PATCH", path, Some(json!({"role": "viewer"})));
        let (first, second) = tokio::join!(demote(&first), demote(&second));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{first:?} {second:?}");
        let roles = [role_of(&app, ann).await, role_of(&app, bob).await];
        assert!(roles.contains(&"owner".to_owned()), "{roles:?}");
    }
}

#[tokio::test]
async fn who_loses_a_right_is_signed_out_at_once() {
    let app = App::spawn().await;
    member(&app, "owner@shop.example", "owner").await;
    let token = app.operator("cli", Role::Owner);
    for (number, (method, body)) in [
        ("PATCH", Some(json!({"role": "viewer"}))),
        ("PATCH", Some(json!({"disabled": true}))),
        ("DELETE", None),
    ]
    .into_iter()
    .enumerate()
    {
        let (id, session) = member(&app, &format!("{number}@shop.example"), "manager").await;
        let theirs = session["access_token"].as_str().unwrap();
        assert_eq!(app.act(theirs, "GET", "/api/v1/me", None).await.status, 200);
        let done = app.act(&token, method, &path(id), body).await;
        assert!(done.status.is_success(), "{done:?}");
        let refused = app.act(theirs, "GET", "/api/v1/me", None).await;
        refused.is_problem(401, "session_ended");
        assert_eq!(refused.body["logout_reason"], "revoked");
        let refresh = json!({"refresh_token": session["refresh_token"]});
        assert_eq!(app.post("/api/v1/sessions/refresh", refresh).await.status, 401);
    }
    let audit = "select string_agg(distinct event, ' ' order by event) from audit where actor = 'cli'";
    let events: String = app.sql.query_one(audit, &[]).await.unwrap().get(0);
    assert_eq!(
        events,
        "password_link_created role_changed session_ended user_created user_deleted user_disabled"
    );
}

#[tokio::test]
async fn a_raised_role_ends_no_session() {
    let app = App::spawn().await;
    let (id, session) = member(&app, "ann@shop.example", "viewer").await;
    let token = app.operator("cli", Role::Owner);
    assert_eq!(app.act(&token, "PATCH", &path(id), Some(json!({"role": "manager"}))).await.status, 200);
    let theirs = session["access_token"].as_str().unwrap();
    assert_eq!(app.act(theirs, "GET", "/api/v1/me", None).await.status, 200);
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let refreshed = app.post("/api/v1/sessions/refresh", refresh).await;
    let me = app.act(refreshed.body["access_token"].as_str().unwrap(), "GET", "/api/v1/me", None).await;
    assert!(me.body["permissions"].as_array().unwrap().contains(&json!("keys")), "{me:?}");
}

#[tokio::test]
async fn users_are_listed_in_pages() {
    let app = App::spawn().await;
    for number in 0..5 {
        invite(&app, &format!("{number}@shop.example"), "viewer").await;
    }
    let token = app.operator("cli", Role::Owner);
    let (mut seen, mut next) = (Vec::new(), Some(format!("{USERS}?limit=2")));
    while let Some(path) = next {
        let page = app.act(&token, "GET", &path, None).await.body;
        let data = page["data"].as_array().unwrap();
        seen.extend(data.iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        assert_eq!(page["has_more"], page["next_cursor"].is_string());
        next = page["next_cursor"].as_str().map(|cursor| format!("{USERS}?limit=2&after={cursor}"));
    }
    let expected: Vec<String> = (0..5).map(|number| format!("{number}@shop.example")).collect();
    assert_eq!(seen, expected);
    app.act(&token, "GET", "/api/v1/users?limit=0", None).await.is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn a_tenant_allows_one_login_of_a_user_or_several() {
    let app = App::spawn().await;
    let (_, first) = member(&app, "ann@shop.example", "owner").await;
    let token = app.operator("cli", Role::Owner);
    let settings = app.act(&token, "GET", "/api/v1/settings", None).await;
    assert_eq!(settings.body, json!({"tenant": "default", "session_policy": "single"}));
    let sign_in = json!({"email": "ann@shop.example", "password": "correct horse"});
    let second = app.post("/api/v1/sessions", sign_in.clone()).await.body;
    let who = async |session: &Value| {
        let token = session["access_token"].as_str().unwrap();
        app.act(token, "GET", "/api/v1/me", None).await.status.as_u16()
    };
    assert_eq!((who(&first).await, who(&second).await), (401, 200));
    let multiple = json!({"session_policy": "multiple"});
    let changed = app.act(&token, "PATCH", "/api/v1/settings", Some(multiple)).await;
    assert_eq!(changed.body["session_policy"], "multiple");
    let third = app.post("/api/v1/sessions", sign_in).await.body;
    assert_eq!((who(&second).await, who(&third).await), (200, 200));
    let wrong = app.act(&token, "PATCH", "/api/v1/settings", Some(json!({"session_policy": "none"}))).await;
    wrong.is_problem(422, "invalid_body");
    let audited = "select detail::text from audit where event = 'session_policy_changed'";
    let detail: String = app.sql.query_one(audited, &[]).await.unwrap().get(0);
    assert!(detail.contains("multiple"), "{detail}");
}

#[tokio::test]
async fn nobody_puts_an_address_into_the_table_that_the_list_of_users_stumbles_over() {
    let app = App::spawn().await;
    let owner = app.operator("user:1", Role::Owner);
    for email in ["a b@c.example", "a@b@c.example", "a\t@c.example", "<a@c.example>", "a@", "A@c.example"] {
        let insert = "insert into users (tenant_id, email, name, role) values (1, $1, 'x', 'viewer')";
        let refused = app.sql.execute(insert, &[&email]).await.unwrap_err();
        let constraint = refused.as_db_error().and_then(|error| error.constraint());
        assert_eq!(constraint, Some("users_email_form"), "{email:?}");
    }
    assert_eq!(app.ask(&owner, "GET", "/api/v1/users").await.status, 200);
}
