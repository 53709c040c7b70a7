//! The audit trail: who reads it, what it says of refused access, and what it leaves out.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testkit::{Database, process, settings, waiting};
use tokio::net::TcpStream;

use crate::{
    app::{Answer, App, answer},
    people::Device,
};

/// An owner who has signed in.
async fn owner(app: &App) -> Device {
    let olga = app.person("olga", "owner").await;
    app.sign_in(&olga).await
}

async fn lines(app: &App, owner: &Device, query: &str) -> Vec<Value> {
    let answered = app.ask(&owner.access, "GET", &format!("/api/v1/audit{query}")).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    answered.body["data"].as_array().unwrap().clone()
}

/// Waits for so many lines of what was refused.
async fn refusals(app: &App, owner: &Device, count: usize) -> Vec<Value> {
    let look = async || {
        let lines = lines(app, owner, "?event=access_refused").await;
        Ok((lines.len() >= count).then_some(lines))
    };
    waiting::until(waiting::PATIENCE, "the refusals", look).await.unwrap().0
}

#[tokio::test]
async fn an_owner_reads_the_trail_in_pages_and_by_filters() {
    let app = App::spawn().await;
    let owner = owner(&app).await;
    let ann = app.person("ann", "viewer").await;
    let device = app.sign_in(&ann).await;
    app.ask(&device.access, "DELETE", "/api/v1/sessions/current").await;
    let all = lines(&app, &owner, "").await;
    let events: Vec<&str> = all.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["session_ended", "signed_in", "user_created", "signed_in", "user_created"]);
    let last = &all[0];
    assert_eq!(last["actor"], format!("user:{}", ann.id));
    assert_eq!(last["subject"], format!("session:{}", device.session));
    assert_eq!(last["address"], "127.0.0.1");
    assert_eq!(last["detail"], json!({"user": format!("user:{}", ann.id), "end_reason": "revoked"}));
    assert!(last["request_id"].is_string() && last["at"].as_str().unwrap().ends_with('Z'), "{last}");
    let of_ann = format!("?actor=user:{}&event=session_ended", ann.id);
    assert_eq!(lines(&app, &owner, &of_ann).await, all[..1]);
    assert_eq!(lines(&app, &owner, &format!("?subject=session:{}", device.session)).await, all[..2]);
    let since = format!("?since={}", all[1]["at"].as_str().unwrap());
    assert_eq!(lines(&app, &owner, &since).await, all[..2]);
    let until = format!("?until={}", all[1]["at"].as_str().unwrap());
    assert_eq!(lines(&app, &owner, &until).await, all[2..]);
    let mut read = Vec::new();
    let mut path = "/api/v1/audit?limit=2".to_owned();
    loop {
        let page = app.ask(&owner.access, "GET", &path).await;
        read.extend(page.body["data"].as_array().unwrap().clone());
        if page.body["has_more"] == false {
            assert_eq!((page.header("link"), &page.body["next_cursor"]), ("", &Value::Null));
            break;
        }
        let next = page.header("link").strip_suffix(">; rel=\"next\"").unwrap()[1..].to_owned();
        assert!(next.ends_with(&format!("after={}", page.body["next_cursor"].as_str().unwrap())), "{next}");
        path = next;
    }
    assert_eq!(read, all);
}

#[tokio::test]
async fn the_trail_is_for_those_who_look_after_users_and_of_their_tenant_only() {
    let app = App::spawn().await;
    let owner = owner(&app).await;
    let mia = app.person("mia", "manager").await;
    let manager = app.sign_in(&mia).await;
    app.ask(&manager.access, "GET", "/api/v1/audit").await.is_problem(403, "forbidden");
    app.get("/api/v1/audit").await.is_problem(403, "forbidden");
    app.sql
        .batch_execute(
            "insert into tenants (name) values ('other');
             insert into audit (tenant_id, event, actor) values (2, 'signed_in', 'user:99'), (null, 'sign_in_failed', 'nobody')",
        )
        .await
        .unwrap();
    for line in lines(&app, &owner, "?limit=200").await {
        assert!(line["actor"] != "user:99" && line["event"] != "sign_in_failed", "{line}");
    }
    let wrong =
        app.ask(&owner.access, "GET", "/api/v1/audit?since=yesterday&limit=0&who=me&event=a%00b").await;
    wrong.is_problem(400, "invalid_parameter");
    assert_eq!(wrong.body["errors"].as_array().unwrap().len(), 4, "{wrong:?}");
}

