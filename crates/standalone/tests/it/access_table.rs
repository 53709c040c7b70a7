//! Every route and every topic with every kind of credentials: one table, and a test that the table is complete.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use domain::{Identity, Login, Permission, Permissions, Role, TenantId};
use jiff::Timestamp;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use service::access::Access;
use testkit::{EventStream, SocketClient, SocketOptions, Stack, waiting};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Everybody: credentials are not looked at.
    Anybody,
    /// Whoever is known.
    Known,
    /// Whoever has a session or a key.
    WithLogin,
    /// A user with a session.
    User,
    /// Whoever has this permission.
    With(Permission),
    /// Whoever has this permission; others are told that there is no such thing.
    Hidden(Permission),
    /// Other services, which show the internal secret.
    Services,
}

/// Which service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Api,
    Hub,
    Notifier,
}

/// A route, whom it is for, and what it answers: whom it lets in, and the same of another tenant. Every call finds a fresh
/// item, user, session, key and link of the first tenant, whose ids take the places in path and body.
struct Row {
    at: At,
    method: &'static str,
    path: &'static str,
    who: Who,
    body: Option<&'static str>,
    answer: u16,
    foreign: u16,
}

const fn row(method: &'static str, path: &'static str, who: Who, answer: u16, foreign: u16) -> Row {
    Row { at: At::Api, method, path, who, body: None, answer, foreign }
}

