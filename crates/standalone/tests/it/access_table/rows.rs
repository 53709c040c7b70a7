//! The table: every route, whom it is for, and what it answers.

use domain::Permission;

/// What stands for an id in a path: of a fresh thing, for each call.
pub(super) const IDS: [&str; 11] = [
    "{deleted}",
    "{user}",
    "{session}",
    "{key}",
    "{monitor}",
    "{channel}",
    "{delivery}",
    "{notification}",
    "{mute}",
    "{source}",
    "{price_source}",
];

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
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
pub(super) enum At {
    Api,
    Hub,
    Notifier,
}

/// A route, whom it is for, and what it answers: whom it lets in, and the same of another tenant. Every call finds a fresh
/// item, user, session, key, monitor, notification and mute of the first tenant, whose ids take the places in path and body.
pub(super) struct Row {
    pub(super) at: At,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) who: Who,
    pub(super) body: Option<&'static str>,
    pub(super) answer: u16,
    pub(super) foreign: u16,
}

pub(super) const fn row(
    method: &'static str,
    path: &'static str,
    who: Who,
    answer: u16,
    foreign: u16,
) -> Row {
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

use Permission::{Items, Keys, Monitors, Read, Stock, Users};
use Who::{Anybody, Hidden, Known, Services, User, With, WithLogin};

pub(super) const READ: Who = With(Read);
pub(super) const STOCK: Who = With(Stock);
pub(super) const ITEMS: Who = With(Items);
pub(super) const MONITORS: Who = With(Monitors);
pub(super) const KEYS: Who = With(Keys);
pub(super) const USERS: Who = With(Users);

pub(super) const ROUTES: &[Row] = &[
    row("GET", "/api/v1/items", READ, 200, 200),
    row("HEAD", "/api/v1/items", READ, 200, 200),
    row("POST", "/api/v1/items", ITEMS, 201, 201).with(r#"{"name":"Bolt"}"#),
    row("POST", "/api/v1/items/batch", ITEMS, 200, 200).with(r#"{"match":"id","rows":[{"id":{id},"quantity":1}]}"#),
    row("GET", "/api/v1/items/{id}", READ, 200, 404),
    row("HEAD", "/api/v1/items/{id}", READ, 200, 404),
    row("PUT", "/api/v1/items/{id}", ITEMS, 200, 404).with(r#"{"name":"Nut"}"#),
    // The quantity alone needs less than any other field: a row for each.
    row("PATCH", "/api/v1/items/{id}", STOCK, 200, 404).with(r#"{"quantity":1}"#),
    row("PATCH", "/api/v1/items/{id}", ITEMS, 200, 404).with(r#"{"name":"Nut"}"#),
    row("DELETE", "/api/v1/items/{id}", ITEMS, 204, 404),
    row("POST", "/api/v1/items/{id}/adjustments", STOCK, 200, 404).with(r#"{"by":3}"#),
    row("POST", "/api/v1/items/{deleted}/restore", ITEMS, 201, 404),
    row("GET", "/api/v1/items/{id}/history", READ, 200, 404),
    row("HEAD", "/api/v1/items/{id}/history", READ, 200, 404),
    row("GET", "/api/v1/items/{id}/series?measure=quantity", READ, 200, 404),
    row("HEAD", "/api/v1/items/{id}/series?measure=quantity", READ, 200, 404),
    row("GET", "/api/v1/statistics/movement", READ, 200, 200),
    row("HEAD", "/api/v1/statistics/movement", READ, 200, 200),
    row("GET", "/api/v1/changes", READ, 200, 200),
    row("GET", "/api/v1/actors", READ, 200, 200),
    row("HEAD", "/api/v1/actors", READ, 200, 200),
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
    row("GET", "/api/v1/monitors", READ, 200, 200),
    row("HEAD", "/api/v1/monitors", READ, 200, 200),
    row("POST", "/api/v1/monitors", MONITORS, 201, 201).with(
        r#"{"name":"low","scope":{"kind":"all"},"measure":"quantity","condition":{"kind":"below","threshold":1}}"#,
    ),
    row("POST", "/api/v1/monitors/test", READ, 200, 200).with(
        r#"{"name":"low","scope":{"kind":"all"},"measure":"quantity","condition":{"kind":"below","threshold":1}}"#,
    ),
    row("GET", "/api/v1/monitors/{monitor}", READ, 200, 404),
    row("HEAD", "/api/v1/monitors/{monitor}", READ, 200, 404),
    row("PATCH", "/api/v1/monitors/{monitor}", MONITORS, 200, 404).with(r#"{"severity":"info"}"#),
    row("DELETE", "/api/v1/monitors/{monitor}", MONITORS, 204, 404),
    row("POST", "/api/v1/monitors/{monitor}/start", MONITORS, 200, 404),
    row("POST", "/api/v1/monitors/{monitor}/stop", MONITORS, 200, 404),
    row("POST", "/api/v1/monitors/{monitor}/pause", MONITORS, 200, 404),
    row("POST", "/api/v1/monitors/start", MONITORS, 200, 200),
    row("POST", "/api/v1/monitors/stop", MONITORS, 200, 200),
    row("POST", "/api/v1/monitors/pause", MONITORS, 200, 200),
    row("GET", "/api/v1/monitors/status", READ, 200, 200),
    row("HEAD", "/api/v1/monitors/status", READ, 200, 200),
    row("POST", "/api/v1/tokens", WithLogin, 201, 201),
    row("POST", "/api/v1/tickets", Known, 201, 201),
    row("POST", "/internal/v1/tickets/redeem", Services, 401, 401)
        .with(r#"{"ticket":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#),
    row("POST", "/internal/v1/keys/check", Services, 401, 401).with(r#"{"key":"sw_x","address":"127.0.0.1"}"#),
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
    row("GET", "/api/v1/sources", READ, 200, 200),
    row("HEAD", "/api/v1/sources", READ, 200, 200),
    row("POST", "/api/v1/sources", ITEMS, 201, 201)
        .with(r#"{"name":"Till","kind":"push","format":"json","mapping":{"item":{"match":"sku"},"quantity":"n"}}"#),
    row("GET", "/api/v1/sources/{source}", READ, 200, 404),
    row("HEAD", "/api/v1/sources/{source}", READ, 200, 404),
    row("PATCH", "/api/v1/sources/{source}", ITEMS, 200, 404).with(r#"{"priority":1}"#),
    row("DELETE", "/api/v1/sources/{source}", ITEMS, 204, 404),
    row("POST", "/api/v1/sources/{source}/start", ITEMS, 200, 404),
    row("POST", "/api/v1/sources/{source}/stop", ITEMS, 200, 404),
    // It is pushed to: whoever may run it is told so.
    row("POST", "/api/v1/sources/{source}/run", ITEMS, 409, 404),
    // Quantities alone need less than prices: a row for each.
    row("POST", "/api/v1/sources/{source}/rows", STOCK, 200, 404).with("{}"),
    row("POST", "/api/v1/sources/{price_source}/rows", ITEMS, 200, 404).with("{}"),
    row("POST", "/api/v1/sources/{source}/preview", ITEMS, 200, 404).with("{}"),
    row("GET", "/api/v1/audit", USERS, 200, 200),
    row("GET", "/api/v1/presence", READ, 200, 200),
    row("GET", "/api/v1/notifications", READ, 200, 200),
    row("HEAD", "/api/v1/notifications", READ, 200, 200),
    row("GET", "/api/v1/notifications/summary", READ, 200, 200),
    row("POST", "/api/v1/notifications/read", READ, 200, 200).with(r#"{"up_to":1}"#),
    row("GET", "/api/v1/notifications/{notification}", READ, 200, 404),
    row("HEAD", "/api/v1/notifications/{notification}", READ, 200, 404),
    row("POST", "/api/v1/notifications/{notification}/read", READ, 204, 404),
    row("DELETE", "/api/v1/notifications/{notification}/read", READ, 204, 404),
    row("POST", "/api/v1/notifications/{notification}/acknowledge", STOCK, 200, 404).with(r#"{"note":"Ordered"}"#),
    row("DELETE", "/api/v1/notifications/{notification}/acknowledge", STOCK, 204, 404),
    row("POST", "/api/v1/notifications/{notification}/mute", MONITORS, 201, 404).with(r#"{"of":"monitor"}"#),
    row("GET", "/api/v1/mutes", READ, 200, 200),
    row("HEAD", "/api/v1/mutes", READ, 200, 200),
    // Of another tenant's monitor nothing can be muted.
    row("POST", "/api/v1/mutes", MONITORS, 201, 422).with(r#"{"monitor_id":{monitor}}"#),
    row("GET", "/api/v1/mutes/{mute}", READ, 200, 404),
    row("HEAD", "/api/v1/mutes/{mute}", READ, 200, 404),
    row("DELETE", "/api/v1/mutes/{mute}", MONITORS, 204, 404),
    row("POST", "/internal/v1/presence", Services, 409, 409)
        .with(r#"{"hub":"0199a0a0-0000-7000-8000-000000000001","number":2,"lasts_ms":1000,"whole":null,"done":false,"here":[],"gone":[]}"#),
    row("GET", "/api/v1/channels", MONITORS, 200, 200),
    row("HEAD", "/api/v1/channels", MONITORS, 200, 200),
    row("POST", "/api/v1/channels", MONITORS, 201, 201)
        .with(r#"{"name":"shop","kind":"webhook","url":"https://shop.example/"}"#),
    row("GET", "/api/v1/channels/{channel}", MONITORS, 200, 404),
    row("HEAD", "/api/v1/channels/{channel}", MONITORS, 200, 404),
    row("PATCH", "/api/v1/channels/{channel}", MONITORS, 200, 404).with(r#"{"enabled":false}"#),
    row("DELETE", "/api/v1/channels/{channel}", MONITORS, 204, 404),
    row("POST", "/api/v1/channels/{channel}/test", MONITORS, 200, 404),
    row("POST", "/api/v1/channels/{channel}/rotate-secret", MONITORS, 200, 404),
    row("GET", "/api/v1/deliveries", MONITORS, 200, 200),
    row("HEAD", "/api/v1/deliveries", MONITORS, 200, 200),
    row("POST", "/api/v1/deliveries/retry", MONITORS, 200, 404).with(r#"{"channel_id":{channel}}"#),
    row("GET", "/api/v1/deliveries/{delivery}", MONITORS, 200, 404),
    row("HEAD", "/api/v1/deliveries/{delivery}", MONITORS, 200, 404),
    row("POST", "/api/v1/deliveries/{delivery}/retry", MONITORS, 200, 404),
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