#[tokio::test]
async fn refused_access_is_written_down_with_who_and_what() {
    let app = App::spawn().await;
    let owner = owner(&app).await;
    let vera = app.person("vera", "viewer").await;
    let viewer = app.sign_in(&vera).await;
    let request = app.request("DELETE", "/api/v1/items/7").bearer_auth(&viewer.access);
    answer(request.header("x-request-id", "the-refused-one")).await.is_problem(403, "forbidden");
    app.ask(&viewer.access, "DELETE", "/api/v1/sessions/current").await;
    app.ask(&viewer.access, "GET", "/api/v1/items").await.is_ended("revoked");
    let lines = refusals(&app, &owner, 2).await;
    let [ended, forbidden] = lines.as_slice() else { panic!("{lines:?}") };
    for line in [ended, forbidden] {
        assert_eq!(line["actor"], format!("user:{}", vera.id));
        assert_eq!(line["subject"], format!("session:{}", viewer.session));
        assert_eq!(line["address"], "127.0.0.1");
    }
    let detail = json!({"method": "DELETE", "route": "/api/v1/items/{id}", "permission": "items"});
    assert_eq!((&forbidden["detail"], &forbidden["request_id"]), (&detail, &json!("the-refused-one")));
    assert_eq!(ended["detail"], json!({"method": "GET", "route": "/api/v1/items", "ended": "revoked"}));
    // Nobody knows whose a made-up token is.
    app.ask("guessed", "GET", "/api/v1/items").await.is_problem(401, "not_authenticated");
    let metrics = app.request("GET", "/metrics").send().await.unwrap().text().await.unwrap();
    for reason in ["invalid", "ended", "forbidden"] {
        let series = format!("stockwire_api_refused_total{{reason=\"{reason}\"}} ");
        let counted = metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
        assert!(counted.parse::<f64>().unwrap() >= 1.0, "{reason}: {counted}");
    }
    for reason in ["missing", "expired", "csrf"] {
        assert!(
            metrics.contains(&format!("stockwire_api_refused_total{{reason=\"{reason}\"}} ")),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn what_someone_changes_by_hand_is_in_the_trail_too() {
    let app = App::spawn().await;
    let owner = owner(&app).await;
    let by_hand = "insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, created_by)
            values (1, 'till', '0123456789', sha256('a'), '{read}', 'x');
        update api_keys set last_used_at = now();
        update api_keys set scopes = '{read,items}';
        update api_keys set secret_hash = sha256('b');
        insert into tenant_settings values (1, 'multiple');
        delete from tenant_settings";
    app.sql.batch_execute(by_hand).await.unwrap();
    let lines = lines(&app, &owner, "?limit=5").await;
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let policy = "session_policy_changed";
    assert_eq!(events, [policy, policy, "key_changed", "key_changed", "key_created"]);
    assert_eq!(lines[0]["detail"], json!({"from": "multiple", "to": "single"}));
    assert_eq!(lines[3]["detail"], json!({"name": "till", "scopes": ["read", "items"]}));
    assert!(lines.iter().all(|line| line["actor"].as_str().unwrap().starts_with("db:")));
}

#[tokio::test]
async fn whoever_is_refused_again_and_again_fills_a_few_lines_only() {
    let app = App::spawn_with(&[
        ("STOCKWIRE__HTTP__TRUSTED_PROXIES", "127.0.0.1"),
        ("STOCKWIRE__AUTH__ANONYMOUS", "anywhere"),
    ])
    .await;
    let owner = owner(&app).await;
    let refused_from = async |address: &str| -> Answer {
        answer(app.request("GET", "/api/v1/audit").header("x-forwarded-for", address)).await
    };
    for _ in 0..40 {
        refused_from("203.0.113.9").await.is_problem(403, "forbidden");
    }
    refused_from("203.0.113.10").await.is_problem(403, "forbidden");
    // Written in order, so whatever came before the last one is there with it.
    let look = async || {
        let lines = lines(&app, &owner, "?event=access_refused").await;
        Ok(lines.iter().any(|line| line["address"] == "203.0.113.10").then_some(lines))
    };
    let (lines, _) = waiting::until(waiting::PATIENCE, "the last refusal", look).await.unwrap();
    let of_the_first = lines.iter().filter(|line| line["address"] == "203.0.113.9").count();
    // Five at once, and five a minute on a machine that is slow.
    assert!((5..=15).contains(&of_the_first), "{of_the_first}");
    let metrics = app.request("GET", "/metrics").send().await.unwrap().text().await.unwrap();
    let counted =
        metrics.lines().find_map(|line| line.strip_prefix("stockwire_audit_suppressed_total ")).unwrap();
    assert!(counted.parse::<f64>().unwrap() >= 25.0, "{counted}");
}

#[tokio::test]
async fn a_trail_that_cannot_be_written_delays_nobody_and_is_written_before_the_end() -> Result<()> {
    let database = Database::create().await?;
    let environment = process::environment(&settings(&database)?);
    let binary = env!("CARGO_BIN_EXE_inventory-api");
    let mut api = process::Service::start(binary, "STOCKWIRE__HTTP__LISTEN", &environment).await?;
    let sql = database.sql().await?;
    sql.batch_execute("begin; lock table audit in access exclusive mode").await?;
    for _ in 0..3 {
        // Whoever waited for the lock would be answered with 503 in the end.
        let refused = reqwest::get(format!("http://{}/api/v1/audit", api.address())).await?;
        ensure!(refused.status() == 403, "{refused:?}");
    }
    api.ask_to_stop()?;
    let closed = async || Ok(TcpStream::connect(api.address()).await.is_err().then_some(()));
    waiting::until(waiting::PATIENCE, "nobody to be let in any more", closed).await?;
    sql.batch_execute("commit").await?;
    let status = api.exit_status(waiting::PATIENCE).await?;
    ensure!(status.success(), "it ended with {status}");
    let count = "select count(*) from audit where event = 'access_refused'";
    ensure!(sql.query_one(count, &[]).await?.try_get::<_, i64>(0)? == 3);
    Ok(())
}
