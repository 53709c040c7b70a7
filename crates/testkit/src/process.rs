//! Real binaries: started with an environment of their own, asked to stop, killed, their exit status read.

use std::{
    collections::BTreeMap,
    fs::File,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use service::Settings;
use tokio::process::{Child, Command};

use crate::{settings::free_listener, waiting};

/// A running binary; dropped, it is killed.
#[derive(Debug)]
pub struct Service {
    name: String,
    child: Child,
    address: SocketAddr,
}

/// The variables that hand a test's settings to a binary: where the others are and the secrets.
#[must_use]
pub fn environment(settings: &Settings) -> BTreeMap<String, String> {
    [
        ("STOCKWIRE__DATABASE__URL", settings.database.url.expose()),
        ("STOCKWIRE__INTERNAL__SECRET", settings.internal.secret.expose()),
        ("STOCKWIRE__AUTH__TOKEN_SECRET", settings.auth.token_secret.expose()),
        ("STOCKWIRE__AUTH__ANONYMOUS", settings.auth.anonymous.as_str()),
        ("STOCKWIRE__NOTIFIER__URL", &settings.notifier.url),
        ("STOCKWIRE__API__URL", &settings.api.url),
        ("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "0"),
        ("STOCKWIRE__LOG__FILTER", &settings.log.filter),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

impl Service {
    /// Starts a binary, usually `env!("CARGO_BIN_EXE_…")`, and waits until it says that it is ready.
    ///
    /// # Errors
    /// It doesn't start, or doesn't become ready.
    pub async fn start(binary: &str, listen: &str, environment: &BTreeMap<String, String>) -> Result<Self> {
        let mut service = Self::spawn(binary, listen, environment)?;
        service.ready().await?;
        Ok(service)
    }

    /// Starts a binary on a free port that the variable `listen` tells it. It sees nothing of our own environment.
    ///
    /// # Errors
    /// There is no such binary.
    pub fn spawn(binary: &str, listen: &str, environment: &BTreeMap<String, String>) -> Result<Self> {
        Self::spawn_logging(binary, listen, environment, Stdio::inherit())
    }

    /// As [`Service::spawn`]; what it writes to its log goes to a file.
    ///
    /// # Errors
    /// There is no such binary, or the file can't be made.
    pub fn spawn_with_log(
        binary: &str,
        listen: &str,
        environment: &BTreeMap<String, String>,
        log: &Path,
    ) -> Result<Self> {
        let log = File::create(log).with_context(|| format!("can't create {}", log.display()))?;
        Self::spawn_logging(binary, listen, environment, log.into())
    }

    fn spawn_logging(
        binary: &str,
        listen: &str,
        environment: &BTreeMap<String, String>,
        log: Stdio,
    ) -> Result<Self> {
        // Free when we looked; nobody else is told of it before the binary takes it.
        let address = free_listener()?.local_addr()?;
        let name = binary.rsplit('/').next().unwrap_or(binary).to_owned();
        let child = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env(listen, address.to_string())
            // There is no settings file here.
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("can't start {binary}"))?;
        Ok(Self { name, child, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// It ends, or doesn't become ready.
    pub async fn ready(&mut self) -> Result<()> {
        let awaited = format!("{} to be ready", self.name);
        let url = format!("http://{}/ready", self.address);
        let ready = waiting::until(waiting::PATIENCE, &awaited, async || {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("{} ended instead of becoming ready: {status}", self.name);
            }
            Ok(readiness(&url).await.0.then_some(()))
        });
        ready.await.map(drop)
    }

    /// The sum of a metric's series, 0 if there is none.
    ///
    /// # Errors
    /// It doesn't answer.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        metric(self.address, name).await
    }

    /// How much memory it uses.
    ///
    /// # Errors
    /// It has ended, or this system doesn't say.
    pub fn resident_bytes(&self) -> Result<usize> {
        let id = self.child.id().with_context(|| format!("{} has ended", self.name))?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(resident.context("no VmRSS")?.trim().parse::<usize>()? * 1024)
    }

    /// Asks it to stop: SIGTERM.
    ///
    /// # Errors
    /// It has ended already.
    pub fn ask_to_stop(&self) -> Result<()> {
        self.send(Signal::TERM)
    }

    /// kill -9, and waits until it is gone.
    ///
    /// # Errors
    /// It has ended already.
    pub async fn kill(mut self) -> Result<()> {
        self.send(Signal::KILL)?;
        self.exit_status(waiting::PATIENCE).await.map(drop)
    }

    fn send(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let id = id.with_context(|| format!("{} has ended", self.name))?;
        kill_process(id, signal).with_context(|| format!("{} takes no signal", self.name))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It doesn't end in time.
    pub async fn exit_status(&mut self, limit: Duration) -> Result<ExitStatus> {
        let awaited = format!("{} to exit", self.name);
        Ok(waiting::within(limit, &awaited, self.child.wait()).await??)
    }
}

/// Whether a service says that it is ready, and what exactly it says.
pub(crate) async fn readiness(url: &str) -> (bool, String) {
    let said = async {
        let answer = reqwest::get(url).await?;
        Ok::<_, reqwest::Error>((answer.status().is_success(), answer.text().await?))
    };
    said.await.unwrap_or_else(|error| (false, error.to_string()))
}

/// The sum of a metric's series as a service answers them, 0 if there is none.
///
/// # Errors
/// It doesn't answer.
pub async fn metric(service: SocketAddr, name: &str) -> Result<f64> {
    let metrics = reqwest::get(format!("http://{service}/metrics")).await?.error_for_status()?.text().await?;
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        (rest.starts_with(['{', ' '])).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    };
    Ok(metrics.lines().filter_map(value).fold(0.0, |sum, value| sum + value))
}
