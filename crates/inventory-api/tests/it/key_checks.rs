//! API keys at the gate: wrong ones, wrong places, revoked elsewhere, and what all that costs.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use anyhow::{Context, Result, ensure};
use domain::{Identity, Login, Role};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use service::{Settings, access::Access};
use testkit::{Database, Scratch, process, settings, waiting};
use tokio::time::Instant;

use crate::{
    app::{App, answer, start_server},
    credentials::{KEYS, ME, NewKey},
};

#[tokio::test]
async fn wrong_keys_are_refused_alike_whatever_is_wrong() {
    let app = App::spawn().await;
    let (key, other) = (app.new_key(&["read"]).await, app.new_key(&["read"]).await);
    assert_eq!(app.get_with(ME, &key.text).await.status, 200);
    let (revoked, expired) = (app.new_key(&["read"]).await, app.new_key(&["read"]).await);
    app.revoke(&revoked).await;
    let expire = "update api_keys set expires_at = now() - interval '1 second' where id = $1";
    app.sql.execute(expire, &[&expired.id]).await.unwrap();
    let with = |prefix: &str, secret: &str| format!("sw_{prefix}_{secret}");
    let swapped = key.secret().to_ascii_uppercase();
    let mut wrong = vec![
        with(key.prefix(), other.secret()),
        with(other.prefix(), key.secret()),
        with("0123456789", key.secret()),
        with(key.prefix(), &key.secret()[..42]),
        with(key.prefix(), &format!("{}A", key.secret())),
        with(key.prefix(), ""),
        with(key.prefix(), &swapped),
        with(&key.prefix()[..9], key.secret()),
        with("%' or true--", key.secret()),
        key.text.replace("sw_", "sw-"),
        key.text.replace("sw_", "SW_"),
        key.text[3..].to_owned(),
        format!("{}.{}", key.text, key.text),
        format!("{} {}", key.text, key.text),
        "sw_".to_owned(),
        with(revoked.prefix(), key.secret()),
        expired.text.clone(),
    ];
    wrong.extend((4..key.text.len()).step_by(7).map(|end| key.text[..end].to_owned()));
    let mut details = std::collections::BTreeSet::new();
    for text in &wrong {
        let refused = app.get_with(ME, text).await;
        refused.is_problem(401, "not_authenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert_eq!(refused.body.get("logout_reason"), None, "{text}");
        if text.starts_with("sw_") {
            details.insert(refused.body["detail"].as_str().unwrap().to_owned());
        }
        assert!(!refused.body.to_string().contains(key.secret()));
    }
    assert_eq!(details.len(), 1, "{details:?}");
    // As anything but a bearer token, a key is none.
    for (name, value) in [
        ("authorization", format!("Basic {}", key.text)),
        ("authorization", key.text.clone()),
        ("cookie", format!("stockwire_access={}", key.text)),
    ] {
        answer(app.request("GET", ME).header(name, value)).await.is_problem(401, "not_authenticated");
    }
    let in_url = app.get(&format!("{ME}?key={}", key.text)).await;
    assert_ne!(in_url.body["actor"], format!("key:{}", key.id));
    assert_eq!(app.get_with(ME, &key.text).await.status, 200);
}

#[tokio::test]
async fn a_key_is_good_at_its_addresses_only_and_tells_so_to_its_holder() {
    let app = App::spawn_with(&[("STOCKWIRE__HTTP__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let addresses = json!(["203.0.113.0/24", "::ffff:198.51.100.7", "2001:db8::/32"]);
    let key = app.new_key_with(json!({"name": "x", "scopes": ["read"], "addresses": addresses})).await;
    let from = async |address: &str, text: &str| {
        answer(app.showing("GET", ME, text).header("x-forwarded-for", address)).await
    };
    for address in
        ["203.0.113.9", "::ffff:203.0.113.9", "198.51.100.7", "2001:db8:7::1", "1.1.1.1, 203.0.113.9"]
    {
        assert_eq!(from(address, &key.text).await.status, 200, "{address}");
    }
    let wrong = format!("sw_{}_{}", key.prefix(), app.new_key(&["read"]).await.secret());
    for address in ["203.0.114.9", "198.51.100.8", "2001:db9::1", "203.0.113.9, 1.1.1.1", "::cb00:7109"] {
        let refused = from(address, &key.text).await;
        refused.is_problem(403, "forbidden");
        let seen = address.rsplit(", ").next().unwrap();
        assert!(refused.body["detail"].as_str().unwrap().contains(seen), "{refused:?}");
        from(address, &wrong).await.is_problem(401, "not_authenticated");
    }
    let direct = app.get_with(ME, &key.text).await;
    direct.is_problem(403, "forbidden");
    assert!(direct.body["detail"].as_str().unwrap().contains("127.0.0.1"), "{direct:?}");
    // Where it is used last decides nothing.
    assert_eq!(from("203.0.113.9", &key.text).await.status, 200);
    app.revoke(&key).await;
    from("203.0.114.9", &key.text).await.is_problem(401, "session_ended");
}

/// A key that was just used is remembered for half a minute: only the news of its end can be sooner.
#[tokio::test]
async fn a_revoked_key_is_refused_at_once_here_and_soon_elsewhere() {
    let app = App::spawn().await;
    let other = App::spawn_on(app.settings.database.url.expose(), &[]).await;
    let sequencer = app.lead().await;
    let (revoked, in_sql, deleted) =
        (app.new_key(&["read"]).await, app.new_key(&["read"]).await, app.new_key(&["read"]).await);
    for (app, key) in [(&app, &revoked), (&other, &revoked), (&other, &in_sql), (&other, &deleted)] {
        assert_eq!(app.get_with(ME, &key.text).await.status, 200);
    }
    app.revoke(&revoked).await;
    app.get_with(ME, &revoked.text).await.is_problem(401, "session_ended");
    app.sql.execute("update api_keys set revoked_at = now() where id = $1", &[&in_sql.id]).await.unwrap();
    app.sql.execute("delete from api_keys where id = $1", &[&deleted.id]).await.unwrap();
    sequencer.step().await.unwrap();
    for key in [&revoked, &in_sql, &deleted] {
        let refused = waiting::until(waiting::PATIENCE, "the other service to refuse", async || {
            let answered = other.get_with(ME, &key.text).await;
            Ok((answered.status != 200).then_some(answered))
        });
        let (refused, _) = refused.await.unwrap();
        refused.is_problem(401, "session_ended");
        assert_eq!(refused.body["logout_reason"], "revoked");
    }
    // A service that starts later finds it in the table.
    let late = App::spawn_on(app.settings.database.url.expose(), &[]).await;
    late.get_with(ME, &revoked.text).await.is_problem(401, "session_ended");
    late.get_with(ME, &deleted.text).await.is_problem(401, "not_authenticated");
    // And the tables' word lasts longer than the news of it.
    app.sql.batch_execute("delete from ended_logins").await.unwrap();
    let latest = App::spawn_on(app.settings.database.url.expose(), &[]).await;
    latest.get_with(ME, &revoked.text).await.is_problem(401, "session_ended");
}

#[tokio::test]
async fn while_postgres_is_away_no_key_is_called_wrong() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = start_server("keys_outage", &[("port", &port)]).await;
    let database = format!("keys_outage_{}", uuid::Uuid::new_v4().simple());
    let app = App::spawn_on(&server.url(&database), &[]).await;
    let (fresh, second) = (app.new_key(&["read"]).await, app.new_key(&["read"]).await);
    server.stop(Duration::from_secs(20)).await.unwrap();
    for key in [&fresh, &second] {
        let refused = app.get_with(ME, &key.text).await;
        refused.is_problem(503, "unavailable");
        assert_eq!(refused.header("retry-after"), "1");
    }
    app.get_with(ME, "sw_nonsense").await.is_problem(401, "not_authenticated");
    let server = start_server("keys_outage", &[("port", &port)]).await;
    let back = waiting::until(waiting::PATIENCE, "the key to be good again", async || {
        Ok((app.get_with(ME, &fresh.text).await.status == 200).then_some(()))
    });
    back.await.unwrap();
    server.stop(Duration::from_secs(20)).await.unwrap();
    // Remembered, it is good; what needs the database is not.
    assert_eq!(app.get_with(ME, &fresh.text).await.status, 200);
    app.get_with("/api/v1/items", &fresh.text).await.is_problem(503, "unavailable");
    app.get_with(ME, &second.text).await.is_problem(503, "unavailable");
}

/// The real binary, alone with its metrics and its log.
struct Alone {
    service: process::Service,
    url: String,
    client: Client,
    manager: String,
}

impl Alone {
    async fn start(settings: &Settings, directory: &Scratch, filter: &str) -> Result<Self> {
        let mut environment: BTreeMap<String, String> = process::environment(settings);
        for (key, value) in
            [("LOG__FILTER", filter), ("LIMITS__REQUESTS_PER_SECOND", "0"), ("LOG__FORMAT", "json")]
        {
            environment.insert(format!("STOCKWIRE__{key}"), value.to_owned());
        }
        let (binary, listen) = (env!("CARGO_BIN_EXE_inventory-api"), "STOCKWIRE__HTTP__LISTEN");
        let log = directory.path().join("log");
        let mut service = process::Service::spawn_with_log(binary, listen, &environment, &log)?;
        service.ready().await?;
        let access = Access::new(&settings.token_secret()?, settings.auth.anonymous);
        let manager = Identity {
            actor: "user:7".into(),
            login: Some(Login::Session(7)),
            permissions: Role::Manager.permissions(),
            ..Identity::anonymous()
        };
        let manager = access.issue(&manager, Timestamp::now() + SignedDuration::from_mins(10))?;
        Ok(Self { url: format!("http://{}", service.address()), client: Client::new(), manager, service })
    }

    async fn new_key(&self) -> Result<NewKey> {
        let body = json!({"name": "till", "scopes": ["read"]});
        let created = self.client.post(format!("{}{KEYS}", self.url)).bearer_auth(&self.manager).json(&body);
        let created: Value = created.send().await?.error_for_status()?.json().await?;
        let text = created["key"].as_str().context("a key")?.to_owned();
        Ok(NewKey { id: created["id"].as_i64().context("an id")?, text })
    }

    async fn show(&self, text: String) -> Result<StatusCode> {
        let request = self.client.get(format!("{}{ME}", self.url)).bearer_auth(text);
        Ok(request.timeout(Duration::from_secs(30)).send().await?.status())
    }

    /// Shows many, 50 at a time, and all are answered alike.
    async fn show_all(&self, texts: impl Iterator<Item = String>, status: u16) -> Result<()> {
        let mut answers = stream::iter(texts).map(|text| self.show(text)).buffer_unordered(50);
        while let Some(answered) = answers.next().await {
            ensure!(answered?.as_u16() == status);
        }
        Ok(())
    }

    /// How many queries looked for keys.
    async fn lookups(&self) -> Result<u64> {
        let text = self.client.get(format!("{}/metrics", self.url)).send().await?.text().await?;
        let series = "stockwire_database_statement_seconds_count{statement=\"find_api_keys\"}";
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(Ok(0), |count| Ok(count.trim().parse()?))
    }
}

fn made_up(number: usize) -> String {
    format!("sw_{number:010}_{}", "x".repeat(43))
}

#[tokio::test]
async fn ten_thousand_wrong_keys_cost_hardly_a_query() -> Result<()> {
    let database = Database::create().await?;
    let directory = Scratch::new()?;
    let alone = Alone::start(&settings(&database)?, &directory, "error").await?;
    let key = alone.new_key().await?;
    // What doesn't look like a key isn't looked for.
    alone.show_all((0..2000).map(|number| format!("sw_{number}")), 401).await?;
    ensure!(alone.lookups().await? == 0);
    // One that there is, with wrong secrets: looked for once in half a minute.
    let begun = Instant::now();
    let guesses = (0..3000).map(|number| format!("sw_{}_{number:043}", key.prefix()));
    alone.show_all(guesses, 401).await?;
    let (lookups, most) = (alone.lookups().await?, 1 + begun.elapsed().as_secs() / 30);
    ensure!((1..=most).contains(&lookups), "{lookups} lookups of one key");
    // One that there isn't: once a second.
    let begun = Instant::now();
    alone.show_all((0..3000).map(|_| made_up(0)), 401).await?;
    let (more, most) = (alone.lookups().await? - lookups, 1 + begun.elapsed().as_secs());
    ensure!((1..=most).contains(&more), "{more} lookups of one unknown key in {:?}", begun.elapsed());
    // Each another one: those that come together are looked for together.
    let before = alone.lookups().await?;
    alone.show_all((1..=2000).map(made_up), 401).await?;
    let shared = alone.lookups().await? - before;
    ensure!((1..1000).contains(&shared), "{shared} lookups of 2000 unknown keys");
    ensure!(alone.show(key.text).await? == 200);
    Ok(())
}

/// With the table locked, the first lookup waits; all that come meanwhile share the second.
#[tokio::test]
async fn keys_that_are_looked_for_at_the_same_time_share_a_query_and_a_connection() -> Result<()> {
    let database = Database::create().await?;
    let directory = Scratch::new()?;
    let alone = Alone::start(&settings(&database)?, &directory, "error").await?;
    let key = alone.new_key().await?;
    let before = alone.lookups().await?;
    let (holder, observer) = (database.sql().await?, database.sql().await?);
    holder.batch_execute("begin; lock table api_keys in access exclusive mode").await?;
    let good = std::iter::repeat_n(key.text.clone(), 100);
    let all = good.chain((0..200).map(made_up)).map(|text| alone.show(text));
    let waiting = futures_util::future::join_all(all);
    let released = async {
        let waits = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let in_flight = async || {
            let text = alone.client.get(format!("{}/metrics", alone.url)).send().await?.text().await?;
            let line = text.lines().find_map(|line| line.strip_prefix("stockwire_http_requests_in_flight "));
            Ok((line.context("the gauge")?.trim().parse::<f64>()? >= 300.0).then_some(()))
        };
        waiting::until(waiting::PATIENCE, "all of them to wait", in_flight).await?;
        ensure!(observer.query_one(waits, &[]).await?.try_get::<_, i64>(0)? == 1);
        // Others get at the database meanwhile.
        let items = alone.client.get(format!("{}/api/v1/items", alone.url)).bearer_auth(&alone.manager);
        ensure!(items.send().await?.status() == 200);
        Ok(holder.batch_execute("rollback").await?)
    };
    let (answers, released) = tokio::join!(waiting, released);
    released?;
    for (place, answered) in answers.into_iter().enumerate() {
        let expected = if place < 100 { 200 } else { 401 };
        ensure!(answered?.as_u16() == expected, "{place}");
    }
    let lookups = alone.lookups().await? - before;
    ensure!((1..=2).contains(&lookups), "{lookups} queries for 201 keys");
    Ok(())
}

#[tokio::test]
async fn no_line_of_the_log_has_the_secret_of_a_key() -> Result<()> {
    let database = Database::create().await?;
    let directory = Scratch::new()?;
    let alone = Alone::start(&settings(&database)?, &directory, "trace").await?;
    let (key, revoked, bound) = (alone.new_key().await?, alone.new_key().await?, alone.new_key().await?);
    let sql = database.sql().await?;
    sql.execute("update api_keys set addresses = '{192.0.2.1}' where id = $1", &[&bound.id]).await?;
    ensure!(alone.show(key.text.clone()).await? == 200);
    let tokens = alone.client.post(format!("{}/api/v1/tokens", alone.url)).bearer_auth(&key.text);
    let issued: Value = tokens.send().await?.error_for_status()?.json().await?;
    let wrong = format!("sw_{}_{}", key.prefix(), revoked.secret());
    ensure!(alone.show(wrong).await? == 401);
    let revoke = alone.client.delete(format!("{}{}", alone.url, revoked.path())).bearer_auth(&alone.manager);
    ensure!(revoke.send().await?.status() == 204);
    ensure!(alone.show(revoked.text.clone()).await? == 401);
    ensure!(alone.show(bound.text.clone()).await? == 403);
    let mut service = alone.service;
    service.ask_to_stop()?;
    ensure!(service.exit_status(Duration::from_secs(9)).await?.success());
    let log = std::fs::read_to_string(directory.path().join("log"))?;
    ensure!(log.contains("/api/v1/tokens"), "the log has no requests");
    // The right secret at a wrong place: someone else may have it.
    let warning = log.lines().find(|line| line.contains("an API key was used where it may not be"));
    let warning: Value = serde_json::from_str(warning.context("no warning")?)?;
    ensure!(warning["key.id"] == bound.id && warning["client.address"] == "127.0.0.1", "{warning}");
    let token = issued["token"].as_str().context("a token")?;
    for secret in [key.secret(), revoked.secret(), bound.secret(), token] {
        ensure!(!log.contains(secret), "a secret is in the log");
    }
    Ok(())
}
