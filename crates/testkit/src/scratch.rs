//! A directory that vanishes with the test process, whatever ends it. No destructor runs when a test binary ends,
//! so a small shell stands by: it waits for the end of a pipe that this process holds, and cleans up then.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, test_kill_process};
use uuid::Uuid;

const PREFIX: &str = "stockwire-test-";

/// Waits for the end of its input, which is the end of the test process; asks a Postgres that works in the directory
/// to stop, in case nothing else does; removes the directory.
const CARETAKER: &str = r#"
cat > /dev/null
pid_file="$1/postgres/data/postmaster.pid"
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -e "$pid_file" ] || break
  kill -INT "$(head -n 1 "$pid_file")" 2> /dev/null || break
  sleep 0.2
done
rm -rf "$1"
"#;

/// The directory, and who removes it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Ends when its input does. Nobody waits for it: it outlives us on purpose.
    _caretaker: Child,
}

impl Scratch {
    /// Makes a directory below the machine's temporary one, and removes those of processes that are gone.
    ///
    /// # Errors
    /// It can't be made, or there is no shell.
    pub fn new() -> Result<Self> {
        let parent = std::env::temp_dir();
        remove_those_of_the_dead(&parent);
        let name = format!("{PREFIX}{}-{}", std::process::id(), Uuid::new_v4().simple());
        let path = parent.join(name);
        fs::create_dir(&path).with_context(|| format!("can't create {}", path.display()))?;
        // Postgres runs as another user where we are root.
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        let caretaker = Command::new("sh")
            .args(["-c", CARETAKER, "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the test, and the caretaker works after it.
            .process_group(0)
            .spawn()
            .context("can't start sh")?;
        Ok(Self { path, _caretaker: caretaker })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A caretaker may have been killed, too.
fn remove_those_of_the_dead(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        let process = process.and_then(|(process, _)| Pid::from_raw(process.parse().ok()?));
        let dead = process.is_some_and(|process| test_kill_process(process) == Err(rustix::io::Errno::SRCH));
        if dead {
            // Best effort: it may be someone else's, or its caretaker is at work.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::waiting;

    async fn vanished(path: &Path) -> Result<()> {
        let gone = waiting::until(waiting::PATIENCE, "the directory to vanish", async || {
            Ok((!path.exists()).then_some(()))
        });
        gone.await.map(drop)
    }

    #[tokio::test]
    async fn it_vanishes_when_nobody_holds_its_pipe_any_more() -> Result<()> {
        let scratch = Scratch::new()?;
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "content")?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(path.join("file").exists());
        drop(scratch);
        vanished(&path).await
    }

    #[tokio::test]
    async fn what_a_dead_process_left_behind_is_removed() -> Result<()> {
        let mut dead = Command::new("true").spawn()?;
        dead.wait()?;
        let left = std::env::temp_dir().join(format!("{PREFIX}{}-left", dead.id()));
        fs::create_dir(&left)?;
        let _scratch = Scratch::new()?;
        vanished(&left).await
    }
}
