//! How we connect: a pool for short queries, and connections of their own for the sequencer and the doorbell.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use domain::TenantId;
use tokio::{
    runtime::{Handle, TryCurrentError},
    task::JoinHandle,
};
use tokio_postgres::{Client, Config, Connection, NoTls, Socket, tls::NoTlsStream};

use crate::{
    Comments, Error, WhoAsks,
    answered::Answered,
    error::pool_kind,
    origin::Attribution,
    pooled::{self, Pooled},
    series,
};

/// How to reach Postgres and how much of it to use.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// `postgres://user:password@host:port/database`. No TLS: the database is reached over a private network.
    pub url: String,
    /// The password, where the URL has none; empty means none.
    pub password: String,
    /// The most connections of the pool; 1 at least.
    pub pool_size: usize,
    /// So long may a statement wait for a connection of the pool; then it fails.
    pub pool_wait: Duration,
    /// A statement that runs longer is cancelled by the server.
    pub statement_timeout: Duration,
    /// A statement that waits longer for a lock is cancelled by the server.
    pub lock_timeout: Duration,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
}

/// Without the secrets.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.application_name;
        f.debug_struct("Options").field("application_name", name).finish_non_exhaustive()
    }
}

/// The URL can't be used. The message doesn't repeat it, because it holds the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a Postgres URL.
    #[error("the database URL can't be read; expected postgres://user:password@host:port/database")]
    Url,
    /// The pool can't be made.
    #[error("the connection pool can't be made")]
    Pool(#[source] deadpool_postgres::BuildError),
    /// There is no runtime that could drive the connections.
    #[error("the store is made outside of a runtime")]
    Runtime(#[from] TryCurrentError),
}

/// Access to one database.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    config: Config,
    attribution: Attribution,
    answered: Arc<Answered>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("database", &self.config.get_dbname()).finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares to connect; the first query opens the first connection, so that a service can start while
    /// Postgres is away. The connections live on the runtime that this is called in, whoever uses them.
    ///
    /// # Errors
    /// The URL can't be read.
    pub fn new(options: &Options) -> Result<Self, ConnectError> {
        let config = server_config(options)?;
        let manager = Manager::from_connect(
            config.clone(),
            OnRuntime(Handle::try_current()?),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(options.pool_size.max(1))
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(options.pool_wait),
                create: Some(Duration::from_secs(5)),
                recycle: Some(Duration::from_secs(2)),
            })
            .build()
            .map_err(ConnectError::Pool)?;
        series::describe();
        Ok(Self { pool, config, attribution: Attribution::default(), answered: Arc::default() })
    }

    /// Statements tell Postgres, in a comment, for which request they run.
    #[must_use]
    pub fn attributed(self, comments: Comments, who_asks: WhoAsks) -> Self {
        Self { attribution: Attribution { comments, who_asks: Some(who_asks) }, ..self }
    }

    pub(crate) async fn client(&self) -> Result<Pooled, Error> {
        let started = Instant::now();
        let client = self.pool.get().await.inspect_err(|error| pooled::failed(pool_kind(error)));
        metrics::histogram!("stockwire_database_pool_wait_seconds").record(started.elapsed());
        Ok(Pooled::new(client?, self.attribution, self.answered.clone()))
    }

    /// Sets the gauges of the pool. Call it before they are read.
    pub fn report_pool(&self) {
        let status = self.pool.status();
        for (name, count) in [
            ("stockwire_database_pool_in_use", status.size.saturating_sub(status.available)),
            ("stockwire_database_pool_open", status.size),
            ("stockwire_database_pool_max", status.max_size),
            ("stockwire_database_pool_waiting", status.waiting),
        ] {
            metrics::gauge!(name).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }

    /// A connection outside the pool, for work that owns its session.
    pub(crate) async fn dedicated(
        &self,
        purpose: &str,
    ) -> Result<(Client, Connection<Socket, NoTlsStream>), Error> {
        let mut config = self.config.clone();
        let name = config.get_application_name().unwrap_or("stockwire").to_owned();
        config.application_name(format!("{name} {purpose}"));
        let connect = config.connect(NoTls);
        match tokio::time::timeout(Duration::from_secs(5), connect).await {
            Ok(connected) => Ok(connected?),
            Err(elapsed) => Err(Error::Unavailable(Box::new(elapsed))),
        }
    }

    /// Asks the database for its answer to the simplest question.
    ///
    /// # Errors
    /// It doesn't answer.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.client().await?.run("/* store::ping */ select 1").await?)
    }

    /// Whether the database answers and has our tables. While all connections of the pool work for others, that they got
    /// answers lately is answer enough: who asks whether a service is ready must not wait behind them, nor take one that
    /// is busy for one that is cut off.
    ///
    /// # Errors
    /// It doesn't answer, or has no schema yet.
    pub async fn check(&self) -> Result<(), Error> {
        let status = self.pool.status();
        let all_work = status.available == 0 && status.size >= status.max_size;
        if all_work && self.answered.lately() {
            return Ok(());
        }
        self.log_head().await.map(drop)
    }

    /// Connections of the pool: in use, open, and the most allowed.
    #[must_use]
    pub fn pool_usage(&self) -> (usize, usize, usize) {
        let status = self.pool.status();
        (status.size - status.available.min(status.size), status.size, status.max_size)
    }

    /// Name and version of the server, for `/db-check`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn describe(&self, tenant: TenantId) -> Result<Description, Error> {
        const DESCRIBE: &str = "/* store::describe */
            select current_setting('server_version') as version, current_database()::text as database,
              (select count(*) from items where tenant_id = $1) as items, (select last from sequencer) as head";
        let row = self.client().await?.row(DESCRIBE, &[&tenant.get()]).await?;
        Ok(Description {
            server_version: row.try_get("version")?,
            database: row.try_get("database")?,
            items: row.try_get("items")?,
            head: row.try_get("head")?,
        })
    }
}

