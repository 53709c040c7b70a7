//! The binary `stockwire` as someone on a machine of their own uses it: started, watched, stopped, killed.

use std::{
    collections::BTreeSet,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use testkit::{Mirror, Scratch, SocketClient, SocketOptions, free_listener, waiting};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
};

/// The first start makes a cluster, on a machine that may be busy.
const START: Duration = Duration::from_secs(60);
/// The default of `shutdown.deadline_ms`, and a little.
const STOP: Duration = Duration::from_secs(10);

pub(crate) struct Stockwire {
    child: Child,
    pub(crate) address: SocketAddr,
    directory: PathBuf,
}

pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockwire"));
    command
        .env_clear()
        .envs(std::env::vars_os().filter(|(key, _)| key == "PATH" || key == "HOME"))
        .env("STOCKWIRE__POSTGRES__DIRECTORY", directory)
        .env("STOCKWIRE__LOG__FILTER", "warn")
        .env("STOCKWIRE__AUTH__ANONYMOUS", "loopback")
        .current_dir("/")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

impl Stockwire {
    pub(crate) async fn start(directory: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start_with(directory, arguments, &[]).await
    }

    pub(crate) async fn start_with(
        directory: &Path,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let address = free_listener()?.local_addr()?;
        let mut command = command(directory);
        let said = File::create(directory.with_extension("out"))?;
        let log = File::create(directory.with_extension("log"))?;
        command.args(arguments).env("STOCKWIRE__HTTP__LISTEN", address.to_string()).stdout(said).stderr(log);
        let mut child = command.envs(settings.iter().copied()).spawn()?;
        let url = format!("http://{address}/ready");
        let ready = waiting::until(START, "stockwire to be ready", async || {
            ensure!(child.try_wait()?.is_none(), "it ended instead of becoming ready");
            Ok(reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        });
        ready.await?;
        Ok(Self { child, address, directory: directory.to_owned() })
    }

    /// What it said on standard output.
    pub(crate) fn said(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.directory.with_extension("out"))?)
    }

    /// What it logged.
    pub(crate) fn logged(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.directory.with_extension("log"))?)
    }

    async fn mirror(&self) -> Result<(SocketClient, Mirror)> {
        let mut client = SocketClient::connect(self.address, &SocketOptions::default()).await?;
        client.subscribe_with_snapshot("items").await?;
        let mut mirror = Mirror::default();
        while !mirror.is_live() {
            mirror.take(&client.next().await?)?;
        }
        Ok((client, mirror))
    }

    async fn create_item(&self, name: &str) -> Result<Value> {
        create_item(self.address, name).await
    }

    /// The server's process, from the file that it keeps.
    fn postgres(&self) -> Result<Pid> {
        let file = std::fs::read_to_string(self.directory.join("data/postmaster.pid"))?;
        let id = file.lines().next().and_then(|line| line.parse().ok());
        id.and_then(Pid::from_raw).context("no process in postmaster.pid")
    }

    pub(crate) async fn signal(mut self, signal: Signal) -> Result<ExitStatus> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).context("it has ended")?;
        kill_process(id, signal)?;
        Ok(waiting::within(STOP, "stockwire to end", self.child.wait()).await??)
    }
}

