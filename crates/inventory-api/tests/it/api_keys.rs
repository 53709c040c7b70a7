//! API keys: who makes them, what they are good for, what is seen of them, and how they end.

use domain::{Permission, Permissions, Role, TenantId};
use serde_json::{Value, json};
use testkit::waiting;

use crate::{
    app::{App, answer},
    credentials::{KEYS, ME},
};

#[tokio::test]
async fn a_key_is_shown_once_used_and_revoked() {
    let app = App::spawn().await;
    let owner = app.token_of(Role::Owner);
    let body = json!({
        "name": " Web shop ", "scopes": ["read", "items"], "expires_at": "2999-01-01T00:00:00Z",
        "addresses": ["127.0.0.1", "2001:db8::/32"]
    });
    let created = answer(app.showing("POST", KEYS, &owner).json(&body)).await;
    assert_eq!((created.status.as_u16(), created.header("cache-control")), (201, "no-store"), "{created:?}");
    let text = created.body["key"].as_str().unwrap().to_owned();
    let path = created.header("location").to_owned();
    assert_eq!(path, format!("{KEYS}/{}", created.body["id"]));

    let mut document = created.body.clone();
    document.as_object_mut().unwrap().remove("key");
    let read = app.get_with(&path, &owner).await;
    assert_eq!((read.status.as_u16(), &read.body), (200, &document));
    assert_eq!(document["name"], "Web shop");
    assert_eq!(document["prefix"], text[3..13]);
    assert_eq!(document["scopes"], json!(["read", "items"]));
    assert_eq!(document["addresses"], json!(["127.0.0.1/32", "2001:db8::/32"]));
    assert_eq!(document["created_by"], "user:7");
    assert_eq!((&document["last_used_at"], &document["revoked_at"]), (&Value::Null, &Value::Null));
    assert!(!app.get_with(KEYS, &owner).await.body.to_string().contains(&text[14..]));

    let me = app.get_with(ME, &text).await;
    assert_eq!(me.body["actor"], format!("key:{}", document["id"]));
    assert_eq!(me.body["login"], me.body["actor"]);
    assert_eq!(me.body["permissions"], json!(["read", "items"]));
    assert_eq!(me.body["expires_at"], "2999-01-01T00:00:00Z");
    let item = answer(app.showing("POST", "/api/v1/items", &text).json(&json!({"name": "Bolt"}))).await;
    let history = format!("/api/v1/items/{}/history", item.body["id"]);
    assert_eq!(app.get_with(&history, &text).await.body["data"][0]["actor"], me.body["actor"]);

    for _ in 0..2 {
        assert_eq!(answer(app.showing("DELETE", &path, &owner)).await.status, 204);
        let refused = app.get_with(ME, &text).await;
        refused.is_problem(401, "session_ended");
        assert_eq!(refused.body["logout_reason"], "revoked");
    }
    let revoked = app.get_with(&path, &owner).await;
    assert!(revoked.body["revoked_at"].is_string(), "{revoked:?}");
    let events = "select string_agg(event || ' ' || actor || ' ' || subject, ', ' order by id) from audit
        where event like 'key%'";
    let events: String = app.sql.query_one(events, &[]).await.unwrap().get(0);
    let key = me.body["actor"].as_str().unwrap();
    assert_eq!(events, format!("key_created user:7 {key}, key_revoked user:7 {key}"));
}

