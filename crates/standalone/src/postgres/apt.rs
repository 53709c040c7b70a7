//! The last way of fetching: Debian's own package, which changes the system and therefore comes last, and as root only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::geteuid;

use super::Environment;
use super::account::Account;
use super::binaries::{self, Binaries};
use super::error::FetchProblem;
use super::program;

/// What a person would type.
pub(super) const DESCRIBED: &str = "apt-get install postgresql";

/// What it downloads.
pub(super) const SIZE: &str = "about 60 MB";

/// Installs the package and returns the newest server that it brought.
pub(super) async fn install(
    environment: &Environment,
    account: Option<&Account>,
    limit: Duration,
) -> Result<Binaries, FetchProblem> {
    let apt = program::find("apt-get", environment).ok_or(FetchProblem::NoProgram("apt-get"))?;
    if !geteuid().is_root() {
        return Err(FetchProblem::NotRoot);
    }
    let _no_cluster = NoMainCluster::declare()?;
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "postgresql"]] {
        let mut command = program::client(&apt, environment);
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet").args(arguments);
        program::run(command, limit).await?;
    }
    for directory in binaries::packaged_by_debian() {
        if let Ok(binaries) = binaries::probe(&directory, account).await {
            return Ok(binaries);
        }
    }
    Err(FetchProblem::Layout("no server where Debian has them".to_owned()))
}

/// The package makes and starts a server of its own, on the usual port, unless it is told not to.
struct NoMainCluster {
    file: PathBuf,
}

impl NoMainCluster {
    fn declare() -> io::Result<NoMainCluster> {
        let directory = Path::new("/etc/postgresql-common/createcluster.d");
        fs::create_dir_all(directory)?;
        let file = directory.join("stockwire.conf");
        fs::write(&file, "create_main_cluster = false\n")?;
        Ok(NoMainCluster { file })
    }
}

impl Drop for NoMainCluster {
    fn drop(&mut self) {
        // Should it stay, the machine's owner only misses a cluster that nobody asked for.
        let _ = fs::remove_file(&self.file);
    }
}