async fn create_item(address: SocketAddr, name: &str) -> Result<Value> {
    let url = format!("http://{address}/api/v1/items");
    let answer = reqwest::Client::new().post(url).json(&json!({"name": name})).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

/// A request whose head has been taken, and whose body is still to come.
struct HalfWrite {
    socket: TcpStream,
    body: String,
}

impl HalfWrite {
    async fn begin(address: SocketAddr, name: &str) -> Result<Self> {
        let mut socket = TcpStream::connect(address).await?;
        let body = json!({"name": name}).to_string();
        let head = format!(
            "POST /api/v1/items HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).await?;
        let mut go_on = [0; 25];
        waiting::within(waiting::PATIENCE, "100 Continue", socket.read_exact(&mut go_on)).await??;
        ensure!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
        Ok(Self { socket, body })
    }

    async fn finish(mut self) -> Result<String> {
        self.socket.write_all(self.body.as_bytes()).await?;
        let mut answer = String::new();
        waiting::within(waiting::PATIENCE, "the answer", self.socket.read_to_string(&mut answer)).await??;
        Ok(answer)
    }
}

async fn ends(process: Pid, what: &str) -> Result<()> {
    let gone = async || Ok(test_kill_process(process).is_err().then_some(()));
    waiting::until(STOP, what, gone).await.map(drop)
}

#[tokio::test]
async fn an_embedded_postgres_is_brought_up_to_date_whatever_the_settings_say() -> Result<()> {
    let scratch = Scratch::new()?;
    let waits = [("STOCKWIRE__DATABASE__MIGRATE", "false")];
    let stockwire = Stockwire::start_with(&scratch.path().join("home"), &[], &waits).await?;
    stockwire.create_item("Bolt").await?;
    ensure!(stockwire.signal(Signal::TERM).await?.success());
    Ok(())
}

#[tokio::test]
async fn the_demo_trades_and_every_change_is_seen_in_order() -> Result<()> {
    let scratch = Scratch::new()?;
    let stockwire = Stockwire::start(&scratch.path().join("home"), &["--demo", "--demo-rate", "50"]).await?;
    let (mut client, mut mirror) = stockwire.mirror().await?;
    let mut trades = 0;
    while trades < 60 || mirror.items().len() < 200 {
        let frame = client.next().await?;
        // Fails if something is missing or out of order.
        mirror.take(&frame)?;
        trades += u32::from(frame["type"] == "update");
    }
    ensure!(stockwire.signal(Signal::TERM).await?.success());
    Ok(())
}

#[tokio::test]
async fn the_demo_has_monitors_that_soon_tell_of_something() -> Result<()> {
    let scratch = Scratch::new()?;
    let stockwire = Stockwire::start(&scratch.path().join("home"), &["--demo", "--demo-rate", "50"]).await?;
    let url = format!("http://{}/api/v1/notifications?limit=200", stockwire.address);
    let mut seen = BTreeSet::new();
    // The third one tells of what nobody buys for a minute.
    let told = waiting::until(START, "envelopes to run low and prices to move", async || {
        let list: Value = reqwest::get(&url).await?.error_for_status()?.json().await?;
        let names = list["data"].as_array().context("data")?.iter().map(|raised| &raised["monitor_name"]);
        seen.extend(names.filter_map(Value::as_str).map(str::to_owned));
        Ok(["Envelopes run low", "Tools' prices move"]
            .into_iter()
            .all(|name| seen.contains(name))
            .then_some(()))
    });
    told.await?;
    ensure!(stockwire.said()?.contains("/events?topic=notifications"));
    ensure!(stockwire.signal(Signal::TERM).await?.success());
    Ok(())
}

#[tokio::test]
async fn it_stops_when_asked_and_finds_everything_in_order_again() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    for (round, signal) in [Signal::TERM, Signal::INT].into_iter().enumerate() {
        let stockwire = Stockwire::start(&home, &[]).await?;
        let postgres = stockwire.postgres()?;
        let (mut client, mirror) = stockwire.mirror().await?;
        ensure!(mirror.items().len() == 2 * round, "what was written before is still there");
        stockwire.create_item(&format!("round {round}")).await?;
        client.expect("create").await?;
        let under_way = HalfWrite::begin(stockwire.address, &format!("under way {round}")).await?;
        let goodbye = tokio::spawn(async move {
            let goodbye = client.closed().await?;
            anyhow::Ok((goodbye, under_way.finish().await?))
        });
        let status = stockwire.signal(signal).await?;
        ensure!(status.success(), "{signal:?}: it ended with {status}");
        let (goodbye, answer) = goodbye.await??;
        ensure!(goodbye.code == Some(1012) && answer.starts_with("HTTP/1.1 201"), "{goodbye:?}, {answer}");
        ends(postgres, "Postgres to have stopped with it").await?;
    }
    Ok(())
}

#[tokio::test]
async fn who_waits_for_the_goodbye_still_follows() -> Result<()> {
    let scratch = Scratch::new()?;
    // One shard, so that one client goes at once and the other one later.
    let settings = [("STOCKWIRE__HTTP__WORKERS", "1"), ("STOCKWIRE__HUB__DRAIN_MS", "5000")];
    let stockwire = Stockwire::start_with(&scratch.path().join("home"), &[], &settings).await?;
    let address = stockwire.address;
    let clients = [stockwire.mirror().await?.0, stockwire.mirror().await?.0];
    let stopping = tokio::spawn(stockwire.signal(Signal::TERM));
    let [mut first, mut second] = clients;
    ensure!(first.closed().await?.code == Some(1012));
    create_item(address, "late").await?;
    second.expect("create").await?;
    ensure!(second.closed().await?.code == Some(1012));
    ensure!(stopping.await??.success());
    Ok(())
}

#[tokio::test]
async fn killed_hard_it_leaves_no_postgres_behind_and_starts_again_with_its_data() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    let stockwire = Stockwire::start(&home, &[]).await?;
    let postgres = stockwire.postgres()?;
    stockwire.create_item("kept").await?;
    stockwire.signal(Signal::KILL).await?;
    // Elsewhere it runs on until the next start.
    if Path::new("/usr/bin/setpriv").exists() {
        ends(postgres, "Postgres to follow its parent").await?;
    }
    let stockwire = Stockwire::start(&home, &[]).await?;
    let (_, mirror) = stockwire.mirror().await?;
    // The start revoked the key of the one before, which has a place in the log, too.
    ensure!(mirror.items().len() == 1 && mirror.cursor()?.position.get() >= 1);
    ensure!(stockwire.signal(Signal::TERM).await?.success());
    Ok(())
}

