//! What is muted: made, listed, ended; and the short way from a notification.

use domain::{Role, TenantId};
use serde_json::{Value, json};
use testkit::Raise;

use crate::app::App;

const MUTES: &str = "/api/v1/mutes";

#[tokio::test]
async fn a_mute_is_made_listed_and_ended() {
    let app = App::spawn().await;
    let manager = app.operator("user:7", Role::Manager);
    let item = app.item(json!({"name": "Bolt"})).await;
    let item: i64 = item.rsplit('/').next().unwrap().parse().unwrap();
    let body =
        json!({"monitor_id": 1, "item_id": item, "until": "2999-01-01T00:00:00Z", "note": " Counting "});
    let made = app.act(&manager, "POST", MUTES, Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert_eq!(path, format!("{MUTES}/{}", made.body["id"]));
    assert_eq!((&made.body["monitor_id"], &made.body["item_id"]), (&json!(1), &json!(item)));
    assert_eq!((&made.body["note"], &made.body["created_by"]), (&json!("Counting"), &json!("user:7")));
    assert_eq!(made.body["until"], "2999-01-01T00:00:00Z");
    assert_eq!(app.get(&path).await.body, made.body);
    let of_item = app.act(&manager, "POST", MUTES, Some(json!({"item_id": item}))).await;
    assert_eq!((&of_item.body["monitor_id"], &of_item.body["until"]), (&Value::Null, &Value::Null));
    let first = app.get(&format!("{MUTES}?limit=1")).await;
    assert_eq!((&first.body["data"], &first.body["has_more"]), (&json!([of_item.body]), &json!(true)));
    let after = first.body["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("{MUTES}?limit=1&after={after}")).await;
    assert_eq!((&second.body["data"], &second.body["has_more"]), (&json!([made.body]), &json!(false)));
    assert_eq!(app.act(&manager, "DELETE", &path, None).await.status, 204);
    app.act(&manager, "DELETE", &path, None).await.is_problem(404, "not_found");
    app.get(&path).await.is_problem(404, "not_found");
    assert_eq!(app.get(MUTES).await.body["data"], json!([of_item.body]));
}

#[tokio::test]
async fn what_has_ended_is_not_shown_and_for_ever_may_be_written_in_two_ways() {
    let app = App::spawn().await;
    let insert = "insert into mutes (tenant_id, monitor_id, until, created_by) values
        (1, 1, now() - interval '1 second', 'db'), (1, 1, 'infinity', 'db'), (1, 1, null, 'db')";
    app.sql.batch_execute(insert).await.unwrap();
    let listed = app.get(MUTES).await;
    let data = listed.body["data"].as_array().unwrap();
    assert_eq!(
        data.iter().map(|mute| mute["id"].as_i64().unwrap()).collect::<Vec<_>>(),
        [3, 2],
        "{listed:?}"
    );
    assert!(data.iter().all(|mute| mute["until"].is_null()), "{listed:?}");
    app.get(&format!("{MUTES}/1")).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn only_what_the_tenant_has_can_be_muted_by_those_who_may() {
    let app = App::spawn().await;
    app.sql.batch_execute("insert into tenants (name) values ('other')").await.unwrap();
    app.sql
        .batch_execute("insert into items (tenant_id, name) values (1, 'ours'), (2, 'theirs')")
        .await
        .unwrap();
    let find = "select id from monitors where tenant_id = 2";
    let theirs: i64 = app.sql.query_one(find, &[]).await.unwrap().get(0);
    let manager = app.operator("user:7", Role::Manager);
    for (body, pointers) in [
        (json!({"monitor_id": theirs}), vec!["/monitor_id"]),
        (json!({"monitor_id": 999, "item_id": 1}), vec!["/monitor_id"]),
        (json!({"monitor_id": 1, "item_id": 2}), vec!["/item_id"]),
        (json!({"item_id": 999}), vec!["/item_id"]),
        (json!({}), vec![""]),
        (json!({"item_id": 1, "until": "2020-01-01T00:00:00Z", "why": "x"}), vec!["/until", "/why"]),
    ] {
        let refused = app.act(&manager, "POST", MUTES, Some(body)).await;
        refused.is_problem(422, "invalid_body");
        assert_eq!(refused.pointers(), pointers);
    }
    let clerk = app.operator("user:8", Role::Clerk);
    app.act(&clerk, "POST", MUTES, Some(json!({"item_id": 1}))).await.is_problem(403, "forbidden");
    let made = app.act(&manager, "POST", MUTES, Some(json!({"item_id": 1}))).await;
    let path = made.header("location").to_owned();
    app.act(&clerk, "DELETE", &path, None).await.is_problem(403, "forbidden");
    let other = app.operator_of(TenantId::new(2), "user:9", Role::Owner);
    assert_eq!(app.act(&other, "GET", MUTES, None).await.body["data"], json!([]));
    for method in ["GET", "DELETE"] {
        app.act(&other, method, &path, None).await.is_problem(404, "not_found");
    }
    assert_eq!(app.act(&clerk, "GET", &path, None).await.status, 200);
}

#[tokio::test]
async fn what_a_notification_is_about_is_muted_in_one_step() {
    let app = App::spawn().await;
    app.sql.batch_execute("insert into items (tenant_id, name) values (1, 'Bolt')").await.unwrap();
    let id = Raise::default().on(&app.sql).await.unwrap();
    let manager = app.operator("user:7", Role::Manager);
    let mute = async |id: i64, body: Value| {
        app.act(&manager, "POST", &format!("/api/v1/notifications/{id}/mute"), Some(body)).await
    };
    for (body, monitor, item) in [
        (json!({}), json!(1), json!(1)),
        (json!({"of": "pair", "until": null}), json!(1), json!(1)),
        (json!({"of": "monitor", "until": "2999-01-01T00:00:00Z"}), json!(1), Value::Null),
        (json!({"of": "item", "note": "Sold out"}), Value::Null, json!(1)),
    ] {
        let made = mute(id, body).await;
        assert_eq!(
            (made.status.as_u16(), &made.body["monitor_id"], &made.body["item_id"]),
            (201, &monitor, &item)
        );
        assert_eq!(app.get(made.header("location")).await.body, made.body);
    }
    assert_eq!(app.get(MUTES).await.body["data"][0]["note"], "Sold out");
    let gone = Raise { monitor: 999, ..Raise::default() }.on(&app.sql).await.unwrap();
    let refused = mute(gone, json!({})).await;
    refused.is_problem(422, "invalid_body");
    assert_eq!(refused.pointers(), ["/of"]);
    assert_eq!(mute(gone, json!({"of": "item"})).await.status, 201);
    mute(999, json!({})).await.is_problem(404, "not_found");
    mute(id, json!({"of": "all"})).await.is_problem(422, "invalid_body");
    let clerk = app.operator("user:8", Role::Clerk);
    let path = format!("/api/v1/notifications/{id}/mute");
    app.act(&clerk, "POST", &path, Some(json!({}))).await.is_problem(403, "forbidden");
}
