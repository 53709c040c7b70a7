//! Clients that come back whatever happens, as an integrator's library would: they resume where they were, read anew
//! when they are told to, and accept no silence about what they missed.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    Database, Mirror, SocketClient, SocketClosed, SocketOptions, Table, mirror::CATCHING_UP, waiting,
};

/// How long to wait before asking again for what isn't to be had at the moment.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// A client of a topic.
pub struct LastingClient {
    hub: SocketAddr,
    topic: String,
    socket: Option<SocketClient>,
    /// What was missed since this client was live last has been sent, or the whole state instead.
    made_good: bool,
    /// What it knows.
    pub mirror: Mirror,
    /// Who it is to the hub, one for each time that it connected.
    pub connection_ids: Vec<String>,
    /// How its sockets ended.
    pub closes: Vec<SocketClosed>,
    /// How often it was told that nothing was missed.
    pub recovered: usize,
    /// How often it read the whole state.
    pub read_anew: usize,
}

impl LastingClient {
    /// Connects and reads the state of all items.
    ///
    /// # Errors
    /// The hub doesn't let it, or breaks a promise.
    pub async fn connect(hub: SocketAddr) -> Result<Self> {
        Self::connect_to(hub, "items", Mirror::default()).await
    }

    /// Connects and reads the state of a topic into an empty mirror of what is on it.
    ///
    /// # Errors
    /// The hub doesn't let it, or breaks a promise.
    pub async fn connect_to(hub: SocketAddr, topic: &str, mirror: Mirror) -> Result<Self> {
        let mut client = Self {
            hub,
            topic: topic.to_owned(),
            socket: None,
            made_good: true,
            mirror,
            connection_ids: Vec::new(),
            closes: Vec::new(),
            recovered: 0,
            read_anew: 0,
        };
        client.until("a client to be live", |client| client.mirror.is_live()).await?;
        Ok(client)
    }

    /// Takes the next frame, or comes back if the socket has ended.
    ///
    /// # Errors
    /// The hub breaks a promise, is silent, or can't be reached for a long time.
    pub async fn step(&mut self) -> Result<()> {
        let Some(socket) = &mut self.socket else { return self.come_back().await };
        let frame = match socket.next().await {
            Ok(frame) => frame,
            Err(error) => return self.ended(error),
        };
        self.mirror.take(&frame)?;
        match frame["type"].as_str() {
            Some("initial") if frame["more"] == false => {
                self.read_anew += 1;
                self.made_good = true;
            }
            Some("subscribed") if frame["recovered"] == true => {
                self.recovered += 1;
                self.made_good = true;
            }
            Some("subscribed") => ensure!(self.made_good, "nothing was said of what was missed: {frame}"),
            Some("resync") => self.read_anew().await?,
            Some("error") if frame["code"] == "snapshot_unavailable" => {
                tokio::time::sleep(ASK_AGAIN).await;
                self.read_anew().await?;
            }
            Some("error") => bail!("the hub refused: {frame}"),
            _ => {}
        }
        Ok(())
    }

