//! Who watches through the gateway: sockets, event streams and long polls. All of them come back by themselves, as the
//! libraries of integrators do, and note when they see a change.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::{EventStream, LastingClient, Mirror, SocketClient, SocketOptions, Table, waiting};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    patiently,
    pauses::{Chronicle, Kind, Pen},
};

/// The pause before something is tried again.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// So long may a watcher take to know what the table says, in the end.
const CATCHING_UP: Duration = Duration::from_secs(60);
/// So long may a stack take until it delivers the first change.
const FIRST_CHANGE: Duration = Duration::from_secs(300);

/// Since the start of the stack.
#[derive(Debug)]
pub(crate) struct First {
    /// The gateway says that it is ready.
    pub(crate) answered: Duration,
    /// A change that was written over REST has come through a socket.
    pub(crate) seen: Duration,
}

/// Everybody who watches.
#[derive(Debug)]
pub(crate) struct Watchers {
    table: watch::Sender<Option<Arc<Table>>>,
    watching: JoinSet<Result<Watched>>,
}

/// What one of them knows in the end.
#[derive(Debug)]
pub(crate) struct Watched {
    /// How it watched.
    pub(crate) kind: Kind,
    /// What it was told.
    pub(crate) mirror: Mirror,
    /// How often it had to come back.
    pub(crate) reconnects: usize,
    /// How often it was told that nothing was missed.
    pub(crate) recovered: usize,
}

/// Tries until the first change has come through, as somebody would who has just started the stack.
///
/// # Errors
/// It takes too long.
pub(crate) async fn first_change(gateway: SocketAddr, started: Instant) -> Result<First> {
    let client = reqwest::Client::new();
    let ready = format!("http://{gateway}/ready");
    let is_ready = async || match client.get(&ready).send().await {
        Ok(response) if response.status().is_success() => Ok(Some(())),
        _ => Ok(None),
    };
    patiently(FIRST_CHANGE, "the gateway to be ready", is_ready).await?;
    let answered = started.elapsed();
    let seeing = async {
        let mut socket = SocketClient::connect(gateway, &SocketOptions::default()).await?;
        socket.send(&json!({"type": "subscribe", "topic": "items"})).await?;
        while socket.next().await?["type"] != "subscribed" {}
        let body = json!({"name": "the first one", "quantity": 1});
        let items = format!("http://{gateway}/api/v1/items");
        // Another replica of the API may have just come, and not be ready.
        while !client.post(&items).json(&body).send().await?.status().is_success() {
            tokio::time::sleep(ASK_AGAIN).await;
        }
        while socket.next().await?["type"] != "create" {}
        anyhow::Ok(())
    };
    waiting::within(FIRST_CHANGE, "the first change", seeing).await??;
    Ok(First { answered, seen: started.elapsed() })
}

impl Watchers {
    /// So many sockets, a tenth as many event streams, and as many long polls; all of them live.
    ///
    /// # Errors
    /// One isn't let in, or is told something wrong.
    pub(crate) async fn gather(gateway: SocketAddr, sockets: usize, chronicle: &Chronicle) -> Result<Self> {
        let mut watchers = Self { table: watch::Sender::new(None), watching: JoinSet::new() };
        let others = sockets.div_ceil(10);
        let live = Arc::new(Semaphore::new(0));
        for _ in 0..sockets {
            let (pen, table, live) = watchers.equipment(chronicle, Kind::Socket, &live);
            watchers.watching.spawn(watch_socket(gateway, pen, table, live));
        }
        for _ in 0..others {
            let (pen, table, one) = watchers.equipment(chronicle, Kind::Stream, &live);
            watchers.watching.spawn(watch_stream(gateway, pen, table, one));
            let (pen, table, one) = watchers.equipment(chronicle, Kind::Poll, &live);
            watchers.watching.spawn(poll(gateway, pen, table, one));
        }
        let all = u32::try_from(watchers.len())?;
        waiting::within(CATCHING_UP, "all watchers to be live", live.acquire_many(all)).await??.forget();
        Ok(watchers)
    }

    fn equipment(
        &self,
        chronicle: &Chronicle,
        kind: Kind,
        live: &Arc<Semaphore>,
    ) -> (Pen, watch::Receiver<Option<Arc<Table>>>, Arc<Semaphore>) {
        (chronicle.observer(kind), self.table.subscribe(), live.clone())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.watching.len()
    }

