//! The running server: started, watched, stopped.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Options;
use super::binaries::{self, Binaries};
use super::cluster::{self, SUPERUSER};
use super::error::Error;
use super::home::Home;
use super::leftover;
use super::pid_file::PidFile;
use super::process::Process;
use super::program;

/// Recovery after a crash reads the write-ahead log, at most about a gigabyte of it.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A start that takes longer than this is worth a word.
const SLOW_START: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A free port may be taken between our look and the server's.
const PORT_ATTEMPTS: u32 = 5;

/// How much of the log goes into an error, and how much of the file is read for it.
const LOG_LINES: usize = 20;
const LOG_TAIL_BYTES: u64 = 16 * 1024;

/// What every server of ours gets. Files of sockets would have to be reachable and short of name; times are in UTC
/// whatever the machine's zone.
const SETTINGS: [(&str, &str); 4] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// A server that accepts connections; dropped, it is stopped, which blocks for some milliseconds.
pub struct Server {
    process: Process,
    port: u16,
    password: String,
    version: String,
    /// Last, so that the directory is unlocked when the server has gone.
    home: Home,
}

impl Server {
    /// Returns when the server accepts connections.
    pub async fn start(options: Options) -> Result<Server, Error> {
        let begun = Instant::now();
        let home = Home::open(&options)?;
        leftover::clear(&home.data()).await?;
        let data_major = cluster::major(&home)?;
        let binaries = binaries::choose(&options, &home, data_major).await?;
        let password = cluster::open(&home, &binaries).await?;
        let (process, port) = launch(&home, &binaries, &options.settings).await?;
        tracing::info!(
            postgres.version = binaries.version,
            postgres.binaries = %binaries.directory.display(),
            postgres.directory = %home.path().display(),
            postgres.user = home.account().map(|account| account.name.as_str()),
            postgres.port = port,
            postgres.process_id = process.pid().as_raw_pid(),
            took_ms = begun.elapsed().as_millis() as u64,
            "postgres is ready"
        );
        Ok(Server { process, port, password, version: binaries.version, home })
    }

    /// Where to connect for one of its databases; `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        url(&self.password, self.port, database)
    }

    /// On loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process.
    pub fn process_id(&self) -> u32 {
        self.process.pid().as_raw_nonzero().get().unsigned_abs()
    }

    /// As the server says it, `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where its data, password and log really are.
    pub fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Resolves when the server has ended by itself, with the reason. Safe to drop and call again.
    pub async fn exited(&self) -> Error {
        let status = self.process.ended().await;
        Error::Exited { status, log: log_tail(&self.home) }
    }

    /// Disconnects the clients, writes everything down and ends. A server that has not ended within `limit` is
    /// stopped the hard way, which costs the next start a recovery and is an error.
    pub async fn stop(self, limit: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        if !self.process.stop(limit).await {
            return Err(Error::StoppedHard { waited: limit });
        }
        tracing::info!(took_ms = begun.elapsed().as_millis() as u64, "postgres has stopped");
        Ok(())
    }
}

/// Without the password.
impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("port", &self.port)
            .field("version", &self.version)
            .field("directory", &self.home.path())
            .finish_non_exhaustive()
    }
}

/// Where to connect to the server that another stockwire runs in a directory, as [`Error::InUse`] names it; `None` while
/// that one starts or stops, and for whoever may not read the directory's password.
pub fn running_url(directory: &Path, database: &str) -> Option<String> {
    let password = fs::read_to_string(directory.join("password")).ok()?;
    let file = PidFile::read(&directory.join("data")).ok()??;
    file.port.filter(|_| file.ready).map(|port| url(password.trim(), port, database))
}

fn url(password: &str, port: u16, database: &str) -> String {
    format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{}", percent_encoded(database))
}

