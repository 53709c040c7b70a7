//! What can go wrong between "I want a Postgres" and having one. The texts are for the person at the terminal: they
//! name the file, the version or the program, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::binaries::{OLDEST_MAJOR, Unusable};
use super::program::ProgramFailure;

/// Why there is no Postgres.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something to do with a file.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error(
        "{} is in use by another stockwire{holder}: stop that one first, or use another directory",
        directory.display()
    )]
    InUse {
        /// The directory both want.
        directory: PathBuf,
        /// ` (process 123)` if it is known, else empty.
        holder: String,
    },
    /// Postgres refuses to run as root, and there is no one else to run it as.
    #[error("running as root, and neither user `postgres` nor `nobody` exists to run PostgreSQL as")]
    NoUnprivilegedAccount,
    /// The data belongs to a user that this process can't become.
    #[error("{} belongs to user id {owner}: run as that user or as root, or use another directory", path.display())]
    ForeignData {
        /// The data directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// There is a cluster, but a directory above it shuts out the user that it belongs to.
    #[error(
        "user {account} can't reach {}: {} does not let it through (chmod o+x)",
        path.display(),
        barrier.display()
    )]
    Unreachable {
        /// Who the server runs as.
        account: String,
        /// What it has to reach.
        path: PathBuf,
        /// The directory in between that it may not pass.
        barrier: PathBuf,
    },
    /// The binaries that the setting names are no use.
    #[error("the PostgreSQL binaries set for us, {}, can't be used: {reason}", directory.display())]
    ConfiguredBinaries {
        /// The directory of the setting.
        directory: PathBuf,
        /// What is wrong with it.
        reason: Unusable,
    },
    /// The data was made by one major version, and only others are to be had.
    #[error(
        "the data in {} was made by PostgreSQL {data} and only PostgreSQL {data} can read it, but this machine has \
         {found}: install PostgreSQL {data}, or move the directory away to start with an empty one",
        directory.display()
    )]
    OtherMajor {
        /// The data directory.
        directory: PathBuf,
        /// The major version that made it.
        data: u32,
        /// The versions found, in words.
        found: String,
    },
    /// Nothing installed, and no way of fetching worked.
    #[error("{}", no_binaries(failures))]
    NoBinaries {
        /// Each way that was tried and why it failed.
        failures: Vec<FetchFailure>,
    },
    /// The data directory has something in it, and it is no cluster.
    #[error("{} is neither empty nor a PostgreSQL data directory", path.display())]
    NotACluster {
        /// The directory.
        path: PathBuf,
    },
    /// The cluster is there, its password is not.
    #[error(
        "{} is missing, and without it nobody gets into the data beside it: put the file back, or move the directory \
         away to start with an empty one",
        path.display()
    )]
    NoPassword {
        /// The password's file.
        path: PathBuf,
    },
    /// `initdb` could not make the cluster.
    #[error("initdb could not make a database cluster")]
    Initdb {
        /// What it said.
        source: ProgramFailure,
    },
    /// Processes of an earlier run would not end, killed or not.
    #[error("PostgreSQL of an earlier run (process {process}) still works in {} and can't be stopped", data.display())]
    LeftRunning {
        /// One of them.
        process: i32,
        /// The data directory.
        data: PathBuf,
    },
    /// The server's program could not be started at all.
    #[error("could not start {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server ended by itself.
    #[error("PostgreSQL ended by itself ({status}); the end of its log:\n{log}")]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of `postgres.log`.
        log: String,
    },
    /// The server runs but does not become ready.
    #[error("PostgreSQL was not ready within {} s; the end of its log:\n{log}", waited.as_secs())]
    NotReady {
        /// How long we waited.
        waited: Duration,
        /// The last lines of `postgres.log`.
        log: String,
    },
    /// The server had to be stopped the hard way; the next start recovers from its log.
    #[error("PostgreSQL did not shut down within {} s and was stopped the hard way", waited.as_secs())]
    StoppedHard {
        /// How long it was given.
        waited: Duration,
    },
}

impl Error {
    /// For `map_err`: what was tried with which file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { action, path, source }
    }
}

/// One way of fetching binaries, and why it did not work.
#[derive(Debug)]
pub struct FetchFailure {
    /// The way, as a person would type it.
    pub way: String,
    /// Why it did not work.
    pub problem: FetchProblem,
}

/// Why one way of fetching binaries did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchProblem {
    /// The client is not installed.
    #[error("{0} is not on the PATH")]
    NoProgram(&'static str),
    /// The client ran and failed.
    #[error(transparent)]
    Program(#[from] ProgramFailure),
    /// Only root may install system packages.
    #[error("needs root")]
    NotRoot,
    /// Nobody built a package for this kind of machine.
    #[error("there is no package for {0}")]
    Platform(String),
    /// What came can't be used here.
    #[error("what it brought can't be used: {0}")]
    Unusable(#[from] Unusable),
    /// What came is not laid out as expected.
    #[error("what it brought is not laid out as expected: {0}")]
    Layout(String),
    /// The operating system refused something.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.way, self.problem)
    }
}

fn no_binaries(failures: &[FetchFailure]) -> String {
    let tried: String = failures.iter().map(|failure| format!("\n- {failure}")).collect();
    format!(
        "no PostgreSQL {OLDEST_MAJOR} or newer is installed here, and fetching one failed. Any of these would do, or \
         installing PostgreSQL in any other way, or naming a directory with its binaries in the configuration:{tried}"
    )
}