pub(crate) async fn output(command: &mut Command) -> Result<Output> {
    waiting::within(START, "stockwire to answer", command.output()).await?.context("it can't be started")
}

#[tokio::test]
async fn where_a_token_is_needed_the_command_line_prints_one() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    let stockwire = Stockwire::start_with(&home, &[], &[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await?;
    let items = format!("http://{}/api/v1/items", stockwire.address);
    ensure!(reqwest::get(&items).await?.status() == 401);
    let printed = output(command(&home).args(["token", "--actor", "user:7", "--minutes", "5"])).await?;
    ensure!(printed.status.success());
    let token = String::from_utf8(printed.stdout)?.trim().to_owned();
    let client = reqwest::Client::new();
    let created = client.post(&items).bearer_auth(&token).json(&json!({"name": "mine"})).send().await?;
    ensure!(created.status() == 201);
    let history = client.get(format!("{items}/1/history")).bearer_auth(&token).send().await?;
    ensure!(history.json::<Value>().await?["data"][0]["actor"] == "user:7");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_used_is_said_at_once() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    let open = output(command(&home).env("STOCKWIRE__HTTP__LISTEN", "0.0.0.0:0")).await?;
    let said = String::from_utf8_lossy(&open.stderr).into_owned();
    ensure!(open.status.code() == Some(2) && said.contains("STOCKWIRE__AUTH__ANONYMOUS"), "{said}");
    let typo = output(command(&home).env("STOCKWIRE__HTTP__LISTNE", "x")).await?;
    ensure!(typo.status.code() == Some(2) && String::from_utf8_lossy(&typo.stderr).contains("listne"));
    let rate = output(command(&home).args(["--demo", "--demo-rate", "-1"])).await?;
    ensure!(rate.status.code() == Some(2));
    let database =
        output(command(&home).arg("migrate").env("STOCKWIRE__DATABASE__URL", "mysql://hunter2@x")).await?;
    let said = String::from_utf8_lossy(&database.stderr).into_owned();
    ensure!(
        database.status.code() == Some(1) && said.contains("postgres://") && !said.contains("hunter2"),
        "{said}"
    );
    ensure!(!home.exists(), "nothing was made");
    Ok(())
}

#[tokio::test]
async fn migrating_is_a_command_of_its_own_and_can_be_repeated() -> Result<()> {
    let scratch = Scratch::new()?;
    let home = scratch.path().join("home");
    for says in ["6 migrations were applied", "the schema is up to date"] {
        let migrated = output(command(&home).arg("migrate")).await?;
        let said = String::from_utf8_lossy(&migrated.stdout).into_owned();
        ensure!(migrated.status.success() && said.contains(says), "{said}");
    }
    Ok(())
}
