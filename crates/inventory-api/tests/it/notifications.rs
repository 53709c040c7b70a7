//! What monitors raised, as integrators ask for it: pages, filters, who has read what, who sees to what.

use domain::{Cursor, Notification, Role, TenantId};
use serde_json::{Value, json};
use testkit::Raise;

use crate::app::{Answer, App, answer};

const NOTIFICATIONS: &str = "/api/v1/notifications";

impl Answer {
    /// The ids of a page.
    fn ids(&self) -> Vec<i64> {
        let data = self.body["data"].as_array().unwrap_or_else(|| panic!("{self:?}"));
        data.iter().map(|document| document["id"].as_i64().unwrap()).collect()
    }
}

impl App {
    async fn raise(&self, raise: Raise) -> i64 {
        raise.on(&self.sql).await.unwrap()
    }

    async fn raise_some(&self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.raise(Raise::default()).await);
        }
        ids
    }

    /// What somebody hasn't read, the oldest first, by the list; and by the summary as many.
    async fn unread(&self, token: &str) -> Vec<i64> {
        let listed = self.act(token, "GET", &format!("{NOTIFICATIONS}?unread=true"), None).await;
        let mut ids = listed.ids();
        let summary = self.act(token, "GET", &format!("{NOTIFICATIONS}/summary"), None).await;
        assert_eq!(summary.body["unread"]["total"], ids.len(), "{summary:?}");
        let all = self.act(token, "GET", &format!("{NOTIFICATIONS}?limit=200"), None).await;
        let of_all = all.body["data"].as_array().unwrap().iter().filter(|document| document["read"] == false);
        assert!(of_all.map(|document| document["id"].as_i64().unwrap()).eq(ids.iter().copied()), "{all:?}");
        ids.reverse();
        ids
    }
}

#[tokio::test]
async fn the_list_has_the_newest_first_in_pages_and_joins_the_stream() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let mut ids = app.raise_some(5).await;
    app.sql.batch_execute("insert into tenants (name) values ('other')").await.unwrap();
    let theirs = app.raise(Raise { tenant: 2, ..Raise::default() }).await;
    sequencer.step().await.unwrap();
    ids.reverse();
    let (mut found, mut next) = (Vec::new(), format!("{NOTIFICATIONS}?limit=2"));
    for rows in [2, 2, 1] {
        let page = app.get(&next).await;
        assert_eq!(page.ids().len(), rows, "{page:?}");
        assert_eq!(page.body["as_of"]["epoch"], sequencer.epoch().to_string());
        assert!(page.body["as_of"]["position"].as_i64().unwrap() >= 6, "{page:?}");
        found.extend(page.ids());
        assert_eq!(page.body["has_more"], found.len() < 5);
        assert_eq!(page.headers.contains_key("link"), found.len() < 5);
        next = format!(
            "{NOTIFICATIONS}?limit=2&after={}",
            page.body["next_cursor"].as_str().unwrap_or_default()
        );
    }
    assert_eq!(found, ids);
    let one = app.get(&format!("{NOTIFICATIONS}/{}", ids[0])).await;
    let document: Notification = serde_json::from_value(one.body.clone()).unwrap();
    assert_eq!((document.id, document.read, &document.value), (ids[0], false, &json!(9)));
    one.header("stockwire-as-of").parse::<Cursor>().unwrap();
    let sql = "select notification_document(notifications) from notifications where id = $1";
    let mut in_table: Value = app.sql.query_one(sql, &[&ids[0]]).await.unwrap().get(0);
    in_table["read"] = json!(false);
    assert_eq!(one.body, in_table);
    for id in [theirs, 999] {
        app.get(&format!("{NOTIFICATIONS}/{id}")).await.is_problem(404, "not_found");
    }
    for id in ["0", "-1", "x", "9223372036854775808"] {
        app.get(&format!("{NOTIFICATIONS}/{id}")).await.is_problem(400, "invalid_parameter");
    }
    let owner_of_other = app.operator_of(TenantId::new(2), "user:9", Role::Owner);
    assert_eq!(app.act(&owner_of_other, "GET", NOTIFICATIONS, None).await.ids(), [theirs]);
}