/// Opens the pool's connections on one runtime, whichever thread happens to need the next one. On the runtime of
/// an HTTP worker, a connection would end with that worker: when the service stops, idle workers go first, and
/// would break the queries of those that still answer.
struct OnRuntime(Handle);

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

impl Connect for OnRuntime {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let config = config.clone();
        Box::pin(async move {
            let mut connect = pin!(config.connect(NoTls));
            let (client, connection) = poll_fn(|context| {
                let _inside = self.0.enter();
                connect.as_mut().poll(context)
            })
            .await?;
            let driver = self.0.spawn(async move {
                // The queries under way report the failure; here it only ends the task.
                let _ = connection.await;
            });
            Ok((client, driver))
        })
    }
}

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Such as `15.18`.
    pub server_version: String,
    /// The database's name.
    pub database: String,
    /// Items of the tenant.
    pub items: i64,
    /// The log's newest position.
    pub head: i64,
}

/// How long a server may take to accept a connection, before it says a word. A host that isn't there for the moment, such
/// as a container that is being restarted, answers nothing at all: the next try is worth more than patience. What gets lost
/// on the way is sent again after a second.
const CONNECT: Duration = Duration::from_secs(2);

pub(crate) fn server_config(options: &Options) -> Result<Config, ConnectError> {
    let mut config = Config::from_str(&options.url).map_err(|_| ConnectError::Url)?;
    if config.get_application_name().is_none() {
        config.application_name(&options.application_name);
    }
    if config.get_password().is_none() && !options.password.is_empty() {
        config.password(&options.password);
    }
    let given = config.get_options().unwrap_or_default();
    // Our transactions are one statement or a few at once: one that is idle for long belongs to a process that hangs, and
    // would hold its locks.
    // No just-in-time compilation: our statements run for microseconds, compiling one takes 200 ms.
    let session = format!(
        "{given} -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout=15000 \
         -c jit=off -c TimeZone=UTC",
        options.statement_timeout.as_millis(),
        options.lock_timeout.as_millis()
    );
    config
        .options(session.trim())
        .connect_timeout(CONNECT)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(3))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(15));
    Ok(config)
}
