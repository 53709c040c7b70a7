//! Running helper programs: found on a PATH that is handed in, bounded in time, their complaints kept.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::Environment;
use super::account::Account;

/// What the server and `initdb` get for a PATH: enough for a shell and its tools, and the same wherever we run.
const SERVER_PATH: &str = "/usr/bin:/bin";

/// How much of a program's complaint is worth showing: clients print their conclusion last.
const SHOWN_LINES: usize = 8;

/// Why a helper program did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramFailure {
    /// It could not be started.
    #[error("{program} could not be started: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the operating system said.
        reason: io::Error,
    },
    /// It took longer than it may.
    #[error("{program} was not done after {} s", limit.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// The time it had.
        limit: Duration,
    },
    /// It ran and failed.
    #[error("{program} failed ({status}): {output}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of what it said.
        output: String,
    },
}

/// The first executable file of that name on the PATH of `environment`.
pub(super) fn find(name: &str, environment: &Environment) -> Option<PathBuf> {
    find_on(name, environment.get(OsStr::new("PATH"))?)
}

/// The same among the machine's own tools, whatever PATH we were started with.
pub(super) fn find_system(name: &str) -> Option<PathBuf> {
    find_on(name, OsStr::new(SERVER_PATH))
}

fn find_on(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|file| is_executable(file))
}

/// Whether there is such a file and someone may run it.
pub(super) fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// A command for package clients: our own user, the environment that was handed in.
pub(super) fn client(program: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment).stdin(Stdio::null());
    command
}

/// A command for Postgres' own programs: the service account, next to no environment.
///
/// `LC_ALL=C` keeps their messages in the language that we read, and keeps macOS from starting threads in them.
pub(super) fn server(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", SERVER_PATH).env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    if let Some(account) = account {
        // The standard library drops root's supplementary groups along with its user.
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Runs a command to its end and returns what it printed. Dropping the future kills it.
pub(super) async fn run(command: Command, limit: Duration) -> Result<String, ProgramFailure> {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = tokio::process::Command::from(command);
    let output = match tokio::time::timeout(limit, command.kill_on_drop(true).output()).await {
        Err(_) => return Err(ProgramFailure::TimedOut { program, limit }),
        Ok(Err(reason)) => return Err(ProgramFailure::NotStarted { program, reason }),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    let output_tail = last_lines(&String::from_utf8_lossy(said), SHOWN_LINES);
    Err(ProgramFailure::Failed { program, status: output.status, output: output_tail })
}

/// The last lines that have something in them.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_blank_ones_are_not() {
        assert_eq!(last_lines("one\n\ntwo\nthree\n\n", 2), "two\nthree");
        assert_eq!(last_lines("one", 2), "one");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn nothing_is_found_on_an_empty_or_missing_path() {
        assert_eq!(find("sh", &Environment::new()), None);
        assert_eq!(find("sh", &Environment::from([("PATH".into(), "".into())])), None);
        assert!(find("sh", &Environment::from([("PATH".into(), "/nonexistent:/bin".into())])).is_some());
    }
}