#[tokio::test]
async fn every_filter_finds_what_it_says_and_all_must_hold() {
    let app = App::spawn().await;
    let a = app.raise(Raise { item: 7, monitor: 3, severity: "info", ..Raise::default() }).await;
    let b = app.raise(Raise { item: 7, monitor: 4, severity: "warning", ..Raise::default() }).await;
    let c =
        app.raise(Raise { item: 8, monitor: 3, severity: "critical", muted: true, ..Raise::default() }).await;
    let move_back = "update notifications set created_at = '2026-01-01T00:00:00Z' where id = $1";
    app.sql.execute(move_back, &[&a]).await.unwrap();
    let acknowledged = app.post(&format!("{NOTIFICATIONS}/{b}/acknowledge"), json!({})).await;
    assert_eq!(acknowledged.status, 200, "{acknowledged:?}");
    for (query, expected) in [
        ("item_id=7", vec![b, a]),
        ("monitor_id=3", vec![c, a]),
        ("item_id=7&monitor_id=3", vec![a]),
        ("severity=critical", vec![c]),
        ("severity=critical,info", vec![c, a]),
        ("unread=true", vec![b, a]),
        ("unread=true&acknowledged=false", vec![a]),
        ("acknowledged=true", vec![b]),
        ("acknowledged=false", vec![c, a]),
        ("muted=true", vec![c]),
        ("muted=false&item_id=7", vec![b, a]),
        ("since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:01Z", vec![a]),
        ("until=2026-01-01T00:00:00Z", vec![]),
        ("since=2026-01-01T00:00:00.000001Z", vec![c, b]),
        ("item_id=8&monitor_id=3&severity=critical&muted=true&acknowledged=false", vec![c]),
        ("item_id=8&unread=true", vec![]),
    ] {
        let found = app.get(&format!("{NOTIFICATIONS}?{query}")).await;
        assert_eq!(found.ids(), expected, "{query}");
    }
    for query in [
        "item_id=0",
        "monitor_id=x",
        "severity=",
        "severity=all",
        "unread=false",
        "acknowledged=1",
        "muted=",
        "since=now",
        "until=x",
        "limit=0",
        "after=x",
        "state=open",
    ] {
        app.get(&format!("{NOTIFICATIONS}?{query}")).await.is_problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn everybody_has_read_what_they_have_read() {
    let app = App::spawn().await;
    let (ann, bob) = (app.operator("user:1", Role::Viewer), app.operator("user:2", Role::Viewer));
    let ids = app.raise_some(6).await;
    let muted = app.raise(Raise { muted: true, ..Raise::default() }).await;
    let say = async |token: &str, method: &str, id: i64| {
        let said = app.act(token, method, &format!("{NOTIFICATIONS}/{id}/read"), None).await;
        assert_eq!(said.status, 204, "{said:?}");
    };
    let up_to = async |token: &str, id: i64| {
        let moved =
            app.act(token, "POST", &format!("{NOTIFICATIONS}/read"), Some(json!({"up_to": id}))).await;
        moved.body["read_up_to"].as_i64().unwrap_or_else(|| panic!("{moved:?}"))
    };
    assert_eq!(app.unread(&ann).await, ids, "what is muted is born read");
    for _ in 0..2 {
        say(&ann, "POST", ids[2]).await;
    }
    assert_eq!(app.unread(&ann).await, [ids[0], ids[1], ids[3], ids[4], ids[5]]);
    assert_eq!(app.unread(&bob).await, ids);
    assert_eq!(up_to(&ann, ids[3]).await, ids[3]);
    assert_eq!(app.unread(&ann).await, ids[4..]);
    let kept: i64 = app.sql.query_one("select count(*) from notification_reads", &[]).await.unwrap().get(0);
    assert_eq!(kept, 0, "the mark says it");
    // Seen again, of those before the mark and of those that are muted.
    for id in [ids[1], ids[2], muted] {
        say(&ann, "DELETE", id).await;
    }
    assert_eq!(app.unread(&ann).await, [ids[1], ids[2], ids[4], ids[5], muted]);
    // The mark doesn't go back, and what lies before is read all the same.
    assert_eq!(up_to(&ann, ids[1]).await, ids[3]);
    assert_eq!(app.unread(&ann).await, [ids[2], ids[4], ids[5], muted]);
    say(&ann, "POST", ids[5]).await;
    assert_eq!(up_to(&ann, i64::MAX).await, muted, "not past what there is");
    assert_eq!(app.unread(&ann).await, Vec::<i64>::new());
    let next = app.raise(Raise::default()).await;
    assert_eq!(app.unread(&ann).await, [next]);
    assert_eq!(app.unread(&bob).await.len(), 7);
    let versions: i64 =
        app.sql.query_one("select max(version) from notifications", &[]).await.unwrap().get(0);
    assert_eq!(versions, 1, "reading is no change");
    for (method, id) in [("POST", 999), ("DELETE", 999)] {
        let said = app.act(&ann, method, &format!("{NOTIFICATIONS}/{id}/read"), None).await;
        said.is_problem(404, "not_found");
    }
    for body in [json!({}), json!({"up_to": 0}), json!({"up_to": "7"})] {
        app.post(&format!("{NOTIFICATIONS}/read"), body).await.is_problem(422, "invalid_body");
    }
}

#[tokio::test]
async fn one_tenants_readers_move_nothing_in_another() {
    let app = App::spawn().await;
    app.sql.batch_execute("insert into tenants (name) values ('other')").await.unwrap();
    let ours = app.raise(Raise::default()).await;
    let theirs = app.raise(Raise { tenant: 2, ..Raise::default() }).await;
    let other = app.operator_of(TenantId::new(2), "user:1", Role::Owner);
    let ours_token = app.operator("user:1", Role::Owner);
    let moved =
        app.act(&other, "POST", &format!("{NOTIFICATIONS}/read"), Some(json!({"up_to": i64::MAX}))).await;
    assert_eq!(moved.body, json!({"read_up_to": theirs}));
    assert_eq!(app.unread(&ours_token).await, [ours]);
    for (method, what, body) in [
        ("GET", "", None),
        ("POST", "/read", None),
        ("DELETE", "/read", None),
        ("POST", "/acknowledge", Some(json!({"note": "mine"}))),
        ("DELETE", "/acknowledge", None),
        ("POST", "/mute", Some(json!({}))),
    ] {
        let path = format!("{NOTIFICATIONS}/{ours}{what}");
        app.act(&other, method, &path, body).await.is_problem(404, "not_found");
    }
    assert_eq!(app.unread(&ours_token).await, [ours]);
}

#[tokio::test]
async fn who_sees_to_it_first_stays_and_the_note_is_everybodys() {
    let app = App::spawn().await;
    let (ann, bob) = (app.operator("user:1", Role::Clerk), app.operator("user:2", Role::Clerk));
    let id = app.raise(Raise { severity: "critical", ..Raise::default() }).await;
    let path = format!("{NOTIFICATIONS}/{id}/acknowledge");
    let open = async || app.get(&format!("{NOTIFICATIONS}/summary")).await.body["unacknowledged"].clone();
    let one = json!({"total": 1, "info": 0, "warning": 0, "critical": 1, "more": false});
    assert_eq!(open().await, one);
    let first = app.act(&ann, "POST", &path, Some(json!({"note": " Ordered "}))).await;
    assert_eq!((first.status.as_u16(), &first.body["version"]), (200, &json!(2)), "{first:?}");
    assert_eq!((&first.body["acknowledged_by"], &first.body["note"]), (&json!("user:1"), &json!("Ordered")));
    assert_eq!(first.body["read"], false, "seeing to it and having read it are two things");
    assert_eq!(open().await["total"], 0);
    for (body, note, version) in [
        (json!({}), json!("Ordered"), 2),
        (json!({"note": "Ordered"}), json!("Ordered"), 2),
        (json!({"note": "Comes on Monday"}), json!("Comes on Monday"), 3),
        (json!({"note": null}), Value::Null, 4),
    ] {
        let again = app.act(&bob, "POST", &path, Some(body)).await;
        assert_eq!((&again.body["note"], &again.body["version"]), (&note, &json!(version)), "{again:?}");
        for kept in ["acknowledged_by", "acknowledged_at"] {
            assert_eq!(again.body[kept], first.body[kept], "{again:?}");
        }
    }
    let actors = "select string_agg(op || ' ' || version || ' ' || actor, ', ' order by id) from changes
        where resource = 'notification' and op = 'update'";
    let actors: String = app.sql.query_one(actors, &[]).await.unwrap().get(0);
    assert_eq!(actors, "update 2 user:1, update 3 user:2, update 4 user:2");
    for _ in 0..2 {
        assert_eq!(app.act(&bob, "DELETE", &path, None).await.status, 204);
    }
    let back = app.get(&format!("{NOTIFICATIONS}/{id}")).await.body;
    assert_eq!((&back["acknowledged_by"], &back["acknowledged_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&back["note"], &back["version"], open().await), (&Value::Null, &json!(5), one));
    for (note, status) in [(json!("x".repeat(2000)), 200), (json!("x".repeat(2001)), 422), (json!(7), 422)] {
        assert_eq!(app.act(&bob, "POST", &path, Some(json!({"note": note}))).await.status, status);
    }
    let missing = app.act(&bob, "POST", &format!("{NOTIFICATIONS}/999/acknowledge"), Some(json!({}))).await;
    missing.is_problem(404, "not_found");
    app.act(&bob, "DELETE", &format!("{NOTIFICATIONS}/999/acknowledge"), None)
        .await
        .is_problem(404, "not_found");
    let viewer = app.operator("user:3", Role::Viewer);
    app.act(&viewer, "POST", &path, Some(json!({}))).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_summary_counts_by_severity_and_looks_no_further_than_ten_thousand() {
    let app = App::spawn().await;
    let insert = "insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure,
          condition, message, change_position, change_at, muted)
        select 1, 1, 'Low', 1, 'Bolt', (array['info', 'warning', 'critical'])[1 + number % 3], 'price', '{}', 'x',
          number, now(), number % 10 = 0
        from generate_series($1::bigint, $2::bigint) as number";
    app.sql.execute(insert, &[&1_i64, &30_i64]).await.unwrap();
    let summary = app.get(&format!("{NOTIFICATIONS}/summary")).await.body;
    let counted = json!({"total": 27, "info": 9, "warning": 9, "critical": 9, "more": false});
    assert_eq!((&summary["unread"], &summary["unacknowledged"]), (&counted, &counted));
    app.post(&format!("{NOTIFICATIONS}/1/read"), json!(null)).await;
    app.post(&format!("{NOTIFICATIONS}/2/acknowledge"), json!({})).await;
    let summary = app.get(&format!("{NOTIFICATIONS}/summary")).await.body;
    assert_eq!(
        (&summary["unread"]["warning"], &summary["unacknowledged"]["critical"]),
        (&json!(8), &json!(8))
    );
    app.sql.execute(insert, &[&31_i64, &10_600_i64]).await.unwrap();
    let summary = app.get(&format!("{NOTIFICATIONS}/summary")).await.body;
    // The newest ten thousand and one, of which every tenth is muted and so read.
    assert_eq!(
        (&summary["unread"]["total"], &summary["unread"]["more"]),
        (&json!(9000), &json!(true)),
        "{summary}"
    );
    assert_eq!(summary["unacknowledged"]["more"], false, "{summary}");
    let marked = app.post(&format!("{NOTIFICATIONS}/read"), json!({"up_to": 10_600})).await;
    assert_eq!(marked.body["read_up_to"], 10_600);
    let summary = app.get(&format!("{NOTIFICATIONS}/summary")).await.body;
    assert_eq!((&summary["unread"]["total"], &summary["unread"]["more"]), (&json!(0), &json!(false)));
}

#[tokio::test]
async fn nothing_needs_to_be_said_to_see_to_a_notification() {
    let app = App::spawn().await;
    let id = app.raise(Raise::default()).await;
    let seen_to = answer(app.request("POST", &format!("{NOTIFICATIONS}/{id}/acknowledge"))).await;
    assert_eq!(seen_to.status, 200, "{seen_to:?}");
    assert!(seen_to.body["acknowledged_by"].is_string() && seen_to.body["note"].is_null(), "{seen_to:?}");
    let odd = app.request("POST", &format!("{NOTIFICATIONS}/{id}/acknowledge")).body("note=Ordered");
    answer(odd).await.is_problem(415, "unsupported_media_type");
}
