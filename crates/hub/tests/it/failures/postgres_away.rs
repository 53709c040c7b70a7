//! Postgres goes away under the whole running stack and comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::{Audience, LastingClient, Outage, PrivateServer, SocketClient, Stack, waiting};
use tokio::{sync::watch, task::JoinHandle};

use super::{lively, noticed_nothing};
use crate::{create_items, mirroring};

/// How soon a refused write is tried again.
const HASTE: Duration = Duration::from_millis(20);

/// What a client of the REST API was told.
#[derive(Debug, Default, Clone)]
struct Told {
    created: Vec<String>,
    refused: usize,
}

/// Creates one item after the other, whatever it is told.
struct RestWriter {
    stop: Arc<AtomicBool>,
    told: watch::Receiver<Told>,
    writing: JoinHandle<Result<()>>,
}

impl RestWriter {
    fn start(api: String) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (tell, told) = watch::channel(Told::default());
        let stopped = stop.clone();
        let writing = tokio::spawn(async move {
            let client = reqwest::Client::new();
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let name = format!("written {number}");
                let created = create(&client, &api, &name).await?;
                tell.send_modify(|told| if created { told.created.push(name) } else { told.refused += 1 });
                if !created {
                    // Told to come back in a second: a test has less time.
                    tokio::time::sleep(HASTE).await;
                }
            }
            Ok(())
        });
        Self { stop, told, writing }
    }

    /// Waits until it was told more.
    async fn until(&mut self, awaited: &str, more: impl FnMut(&Told) -> bool) -> Result<Told> {
        match waiting::within(waiting::PATIENCE, awaited, self.told.wait_for(more)).await? {
            Ok(told) => Ok(told.clone()),
            Err(_) => bail!("the writer has ended: {:?}", (&mut self.writing).await),
        }
    }

    async fn finish(self) -> Result<Told> {
        self.stop.store(true, Ordering::Relaxed);
        waiting::within(waiting::PATIENCE, "the writer's last answer", self.writing).await???;
        Ok(self.told.borrow().clone())
    }
}

/// Whether an item was created; otherwise the answer must be the one for an outage.
async fn create(client: &reqwest::Client, api: &str, name: &str) -> Result<bool> {
    let answer = client.post(format!("{api}/api/v1/items")).json(&json!({"name": name})).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.text().await?;
    if status == 201 {
        return Ok(true);
    }
    ensure!(status == 503, "{status}: {body}");
    ensure!(
        headers.get("content-type").is_some_and(|value| value == "application/problem+json"),
        "{headers:?}"
    );
    let seconds = headers.get("retry-after").context("no Retry-After")?.to_str()?.parse::<u32>()?;
    let problem: Value = serde_json::from_str(&body)?;
    ensure!(seconds > 0 && problem["code"] == "unavailable" && problem["status"] == 503, "{problem}");
    Ok(false)
}

/// Reads one socket without a break, and counts the heartbeats.
fn hear_heartbeats(mut client: SocketClient) -> watch::Receiver<usize> {
    let (count, heard) = watch::channel(0);
    tokio::spawn(async move {
        // The end of this one socket ends the counting.
        while let Ok(frame) = client.next().await {
            if frame["type"] == "heartbeat" {
                count.send_modify(|count| *count += 1);
            }
        }
    });
    heard
}

/// Waits for two heartbeats more.
async fn still_beats(heard: &mut watch::Receiver<usize>) -> Result<()> {
    let before = *heard.borrow();
    let beating = heard.wait_for(|count| *count > before + 1);
    waiting::within(waiting::PATIENCE, "heartbeats", beating).await?.context("the socket has ended")?;
    Ok(())
}

async fn goes_away_and_comes_back(outages: &[Outage]) -> Result<()> {
    let mut server = PrivateServer::start().await?;
    let stack = Stack::start_on(server.create_database().await?, lively).await?;
    create_items(&stack.api, 5).await?;
    let audience = Audience::gather(stack.hub.address(), 5).await?;
    let (idle, _) = mirroring(&stack).await?;
    let mut heartbeats = hear_heartbeats(idle);
    let mut writer = RestWriter::start(stack.api.url());
    for how in outages {
        let before = writer.told.borrow().clone();
        writer.until("some writes", |told| told.created.len() > before.created.len() + 5).await?;
        server.stop(*how).await?;
        let refused = writer.told.borrow().refused;
        let away = writer.until("writes to be refused", |told| told.refused > refused + 2).await?;
        still_beats(&mut heartbeats).await?;
        // The hub lets clients in all the same; this one waits for its state.
        let newcomer = tokio::spawn(LastingClient::connect(stack.hub.address()));
        server.start_again().await?;
        writer.until("writes again", |told| told.created.len() > away.created.len() + 5).await?;
        newcomer.await??;
    }
    still_beats(&mut heartbeats).await?;
    let told = writer.finish().await?;
    println!("{} items created, {} refused", told.created.len(), told.refused);
    for client in audience.until_equal(&stack.database).await? {
        noticed_nothing(&stack.database, &client).await?;
    }
    let names = stack.database.sql().await?.query("select name from items", &[]).await?;
    let names: Vec<String> = names.iter().map(|row| row.get(0)).collect();
    let lost: Vec<&String> = told.created.iter().filter(|name| !names.contains(name)).collect();
    ensure!(lost.is_empty(), "said to be created, and gone: {lost:?}");
    Ok(())
}

#[tokio::test]
async fn when_postgres_is_restarted_writers_are_told_to_come_back_and_sockets_stay() -> Result<()> {
    goes_away_and_comes_back(&[Outage::Fast]).await
}

#[tokio::test]
async fn when_postgres_crashes_writers_are_told_to_come_back_and_sockets_stay() -> Result<()> {
    goes_away_and_comes_back(&[Outage::Immediate, Outage::Killed]).await
}
