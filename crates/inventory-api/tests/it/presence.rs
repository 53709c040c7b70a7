//! Who is connected: where hubs report it, and where clients read it.

use serde_json::{Value, json};

use crate::app::{Answer, App, INTERNAL_SECRET, answer};

const HUB: &str = "7d444840-9dc0-11d1-b245-5ffdce74fad2";

fn report(number: i64, here: &[&str], gone: &[&str]) -> Value {
    let people = |actors: &[&str]| -> Value {
        actors.iter().map(|actor| json!({"tenant": 1, "actor": actor})).collect()
    };
    json!({
        "hub": HUB, "number": number, "lasts_ms": 60_000, "whole": (number == 1).then_some(1), "done": number == 1,
        "here": people(here), "gone": people(gone),
    })
}

async fn say(app: &App, report: &Value) -> Answer {
    let request = app.request("POST", "/internal/v1/presence").bearer_auth(INTERNAL_SECRET);
    answer(request.json(report)).await
}

#[tokio::test]
async fn what_a_hub_reports_is_listed_in_pages_with_names_and_is_a_snapshot() {
    let app = App::spawn().await;
    let insert =
        "insert into users (tenant_id, email, name, role) values (1, 'a@shop.example', 'Anna', 'clerk')";
    app.sql.batch_execute(insert).await.unwrap();
    let empty = app.get("/api/v1/presence").await;
    assert_eq!((&empty.body["data"], &empty.body["has_more"]), (&json!([]), &json!(false)));
    assert_eq!(say(&app, &report(1, &["user:1"], &[])).await.status, 204);
    assert_eq!(say(&app, &report(2, &["key:9", "user:404"], &[])).await.status, 204);
    let first = app.get("/api/v1/presence?limit=2").await;
    assert!(first.header("link").contains("rel=\"next\""), "{first:?}");
    assert!(first.body["as_of"]["position"].is_i64() && first.body["has_more"] == true, "{first:?}");
    let next = first.body["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("/api/v1/presence?limit=2&after={next}")).await;
    assert_eq!((&second.body["has_more"], &second.body["next_cursor"]), (&json!(false), &json!(null)));
    let mut people = first.body["data"].as_array().unwrap().clone();
    people.extend(second.body["data"].as_array().unwrap().iter().cloned());
    let named: Vec<_> = people.iter().map(|person| (&person["actor"], &person["name"])).collect();
    assert_eq!(
        named,
        [
            (&json!("user:1"), &json!("Anna")),
            (&json!("key:9"), &json!("key:9")),
            (&json!("user:404"), &json!("user:404"))
        ]
    );
    assert!(people.iter().all(|person| person["since"].as_str().unwrap().ends_with('Z')));

    let snapshot = async |tenant: i64| {
        let path = format!("/internal/v1/snapshot?tenant={tenant}&topic=presence");
        let answered = app.request("GET", &path).bearer_auth(INTERNAL_SECRET).send().await.unwrap();
        let text = answered.text().await.unwrap();
        text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    assert_eq!(snapshot(1).await, [json!(people), json!({"end": 3})]);
    assert_eq!(snapshot(2).await, [json!({"end": 0})]);
}

#[tokio::test]
async fn a_report_that_cannot_be_taken_is_refused_and_changes_nothing() {
    let app = App::spawn().await;
    let path = "/internal/v1/presence";
    answer(app.request("POST", path).json(&report(1, &["user:1"], &[])))
        .await
        .is_problem(401, "not_authenticated");
    let wrong = app.request("POST", path).bearer_auth("wrong").json(&report(1, &["user:1"], &[]));
    answer(wrong).await.is_problem(401, "not_authenticated");
    assert_eq!(say(&app, &report(2, &["user:1"], &[])).await.status, 409);
    let mut other = report(1, &["user:1"], &[]);
    other["hub"] = json!("x");
    say(&app, &other).await.is_problem(422, "invalid_body");
    let many: Vec<String> = (0..501).map(|number| format!("user:{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    say(&app, &report(1, &many, &[])).await.is_problem(422, "invalid_body");
    assert_eq!(say(&app, &report(1, &many[..500], &[])).await.status, 204, "so many fit into a body");
    app.get("/api/v1/presence?limit=0").await.is_problem(400, "invalid_parameter");
    app.get("/api/v1/presence?after=x").await.is_problem(400, "invalid_parameter");
}
