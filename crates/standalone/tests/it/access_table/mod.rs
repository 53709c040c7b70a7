//! Every route and every topic with every kind of credentials: one table, and a test that the table is complete.

mod complete;
mod rows;
mod scene;

use anyhow::{Context as _, Result, ensure};
use domain::{Permission, Role};
use serde_json::{Value, json};
use testkit::{EventStream, Raise, SocketClient, SocketOptions};

use self::{
    rows::{
        IDS, ROUTES, Row,
        Who::{self, Anybody, Hidden, Known, Services, User, With, WithLogin},
    },
    scene::{CALLERS, Caller, Scene},
};

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() -> Result<()> {
    let scene = Scene::set().await?;
    let mut wrong = Vec::new();
    for row in ROUTES {
        for caller in CALLERS {
            let answer = scene.ask(row, *caller).await?;
            let status = answer.status().as_u16();
            let is_problem =
                answer.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
            let code = match is_problem && row.method != "HEAD" {
                true => answer.json::<Value>().await?["code"].as_str().map(ToOwned::to_owned),
                false => None,
            };
            let expected = caller.expected(row);
            let code_is_wrong = row.method != "HEAD" && expected.1.is_some() && code.as_deref() != expected.1;
            if status != expected.0 || code_is_wrong {
                wrong.push(format!(
                    "{} {} as {caller:?}: {status} {code:?}, expected {expected:?}",
                    row.method, row.path
                ));
            }
        }
    }
    println!(
        "{} routes × {} callers = {} answers",
        ROUTES.len(),
        CALLERS.len(),
        ROUTES.len() * CALLERS.len()
    );
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What the OpenAPI document says of a route.
fn sentence(who: Who) -> String {
    match who {
        With(permission) => format!("Needs the permission `{permission}`."),
        Known | WithLogin | User | Hidden(_) => "Needs credentials, whatever they allow.".to_owned(),
        Anybody | Services => "Needs no credentials.".to_owned(),
    }
}

#[tokio::test]
async fn the_openapi_document_says_of_every_route_what_the_table_says() -> Result<()> {
    let scene = Scene::set().await?;
    let url = format!("{}/api/v1/openapi.json", scene.stack.api.url());
    let document: Value = scene.http.get(url).send().await?.json().await?;
    let mut wrong = Vec::new();
    for (path, operations) in document["paths"].as_object().context("paths")? {
        for (method, operation) in operations.as_object().context("operations")? {
            let said = operation["description"].as_str().unwrap_or_default();
            let is_this = |row: &&Row| {
                let asked = row.path.split('?').next().unwrap_or_default();
                let asked = IDS.iter().fold(asked.to_owned(), |asked, id| asked.replace(id, "{id}"));
                row.method.eq_ignore_ascii_case(method) && asked == *path
            };
            // Where a route has several rows, it says what is needed for all that it can do, or for what is one's own.
            if !ROUTES.iter().filter(is_this).any(|row| said.ends_with(&sentence(row.who))) {
                wrong.push(format!("{method} {path}: {said}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What a topic's name is in the table; a new topic has none, and this doesn't compile.
fn name(topic: domain::Topic) -> Option<&'static str> {
    match topic {
        domain::Topic::Items => Some("items"),
        domain::Topic::Item(_) => Some("items:{id}"),
        domain::Topic::Notifications => Some("notifications"),
        domain::Topic::Monitors => Some("monitors"),
        domain::Topic::Monitor(_) => Some("monitors:{monitor}"),
        domain::Topic::Presence => Some("presence"),
        // Everybody's own, without asking.
        domain::Topic::Session => None,
    }
}

#[tokio::test]
async fn every_topic_is_open_to_every_kind_of_caller_as_the_permissions_say() -> Result<()> {
    let scene = Scene::set().await?;
    let topics = ["items", "items:{id}", "notifications", "monitors", "monitors:{monitor}", "presence"];
    for topic in ["items", "items:1", "notifications", "monitors", "monitors:1", "presence"] {
        let found = name(topic.parse()?).context("no name")?;
        ensure!(topics.contains(&found), "{found}");
    }
    for topic in topics {
        for caller in CALLERS {
            let topic = scene.with_ids(topic).await?;
            let token = scene.credentials(*caller).await?;
            let found = subscribe(&scene, &topic, token.as_deref()).await?;
            let expected = match caller {
                Caller::Nobody | Caller::Expired | Caller::Service => "not let in",
                Caller::Revoked => "force_logout",
                caller if caller.permissions().contains(Permission::Read) => "subscribed",
                _ => "error",
            };
            ensure!(found == expected, "{topic} as {caller:?}: {found}, expected {expected}");
        }
    }
    Ok(())
}

/// What a socket hears that asks for a topic.
async fn subscribe(scene: &Scene, topic: &str, token: Option<&str>) -> Result<String> {
    let mut socket = SocketClient::connect(scene.stack.hub.address(), &SocketOptions::default()).await?;
    let token = token.unwrap_or("nothing");
    socket.send(&json!({"type": "auth", "token": token})).await?;
    let Ok(first) = socket.next().await else { return Ok("not let in".to_owned()) };
    if first["type"] != "connected" {
        return Ok(first["type"].as_str().unwrap_or_default().to_owned());
    }
    socket.send(&json!({"type": "subscribe", "topic": topic})).await?;
    let answered = socket.next().await?;
    Ok(answered["type"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn nothing_of_one_tenant_reaches_another() -> Result<()> {
    let scene = Scene::set().await?;
    let (user, _) = scene.user(1, Role::Clerk).await?;
    let named = format!("update users set name = 'Secret', email = 'secret@x.example' where id = {user}");
    scene.sql.batch_execute(&named).await?;
    scene.sql.batch_execute("update monitors set name = 'Secret' where tenant_id = 1").await?;
    let token = scene.credentials(Caller::OwnerOfAnotherTenant).await?.context("a token")?;
    let options = SocketOptions { token: Some(token.clone()), ..SocketOptions::default() };
    let mut socket = SocketClient::connect(scene.stack.hub.address(), &options).await?;
    socket.expect("connected").await?;
    let item = scene.id("insert into items (tenant_id, name) values (1, 'Secret') returning id").await?;
    let monitor = scene.with_ids("{monitor}").await?;
    let raise = Raise { monitor: monitor.parse()?, item, ..Raise::default() };
    raise.on(&scene.sql).await?;
    let rename = "update monitors set name = 'Secret' where tenant_id = 1; update notifications set item_name = 'Secret'";
    scene.sql.batch_execute(rename).await?;
    let of_monitor = format!("monitors:{monitor}");
    for topic in ["items", &format!("items:{item}"), "notifications", &of_monitor] {
        socket.subscribe_with_snapshot(topic).await?;
        let initial = socket.expect("initial").await?;
        ensure!(initial["data"] == json!([]), "{initial}");
        socket.expect("subscribed").await?;
    }
    socket.send(&json!({"type": "subscribe", "topic": "monitors"})).await?;
    socket.expect("subscribed").await?;
    scene.sql.batch_execute("update items set name = 'Still secret'").await?;
    scene.sql.batch_execute("update monitors set name = 'Still secret' where tenant_id = 1").await?;
    raise.on(&scene.sql).await?;
    // What is theirs comes behind what isn't.
    scene.sql.batch_execute("insert into items (tenant_id, name) values (2, 'Ours')").await?;
    let heard = socket.expect("create").await?;
    ensure!(heard["data"]["name"] == "Ours", "{heard}");
    for path in [
        "/api/v1/items",
        "/api/v1/changes",
        "/api/v1/actors",
        "/api/v1/audit",
        "/api/v1/users",
        "/api/v1/api-keys",
        "/api/v1/presence",
        "/api/v1/monitors",
        "/api/v1/monitors/status",
        "/api/v1/notifications",
        "/api/v1/mutes",
        "/api/v1/sessions?user=all",
    ] {
        let answer =
            scene.http.get(format!("{}{path}", scene.stack.api.url())).bearer_auth(&token).send().await?;
        let text = answer.error_for_status()?.text().await?;
        ensure!(!text.contains("ecret") && !text.contains(&format!("user:{user}\"")), "{path}: {text}");
    }
    Ok(())
}

/// A client of the fallbacks that may not read is told so, before anything is opened for it.
#[tokio::test]
async fn a_stream_needs_the_permission_to_read() -> Result<()> {
    let scene = Scene::set().await?;
    let refused = EventStream::open(scene.stack.hub.address(), "topic=items", None).await;
    ensure!(refused.is_err_and(|error| error.to_string().contains("401")), "let in without a token");
    Ok(())
}
