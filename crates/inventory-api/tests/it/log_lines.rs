//! The log of the real binary: for machines, searchable by request, and without secrets.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use service::settings::Secret;
use testkit::{Database, Role, Scratch, process, settings, waiting};

const BINARY: &str = env!("CARGO_BIN_EXE_inventory-api");
const LISTEN: &str = "STOCKWIRE__HTTP__LISTEN";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn lines(log: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(log)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// A role with a password of its own, which may do all that the service needs.
async fn login(database: &Database) -> Result<Role> {
    database
        .login_role(&["all on all tables in schema public", "all on all sequences in schema public"])
        .await
}

fn environment(settings: &service::Settings, filter: &str) -> BTreeMap<String, String> {
    let mut environment = process::environment(settings);
    environment.insert("STOCKWIRE__LOG__FORMAT".into(), "json".into());
    environment.insert("STOCKWIRE__LOG__FILTER".into(), filter.into());
    environment.insert("STOCKWIRE__HTTP__WORKERS".into(), "1".into());
    // The schema is there, and not everybody may change it.
    environment.insert("STOCKWIRE__DATABASE__MIGRATE".into(), "false".into());
    environment
}

/// The part of a URL that must not be seen.
fn password(url: &str) -> Result<String> {
    let (_, rest) = url.split_once("://").context("a URL")?;
    let (user, _) = rest.split_once('@').context("a user")?;
    Ok(user.split_once(':').context("a password")?.1.to_owned())
}

#[tokio::test]
async fn every_line_is_json_and_a_request_can_be_found_by_its_id_and_its_trace() -> Result<()> {
    let database = Database::create().await?;
    let directory = Scratch::new()?;
    let log = directory.path().join("log");
    let environment = environment(&settings(&database)?, "info,service=debug");
    let mut service = process::Service::spawn_with_log(BINARY, LISTEN, &environment, &log)?;
    service.ready().await?;
    let url = format!("http://{}/api/v1/items", service.address());
    let request = reqwest::Client::new().get(url).header("x-request-id", "r-77");
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let answer = request.header("traceparent", traceparent).send().await?.error_for_status()?;
    ensure!(answer.headers()["x-request-id"] == "r-77");
    service.ask_to_stop()?;
    ensure!(service.exit_status(Duration::from_secs(9)).await?.success());
    let lines = lines(&log)?;
    for line in &lines {
        for member in ["timestamp", "level", "service", "target", "message"] {
            ensure!(line[member].is_string(), "{member} is missing: {line}");
        }
        ensure!(line["service"] == "inventory-api", "{line}");
        ensure!(line.as_object().context("an object")?.values().all(|value| !value.is_object()), "{line}");
    }
    let answered = lines.iter().find(|line| line["request.id"] == "r-77").context("a line of the request")?;
    ensure!(answered["message"] == "answered" && answered["http.status"] == 200, "{answered}");
    ensure!(answered["trace.id"] == TRACE && answered["http.path"] == "/api/v1/items", "{answered}");
    Ok(())
}

#[tokio::test]
async fn the_first_line_says_what_runs_where_and_no_line_says_a_secret() -> Result<()> {
    let database = Database::create().await?;
    let role = login(&database).await?;
    let mut settings = settings(&database)?;
    settings.database.url = Secret::new(role.url.clone());
    let directory = Scratch::new()?;
    let log = directory.path().join("log");
    let mut service =
        process::Service::spawn_with_log(BINARY, LISTEN, &environment(&settings, "trace"), &log)?;
    service.ready().await?;
    let authority = format!("http://{}", service.address());
    let client = reqwest::Client::new();
    let shown = settings.auth.token_secret.expose();
    let refused = client.get(format!("{authority}/api/v1/items")).bearer_auth(shown).send().await?;
    ensure!(refused.status() == 401);
    let inside = client.get(format!("{authority}/internal/v1/snapshot?tenant=1&topic=items"));
    inside.bearer_auth(settings.internal.secret.expose()).send().await?.error_for_status()?;
    service.ask_to_stop()?;
    ensure!(service.exit_status(Duration::from_secs(9)).await?.success());

    let first =
        lines(&log)?.into_iter().find(|line| line["message"] == "starting").context("a first line")?;
    ensure!(first["version"] == service::VERSION, "{first}");
    let (_, place) = role.url.split_once('@').context("a place")?;
    ensure!(first["database"] == format!("{}@{place}", role.name), "{first}");
    ensure!(first["http.listen"] == service.address().to_string(), "{first}");
    let listed = first["settings"].as_str().context("settings")?;
    ensure!(listed.contains("http.workers=1") && listed.contains(r#"log.format="json""#), "{listed}");
    ensure!(listed.contains(r#"internal.secret="(set)""#), "{listed}");
    let text = std::fs::read_to_string(&log)?;
    let password = password(&role.url)?;
    for secret in [password.as_str(), shown, settings.internal.secret.expose()] {
        ensure!(secret.len() >= 16 && !text.contains(secret), "a secret is in the log");
    }
    Ok(())
}

#[tokio::test]
async fn a_database_that_can_not_be_reached_is_named_without_its_password() -> Result<()> {
    let database = Database::create().await?;
    let mut settings = settings(&database)?;
    // Nobody listens at this port, and the schema shall be made there.
    let nowhere = testkit::free_listener()?.local_addr()?;
    settings.database.url = Secret::new(format!("postgres://clerk:a-long-password-of-hers@{nowhere}/stock"));
    let mut environment = environment(&settings, "debug");
    environment.insert("STOCKWIRE__DATABASE__MIGRATE".into(), "true".into());
    let directory = Scratch::new()?;
    let log = directory.path().join("log");
    let mut service = process::Service::spawn_with_log(BINARY, LISTEN, &environment, &log)?;
    let items = format!("http://{}/api/v1/items", service.address());
    let unavailable = async || {
        let answer = reqwest::get(&items).await;
        let Ok(answer) = answer else { return Ok(None) };
        ensure!(answer.status() == 503, "{answer:?}");
        Ok(Some(answer.text().await?))
    };
    let (body, _) = waiting::until(waiting::PATIENCE, "an answer", unavailable).await?;
    service.ask_to_stop()?;
    service.exit_status(Duration::from_secs(9)).await?;
    let text = std::fs::read_to_string(&log)?;
    ensure!(text.contains(&format!("clerk@{nowhere}/stock")), "{text}");
    ensure!(text.contains("waiting for the database"), "{text}");
    ensure!(!text.contains("a-long-password-of-hers") && !body.contains("a-long-password-of-hers"));
    Ok(())
}
