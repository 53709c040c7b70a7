//! The server's programs: where a machine may have them, whether they run, and which of them fits the data.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::error::Error;
use super::fetch;
use super::home::Home;
use super::program::{self, ProgramFailure};
use super::{Environment, Options};

/// The change log needs `pg_current_xact_id()` and `xid8`.
pub(super) const OLDEST_MAJOR: u32 = 14;

const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// A directory with `postgres` and `initdb` that runs here, as the server's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) directory: PathBuf,
    pub(super) major: u32,
    /// As the server says it, `15.18` or `18beta1`.
    pub(super) version: String,
}

/// Why a directory's binaries can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// A program is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// `postgres --version` fails, as the user that would run the server.
    #[error(transparent)]
    DoesNotRun(#[from] ProgramFailure),
    /// `postgres --version` says something else.
    #[error("its version is not to be understood: {0}")]
    UnknownVersion(String),
    /// We need newer ones.
    #[error("it is PostgreSQL {0}, and we need {oldest} or newer", oldest = OLDEST_MAJOR)]
    TooOld(u32),
    /// The data was made by another major version.
    #[error("it is PostgreSQL {found}, and the data was made by {needed}")]
    OtherMajor {
        /// The version of the binaries.
        found: u32,
        /// The version of the data.
        needed: u32,
    },
}

/// The setting's binaries, or the first installed ones that fit, or fetched ones.
pub(super) async fn choose(
    options: &Options,
    home: &Home,
    data_major: Option<u32>,
) -> Result<Binaries, Error> {
    if let Some(directory) = &options.binaries {
        return configured(directory, home.account(), data_major)
            .await
            .map_err(|reason| Error::ConfiguredBinaries { directory: directory.clone(), reason });
    }
    let fetched_directory = home.fetched_binaries(options);
    let mut candidates =
        if options.search_installed { installed(&options.environment).await } else { Vec::new() };
    candidates.extend(fetch::already_in(&fetched_directory));

    let mut others = Vec::new();
    for directory in candidates {
        match probe(&directory, home.account()).await {
            Ok(binaries) if data_major.is_none_or(|needed| needed == binaries.major) => return Ok(binaries),
            Ok(binaries) => others.push(binaries),
            Err(reason) => {
                tracing::debug!(postgres.binaries = %directory.display(), %reason, "passed over postgres binaries");
            }
        }
    }
    if let Some(needed) = data_major.filter(|needed| *needed != fetch::MAJOR) {
        return Err(other_major(home, needed, &others));
    }
    let fetched = fetch::fetch(&options.environment, home.account(), &fetched_directory).await?;
    match data_major {
        Some(needed) if needed != fetched.major => Err(other_major(home, needed, &[fetched])),
        _ => Ok(fetched),
    }
}

async fn configured(
    directory: &Path,
    account: Option<&Account>,
    data_major: Option<u32>,
) -> Result<Binaries, Unusable> {
    // Relative to us, not to the directory that the programs are started in.
    let directory = path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let binaries = probe(&directory, account).await?;
    match data_major {
        Some(needed) if needed != binaries.major => {
            Err(Unusable::OtherMajor { found: binaries.major, needed })
        }
        _ => Ok(binaries),
    }
}

fn other_major(home: &Home, data: u32, others: &[Binaries]) -> Error {
    let mut majors: Vec<u32> = others.iter().map(|binaries| binaries.major).collect();
    majors.sort_unstable();
    majors.dedup();
    let names: Vec<String> = majors.iter().map(|major| format!("PostgreSQL {major}")).collect();
    let found = if names.is_empty() {
        format!("none, and could only fetch PostgreSQL {}", fetch::MAJOR)
    } else {
        names.join(" and ")
    };
    Error::OtherMajor { directory: home.data(), data, found }
}

