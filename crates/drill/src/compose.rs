//! The stack: compose commands under a project name and a port of its own, and the containers that it consists of.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use testkit::free_listener;
use tokio::{io::AsyncWriteExt, process::Command, task::JoinHandle};
use uuid::Uuid;

use crate::patiently;

/// So long may a stack take to be healthy: images are there already, but machines are slow.
const HEALTHY: Duration = Duration::from_secs(180);

/// The stack of one drill.
#[derive(Debug, Clone)]
pub(crate) struct Compose {
    /// `docker compose`, or the program of old.
    program: Vec<&'static str>,
    directory: PathBuf,
    project: String,
    gateway: SocketAddr,
    secret: String,
}

/// One container of a service.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// What Docker calls it.
    pub(crate) id: String,
    /// Its place among the service's, from 1.
    pub(crate) number: u32,
    /// In all networks.
    pub(crate) addresses: Vec<String>,
    /// The process that runs in it, as the host sees it; 0 if none does.
    pub(crate) pid: i32,
    /// `healthy`, `unhealthy`, `starting`, or how it is otherwise.
    pub(crate) health: String,
    /// When it was started last.
    pub(crate) started_at: String,
}

/// A command that runs beside the drill; dropped, it is ended.
#[derive(Debug)]
pub(crate) struct Running(JoinHandle<Result<String>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Compose {
    /// Finds out how compose is called here.
    ///
    /// # Errors
    /// There is none, or no engine.
    pub(crate) async fn find(directory: &Path) -> Result<Self> {
        output(Command::new("docker").arg("info")).await.context("there is no Docker engine")?;
        let new = output(Command::new("docker").args(["compose", "version"])).await.is_ok();
        let program = if new { vec!["docker", "compose"] } else { vec!["docker-compose"] };
        // Free when we looked; nobody else is told of it before the gateway takes it.
        let gateway = free_listener()?.local_addr()?;
        let project = format!("stockwire-drill-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Ok(Self { program, directory: directory.to_owned(), project, gateway, secret })
    }

    /// Where clients connect.
    pub(crate) const fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program[0]);
        command
            .args(&self.program[1..])
            .args(["-p", &self.project])
            .args(arguments)
            .current_dir(&self.directory)
            .env("STOCKWIRE_PORT", self.gateway.port().to_string())
            .env("STOCKWIRE_ADDRESS", self.gateway.ip().to_string())
            // Nothing that is set for a stack of one's own, here or in .env, and none of its images.
            .env("STOCKWIRE_VERSION", "drill")
            .env("STOCKWIRE_REGISTRY", "")
            .env("STOCKWIRE_ANONYMOUS", "anywhere")
            // Everybody in here writes from one address.
            .env("STOCKWIRE_REQUESTS_PER_SECOND", "0")
            .env("STOCKWIRE_INTERNAL_SECRET", &self.secret)
            .env("STOCKWIRE_TOKEN_SECRET", &self.secret)
            .env("STOCKWIRE_DATABASE_PASSWORD", &self.secret)
            // Who watches finds out sooner that nothing more is to come.
            .env("STOCKWIRE_HEARTBEAT_MS", "2000")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
        output(&mut self.command(arguments)).await
    }

    /// A one-time link for an owner, as an operator makes one.
    ///
    /// # Errors
    /// The command fails.
    pub(crate) async fn owner_link(&self, email: &str) -> Result<String> {
        let said = self.run(&["run", "--rm", "-T", "migrate", "owner", "--email", email]).await?;
        let link = said.lines().find(|line| line.contains("/sign-in#"));
        Ok(link.with_context(|| format!("no link in {said}"))?.to_owned())
    }

    /// Builds the images.
    ///
    /// # Errors
    /// One of them can't be built.
    pub(crate) async fn build(&self) -> Result<()> {
        self.run(&["build"]).await.map(drop)
    }

    /// Starts everything with so many of each, and goes on meanwhile.
    ///
    /// # Errors
    /// The command can't be started.
    pub(crate) fn up_in_background(&self, scales: &[(&str, u32)]) -> Result<Running> {
        let scales: Vec<String> = scales
            .iter()
            .flat_map(|(service, count)| ["--scale".to_owned(), format!("{service}={count}")])
            .collect();
        let mut arguments = vec!["up", "-d", "--no-build"];
        arguments.extend(scales.iter().map(String::as_str));
        let mut command = self.command(&arguments);
        Ok(Running(tokio::spawn(async move { output(&mut command).await })))
    }

    /// Changes how many there are of a service, without touching anything else.
    ///
    /// # Errors
    /// It doesn't work.
    pub(crate) async fn scale(&self, service: &str, count: u32) -> Result<()> {
        let scale = format!("{service}={count}");
        self.run(&["up", "-d", "--no-build", "--no-deps", "--no-recreate", "--scale", &scale, service])
            .await?;
        Ok(())
    }

    /// Removes everything, the data too.
    ///
    /// # Errors
    /// Something stays.
    pub(crate) async fn down(&self) -> Result<()> {
        self.run(&["down", "--volumes", "--remove-orphans", "--timeout", "15"]).await.map(drop)
    }

    /// For whoever keeps the stack.
    pub(crate) fn how_to_remove(&self) -> String {
        format!("{} -p {} down --volumes", self.program.join(" "), self.project)
    }

    /// The containers of a service, by number.
    ///
    /// # Errors
    /// The engine doesn't say.
    pub(crate) async fn containers(&self, service: &str) -> Result<Vec<Container>> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let of_service = format!("label=com.docker.compose.service={service}");
        let list = ["ps", "-aq", "--no-trunc", "--filter", &project, "--filter", &of_service];
        let ids = output(Command::new("docker").args(list)).await?;
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let inspected = output(Command::new("docker").arg("inspect").args(&ids)).await?;
        let inspected: Vec<Value> = serde_json::from_str(&inspected)?;
        let mut containers = inspected.iter().map(Container::read).collect::<Result<Vec<_>>>()?;
        containers.sort_by_key(|container| container.number);
        Ok(containers)
    }

    /// The one container of a service.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn container(&self, service: &str) -> Result<Container> {
        self.containers(service)
            .await?
            .into_iter()
            .next()
            .with_context(|| format!("no container of {service}"))
    }

    /// Waits until every container of the services that go on is healthy.
    ///
    /// # Errors
    /// One doesn't get there.
    pub(crate) async fn all_healthy(&self) -> Result<()> {
        for service in ["postgres", "inventory-api", "notifier", "hub", "gateway"] {
            self.healthy(service).await?;
        }
        Ok(())
    }

    /// Waits until every container of a service is healthy.
    ///
    /// # Errors
    /// One doesn't get there.
    pub(crate) async fn healthy(&self, service: &str) -> Result<()> {
        let awaited = format!("every {service} to be healthy");
        let healthy = patiently(HEALTHY, &awaited, async || {
            let containers = self.containers(service).await?;
            Ok(containers.iter().all(|container| container.health == "healthy").then_some(()))
        });
        healthy.await.map(drop)
    }

    /// Runs a command in a container, with something to read, and says what it wrote.
    ///
    /// # Errors
    /// It fails.
    pub(crate) async fn inside(
        &self,
        container: &Container,
        command: &[&str],
        input: &str,
    ) -> Result<String> {
        let mut run = Command::new("docker");
        run.args(["exec", "-i", &container.id]).args(command);
        fed(&mut run, input).await
    }

    /// Restarts a container, as an operator does.
    ///
    /// # Errors
    /// The engine doesn't.
    pub(crate) async fn restart(&self, container: &Container) -> Result<()> {
        output(Command::new("docker").args(["restart", "--time", "60", &container.id])).await.map(drop)
    }

    /// Kills a container and starts it again.
    ///
    /// # Errors
    /// The engine doesn't.
    pub(crate) async fn kill_and_start(&self, container: &Container) -> Result<()> {
        output(Command::new("docker").args(["kill", &container.id])).await?;
        output(Command::new("docker").args(["start", &container.id])).await.map(drop)
    }

    /// How many sessions the gateway has with each hub.
    ///
    /// # Errors
    /// The gateway doesn't say.
    pub(crate) async fn sockets_by_hub(&self) -> Result<String> {
        const METRICS: &str =
            "exec 3<>/dev/tcp/127.0.0.1/8405; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
        let gateway = self.container("gateway").await?;
        let metrics = self.inside(&gateway, &["bash", "-c", METRICS], "").await?;
        let sessions = |line: &str| {
            let (labels, count) = line.strip_prefix("haproxy_server_current_sessions{")?.split_once("} ")?;
            let server = labels.split("server=\"").nth(1)?.trim_end_matches('"');
            (labels.contains("proxy=\"hubs\"") && count != "0").then(|| format!("{server} {count}"))
        };
        let found: Vec<String> = metrics.lines().filter_map(sessions).collect();
        ensure!(!found.is_empty(), "the gateway has no session with any hub");
        Ok(found.join(", "))
    }

    /// Prints how large the images are.
    ///
    /// # Errors
    /// The engine doesn't say.
    pub(crate) async fn print_images(&self) -> Result<()> {
        let list = [
            "images",
            "--format",
            "{{.Repository}}:{{.Tag}} {{.Size}}",
            "--filter",
            "reference=stockwire*:drill",
        ];
        print!("images:\n{}", output(Command::new("docker").args(list)).await?);
        Ok(())
    }

    /// What the services said last, for whoever has to find out what went wrong.
    pub(crate) async fn print_last_words(&self) {
        for arguments in [&["ps"][..], &["logs", "--no-color", "--tail", "40"]] {
            match self.run(arguments).await {
                Ok(text) => eprintln!("{text}"),
                Err(error) => eprintln!("{error:#}"),
            }
        }
    }
}

