//! A process of its own that is measured: started, waited for, and stopped when it is dropped.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::http_connection::HttpConnection;

/// How long a service may take to become ready; applying migrations is part of it.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to end when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A running process; dropped, it is asked to end, and made to if it doesn't.
#[derive(Debug)]
pub(crate) struct ServiceProcess {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl ServiceProcess {
    /// Starts a command that listens on `address`. What it says goes into a file in `folder`.
    pub(crate) fn start(
        name: &'static str,
        mut command: Command,
        address: SocketAddr,
        folder: &Path,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}-{}.log", address.port()));
        // Started again at the same place, it goes on in the same file.
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("can't create {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        Ok(Self { name, child, address, log })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers `path` with success.
    pub(crate) async fn answers(&mut self, path: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < READY_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended instead of becoming ready ({status}): {}", self.name, self.last_words());
            }
            if let Ok(mut connection) = HttpConnection::open(self.address).await
                && let Ok(response) = connection.get(path).await
                && response.status == 200
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        bail!("{} isn't ready after {} s: {}", self.name, READY_LIMIT.as_secs(), self.last_words());
    }

    /// Ends it like a crash: no signal that it could act on.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("can't kill {}", self.name))?;
        self.child.wait().with_context(|| format!("can't wait for {}", self.name))?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn end(&mut self, limit: Duration) -> Result<()> {
        self.ask_to_end();
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "{} ended with {status}: {}", self.name, self.last_words());
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        bail!("{} doesn't end within {} s: {}", self.name, limit.as_secs(), self.last_words());
    }

    fn ask_to_end(&self) {
        if let Some(id) = Pid::from_raw(self.child.id().cast_signed()) {
            // It fails if it has ended already, which is what we want.
            let _ = kill_process(id, Signal::TERM);
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // What has been waited for must not be signalled: its id may be somebody else's by now.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.ask_to_end();
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on, and that nobody else is told of before the process takes it.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