#[tokio::test]
async fn managers_and_owners_make_keys_and_nobody_else_sees_them() {
    let app = App::spawn().await;
    let key = app.new_key(&["read", "stock", "items"]).await;
    let new = json!({"name": "x", "scopes": ["read"]});
    for role in Role::ALL {
        let token = app.token_of(role);
        let may = role >= Role::Manager;
        for (method, path, status) in
            [("POST", KEYS, 201), ("GET", KEYS, 200), ("GET", &key.path(), 200), ("DELETE", &key.path(), 204)]
        {
            let answered = answer(app.showing(method, path, &token).json(&new)).await;
            if may {
                assert_eq!(answered.status, status, "{role} {method} {path}: {answered:?}");
            } else {
                answered.is_problem(403, "forbidden");
            }
        }
    }
    // Neither do programs manage keys, nor those who needn't say who they are.
    let key = app.new_key(&["read", "stock", "items"]).await;
    answer(app.showing("POST", KEYS, &key.text).json(&new)).await.is_problem(403, "forbidden");
    app.get_with(&key.path(), &key.text).await.is_problem(403, "forbidden");
    app.get(KEYS).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn nobody_gives_a_key_more_than_they_have() {
    let app = App::spawn().await;
    let permissions = Permissions::of([Permission::Read, Permission::Keys]);
    let token = app.token(TenantId::DEFAULT, permissions);
    let make = async |scopes: Value| {
        answer(app.showing("POST", KEYS, &token).json(&json!({"name": "x", "scopes": scopes}))).await
    };
    assert_eq!(make(json!(["read"])).await.status, 201);
    let refused = make(json!(["read", "items"])).await;
    refused.is_problem(403, "forbidden");
    assert!(refused.body["detail"].as_str().unwrap().ends_with(": items."), "{refused:?}");
    let keys: i64 = app.sql.query_one("select count(*) from api_keys", &[]).await.unwrap().get(0);
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say() {
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let items = app.new_key(&["items"]).await;
    let create = app.showing("POST", "/api/v1/items", &items.text).json(&json!({"name": "Bolt"}));
    let path = format!("/api/v1/items/{}", answer(create).await.body["id"]);
    for (scopes, read, count, rename, create) in [
        (&["read"][..], 200, 403, 403, 403),
        (&["stock"], 403, 200, 403, 403),
        (&["read", "stock"], 200, 200, 403, 403),
        (&["items"], 403, 403, 403, 201),
        (&["stock", "items"], 403, 200, 200, 201),
    ] {
        let key = app.new_key(scopes).await;
        let patch = async |body: Value| answer(app.showing("PATCH", &path, &key.text).json(&body)).await;
        let new = json!({"name": "Nut"});
        let found = [
            app.get_with(&path, &key.text).await.status,
            patch(json!({"quantity": 7})).await.status,
            patch(json!({"name": "Bolt M8"})).await.status,
            answer(app.showing("POST", "/api/v1/items", &key.text).json(&new)).await.status,
        ];
        assert_eq!(found.map(|status| status.as_u16()), [read, count, rename, create], "{scopes:?}");
    }
}

#[tokio::test]
async fn mistakes_of_a_new_key_are_named_and_make_none() {
    let app = App::spawn().await;
    let manager = app.token_of(Role::Manager);
    let make = async |body: Value| answer(app.showing("POST", KEYS, &manager).json(&body)).await;
    let refused = make(json!({
        "scopes": ["read", "users", "read"], "expires_at": "2020-01-01T00:00:00Z",
        "addresses": ["10.0.0.0/8", "10.0.0.0/33", "10.0.0.0/8"], "key": "sw_mine"
    }))
    .await;
    refused.is_problem(422, "invalid_body");
    let expected = ["/name", "/scopes/1", "/scopes/2", "/expires_at", "/addresses/1", "/addresses/2", "/key"];
    assert_eq!(refused.pointers(), expected);
    for (body, pointer) in [
        (json!({"name": "x", "scopes": []}), "/scopes"),
        (json!({"name": "x", "scopes": ["read"], "addresses": []}), "/addresses"),
        (json!({"name": "x", "scopes": ["read"], "addresses": vec!["::1"; 51]}), "/addresses"),
        (json!({"name": "\u{0}", "scopes": ["read"]}), "/name"),
        (json!([]), ""),
    ] {
        let refused = make(body).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), [pointer]);
    }
    let keys: i64 = app.sql.query_one("select count(*) from api_keys", &[]).await.unwrap().get(0);
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn the_list_has_pages_and_revoked_keys_too() {
    let app = App::spawn().await;
    let manager = app.token_of(Role::Manager);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(app.new_key(&["read"]).await.id);
    }
    answer(app.showing("DELETE", &format!("{KEYS}/{}", ids[4]), &manager)).await;
    ids.reverse();
    let (mut found, mut next) = (Vec::new(), format!("{KEYS}?limit=2"));
    for rows in [2, 2, 1] {
        let page = app.get_with(&next, &manager).await;
        let data = page.body["data"].as_array().unwrap();
        assert_eq!(data.len(), rows, "{page:?}");
        found.extend(data.iter().map(|key| key["id"].as_i64().unwrap()));
        assert_eq!(page.body["has_more"], found.len() < 5);
        assert_eq!(page.headers.contains_key("link"), found.len() < 5);
        next = format!("{KEYS}?limit=2&after={}", page.body["next_cursor"].as_str().unwrap_or_default());
    }
    assert_eq!(found, ids);
    app.get_with(&format!("{KEYS}?after=x&limit=0"), &manager).await.is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn another_tenants_key_is_not_there() {
    let app = App::spawn().await;
    let tenant = "insert into tenants (name) values ('other') returning id";
    let tenant = TenantId::new(app.sql.query_one(tenant, &[]).await.unwrap().get(0));
    let stranger = app.token(tenant, Role::Owner.permissions());
    let ours = app.new_key(&["read"]).await;
    for (method, id) in [("GET", ours.id), ("DELETE", ours.id), ("GET", 999), ("DELETE", 999)] {
        answer(app.showing(method, &format!("{KEYS}/{id}"), &stranger)).await.is_problem(404, "not_found");
    }
    for id in ["0", "-1", "x", "9223372036854775808"] {
        let refused = app.get_with(&format!("{KEYS}/{id}"), &stranger).await;
        refused.is_problem(400, "invalid_parameter");
    }
    assert_eq!(app.get_with(KEYS, &stranger).await.body["data"], json!([]));
    assert_eq!(app.get_with(ME, &ours.text).await.status, 200, "it was revoked by a stranger");

    let item = app.item(json!({"name": "ours"})).await;
    let body = json!({"name": "theirs", "scopes": ["read"]});
    let theirs = answer(app.showing("POST", KEYS, &stranger).json(&body)).await;
    let theirs = theirs.body["key"].as_str().unwrap();
    app.get_with(&item, theirs).await.is_problem(404, "not_found");
    assert_eq!(app.get_with(ME, theirs).await.body["tenant"], tenant.get());
    assert_eq!(app.get_with(&item, &ours.text).await.status, 200);
}

#[tokio::test]
async fn the_secret_of_a_key_is_not_in_the_database() {
    let app = App::spawn().await;
    let key = app.new_key(&["read", "items"]).await;
    let item = json!({"name": "Bolt"});
    assert_eq!(answer(app.showing("POST", "/api/v1/items", &key.text).json(&item)).await.status, 201);
    app.revoke(&key).await;
    app.get_with(ME, &key.text).await.is_problem(401, "session_ended");
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')";
    let tables = app.sql.query(tables, &[]).await.unwrap();
    assert!(tables.len() > 10);
    let mut rows = 0;
    for table in tables {
        let table: String = table.get(0);
        let found = format!(
            "select count(*), count(*) filter (where position($1::text in t::text) > 0
               or position(encode(convert_to($1, 'UTF8'), 'hex') in t::text) > 0) from {table} as t"
        );
        let row = app.sql.query_one(&found, &[&key.secret()]).await.unwrap();
        assert_eq!(row.get::<_, i64>(1), 0, "{table}");
        rows += row.get::<_, i64>(0);
        // The prefix shows that the search finds what is there.
        if table == "public.api_keys" {
            let row = app.sql.query_one(&found, &[&key.prefix()]).await.unwrap();
            assert_eq!(row.get::<_, i64>(1), 1);
        }
    }
    assert!(rows > 5);
}