    /// Waits until all of them know what the table says, while nobody writes.
    ///
    /// # Errors
    /// One of them never does, or was told something wrong.
    pub(crate) async fn until_equal(mut self, table: Table) -> Result<Vec<Watched>> {
        self.table.send_replace(Some(Arc::new(table)));
        let mut all = Vec::with_capacity(self.watching.len());
        let gathering = async {
            while let Some(watched) = self.watching.join_next().await {
                all.push(watched??);
            }
            anyhow::Ok(())
        };
        let gathered =
            waiting::within(CATCHING_UP, "all watchers to know what the table says", gathering).await;
        gathered.flatten().with_context(|| format!("{} of them know", all.len()))?;
        Ok(all)
    }
}

type Final = watch::Receiver<Option<Arc<Table>>>;

async fn watch_socket(gateway: SocketAddr, pen: Pen, table: Final, live: Arc<Semaphore>) -> Result<Watched> {
    let mut client = LastingClient::connect(gateway).await?;
    live.add_permits(1);
    while table.borrow().as_deref().is_none_or(|table| client.mirror.equals(table).is_err()) {
        let before = client.mirror.changes;
        client.step().await?;
        if client.mirror.changes != before {
            pen.note();
        }
    }
    let reconnects = client.connection_ids.len() - 1;
    Ok(Watched { kind: Kind::Socket, mirror: client.mirror, reconnects, recovered: client.recovered })
}

async fn watch_stream(gateway: SocketAddr, pen: Pen, table: Final, live: Arc<Semaphore>) -> Result<Watched> {
    let mut watched = Watched { kind: Kind::Stream, mirror: Mirror::default(), reconnects: 0, recovered: 0 };
    let mut last_id: Option<String> = None;
    let mut is_live = false;
    loop {
        // One that isn't let in for now asks again, as a browser does.
        if let Ok(mut stream) =
            EventStream::open(gateway, "topic=items&snapshot=true", last_id.as_deref()).await
        {
            while let Some(frame) = next_of(&mut stream).await? {
                let before = watched.mirror.changes;
                watched.mirror.take(&frame)?;
                watched.recovered += usize::from(frame["type"] == "subscribed" && frame["recovered"] == true);
                if watched.mirror.changes != before {
                    pen.note();
                }
                if watched.mirror.is_live() && !is_live {
                    is_live = true;
                    live.add_permits(1);
                }
                if table.borrow().as_deref().is_some_and(|table| watched.mirror.equals(table).is_ok()) {
                    return Ok(watched);
                }
            }
            last_id = stream.last_id;
            watched.mirror.lost_its_socket();
            watched.reconnects += 1;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// The next frame; nothing at the end of the stream, however it ends. What can't be read is a failure.
async fn next_of(stream: &mut EventStream) -> Result<Option<Value>> {
    match stream.next().await {
        Err(error) if error.is::<reqwest::Error>() => Ok(None),
        other => other,
    }
}

/// A poller has no state of the table, only the changes one after the other; it is done when it has been told up to the
/// newest position.
async fn poll(gateway: SocketAddr, pen: Pen, table: Final, live: Arc<Semaphore>) -> Result<Watched> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(40)).build()?;
    let mut watched = Watched { kind: Kind::Poll, mirror: Mirror::default(), reconnects: 0, recovered: 0 };
    let mut cursor: Option<String> = None;
    loop {
        let after = cursor.as_deref().map(|cursor| format!("&after={cursor}&wait=5")).unwrap_or_default();
        let asked = client.get(format!("http://{gateway}/poll?topic=items{after}")).send().await;
        let page: Value = match asked {
            Ok(response) if response.status().is_success() => match response.json().await {
                Ok(page) => page,
                Err(_) => continue,
            },
            _ => {
                watched.reconnects += 1;
                tokio::time::sleep(ASK_AGAIN).await;
                continue;
            }
        };
        if cursor.is_none() {
            let as_of = &page["as_of"];
            watched.mirror.take(
                &json!({"type": "subscribed", "position": as_of["position"], "epoch": as_of["epoch"]}),
            )?;
            live.add_permits(1);
        } else {
            ensure!(page["recovered"] == true, "a poll was told to read anew: {page}");
        }
        let frames = page["data"].as_array().context("a page without data")?;
        for frame in frames {
            watched.mirror.take(frame)?;
        }
        if !frames.is_empty() {
            pen.note();
        }
        let next = page["next_cursor"].as_str().context("a page without a cursor")?;
        cursor = Some(next.to_owned());
        // Nothing up to there is missing, also where the last positions were of other topics.
        let reached = page["as_of"]["position"].as_i64().context("a page without a position")?;
        watched.mirror.take(&json!({"type": "heartbeat", "position": reached}))?;
        if table.borrow().as_deref().is_some_and(|table| reached >= table.newest()) {
            return Ok(watched);
        }
    }
}
