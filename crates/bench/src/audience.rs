//! Many clients that listen, on one thread of this process, as cheaply as can be and the same for every server: no
//! buffer of their own, one read for what is there, and most frames are only counted.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    shared_buffer,
    websocket::{FrameReader, PONG, Received, handshake, text_frame},
};

/// So many connect at once.
const CONNECTING: usize = 256;
/// How long all of them may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long clients wait for a server that confirms nothing.
const UNCONFIRMED: Duration = Duration::from_millis(500);
/// Of so many clients, each delivery is timed; the others only count, or the load would be all that is measured.
const TIMED: usize = 250;

/// How to listen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invitation {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) subprotocol: Option<&'static str>,
    /// Sent once the socket is open. A server that is asked for something confirms it with `subscribed`.
    pub(crate) ask: Option<&'static str>,
}

impl Invitation {
    /// To a hub's live changes of all items.
    pub(crate) const fn to_hub(address: SocketAddr) -> Self {
        Self {
            address,
            path: "/ws",
            subprotocol: Some("stockwire.v1.json"),
            ask: Some(r#"{"type":"subscribe","ref":1,"topic":"items"}"#),
        }
    }
}

/// Names a change: the item and the version that it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ChangeKey {
    pub(crate) item: u64,
    pub(crate) version: u64,
}

/// A change that reached a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    pub(crate) change: ChangeKey,
    pub(crate) at: Instant,
}

/// What arrived so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Frames that carry a change.
    pub(crate) changes: u64,
    /// Bytes of all that was read.
    pub(crate) bytes: u64,
    /// System calls that read something.
    pub(crate) reads: u64,
    /// Clients that were told that something was left out for them.
    pub(crate) notices: u64,
}

impl Counts {
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            changes: self.changes - before.changes,
            bytes: self.bytes - before.bytes,
            reads: self.reads - before.reads,
            notices: self.notices - before.notices,
        }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            changes: self.changes + other.changes,
            bytes: self.bytes + other.bytes,
            reads: self.reads + other.reads,
            notices: self.notices + other.notices,
        }
    }
}

/// The clients; dropped, they are gone without a goodbye.
#[derive(Debug)]
pub(crate) struct Audience {
    heard: Arc<Heard>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    clients: usize,
}

/// What all clients heard together.
#[derive(Debug, Default)]
struct Heard {
    listening: AtomicUsize,
    changes: AtomicU64,
    bytes: AtomicU64,
    reads: AtomicU64,
    notices: AtomicU64,
    deliveries: Mutex<Vec<Delivery>>,
    /// Why a client ended: there must be no such thing.
    complaint: Mutex<Option<String>>,
}