async fn launch(
    home: &Home,
    binaries: &Binaries,
    settings: &[(String, String)],
) -> Result<(Process, u16), Error> {
    keep_previous_log(home)?;
    let death_signal = death_signal_prefix(home, binaries).await;
    let mut attempt = 1;
    loop {
        let process = Process::start(command(home, binaries, &death_signal, settings)?)?;
        match ready_port(&process, home).await {
            Ok(port) => return Ok((process, port)),
            Err(Error::Exited { log, .. }) if attempt < PORT_ATTEMPTS && port_was_taken(&log) => {
                tracing::info!(attempt, "the port chosen for postgres was taken: choosing another one");
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn command(
    home: &Home,
    binaries: &Binaries,
    death_signal: &[String],
    settings: &[(String, String)],
) -> Result<Command, Error> {
    let postgres = binaries.directory.join("postgres");
    let mut command = match death_signal {
        [] => program::server(&postgres, home.account()),
        [program, arguments @ ..] => {
            let mut command = program::server(Path::new(program), home.account());
            command.args(arguments).arg(&postgres);
            command
        }
    };
    command.arg("-D").arg(home.data()).arg("-p").arg(free_port()?.to_string());
    let ours = SETTINGS.iter().map(|(name, value)| format!("{name}={value}"));
    // Theirs come last, because the last one counts.
    for setting in ours.chain(settings.iter().map(|(name, value)| format!("{name}={value}"))) {
        command.arg("-c").arg(setting);
    }
    let path = home.log_file();
    let log = File::create(&path).map_err(Error::file("create", &path))?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))
        .map_err(Error::file("change the permissions of", &path))?;
    command.stdout(log.try_clone().map_err(Error::file("open", &path))?).stderr(log);
    // A terminal's Ctrl-C is for us: we stop the server after everything that uses it.
    command.process_group(0);
    Ok(command)
}

/// What to put before the server's command so that it shuts down even if we are killed; empty where nothing can.
async fn death_signal_prefix(home: &Home, binaries: &Binaries) -> Vec<String> {
    let prefix = program::find_system("setpriv")
        .map(|setpriv| [&setpriv.to_string_lossy(), "--pdeathsig", "INT", "--"].map(str::to_owned).to_vec());
    if let Some([setpriv, arguments @ ..]) = prefix.as_deref() {
        // Smaller systems have a `setpriv` that can't do this.
        let mut trial = program::server(Path::new(setpriv), home.account());
        trial.args(arguments).arg(binaries.directory.join("postgres")).arg("--version");
        if program::run(trial, SLOW_START).await.is_ok() {
            return prefix.unwrap_or_default();
        }
    }
    tracing::info!("no setpriv here: should this process be killed, postgres runs on until the next start");
    Vec::new()
}

/// The port, once the server says that it is ready.
async fn ready_port(process: &Process, home: &Home) -> Result<u16, Error> {
    let begun = Instant::now();
    let mut told = false;
    while begun.elapsed() < READY_LIMIT {
        // Only the file of this very process counts: an older one may still be lying there.
        if let Ok(Some(PidFile { pid, port: Some(port), ready: true })) = PidFile::read(&home.data())
            && pid == process.pid()
        {
            if told {
                tracing::info!(took_ms = begun.elapsed().as_millis() as u64, "postgres has recovered");
            }
            return Ok(port);
        }
        if !told && begun.elapsed() > SLOW_START {
            told = true;
            tracing::info!("postgres is still starting, probably recovering after a crash");
        }
        tokio::select! {
            status = process.ended() => return Err(Error::Exited { status, log: log_tail(home) }),
            () = sleep(POLL_INTERVAL) => {}
        }
    }
    Err(Error::NotReady { waited: READY_LIMIT, log: log_tail(home) })
}

fn port_was_taken(log: &str) -> bool {
    log.contains("Address already in use") || log.contains("could not create any TCP/IP sockets")
}

fn free_port() -> Result<u16, Error> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::file("find a free port on", Path::new("127.0.0.1")))
}

/// The log of the run before tells why it ended, and one is enough.
fn keep_previous_log(home: &Home) -> Result<(), Error> {
    let path = home.log_file();
    match fs::rename(&path, path.with_extension("log.previous")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("rename", &path)(error)),
        _ => Ok(()),
    }
}

/// Empty if the log can't be read: it is only there to explain another error.
fn log_tail(home: &Home) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut log) = File::open(home.log_file()) {
        let length = log.metadata().map_or(0, |metadata| metadata.len());
        let _ = log
            .seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))
            .and_then(|_| log.read_to_end(&mut bytes));
    }
    program::last_lines(&String::from_utf8_lossy(&bytes), LOG_LINES)
}

/// Of a database's name, only what a URL can't carry as it is.
fn percent_encoded(name: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_databases_name_survives_the_url() {
        assert_eq!(percent_encoded("test_0a-1.b~"), "test_0a-1.b~");
        assert_eq!(percent_encoded("a b/ü"), "a%20b%2F%C3%BC");
    }
}