/// Whether the binaries in `directory` run as `account`, and what they are.
pub(super) async fn probe(directory: &Path, account: Option<&Account>) -> Result<Binaries, Unusable> {
    for name in ["postgres", "initdb"] {
        if !program::is_executable(&directory.join(name)) {
            return Err(Unusable::Missing(name));
        }
    }
    let mut command = program::server(&directory.join("postgres"), account);
    command.arg("--version");
    let said = program::run(command, PROBE_LIMIT).await?;
    let (version, major) = parse_version(&said).ok_or(Unusable::UnknownVersion(said))?;
    if major < OLDEST_MAJOR {
        return Err(Unusable::TooOld(major));
    }
    Ok(Binaries { directory: directory.to_owned(), major, version })
}

/// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_version(said: &str) -> Option<(String, u32)> {
    let version = said.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    Some((version.to_owned(), leading_number(version)?))
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// Every directory that may have server binaries, the likeliest first, each once.
async fn installed(environment: &Environment) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    candidates.extend(named_by_pg_config(environment).await);
    candidates.extend(on_path(environment));
    candidates.extend(packaged_by_debian());
    candidates.extend(numbered("/usr", "pgsql-", "bin"));
    candidates.push(PathBuf::from("/usr/local/pgsql/bin"));
    candidates.extend(numbered("/usr/libexec", "postgresql", ""));
    for homebrew in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
        candidates.extend(numbered(homebrew, "postgresql@", "bin"));
    }
    candidates.extend(numbered("/Applications/Postgres.app/Contents/Versions", "", "bin"));

    let mut unique = Vec::new();
    for candidate in candidates.iter().filter_map(|directory| directory.canonicalize().ok()) {
        if !unique.contains(&candidate) {
            unique.push(candidate);
        }
    }
    unique
}

/// Not on the PATH, because several versions may live side by side.
pub(super) fn packaged_by_debian() -> Vec<PathBuf> {
    numbered("/usr/lib/postgresql", "", "bin")
}

async fn named_by_pg_config(environment: &Environment) -> Option<PathBuf> {
    let mut command = program::client(&program::find("pg_config", environment)?, environment);
    command.arg("--bindir");
    let said = program::run(command, PROBE_LIMIT).await.ok()?;
    Some(PathBuf::from(said.trim()))
}

/// Behind its links: a `postgres` on the PATH often is one, without its `initdb` beside it.
fn on_path(environment: &Environment) -> Vec<PathBuf> {
    let path = environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
    env::split_paths(&path)
        .filter_map(|directory| directory.join("postgres").canonicalize().ok())
        .filter_map(|file| file.parent().map(Path::to_owned))
        .collect()
}

/// `parent/<prefix><number>/<last>` for every number there is, the highest first.
fn numbered(parent: impl AsRef<Path>, prefix: &str, last: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((leading_number(name.strip_prefix(prefix)?)?, entry.path().join(last)))
        })
        .collect();
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_vendor_are_understood() {
        let version = parse_version;
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 1)\n"), Some(("15.18".into(), 15)));
        assert_eq!(version("postgres (PostgreSQL) 18beta1\n"), Some(("18beta1".into(), 18)));
        assert_eq!(version("postgres (PostgreSQL) 9.6.24\n"), Some(("9.6.24".into(), 9)));
        assert_eq!(version("something else 12"), None);
    }

    #[test]
    fn the_highest_number_comes_first_and_9_is_not_higher_than_15() {
        let parent = env::temp_dir().join(format!("stockwire-numbered-{}", uuid::Uuid::new_v4()));
        for name in ["pgsql-9", "pgsql-15", "pgsql-100", "pgsql-old", "other-20"] {
            fs::create_dir_all(parent.join(name)).unwrap();
        }
        let names: Vec<PathBuf> = numbered(&parent, "pgsql-", "bin");
        fs::remove_dir_all(&parent).unwrap();
        let expected = ["pgsql-100/bin", "pgsql-15/bin", "pgsql-9/bin"].map(|name| parent.join(name));
        assert_eq!(names, expected);
    }
}