impl Audience {
    /// Returns when every client listens.
    pub(crate) async fn assemble(invitation: Invitation, clients: usize) -> Result<Self> {
        let heard = Arc::new(Heard::default());
        let stop = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (hear, stopped) = (heard.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("audience".to_owned()).spawn(move || {
            runtime.block_on(async {
                let connecting = Arc::new(Semaphore::new(CONNECTING));
                for number in 0..clients {
                    tokio::spawn(client(invitation, number, clients, hear.clone(), connecting.clone()));
                }
                stopped.cancelled().await;
            });
        })?;
        let audience = Self { heard, stop, thread: Some(thread), clients };
        audience.all_listen().await?;
        if invitation.ask.is_none() {
            tokio::time::sleep(UNCONFIRMED).await;
        }
        Ok(audience)
    }

    async fn all_listen(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            self.is_content()?;
            if self.heard.listening.load(Relaxed) == self.clients {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let listening = self.heard.listening.load(Relaxed);
        bail!("{listening} of {} clients listen after {} s", self.clients, PATIENCE.as_secs())
    }

    /// Fails if a client was closed, or refused something.
    pub(crate) fn is_content(&self) -> Result<()> {
        let complaint = self.heard.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
        complaint.map_or(Ok(()), |complaint| Err(anyhow::anyhow!("a client {complaint}")))
    }

    pub(crate) fn counts(&self) -> Counts {
        let Heard { changes, bytes, reads, notices, .. } = &*self.heard;
        Counts {
            changes: changes.load(Relaxed),
            bytes: bytes.load(Relaxed),
            reads: reads.load(Relaxed),
            notices: notices.load(Relaxed),
        }
    }

    /// Waits until every client has got so many changes more than `before`; says whether that happened in time.
    pub(crate) async fn received(&self, before: Counts, changes: usize, limit: Duration) -> bool {
        let wanted = before.changes + (changes * self.clients) as u64;
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if self.counts().changes >= wanted {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    /// The timed deliveries since this was asked last.
    pub(crate) fn take_deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.heard.deliveries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn client(
    invitation: Invitation,
    number: usize,
    clients: usize,
    heard: Arc<Heard>,
    connecting: Arc<Semaphore>,
) {
    // Odd, so that those who are timed are spread over a server's threads, however it deals them out.
    let timed = number.is_multiple_of((clients / TIMED) | 1);
    let listener = Listener {
        heard: heard.clone(),
        timed,
        greeted: None,
        pinged: false,
        reader: FrameReader::default(),
    };
    if let Err(error) = listener.listen(invitation, &connecting).await {
        heard.complain(format!("ended: {error:#}"));
    }
}

/// One client.
struct Listener {
    heard: Arc<Heard>,
    timed: bool,
    /// Whether the handshake was answered, and how.
    greeted: Option<bool>,
    pinged: bool,
    reader: FrameReader,
}

impl Listener {
    async fn listen(mut self, invitation: Invitation, connecting: &Semaphore) -> Result<()> {
        let Invitation { address, path, subprotocol, ask } = invitation;
        let permit = connecting.acquire().await?;
        let mut stream = TcpStream::connect(address).await.context("can't connect")?;
        stream.set_nodelay(true)?;
        stream.write_all(handshake(address, path, subprotocol).as_bytes()).await?;
        while self.greeted.is_none() {
            shared_buffer::read(&mut stream, usize::MAX, |bytes| self.take(bytes)).await?;
        }
        match ask {
            Some(ask) => stream.write_all(&text_frame(ask)).await?,
            None => self.heard.listens(),
        }
        drop(permit);
        loop {
            shared_buffer::read(&mut stream, usize::MAX, |bytes| self.take(bytes)).await?;
            if std::mem::take(&mut self.pinged) {
                stream.write_all(&PONG).await?;
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let at = Instant::now();
        let Self { heard, timed, greeted, pinged, reader } = self;
        let mut changes = 0;
        reader.take(bytes, |received| match received {
            Received::Head(head) => {
                let accepted = head.starts_with(b"HTTP/1.1 101 ");
                if !accepted {
                    heard.complain(format!("was refused: {}", String::from_utf8_lossy(head)));
                }
                *greeted = Some(accepted);
            }
            Received::Text(text) => {
                if text.starts_with(br#"{"type":"update""#) {
                    changes += 1;
                    if *timed && let Some(change) = change_key(text) {
                        heard.delivered(Delivery { change, at });
                    }
                } else {
                    heard.other_text(text);
                }
            }
            Received::Ping => *pinged = true,
            Received::Close(_) => heard.complain("was closed".to_owned()),
            Received::Other => {}
        });
        heard.changes.fetch_add(changes, Relaxed);
        heard.bytes.fetch_add(bytes.len() as u64, Relaxed);
        heard.reads.fetch_add(1, Relaxed);
    }
}

impl Heard {
    fn listens(&self) {
        self.listening.fetch_add(1, Relaxed);
    }

    fn delivered(&self, delivery: Delivery) {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    }

    fn other_text(&self, text: &[u8]) {
        let kind =
            text.strip_prefix(br#"{"type":""#).and_then(|rest| rest.split(|byte| *byte == b'"').next());
        match kind {
            Some(b"subscribed") => self.listens(),
            Some(b"connected" | b"heartbeat") => {}
            Some(b"conflated" | b"resync") => {
                self.notices.fetch_add(1, Relaxed);
            }
            _ => self.complain(format!("was told {}", String::from_utf8_lossy(text))),
        }
    }

    /// The first complaint is the telling one.
    fn complain(&self, complaint: String) {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(complaint);
    }
}

/// Finds item and version in a frame without reading the rest: they come early, in this order.
pub(crate) fn change_key(text: &[u8]) -> Option<ChangeKey> {
    let (item, rest) = number_after(text, br#""id":"#)?;
    let (version, _) = number_after(rest, br#""version":"#)?;
    Some(ChangeKey { item, version })
}

/// A number behind a name, and what follows.
fn number_after<'a>(text: &'a [u8], name: &[u8]) -> Option<(u64, &'a [u8])> {
    let start = text.windows(name.len()).position(|window| window == name)? + name.len();
    let digits = text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text[start..].split_at(digits);
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_recognised_by_its_first_fields() {
        let frame = br#"{"type":"update","topic":"items","prev":3,"resource":"item","id":51,"position":9,"version":7,"at":""}"#;
        assert_eq!(change_key(frame), Some(ChangeKey { item: 51, version: 7 }));
        assert_eq!(change_key(b"{}"), None);
    }
}
