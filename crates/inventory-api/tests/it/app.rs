//! A service for each test: its own database on a server that all tests share, its own port.

use std::{
    collections::{BTreeMap, HashMap},
    net::TcpListener,
    path::Path,
    sync::Mutex,
    time::Duration,
};

use domain::{Identity, Role, TenantId};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use service::{Context, Settings, access::Access};
use standalone::postgres::{Options, Server};
use store::{Sequencer, Store, TrimRules};
use testkit::Scratch;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const INTERNAL_SECRET: &str = "an internal secret of tests";

/// A running service. Dropped, it stops.
pub(crate) struct App {
    pub(crate) url: String,
    pub(crate) port: u16,
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) sql: tokio_postgres::Client,
    pub(crate) settings: Settings,
    pub(crate) stop: CancellationToken,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl App {
    pub(crate) async fn spawn() -> Self {
        Self::spawn_with(&[]).await
    }

    /// Deletes all of the log but the newest so many entries, as retention does once monitors have seen them.
    pub(crate) async fn keep_newest(&self, least_entries: u32) {
        self.sql.batch_execute("update monitor_cursor set position = last from sequencer").await.unwrap();
        let rules = TrimRules { older_than: Duration::ZERO, least_entries, batch: 1000, heed_holds: true };
        self.store.trim_log(&rules).await.unwrap();
    }

    /// With settings, as in the environment.
    pub(crate) async fn spawn_with(settings: &[(&str, &str)]) -> Self {
        let server = shared_server().await;
        Self::spawn_on(&server.url(&format!("test_{}", Uuid::new_v4().simple())), settings).await
    }

    /// On a database that need not exist yet.
    pub(crate) async fn spawn_on(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let settings = read_settings(database_url, settings);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let context = Context::new(settings.clone(), stop.clone());
        std::thread::spawn(move || {
            actix_rt::System::new().block_on(inventory_api::serve(context, listener)).unwrap();
        });
        let client = Client::new();
        let url = format!("http://127.0.0.1:{port}");
        wait_until_ready(&client, &url).await;
        let store = Store::new(&inventory_api::store_options(&settings, "test")).unwrap();
        let (sql, connection) = tokio_postgres::connect(database_url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        Self { url, port, client, store, sql, settings, stop }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.client.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(20))
    }

    /// A token as an operator makes it, for somebody of the first tenant.
    pub(crate) fn operator(&self, actor: &str, role: Role) -> String {
        self.operator_of(TenantId::DEFAULT, actor, role)
    }

    pub(crate) fn operator_of(&self, tenant: TenantId, actor: &str, role: Role) -> String {
        let permissions = role.permissions();
        let identity = Identity { tenant, actor: actor.into(), permissions, ..Identity::anonymous() };
        let access = Access::new(&self.settings.token_secret().unwrap(), self.settings.auth.anonymous);
        access.issue(&identity, jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5)).unwrap()
    }

    /// Asks with a token and a body.
    pub(crate) async fn act(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path).bearer_auth(token);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request("PUT", path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request("PATCH", path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request("DELETE", path)).await
    }

    /// Creates an item and gives its path.
    pub(crate) async fn item(&self, body: Value) -> String {
        let created = self.post("/api/v1/items", body).await;
        assert_eq!(created.status, 201, "{created:?}");
        format!("/api/v1/items/{}", created.body["id"])
    }

    /// Leads the log, as the notifier would.
    pub(crate) async fn lead(&self) -> Sequencer {
        Sequencer::lead(&self.store).await.unwrap()
    }

    /// Everything that a write could change, for "and nothing was changed".
    pub(crate) async fn state(&self) -> String {
        const STATE: &str = "select coalesce(string_agg(items::text, e'\n' order by id), '')
            || (select count(*) from changes)::text from items";
        self.sql.query_one(STATE, &[]).await.unwrap().get(0)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a complete problem document of a kind.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("/docs/problems#{code}"));
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert!(self.body["instance"].as_str().unwrap().starts_with('/'));
        assert!(!self.body["title"].as_str().unwrap().is_empty());
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
    }

    /// The pointers of what is wrong.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    Answer { status, headers, body }
}

/// A server of its own, in a directory that vanishes with the test process; the same one for the same name.
pub(crate) async fn start_server(name: &'static str, settings: &[(&str, &str)]) -> Server {
    static PLACES: Mutex<BTreeMap<&str, Scratch>> = Mutex::new(BTreeMap::new());
    let place = {
        let mut places = PLACES.lock().unwrap();
        places.entry(name).or_insert_with(|| Scratch::new().unwrap()).path().to_owned()
    };
    let mut options = Options::new(place.join("postgres"), std::env::vars_os());
    options.fallback_directory = place.join("elsewhere");
    // A machine without Postgres fetches it once for all runs.
    options.fetched_binaries = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-binaries"));
    let settings = settings.iter().chain(&[("fsync", "off"), ("max_connections", "300")]);
    options.settings = settings.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Server::start(options).await.unwrap()
}

async fn shared_server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| start_server("shared", &[])).await
}

fn read_settings(database_url: &str, more: &[(&str, &str)]) -> Settings {
    let environment = [
        ("STOCKWIRE__DATABASE__URL", database_url),
        ("STOCKWIRE__DATABASE__POOL_SIZE", "4"),
        ("STOCKWIRE__INTERNAL__SECRET", INTERNAL_SECRET),
        ("STOCKWIRE__AUTH__TOKEN_SECRET", "a key of access tokens, for tests only"),
        ("STOCKWIRE__AUTH__ANONYMOUS", "loopback"),
        ("STOCKWIRE__HTTP__WORKERS", "2"),
        ("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "0"),
    ];
    let environment: HashMap<String, String> =
        environment.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::load(None, environment).unwrap()
}

async fn wait_until_ready(client: &Client, url: &str) {
    for _ in 0..300 {
        let ready = client.get(format!("{url}/ready")).send().await;
        if ready.is_ok_and(|ready| ready.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{url} is not ready within 15 s");
}