impl Running {
    /// Waits until it has ended.
    ///
    /// # Errors
    /// It failed.
    pub(crate) async fn finished(mut self) -> Result<()> {
        (&mut self.0).await?.map(drop)
    }
}

impl Container {
    fn read(inspected: &Value) -> Result<Self> {
        let text = |pointer: &str| {
            let value = inspected.pointer(pointer).and_then(Value::as_str);
            value.map(ToOwned::to_owned).with_context(|| format!("docker inspect shows no {pointer}"))
        };
        let networks = inspected.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
        let addresses = networks
            .into_iter()
            .flat_map(|networks| networks.values())
            .filter_map(|network| network["IPAddress"].as_str().map(ToOwned::to_owned))
            .collect();
        let number = text("/Config/Labels/com.docker.compose.container-number")?.parse()?;
        let pid = inspected.pointer("/State/Pid").and_then(Value::as_i64).unwrap_or_default();
        Ok(Self {
            id: text("/Id")?,
            number,
            addresses,
            pid: i32::try_from(pid)?,
            health: text("/State/Health/Status").or_else(|_| text("/State/Status"))?,
            started_at: text("/State/StartedAt")?,
        })
    }
}

async fn output(command: &mut Command) -> Result<String> {
    fed(command, "").await
}

async fn fed(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("can't run {:?}", command.as_std()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that doesn't read what it is given says why by its exit status.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let ended = child.wait_with_output().await?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let tail: Vec<&str> = said.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("{:?}: {}\n{}", command.as_std(), ended.status, tail.join("\n"));
    }
    Ok(String::from_utf8(ended.stdout)?)
}