impl Row {
    const fn with(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn at(self, at: At) -> Self {
        Self { at, ..self }
    }
}

use Permission::{Items, Keys, Read, Stock, Users};
use Who::{Anybody, Hidden, Known, Services, User, With, WithLogin};

const READ: Who = With(Read);
const STOCK: Who = With(Stock);
const ITEMS: Who = With(Items);
const KEYS: Who = With(Keys);
const USERS: Who = With(Users);

const ROUTES: &[Row] = &[
    row("GET", "/api/v1/items", READ, 200, 200),
    row("HEAD", "/api/v1/items", READ, 200, 200),
    row("POST", "/api/v1/items", ITEMS, 201, 201).with(r#"{"name":"Bolt"}"#),
    row("GET", "/api/v1/items/{id}", READ, 200, 404),
    row("HEAD", "/api/v1/items/{id}", READ, 200, 404),
    row("PUT", "/api/v1/items/{id}", ITEMS, 200, 404).with(r#"{"name":"Nut"}"#),
    // The quantity alone needs less than any other field: a row for each.
    row("PATCH", "/api/v1/items/{id}", STOCK, 200, 404).with(r#"{"quantity":1}"#),
    row("PATCH", "/api/v1/items/{id}", ITEMS, 200, 404).with(r#"{"name":"Nut"}"#),
    row("DELETE", "/api/v1/items/{id}", ITEMS, 204, 404),
    row("GET", "/api/v1/items/{id}/history", READ, 200, 404),
    row("HEAD", "/api/v1/items/{id}/history", READ, 200, 404),
    row("GET", "/api/v1/changes", READ, 200, 200),
    row("GET", "/api/v1/me", Known, 200, 200),
    row("GET", "/api/v1/sessions", User, 200, 200),
    row("GET", "/api/v1/sessions?user=all", USERS, 200, 200),
    // Nobody has this password: whoever asks is told so.
    row("POST", "/api/v1/sessions", Anybody, 401, 401)
        .with(r#"{"email":"x@x.example","password":"not this one"}"#),
    row("POST", "/api/v1/sessions/refresh", Anybody, 401, 401).with(r#"{"refresh_token":"x"}"#),
    row("DELETE", "/api/v1/sessions/{session}", Hidden(Users), 204, 404),
    row("DELETE", "/api/v1/sessions/current", User, 204, 204),
    row("GET", "/api/v1/api-keys", KEYS, 200, 200),
    row("HEAD", "/api/v1/api-keys", KEYS, 200, 200),
    row("POST", "/api/v1/api-keys", KEYS, 201, 201).with(r#"{"name":"till","scopes":["read"]}"#),
    row("GET", "/api/v1/api-keys/{key}", KEYS, 200, 404),
    row("HEAD", "/api/v1/api-keys/{key}", KEYS, 200, 404),
    row("DELETE", "/api/v1/api-keys/{key}", KEYS, 204, 404),
    row("POST", "/api/v1/tokens", WithLogin, 201, 201),
    row("POST", "/api/v1/tickets", Known, 201, 201),
    row("POST", "/internal/v1/tickets/redeem", Services, 401, 401)
        .with(r#"{"ticket":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#),
    row("GET", "/api/v1/users", USERS, 200, 200),
    row("HEAD", "/api/v1/users", USERS, 200, 200),
    row("POST", "/api/v1/users", USERS, 201, 201)
        .with(r#"{"email":"invited{user}@x.example","name":"Ann","role":"clerk"}"#),
    row("GET", "/api/v1/users/{user}", USERS, 200, 404),
    row("HEAD", "/api/v1/users/{user}", USERS, 200, 404),
    row("PATCH", "/api/v1/users/{user}", USERS, 200, 404).with(r#"{"role":"viewer"}"#),
    row("DELETE", "/api/v1/users/{user}", USERS, 204, 404),
    row("POST", "/api/v1/users/{user}/password-link", USERS, 201, 404),
    // Nobody has such a link, and nobody's password is this one: whoever asks is told so.
    row("POST", "/api/v1/password", Anybody, 410, 410).with(r#"{"link":"x","password":"correct horse"}"#),
    row("PUT", "/api/v1/me/password", User, 401, 401)
        .with(r#"{"current":"not this one","new":"correct horse"}"#),
    row("POST", "/api/v1/password-resets", Anybody, 202, 202)
        .with(r#"{"email":"forgetful{user}@x.example"}"#),
    row("GET", "/api/v1/settings", Known, 200, 200),
    row("HEAD", "/api/v1/settings", Known, 200, 200),
    row("PATCH", "/api/v1/settings", USERS, 200, 200).with(r#"{"session_policy":"single"}"#),
    row("GET", "/api/v1/audit", USERS, 200, 200),
    row("GET", "/api/v1/presence", READ, 200, 200),
    row("POST", "/internal/v1/presence", Services, 409, 409)
        .with(r#"{"hub":"0199a0a0-0000-7000-8000-000000000001","number":2,"lasts_ms":1000,"whole":null,"done":false,"here":[],"gone":[]}"#),
    row("GET", "/sign-in", Anybody, 200, 200),
    row("HEAD", "/sign-in", Anybody, 200, 200),
    row("GET", "/sign-in/page.css", Anybody, 200, 200),
    row("GET", "/sign-in/page.js", Anybody, 200, 200),
    row("GET", "/db-check", READ, 200, 200),
    row("GET", "/docs", Anybody, 200, 200),
    row("GET", "/docs/{file:.*}", Anybody, 200, 200),
    row("GET", "/docs/problems", Anybody, 200, 200),
    row("GET", "/internal/v1/snapshot?tenant=1&topic=items", Services, 200, 200),
    row("GET", "/health", Anybody, 200, 200),
    row("GET", "/ready", Anybody, 200, 200),
    row("GET", "/metrics", Anybody, 200, 200),
    row("GET", "/events?topic=items", READ, 200, 200).at(At::Hub),
    row("GET", "/poll?topic=items", READ, 200, 200).at(At::Hub),
    row("OPTIONS", "/events", Anybody, 204, 204).at(At::Hub),
    row("OPTIONS", "/poll", Anybody, 204, 204).at(At::Hub),
    // An upgrade is missing: whoever may open it is told so.
    row("GET", "/feed", Services, 400, 400).at(At::Notifier),
    row("GET", "/feed/ended", Services, 200, 200).at(At::Notifier),
    row("GET", "/feed/entries?epoch={epoch}&after=0&limit=10", Services, 200, 200).at(At::Notifier),
];

/// Whoever may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    OwnerOfAnotherTenant,
    Of(Role),
    Expired,
    Revoked,
    KeyOf(&'static [Permission]),
    Service,
}

const CALLERS: &[Caller] = &[
    Caller::Nobody,
    Caller::OwnerOfAnotherTenant,
    Caller::Of(Role::Viewer),
    Caller::Of(Role::Clerk),
    Caller::Of(Role::Manager),
    Caller::Of(Role::Owner),
    Caller::Expired,
    Caller::Revoked,
    Caller::KeyOf(&[]),
    Caller::KeyOf(&[Read]),
    Caller::KeyOf(&[Stock, Items]),
    Caller::Service,
];

impl Caller {
    fn permissions(self) -> Permissions {
        match self {
            Self::Of(role) => role.permissions(),
            Self::KeyOf(scopes) => Permissions::of(scopes.iter().copied()),
            _ => Role::Owner.permissions(),
        }
    }

    /// What this caller is answered: the status, and the problem's code where it is refused at the door.
    fn expected(self, row: &Row) -> (u16, Option<&'static str>) {
        let refused = (401, Some("not_authenticated"));
        match (row.who, self) {
            (Services, Self::Service) | (Anybody, _) => return (row.answer, None),
            (Services, _) | (_, Self::Nobody | Self::Expired | Self::Service) => return refused,
            (_, Self::Revoked) => return (401, Some("session_ended")),
            _ => {}
        }
        let may = match row.who {
            With(permission) | Hidden(permission) => self.permissions().contains(permission),
            User => !matches!(self, Self::KeyOf(_)),
            Known | WithLogin | Anybody | Services => true,
        };
        match self {
            _ if !may && matches!(row.who, Hidden(_)) => (404, Some("not_found")),
            _ if !may => (403, Some("forbidden")),
            Self::OwnerOfAnotherTenant => (row.foreign, None),
            _ => (row.answer, None),
        }
    }
}

/// What there is to ask for, and who asks.
struct Scene {
    stack: Stack,
    sql: tokio_postgres::Client,
    http: Client,
    access: Access,
}

impl Scene {
    async fn set() -> Result<Self> {
        let never = |settings: &mut service::Settings| {
            settings.auth.anonymous = service::settings::Anonymous::Never;
            settings.auth.tries_per_address = 1_000_000;
            settings.auth.tries_per_account = 1_000_000;
        };
        let stack = Stack::start_with(never).await?;
        let sql = stack.database.sql().await?;
        sql.batch_execute("insert into tenants (name) values ('another')").await?;
        let access = Access::new(&stack.settings.token_secret()?, stack.settings.auth.anonymous);
        let http = Client::builder().redirect(reqwest::redirect::Policy::limited(2)).build()?;
        Ok(Self { stack, sql, http, access })
    }

    async fn id(&self, statement: &str) -> Result<i64> {
        self.sql.query_one(statement, &[]).await.context(statement.to_owned())?.try_get(0).map_err(Into::into)
    }

    /// A user with this role and a session, and the session's id.
    async fn user(&self, tenant: i64, role: Role) -> Result<(i64, i64)> {
        let user = self
            .id(&format!(
                "insert into users (tenant_id, email, name, role, password_hash)
                 values ({tenant}, gen_random_uuid() || '@x.example', 'Someone', '{role}', 'x') returning id"
            ))
            .await?;
        let session = self
            .id(&format!(
                "insert into sessions (tenant_id, user_id, nonce, refresh_hash, expires_at)
                 values ({tenant}, {user}, decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), '', now() + interval '1 day')
                 returning id"
            ))
            .await?;
        Ok((user, session))
    }

    async fn key(&self) -> Result<i64> {
        let insert = "insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, created_by)
            values (1, 'key', left(replace(gen_random_uuid()::text, '-', ''), 10), sha256(''), '{read}', 'test') returning id";
        self.id(insert).await
    }

    /// What a caller shows.
    async fn credentials(&self, caller: Caller) -> Result<Option<String>> {
        let (tenant, role) = match caller {
            Caller::Nobody => return Ok(None),
            Caller::Service => return Ok(Some(self.stack.settings.internal_secret()?.expose().to_owned())),
            Caller::OwnerOfAnotherTenant => (2, Role::Owner),
            Caller::Of(role) => (1, role),
            _ => (1, Role::Owner),
        };
        let (actor, login) = if let Caller::KeyOf(_) = caller {
            let key = self.key().await?;
            (format!("key:{key}"), Login::Key(key))
        } else {
            let (user, session) = self.user(tenant, role).await?;
            (format!("user:{user}"), Login::Session(session))
        };
        let seconds = if caller == Caller::Expired { -1 } else { 300 };
        let expires_at = Timestamp::from_second(Timestamp::now().as_second() + seconds)?;
        let identity = Identity {
            tenant: TenantId::new(tenant),
            actor: actor.into(),
            login: Some(login),
            permissions: caller.permissions(),
            expires_at: Some(expires_at),
        };
        let token = self.access.issue(&identity, expires_at)?;
        if caller == Caller::Revoked {
            self.sql
                .batch_execute(&format!(
                    "update sessions set ended_at = now() where '{login}' = 'session:' || id"
                ))
                .await?;
            self.everybody_knows(&token).await?;
        }
        Ok(Some(token))
    }

    /// Waits until both the API and the hub have heard that a login was ended.
    async fn everybody_knows(&self, token: &str) -> Result<()> {
        let (me, poll) = (
            format!("{}/api/v1/me", self.stack.api.url()),
            format!("http://{}/poll?topic=items&wait=0", self.stack.hub.address()),
        );
        let heard = waiting::until(waiting::PATIENCE, "the end of a login to be heard of", async || {
            for url in [&me, &poll] {
                if self.http.get(url).bearer_auth(token).send().await?.status() != 401 {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        });
        heard.await.map(drop)
    }

    /// Puts the ids of fresh things of the first tenant into a text.
    async fn with_ids(&self, text: &str) -> Result<String> {
        let mut text = text.to_owned();
        text = text.replace("{file:.*}", "");
        if text.contains("{id}") {
            let item = self.id("insert into items (tenant_id, name) values (1, 'Bolt') returning id").await?;
            text = text.replace("{id}", &item.to_string());
        }
        if text.contains("{user}") || text.contains("{session}") {
            let (user, session) = self.user(1, Role::Clerk).await?;
            text = text.replace("{user}", &user.to_string()).replace("{session}", &session.to_string());
        }
        if text.contains("{key}") {
            text = text.replace("{key}", &self.key().await?.to_string());
        }
        if text.contains("{epoch}") {
            let epoch = "select replace(epoch::text, '-', '') from sequencer";
            let epoch: String = self.sql.query_one(epoch, &[]).await?.try_get(0)?;
            text = text.replace("{epoch}", &epoch);
        }
        Ok(text)
    }

    async fn ask(&self, row: &Row, caller: Caller) -> Result<Response> {
        let base = match row.at {
            At::Api => self.stack.api.url(),
            At::Hub => format!("http://{}", self.stack.hub.address()),
            At::Notifier => self.stack.notifier.url().replace("ws://", "http://"),
        };
        let path = self.with_ids(row.path).await?;
        let mut request =
            self.http.request(Method::from_bytes(row.method.as_bytes())?, format!("{base}{path}"));
        if let Some(body) = row.body {
            request = request.header("content-type", "application/json").body(self.with_ids(body).await?);
        }
        if let Some(credentials) = self.credentials(caller).await? {
            request = request.bearer_auth(credentials);
        }
        Ok(waiting::within(waiting::PATIENCE, "an answer", request.send()).await??)
    }
}

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
                let asked = ["{user}", "{session}", "{key}"]
                    .iter()
                    .fold(asked.to_owned(), |asked, id| asked.replace(id, "{id}"));
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
        domain::Topic::Presence => Some("presence"),
        // Everybody's own, without asking.
        domain::Topic::Session => None,
    }
}

#[tokio::test]
async fn every_topic_is_open_to_every_kind_of_caller_as_the_permissions_say() -> Result<()> {
    let scene = Scene::set().await?;
    let topics = ["items", "items:{id}", "notifications", "presence"];
    for topic in ["items", "items:1", "notifications", "presence"] {
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
                caller if caller.permissions().contains(Read) => "subscribed",
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
    let token = scene.credentials(Caller::OwnerOfAnotherTenant).await?.context("a token")?;
    let options = SocketOptions { token: Some(token.clone()), ..SocketOptions::default() };
    let mut socket = SocketClient::connect(scene.stack.hub.address(), &options).await?;
    socket.expect("connected").await?;
    let item = scene.id("insert into items (tenant_id, name) values (1, 'Secret') returning id").await?;
    for topic in ["items", &format!("items:{item}")] {
        socket.subscribe_with_snapshot(topic).await?;
        let initial = socket.expect("initial").await?;
        ensure!(initial["data"] == json!([]), "{initial}");
        socket.expect("subscribed").await?;
    }
    scene.sql.batch_execute("update items set name = 'Still secret'").await?;
    // What is theirs comes behind what isn't.
    scene.sql.batch_execute("insert into items (tenant_id, name) values (2, 'Ours')").await?;
    let heard = socket.expect("create").await?;
    ensure!(heard["data"]["name"] == "Ours", "{heard}");
    for path in [
        "/api/v1/items",
        "/api/v1/changes",
        "/api/v1/audit",
        "/api/v1/users",
        "/api/v1/api-keys",
        "/api/v1/presence",
        "/api/v1/sessions?user=all",
    ] {
        let answer =
            scene.http.get(format!("{}{path}", scene.stack.api.url())).bearer_auth(&token).send().await?;
        let text = answer.error_for_status()?.text().await?;
        ensure!(!text.contains("ecret") && !text.contains(&format!("user:{user}\"")), "{path}: {text}");
    }
    Ok(())
}

/// Every `resource("…")`, `.route("…"` and `get()` in the sources of the services is in the table.
#[test]
fn no_route_is_missing_from_the_table() -> Result<()> {
    let table: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|row| {
            let path = row.path.split('?').next().unwrap_or_default();
            let id = ["{user}", "{session}", "{key}", "current"]
                .iter()
                .fold(path.to_owned(), |path, name| path.replace(name, "{id}"));
            (row.method.to_lowercase(), id)
        })
        .collect();
    let mut found = BTreeSet::new();
    for service in ["inventory-api", "hub", "notifier", "service"] {
        for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(service).join("src"))? {
            let text = std::fs::read_to_string(&file)?;
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(routes_in(text).with_context(|| file.display().to_string())?);
        }
    }
    ensure!(found.len() > 20, "the routes are written in another way now: {found:?}");
    let missing: Vec<_> = found
        .iter()
        .filter(|(method, path)| {
            !table
                .iter()
                .any(|(known, full)| known == method && (full == path || *full == format!("/api/v1{path}")))
        })
        .collect();
    ensure!(missing.is_empty(), "add a row for each of {missing:?}");
    Ok(())
}

fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Method and path of each route that a text mounts.
fn routes_in(text: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for start in ["resource(\"", ".route(\""] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            let (path, rest) = rest.split_once('"').context("a path without an end")?;
            // Up to the next one.
            let end =
                ["resource(\"", ".route(\"", "scope(\""].iter().filter_map(|next| rest.find(next)).min();
            let rest = &rest[..end.unwrap_or(rest.len())];
            let methods: Vec<&str> = ["get", "head", "post", "put", "patch", "delete"]
                .into_iter()
                .filter(|method| rest.contains(&format!("web::{method}()")))
                .collect();
            if methods.is_empty() {
                bail!("no method of {path} is known");
            }
            found.extend(methods.into_iter().map(|method| (method.to_owned(), path.to_owned())));
        }
    }
    Ok(found)
}

/// A client of the fallbacks that may not read is told so, before anything is opened for it.
#[tokio::test]
async fn a_stream_needs_the_permission_to_read() -> Result<()> {
    let scene = Scene::set().await?;
    let refused = EventStream::open(scene.stack.hub.address(), "topic=items", None).await;
    ensure!(refused.is_err_and(|error| error.to_string().contains("401")), "let in without a token");
    Ok(())
}
