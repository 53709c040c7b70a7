//! Who asks, and what there is to ask for.

use anyhow::{Context as _, Result};
use domain::{Identity, Login, Permission, Permissions, Role, TenantId};
use jiff::Timestamp;
use reqwest::{Client, Method, Response};
use service::access::Access;
use testkit::{Raise, Stack, waiting};

use super::rows::{
    At, Row,
    Who::{Anybody, Hidden, Known, Services, User, With, WithLogin},
};
use Permission::{Items, Read, Stock};

/// Whoever may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Nobody,
    OwnerOfAnotherTenant,
    Of(Role),
    Expired,
    Revoked,
    KeyOf(&'static [Permission]),
    Service,
}

pub(super) const CALLERS: &[Caller] = &[
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
    pub(super) fn permissions(self) -> Permissions {
        match self {
            Self::Of(role) => role.permissions(),
            Self::KeyOf(scopes) => Permissions::of(scopes.iter().copied()),
            _ => Role::Owner.permissions(),
        }
    }

    /// What this caller is answered: the status, and the problem's code where it is refused at the door.
    pub(super) fn expected(self, row: &Row) -> (u16, Option<&'static str>) {
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
pub(super) struct Scene {
    pub(super) stack: Stack,
    pub(super) sql: tokio_postgres::Client,
    pub(super) http: Client,
    pub(super) access: Access,
}

impl Scene {
    pub(super) async fn set() -> Result<Self> {
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

    pub(super) async fn id(&self, statement: &str) -> Result<i64> {
        self.sql.query_one(statement, &[]).await.context(statement.to_owned())?.try_get(0).map_err(Into::into)
    }

    /// A user with this role and a session, and the session's id.
    pub(super) async fn user(&self, tenant: i64, role: Role) -> Result<(i64, i64)> {
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

    pub(super) async fn key(&self) -> Result<i64> {
        let insert = "insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, created_by)
            values (1, 'key', left(replace(gen_random_uuid()::text, '-', ''), 10), sha256(''), '{read}', 'test') returning id";
        self.id(insert).await
    }

    pub(super) async fn monitor(&self) -> Result<i64> {
        let insert = r#"insert into monitors (tenant_id, name, scope, measure, condition, created_by)
            values (1, 'low', '{"kind":"all"}', 'quantity', '{"kind":"below","threshold":1}', 'test') returning id"#;
        self.id(insert).await
    }

    /// A webhook to where nothing may be sent.
    async fn channel(&self) -> Result<i64> {
        let insert = "insert into channels (tenant_id, name, kind, url, secret_seed)
            values (1, 'shop', 'webhook', 'https://127.0.0.1:1/', sha256('')) returning id";
        self.id(insert).await
    }

    async fn delivery(&self) -> Result<i64> {
        let channel = self.channel().await?;
        let insert = format!(
            "with raised as (
               insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure,
                 condition, message, change_position, change_at)
               values (1, 1, 'Low', 1, 'Bolt', 'info', 'quantity', '{{}}', 'Low', {channel}, now()) returning id
             )
             insert into deliveries (tenant_id, notification_id, channel_id, state)
             select 1, id, {channel}, 'dead' from raised returning id"
        );
        self.id(&insert).await
    }

    /// A data source that is pushed to, with rows of one field.
    async fn source(&self, field: &str) -> Result<i64> {
        self.id(&format!(
            r#"insert into sources (tenant_id, name, kind, format, mapping, fresh_for_seconds, created_by)
               values (1, 'source', 'push', 'json', '{{"item": {{"match": "sku"}}, "{field}": "n"}}', 60, 'test') returning id"#
        ))
        .await
    }

    /// What a caller shows.
    pub(super) async fn credentials(&self, caller: Caller) -> Result<Option<String>> {
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
    pub(super) async fn everybody_knows(&self, token: &str) -> Result<()> {
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
    pub(super) async fn with_ids(&self, text: &str) -> Result<String> {
        let mut text = text.to_owned();
        text = text.replace("{file:.*}", "");
        if text.contains("{id}") {
            let item = self.id("insert into items (tenant_id, name) values (1, 'Bolt') returning id").await?;
            text = text.replace("{id}", &item.to_string());
        }
        if text.contains("{deleted}") {
            let item = self.id("insert into items (tenant_id, name) values (1, 'Bolt') returning id").await?;
            self.sql.batch_execute(&format!("delete from items where id = {item}")).await?;
            text = text.replace("{deleted}", &item.to_string());
        }
        if text.contains("{user}") || text.contains("{session}") {
            let (user, session) = self.user(1, Role::Clerk).await?;
            text = text.replace("{user}", &user.to_string()).replace("{session}", &session.to_string());
        }
        if text.contains("{key}") {
            text = text.replace("{key}", &self.key().await?.to_string());
        }
        if text.contains("{monitor}") {
            text = text.replace("{monitor}", &self.monitor().await?.to_string());
        }
        if text.contains("{channel}") {
            text = text.replace("{channel}", &self.channel().await?.to_string());
        }
        if text.contains("{delivery}") {
            text = text.replace("{delivery}", &self.delivery().await?.to_string());
        }
        if text.contains("{notification}") {
            text = text.replace("{notification}", &Raise::default().on(&self.sql).await?.to_string());
        }
        if text.contains("{mute}") {
            let insert =
                "insert into mutes (tenant_id, monitor_id, created_by) values (1, 1, 'test') returning id";
            text = text.replace("{mute}", &self.id(insert).await?.to_string());
        }
        for (place, field) in [("{source}", "quantity"), ("{price_source}", "price")] {
            if text.contains(place) {
                text = text.replace(place, &self.source(field).await?.to_string());
            }
        }
        if text.contains("{epoch}") {
            let epoch = "select replace(epoch::text, '-', '') from sequencer";
            let epoch: String = self.sql.query_one(epoch, &[]).await?.try_get(0)?;
            text = text.replace("{epoch}", &epoch);
        }
        Ok(text)
    }

    pub(super) async fn ask(&self, row: &Row, caller: Caller) -> Result<Response> {
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
