//! The server's operating system process. A thread of its own starts it and stays until it has ended, because the
//! parent-death signal goes out when the *thread* that started a process ends, and because a server outlives the
//! runtime of the test that started it.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use super::error::Error;

/// What a drop waits for each signal, the gentle one first.
const DROP_LIMITS: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(10)),
    (Signal::QUIT, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];

/// What `stop` waits after each signal that follows the gentle one.
const HARD_STOP_LIMIT: Duration = Duration::from_secs(5);

/// A running server; dropped, it is stopped.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    /// For those who wait and for those who send signals: a process that has been reaped must not get any, because
    /// its number may be someone else's.
    status: Arc<Status>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

#[derive(Debug, Default)]
struct Status {
    ended: Mutex<Option<ExitStatus>>,
    changed: Condvar,
}

impl Process {
    /// Starts the command in a thread of its own. Blocks for the moment that takes, so that no cancellation can come
    /// between the start and the value that owns it.
    pub(super) fn start(mut command: Command) -> Result<Process, Error> {
        let program = PathBuf::from(command.get_program());
        let failed = |source| Error::Spawn { program, source };
        let status = Arc::new(Status::default());
        let (started_sender, started) = mpsc::sync_channel(1);
        let (ended_sender, ended) = watch::channel(None);
        let shared = Arc::clone(&status);
        let keep = move || match command.spawn() {
            Ok(child) => {
                let _ = started_sender.send(Ok(Pid::from_child(&child)));
                let _ = ended_sender.send(Some(reap(child, &shared)));
            }
            Err(error) => {
                let _ = started_sender.send(Err(error));
            }
        };
        let pid = thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(keep)
            .and_then(|_| started.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended"))))
            .map_err(failed)?;
        Ok(Process { pid, status, ended })
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Resolves when the process has ended, whoever ended it.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        loop {
            if let Some(status) = *ended.borrow_and_update() {
                return status;
            }
            if ended.changed().await.is_err() {
                // Only a keeper that panicked closes the channel without a status.
                return ExitStatus::default();
            }
        }
    }

    /// Asks the server to shut down, and makes it after `limit`. Whether asking was enough.
    pub(super) async fn stop(&self, limit: Duration) -> bool {
        self.signal(Signal::INT);
        if tokio::time::timeout(limit, self.ended()).await.is_ok() {
            return true;
        }
        for signal in [Signal::QUIT, Signal::KILL] {
            self.signal(signal);
            if tokio::time::timeout(HARD_STOP_LIMIT, self.ended()).await.is_ok() {
                break;
            }
        }
        false
    }

    fn signal(&self, signal: Signal) {
        let ended = self.status.lock();
        if ended.is_none() {
            // It can only fail for a process that is not ours.
            let _ = kill_process(self.pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for (signal, limit) in DROP_LIMITS {
            if self.status.lock().is_some() {
                return;
            }
            self.signal(signal);
            self.status.wait(limit);
        }
    }
}

impl Status {
    fn lock(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, limit: Duration) {
        let running = |ended: &mut Option<ExitStatus>| ended.is_none();
        drop(self.changed.wait_timeout_while(self.lock(), limit, running));
    }
}

/// Waits for the end without reaping, then reaps under the lock, so that no signal can come in between.
fn reap(mut child: Child, status: &Status) -> ExitStatus {
    let pid = Pid::from_child(&child);
    let ended_unreaped = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), ended_unreaped), Err(Errno::INTR)) {}
    let mut ended = status.lock();
    // It has ended, so this returns at once; it fails only if someone else reaped our child.
    let exit_status = child.wait().unwrap_or_default();
    *ended = Some(exit_status);
    status.changed.notify_all();
    exit_status
}
