//! Coming in for the first time: what a start prints, and the commands that let people and programs in.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Response, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::{Scratch, waiting};

use crate::stockwire::{Stockwire, command, output};

const NOBODY: [(&str, &str); 2] =
    [("STOCKWIRE__AUTH__ANONYMOUS", "never"), ("STOCKWIRE__LOG__FILTER", "debug")];

/// The word that begins so, once it was printed.
async fn printed(stockwire: &Stockwire, beginning: &str) -> Result<String> {
    let found = waiting::until(waiting::PATIENCE, beginning, async || {
        let said = stockwire.said()?;
        Ok(said.split(char::is_whitespace).find(|word| word.starts_with(beginning)).map(ToOwned::to_owned))
    });
    Ok(found.await?.0)
}

async fn link(stockwire: &Stockwire) -> Result<String> {
    printed(stockwire, &format!("http://{}/sign-in#", stockwire.address)).await
}

async fn use_link(stockwire: &Stockwire, link: &str) -> Result<Response> {
    let (_, secret) = link.split_once('#').context("a secret")?;
    let url = format!("http://{}/api/v1/password", stockwire.address);
    let body = json!({"link": secret, "password": "correct horse"});
    Ok(Client::new().post(url).json(&body).send().await?)
}

async fn me(stockwire: &Stockwire, token: &str) -> Result<(StatusCode, Value)> {
    let url = format!("http://{}/api/v1/me", stockwire.address);
    let answer = Client::new().get(url).bearer_auth(token).send().await?;
    Ok((answer.status(), answer.json().await?))
}

async fn run(home: &Path, arguments: &[&str]) -> Result<String> {
    let done = output(command(home).args(arguments)).await?;
    ensure!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

fn secret_of(said: &str) -> Result<String> {
    let (_, rest) = said.split_once("/sign-in#").context("a link")?;
    Ok(format!("#{}", rest.lines().next().unwrap_or_default()))
}

#[tokio::test]
async fn a_first_start_prints_a_link_and_a_key_until_the_link_was_used() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    let stockwire = Stockwire::start_with(&home, &[], &NOBODY).await?;
    let url = format!("http://{}/api/v1/items", stockwire.address);
    ensure!(reqwest::get(&url).await?.status() == 401, "nobody comes in without credentials");
    let first = link(&stockwire).await?;
    ensure!(stockwire.said()?.contains("Sign in as owner@localhost: this link"), "{}", stockwire.said()?);
    let key = printed(&stockwire, "STOCKWIRE_KEY=sw_").await?.replace("STOCKWIRE_KEY=", "");
    let created = Client::new().post(&url).bearer_auth(&key).json(&json!({"name": "Bolt"})).send().await?;
    ensure!(created.status() == 201, "{created:?}");
    let (_, secret) = first.split_once('#').context("a secret")?;
    let log = stockwire.logged()?;
    ensure!(!log.is_empty() && !log.contains(secret) && !log.contains(&key), "secrets are in no log");
    ensure!(stockwire.signal(Signal::TERM).await?.success());

    let stockwire = Stockwire::start_with(&home, &[], &NOBODY).await?;
    let second = link(&stockwire).await?;
    ensure!(use_link(&stockwire, &first).await?.status() == 410, "the one before is replaced");
    ensure!(me(&stockwire, &key).await?.0 == 401, "the key before is revoked");
    let session: Value = use_link(&stockwire, &second).await?.error_for_status()?.json().await?;
    let (_, who) = me(&stockwire, session["access_token"].as_str().context("a token")?).await?;
    ensure!(who["email"] == "owner@localhost" && who["permissions"].to_string().contains("users"), "{who}");
    ensure!(stockwire.signal(Signal::TERM).await?.success());

    let stockwire = Stockwire::start_with(&home, &[], &NOBODY).await?;
    printed(&stockwire, &format!("http://{}/sign-in", stockwire.address)).await?;
    let said = stockwire.said()?;
    ensure!(!said.contains("/sign-in#") && !said.contains("sw_"), "{said}");
    ensure!(stockwire.signal(Signal::TERM).await?.success());

    let stockwire = Stockwire::start_with(&home, &["--demo", "--demo-rate", "0"], &NOBODY).await?;
    let key = printed(&stockwire, "STOCKWIRE_KEY=sw_").await?.replace("STOCKWIRE_KEY=", "");
    ensure!(me(&stockwire, &key).await?.0 == 200 && !stockwire.said()?.contains("/sign-in#"));
    ensure!(stockwire.signal(Signal::TERM).await?.success());
    Ok(())
}

#[tokio::test]
async fn the_command_line_lets_owners_and_programs_in_while_a_stockwire_runs_or_not() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    let before = run(&home, &["owner", "--email", "Ann@Shop.example"]).await?;
    ensure!(before.contains("Signs ann@shop.example in"), "{before}");
    let key = run(&home, &["key", "--name", "till", "--scopes", "read,stock"]).await?;
    let stockwire = Stockwire::start_with(&home, &[], &NOBODY).await?;
    let (status, who) = me(&stockwire, key.trim()).await?;
    ensure!(status == 200 && who["permissions"] == json!(["read", "stock"]), "{who}");

    // Ann is an owner, so the start made no other one and printed another link of hers.
    ensure!(link(&stockwire).await?.len() > 60);
    ensure!(stockwire.said()?.contains("as ann@shop.example"));
    ensure!(use_link(&stockwire, &secret_of(&before)?).await?.status() == 410);
    let running = run(&home, &["owner"]).await?;
    ensure!(running.contains("Signs ann@shop.example in"), "{running}");
    ensure!(use_link(&stockwire, &secret_of(&running)?).await?.status() == 201);

    let elsewhere = run(&home, &["owner", "--tenant", "elsewhere"]).await?;
    let session: Value =
        use_link(&stockwire, &secret_of(&elsewhere)?).await?.error_for_status()?.json().await?;
    let (_, who) = me(&stockwire, session["access_token"].as_str().context("a token")?).await?;
    ensure!(who["tenant"] == 2 && who["email"] == "owner@localhost", "{who}");
    for wrong in [["owner", "--email", "ann"].as_slice(), &["key", "--name", "x", "--scopes", "users"]] {
        let refused = output(command(&home).args(wrong)).await?;
        ensure!(refused.status.code() == Some(2), "{wrong:?}");
    }
    ensure!(stockwire.signal(Signal::TERM).await?.success());
    Ok(())
}

#[tokio::test]
async fn where_the_schema_is_missing_a_command_says_so_and_ends() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut command = command(&scratch.path().join("home"));
    command.args(["owner"]).env("STOCKWIRE__DATABASE__MIGRATE", "false");
    // Nobody listens there.
    command.env("STOCKWIRE__DATABASE__URL", "postgres://nobody:hunter2@127.0.0.1:1/stockwire");
    let ended = output(&mut command).await?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(ended.status.code() == Some(1) && said.contains("stockwire migrate"), "{said}");
    ensure!(!said.contains("hunter2"));
    Ok(())
}