    async fn come_back(&mut self) -> Result<()> {
        let options = SocketOptions::default();
        let connecting = async {
            loop {
                match SocketClient::connect(self.hub, &options).await {
                    Ok(socket) => return socket,
                    Err(_) => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
        };
        let socket = waiting::within(CATCHING_UP, "a hub to let a client in", connecting).await?;
        let socket = self.socket.insert(socket);
        let connected = match socket.expect("connected").await {
            Ok(connected) => connected,
            Err(error) => return self.ended(error),
        };
        self.mirror.take(&connected)?;
        let id = connected["connection_id"].as_str().with_context(|| format!("nameless: {connected}"))?;
        self.connection_ids.push(id.to_owned());
        // Who has read the state once resumes, and takes a snapshot if that isn't possible.
        self.made_good = false;
        let asked = if self.read_anew == 0 {
            socket.subscribe_with_snapshot(&self.topic).await
        } else {
            socket.resume(&self.topic, self.mirror.cursor()?, true).await
        };
        asked.or_else(|error| self.ended(error))
    }

    async fn read_anew(&mut self) -> Result<()> {
        self.made_good = false;
        let Some(socket) = &mut self.socket else { return Ok(()) };
        match socket.subscribe_with_snapshot(&self.topic).await {
            Ok(()) => Ok(()),
            Err(error) => self.ended(error),
        }
    }

    /// The socket's end is a reason to come back, anything else is a failure.
    fn ended(&mut self, error: anyhow::Error) -> Result<()> {
        self.mirror.lost_its_socket();
        self.socket = None;
        match error.downcast::<SocketClosed>() {
            Ok(closed) => self.closes.push(closed),
            // Sending into a socket that has just ended.
            Err(error) if error.is::<tokio_tungstenite::tungstenite::Error>() => {
                self.closes.push(SocketClosed { code: None, reason: error.to_string() });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Goes on until a condition holds.
    ///
    /// # Errors
    /// It never does, or the hub breaks a promise.
    pub async fn until(&mut self, awaited: &str, mut reached: impl FnMut(&Self) -> bool) -> Result<()> {
        let going_on = async {
            while !reached(self) {
                self.step().await?;
            }
            Ok(())
        };
        let gone_on = waiting::within(CATCHING_UP, awaited, going_on).await.flatten();
        gone_on.with_context(|| format!("{self:?}"))
    }

    /// Goes on until it knows what the table says now, while nobody writes.
    ///
    /// # Errors
    /// It never does, or the hub breaks a promise.
    pub async fn until_equal(&mut self, database: &Database) -> Result<()> {
        self.until_knows(&Table::settled(database).await?).await
    }

    /// Goes on until it knows what a table says.
    ///
    /// # Errors
    /// It never does, or the hub breaks a promise.
    pub async fn until_knows(&mut self, table: &Table) -> Result<()> {
        let equal =
            self.until("a client to know what the table says", |client| client.mirror.equals(table).is_ok());
        let equal = equal.await;
        equal.with_context(|| format!("{:?}", self.mirror.equals(table)))
    }
}

/// Without the socket.
impl fmt::Debug for LastingClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mirror, connection_ids, closes, recovered, read_anew, .. } = self;
        write!(
            formatter,
            "{mirror:?}, connections {connection_ids:?}, closes {closes:?}, {recovered} times recovered, {read_anew} \
             times read anew"
        )
    }
}

/// Clients that follow on their own while the test does something else. A heartbeat of some hundred milliseconds lets
/// them notice quickly that nothing more is to come.
#[derive(Debug)]
pub struct Audience {
    table: watch::Sender<Option<Arc<Table>>>,
    following: JoinSet<Result<LastingClient>>,
}

impl Audience {
    /// So many clients of a hub, all of them live.
    ///
    /// # Errors
    /// The hub doesn't let one of them in, or breaks a promise.
    pub async fn gather(hub: SocketAddr, size: usize) -> Result<Self> {
        let mut audience = Self { table: watch::Sender::new(None), following: JoinSet::new() };
        let mut gathering = JoinSet::new();
        for _ in 0..size {
            gathering.spawn(LastingClient::connect(hub));
        }
        while let Some(client) = gathering.join_next().await {
            audience.join(client??);
        }
        Ok(audience)
    }

    /// One more.
    pub fn join(&mut self, mut client: LastingClient) {
        let table = self.table.subscribe();
        self.following.spawn(async move {
            let done = |client: &LastingClient| {
                table.borrow().as_deref().is_some_and(|table| client.mirror.equals(table).is_ok())
            };
            while !done(&client) {
                client.step().await?;
            }
            Ok(client)
        });
    }

    /// Waits until all of them know what the table says now, while nobody writes.
    ///
    /// # Errors
    /// One of them never does, or the hub broke a promise to it.
    pub async fn until_equal(mut self, database: &Database) -> Result<Vec<LastingClient>> {
        let table = Table::settled(database).await?;
        self.table.send_replace(Some(Arc::new(table)));
        let mut clients = Vec::with_capacity(self.following.len());
        let all = async {
            while let Some(client) = self.following.join_next().await {
                clients.push(client??);
            }
            anyhow::Ok(())
        };
        let all = waiting::within(CATCHING_UP, "all clients to know what the table says", all).await;
        all.flatten().with_context(|| format!("{} clients know", clients.len()))?;
        Ok(clients)
    }
}
