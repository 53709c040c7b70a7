//! The names of those who stand in the history.

use domain::Role;
use serde_json::{Value, json};

use crate::app::App;

async fn app_with_actors() -> App {
    let app = App::spawn().await;
    app.sql
        .batch_execute(
            "insert into tenants (name) values ('other');
             insert into users (tenant_id, email, name, role) values
               (1, 'm@x.example', 'Mara', 'clerk'), (2, 'o@x.example', 'Other', 'clerk'),
               (1, 'k@x.example', 'Kim', 'viewer'), (1, 'g@x.example', 'Gone', 'owner');
             update users set disabled_at = now() where name = 'Kim';
             insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, created_by, revoked_at)
               values (1, 'till', '0123456789', sha256(''), '{read}', 'test', now());
             insert into sources (tenant_id, name, kind, format, mapping, fresh_for_seconds, created_by)
               values (1, 'market', 'push', 'json', '{\"item\": {\"match\": \"sku\"}, \"price\": \"p\"}', 60, 'test');
             update users set name = 'Gone since' where name = 'Gone';
             delete from users where name = 'Gone since';
             delete from sources;
             insert into sources (tenant_id, name, kind, format, mapping, fresh_for_seconds, created_by)
               values (1, 'shop', 'push', 'json', '{\"item\": {\"match\": \"sku\"}, \"price\": \"p\"}', 60, 'test');",
        )
        .await
        .unwrap();
    app
}

#[tokio::test]
async fn everybody_is_named_also_who_is_gone_and_nobody_of_another_tenant() {
    let app = app_with_actors().await;
    let viewer = app.operator("user:3", Role::Viewer);
    let listed = app.act(&viewer, "GET", "/api/v1/actors", None).await;
    assert_eq!(
        listed.body,
        json!({"data": [
            {"actor": "key:1", "name": "till"}, {"actor": "source:1", "name": "market"},
            {"actor": "source:2", "name": "shop"}, {"actor": "user:1", "name": "Mara"},
            {"actor": "user:3", "name": "Kim"}, {"actor": "user:4", "name": "Gone since"}
        ], "has_more": false, "next_cursor": null})
    );
    let stranger = app.operator_of(domain::TenantId::new(2), "user:2", Role::Owner);
    let listed = app.act(&stranger, "GET", "/api/v1/actors", None).await;
    assert_eq!(listed.body["data"], json!([{"actor": "user:2", "name": "Other"}]));
}

#[tokio::test]
async fn pages_of_any_size_have_everybody_once() {
    let app = app_with_actors().await;
    let whole = app.get("/api/v1/actors").await.body["data"].clone();
    for limit in 1..=6 {
        let mut path = format!("/api/v1/actors?limit={limit}");
        let mut seen: Vec<Value> = Vec::new();
        loop {
            let page = app.get(&path).await;
            seen.extend(page.body["data"].as_array().unwrap().clone());
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            assert!(page.header("link").contains(next), "{page:?}");
            path = format!("/api/v1/actors?limit={limit}&after={next}");
        }
        assert_eq!(json!(seen), whole, "{limit}");
    }
    for (query, pointer) in [("limit=0", "limit"), ("after=x", "after"), ("q=x", "q")] {
        let refused = app.get(&format!("/api/v1/actors?{query}")).await;
        refused.is_problem(400, "invalid_parameter");
        assert_eq!(refused.pointers(), [pointer]);
    }
}