#[tokio::test]
async fn the_last_use_of_a_key_is_written_once_a_minute_whoever_sees_it() {
    let app = App::spawn().await;
    let url = app.settings.database.url.expose();
    let other = App::spawn_on(url, &[]).await;
    let counted = "create table written (id bigint);
        create function count_write() returns trigger language plpgsql as
          $$ begin insert into written values (new.id); return null; end $$;
        create trigger count_writes after update on api_keys for each row execute function count_write()";
    app.sql.batch_execute(counted).await.unwrap();
    let (key, second) = (app.new_key(&["read"]).await, app.new_key(&["read"]).await);
    let use_it = async |app: &App, text: &str| assert_eq!(app.get_with(ME, text).await.status, 200);
    let used = async |id: i64| {
        let path = format!("{KEYS}/{id}");
        let token = app.token_of(Role::Manager);
        let written = waiting::until(waiting::PATIENCE, "the use to be written", async || {
            Ok(app.get_with(&path, &token).await.body["last_used_at"].as_str().map(ToOwned::to_owned))
        });
        written.await.unwrap()
    };
    for _ in 0..20 {
        use_it(&app, &key.text).await;
    }
    used(key.id).await;
    use_it(&other, &key.text).await;
    use_it(&app, &key.text).await;
    // Uses are written in the order in which they come: with this one, all before it are.
    use_it(&other, &second.text).await;
    used(second.id).await;
    let writes = "select count(*) filter (where id = $1), count(*) from written";
    let writes = app.sql.query_one(writes, &[&key.id]).await.unwrap();
    assert_eq!((writes.get::<_, i64>(0), writes.get::<_, i64>(1)), (1, 2));
    // A wrong secret is no use.
    let wrong = app.new_key(&["read"]).await;
    let shown = format!("{}{}", &wrong.text[..14], key.secret());
    app.get_with(ME, &shown).await.is_problem(401, "not_authenticated");
    let third = app.new_key(&["read"]).await;
    use_it(&app, &third.text).await;
    used(third.id).await;
    let unused = app.get_with(&wrong.path(), &app.token_of(Role::Manager)).await;
    assert_eq!(unused.body["last_used_at"], Value::Null);
}
