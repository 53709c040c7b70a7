//! What is broken, and how it comes back: by itself wherever an operator would expect that.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    compose::{Compose, Container},
    database::Database,
    patiently,
    pauses::Chronicle,
};

/// So long may a service take to be there again.
const RECOVERY: Duration = Duration::from_secs(60);

/// One accident after the other, with calm in between.
///
/// # Errors
/// Something doesn't come back.
pub(crate) async fn all(compose: &Compose, chronicle: &Chronicle, calm: Duration) -> Result<()> {
    let gateway = compose.container("gateway").await?;
    chronicle.chapter("calm");
    tokio::time::sleep(calm).await;

    begin(chronicle, "a hub killed (-9)");
    crash(compose, "hub", &compose.container("hub").await?).await?;
    tokio::time::sleep(calm).await;

    begin(chronicle, "the leading notifier killed (-9)");
    let old = leader(compose).await?;
    crash(compose, "notifier", &old).await?;
    tokio::time::sleep(calm).await;

    begin(chronicle, "an inventory-api killed (-9)");
    crash(compose, "inventory-api", &compose.container("inventory-api").await?).await?;
    tokio::time::sleep(calm).await;

    begin(chronicle, "Postgres restarted");
    let postgres = compose.container("postgres").await?;
    compose.restart(&postgres).await?;
    compose.healthy("postgres").await?;
    tokio::time::sleep(calm).await;

    begin(chronicle, "a hub removed, two hubs added");
    compose.scale("hub", 2).await?;
    compose.scale("hub", 4).await?;
    compose.healthy("hub").await?;
    tokio::time::sleep(calm).await;
    println!("  sessions by hub: {}", compose.sockets_by_hub().await?);

    chronicle.chapter("the end");
    let now = compose.container("gateway").await?;
    ensure!(now.started_at == gateway.started_at, "the gateway was restarted");
    Ok(())
}

fn begin(chronicle: &Chronicle, title: &str) {
    println!("{title}");
    chronicle.chapter(title);
}

/// Ends a container's process as a crash does, and waits until the engine has started it again.
async fn crash(compose: &Compose, service: &str, container: &Container) -> Result<()> {
    // Whoever asks the engine to kill a container is taken at their word: it stays down. Only the host can make it look
    // like an accident; who may not, starts it again by hand.
    let killed = own_process(container).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok());
    if !killed {
        compose.kill_and_start(container).await?;
    }
    let awaited = format!("{service} {} to be back", container.number);
    let back = patiently(RECOVERY, &awaited, async || {
        let now = compose.containers(service).await?;
        let it = now.into_iter().find(|found| found.id == container.id);
        let back = |found: &Container| found.started_at != container.started_at && found.health == "healthy";
        Ok(it.filter(back).map(drop))
    });
    back.await.map(drop)
}

/// The container's process, if it is one of this machine: an engine may be elsewhere, and its numbers mean nothing here.
fn own_process(container: &Container) -> Option<Pid> {
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", container.pid)).ok()?;
    groups.contains(&container.id).then(|| Pid::from_raw(container.pid)).flatten()
}

/// The container of the notifier that gives positions.
async fn leader(compose: &Compose) -> Result<Container> {
    let database = Database::of(compose).await?;
    let found = patiently(RECOVERY, "a notifier to lead", async || {
        let Some(address) = database.leader().await? else { return Ok(None) };
        let notifiers = compose.containers("notifier").await?;
        Ok(notifiers.into_iter().find(|container| container.addresses.contains(&address)))
    });
    Ok(found.await?.0)
}
