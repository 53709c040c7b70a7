//! What an earlier run left behind. A server whose parent was killed may still run, or a backend of one that was
//! killed itself; the data must not be opened again before all of them are gone. Postgres repairs the data itself.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::{Instant, sleep};

use super::error::Error;
use super::pid_file::PidFile;
use super::program;

/// How long each signal is given, the gentle one first.
const FAST_SHUTDOWN_LIMIT: Duration = Duration::from_secs(15);
const HARD_STOP_LIMIT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Ends every process of Postgres that works in this data directory, then clears a pid file that would mislead the
/// next server.
pub(super) async fn clear(data: &Path) -> Result<(), Error> {
    let Ok(data) = data.canonicalize() else {
        return Ok(());
    };
    let running = working_in(&data).await?;
    if let Some(first) = running.first() {
        tracing::info!(
            postgres.process_id = first.as_raw_pid(),
            postgres.data = %data.display(),
            "stopping a postgres that an earlier run left behind"
        );
        stop(&data).await?;
    }
    forget_recycled_process(&data)
}

async fn stop(data: &Path) -> Result<(), Error> {
    let server = PidFile::read(data)?.map(|file| file.pid);
    let steps = [
        (Signal::INT, FAST_SHUTDOWN_LIMIT),
        (Signal::QUIT, HARD_STOP_LIMIT),
        (Signal::KILL, HARD_STOP_LIMIT),
    ];
    for (signal, limit) in steps {
        let running = working_in(data).await?;
        // A server stops its backends itself; backends without a server would take an interrupt for a cancelled
        // query and live on, so they are spared the gentle step.
        let server_runs = running.iter().any(|pid| Some(*pid) == server);
        if signal == Signal::INT && !server_runs {
            continue;
        }
        for pid in
            running.iter().filter(|pid| !server_runs || signal == Signal::KILL || Some(**pid) == server)
        {
            // It may just have ended by itself, which is what we want.
            let _ = kill_process(*pid, signal);
        }
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if working_in(data).await?.is_empty() {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
    }
    match working_in(data).await?.first() {
        None => Ok(()),
        Some(pid) => Err(Error::LeftRunning { process: pid.as_raw_pid(), data: data.to_owned() }),
    }
}

/// A dead server's process id may belong to someone else by now, and Postgres would take that for a running server.
/// A dead process is left to Postgres, which checks its shared memory, too; and so is everything where we can't see
/// who works in the data directory.
fn forget_recycled_process(data: &Path) -> Result<(), Error> {
    let recycled = |file: &PidFile| cfg!(target_os = "linux") && test_kill_process(file.pid).is_ok();
    let Some(file) = PidFile::read(data)?.filter(recycled) else {
        return Ok(());
    };
    let path = PidFile::path(data);
    tracing::info!(
        postgres.process_id = file.pid.as_raw_pid(),
        "removing the pid file of a server that is gone"
    );
    fs::remove_file(&path).map_err(Error::file("remove", &path))
}

/// Postgres' processes have the data directory as their working directory.
async fn working_in(data: &Path) -> Result<Vec<Pid>, Error> {
    if cfg!(target_os = "linux") { listed_in_proc(data) } else { shown_by_ps(data).await }
}

fn listed_in_proc(data: &Path) -> Result<Vec<Pid>, Error> {
    let proc = Path::new("/proc");
    let mut found = Vec::new();
    for entry in fs::read_dir(proc).map_err(Error::file("read", proc))? {
        let entry = entry.map_err(Error::file("read", proc))?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else {
            continue;
        };
        // Processes end while we look, and others are none of our business: neither is an error.
        let works_here = fs::read_link(entry.path().join("cwd")).is_ok_and(|directory| directory == data);
        if works_here && is_postgres(&entry.path()).unwrap_or(false) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// A shell may stand in the data directory, too.
fn is_postgres(process: &Path) -> io::Result<bool> {
    Ok(fs::read_to_string(process.join("comm"))?.trim() == "postgres")
}

/// Where there is no `/proc`, only the server itself is recognised, by its command line.
async fn shown_by_ps(data: &Path) -> Result<Vec<Pid>, Error> {
    let Some(file) = PidFile::read(data)? else {
        return Ok(Vec::new());
    };
    let Some(ps) = program::find_system("ps") else {
        return Ok(Vec::new());
    };
    let mut command = program::server(&ps, None);
    command.args(["-o", "command=", "-p", &file.pid.as_raw_pid().to_string()]);
    let line = program::run(command, HARD_STOP_LIMIT).await.unwrap_or_default();
    let ours = line.contains("postgres") && line.contains(data.to_string_lossy().as_ref());
    Ok(if ours { vec![file.pid] } else { Vec::new() })
}
