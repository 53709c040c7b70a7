//! One client of a crowd: connects, resumes, reads as its habit says, and comes back when it is cut off.

use std::{
    cell::RefCell,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::Result;
use testkit::SeededNumbers;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::{
    checker::{
        frame::{Frame, FrameReading},
        replica::{Fault, Replica},
    },
    crowd::{
        Progress,
        habit::{Habit, Next, Plan},
        tally::Tally,
    },
    shared_buffer,
    websocket::{FrameReader, PONG, Received, handshake, retry_after, text_frame},
};

/// A source address has ports for about 28,000 connections to the same place.
const CLIENTS_OF_AN_ADDRESS: usize = 20_000;
/// Without an answer for so long, a client tries again.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The first pause after a connection that could not be made; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Looks at a copy after it has become live, to find the moment when it was equal to the table.
const SAMPLES: usize = 8;
/// Faults of one client that are told in full.
const FAULTS: usize = 5;
/// What a client that stalls lets the kernel keep for it: else it would take megabytes to notice.
const SMALL_BUFFER: u32 = 16 * 1024;

/// What all members of a crowd share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: SocketAddr,
    pub(crate) progress: Arc<Vec<Progress>>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) calm: CancellationToken,
    pub(crate) stop: CancellationToken,
    pub(crate) connecting: Semaphore,
}

/// A copy at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) position: i64,
    pub(crate) digest: u64,
}

/// What became of a client.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) number: usize,
    pub(crate) replica: Replica,
    /// Taken right after its last connection became live.
    pub(crate) samples: Vec<Sample>,
    pub(crate) lost: u64,
    pub(crate) out_of_order: u64,
    /// The first faults, in words.
    pub(crate) faults: Vec<String>,
}

/// How a connection ended.
enum Ending {
    /// Not even begun: come back in so many seconds, if that was said.
    NotLetIn(Option<u64>),
    Over,
}

pub(crate) struct Member {
    shared: Rc<Shared>,
    habit: Habit,
    chance: SeededNumbers,
    jitter: Duration,
    connections: u32,
    ended: Ended,
}

/// What arrived with one read, apart from what the copy took.
#[derive(Debug, Default)]
struct Arrived {
    /// Whether the handshake was accepted; if not, when to come back.
    answered: Option<Result<(), Option<u64>>>,
    pinged: bool,
    closed: bool,
    resync: bool,
    refused: bool,
}

impl Member {
    pub(crate) fn new(shared: Rc<Shared>, number: usize, habit: Habit, seed: u64) -> Self {
        let replica = Replica::default();
        let ended =
            Ended { number, replica, samples: Vec::new(), lost: 0, out_of_order: 0, faults: Vec::new() };
        let chance = SeededNumbers::new(seed.wrapping_add(number as u64));
        Self { shared, habit, chance, jitter: Duration::ZERO, connections: 0, ended }
    }

    /// Connects again and again, until the crowd ends.
    pub(crate) async fn live(mut self) -> Ended {
        let stop = self.shared.stop.clone();
        stop.run_until_cancelled(self.reconnect_for_ever()).await;
        self.ended
    }

    async fn reconnect_for_ever(&mut self) {
        let mut failures = 0;
        loop {
            let ending = self.connect_and_listen().await;
            self.progress().live.store(false, Relaxed);
            let pause = match ending {
                Ending::Over => {
                    failures = 0;
                    self.random(self.jitter)
                }
                Ending::NotLetIn(Some(seconds)) => Duration::from_secs(seconds) + self.random(self.jitter),
                Ending::NotLetIn(None) => {
                    let pause = SHORTEST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
                    failures += 1;
                    pause / 2 + self.random(pause / 2)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn connect_and_listen(&mut self) -> Ending {
        let shared = self.shared.clone();
        let first = self.connections == 0;
        let permit = if first { shared.connecting.acquire().await.ok() } else { None };
        let mut reader = FrameReader::default();
        let opening = tokio::time::timeout(ANSWER_LIMIT, self.open(&mut reader)).await;
        let mut stream = match opening {
            Ok(Ok(Ok(stream))) => stream,
            Ok(Ok(Err(retry_after))) => {
                shared.tally.refused.fetch_add(1, Relaxed);
                return Ending::NotLetIn(retry_after);
            }
            Ok(Err(_)) | Err(_) => {
                shared.tally.unreachable.fetch_add(1, Relaxed);
                return Ending::NotLetIn(None);
            }
        };
        self.connections += 1;
        shared.tally.handshakes.fetch_add(1, Relaxed);
        if self.listen(&mut stream, &mut reader, permit).await.is_err() {
            shared.tally.hung_up.fetch_add(1, Relaxed);
        }
        Ending::Over
    }

    /// A connection with an answered handshake; or when to come back.
    async fn open(&mut self, reader: &mut FrameReader) -> Result<Result<TcpStream, Option<u64>>> {
        let socket = TcpSocket::new_v4()?;
        if let Ok(place @ 1..) = u8::try_from(self.ended.number / CLIENTS_OF_AN_ADDRESS) {
            socket.bind((Ipv4Addr::new(127, 0, 0, place + 1), 0).into())?;
        }
        if matches!(self.habit, Habit::Stalling) {
            socket.set_recv_buffer_size(SMALL_BUFFER)?;
        }
        let mut stream = socket.connect(self.shared.hub).await?;
        stream.set_nodelay(true)?;
        let request = handshake(self.shared.hub, "/ws", Some("stockwire.v1.json"));
        stream.write_all(request.as_bytes()).await?;
        loop {
            let arrived = self.read(&mut stream, reader, usize::MAX).await?;
            match arrived.answered {
                Some(Ok(())) => return Ok(Ok(stream)),
                Some(Err(retry_after)) => return Ok(Err(retry_after)),
                None => {}
            }
        }
    }

    async fn listen<P>(
        &mut self,
        stream: &mut TcpStream,
        reader: &mut FrameReader,
        mut permit: Option<P>,
    ) -> Result<()> {
        self.ended.replica.connects();
        self.ended.samples.clear();
        stream.write_all(&text_frame(&self.subscribe())).await?;
        let begun = Instant::now();
        let mut plan = Plan::new(self.habit, &mut self.chance);
        loop {
            let live = self.ended.replica.is_live();
            if live {
                drop(permit.take());
            }
            let calm = self.shared.calm.is_cancelled();
            let next = if calm { Next::Read } else { plan.next(begun.elapsed(), live, &mut self.chance) };
            match next {
                Next::Read => {}
                Next::Pause(pause) => {
                    let calm = self.shared.calm.clone();
                    let _ = tokio::time::timeout(pause, calm.cancelled()).await;
                }
                Next::Cut => {
                    self.shared.tally.cuts.fetch_add(1, Relaxed);
                    return Ok(());
                }
            }
            let most = if calm { usize::MAX } else { plan.most_bytes(live) };
            let arrived = self.read(stream, reader, most).await?;
            if arrived.closed {
                return Ok(());
            }
            if arrived.pinged {
                stream.write_all(&PONG).await?;
            }
            if arrived.refused {
                // It may be had in a while; until then this client knows nothing new.
                tokio::time::sleep(SHORTEST_PAUSE).await;
            }
            if arrived.resync || arrived.refused {
                stream.write_all(&text_frame(&self.subscribe())).await?;
            }
            self.note();
        }
    }

    /// Reads what is there, and takes it in.
    async fn read(
        &mut self,
        stream: &mut TcpStream,
        reader: &mut FrameReader,
        most: usize,
    ) -> Result<Arrived> {
        let mut arrived = Arrived::default();
        shared_buffer::read(stream, most, |bytes| {
            reader.take(bytes, |received| self.take(received, &mut arrived));
        })
        .await?;
        Ok(arrived)
    }

    fn take(&mut self, received: Received<'_>, arrived: &mut Arrived) {
        match received {
            Received::Head(head) if head.starts_with(b"HTTP/1.1 101 ") => arrived.answered = Some(Ok(())),
            Received::Head(head) => arrived.answered = Some(Err(retry_after(head))),
            // The body of a refusal is no frame.
            _ if matches!(arrived.answered, Some(Err(_))) => {}
            Received::Ping => arrived.pinged = true,
            Received::Close(code) => {
                self.shared.tally.closed(code.unwrap_or(1005));
                arrived.closed = true;
            }
            Received::Text(text) => self.take_text(text, arrived),
            Received::Other => {}
        }
    }

    fn take_text(&mut self, text: &[u8], arrived: &mut Arrived) {
        thread_local! {
            static READING: RefCell<FrameReading> = RefCell::default();
        }
        let frame = match READING.with_borrow_mut(|reading| reading.read(text)) {
            Ok(frame) => frame,
            Err(error) => {
                let text = String::from_utf8_lossy(text);
                return self.fault(&Fault::OutOfOrder(format!("can't be read ({error:#}): {text:.200}")));
            }
        };
        let before = self.ended.replica.reached();
        self.count(&frame, before);
        match &*frame {
            Frame::Connected { jitter } => self.jitter = *jitter,
            Frame::Resync => arrived.resync = true,
            Frame::Refused => arrived.refused = true,
            _ => {}
        }
        if let Err(fault) = self.ended.replica.take(&frame) {
            self.fault(&fault);
        }
    }

    fn count(&self, frame: &Frame, before: i64) {
        let tally = &self.shared.tally;
        let counter = match frame {
            Frame::Subscribed { recovered: true, .. } => &tally.from_ring,
            Frame::Subscribed { recovered: false, .. } => &tally.from_snapshot,
            Frame::Initial { position, .. } if *position < before => &tally.snapshots_behind,
            Frame::Change(_) => &tally.changes,
            Frame::Resync => &tally.resyncs,
            Frame::Refused => &tally.errors,
            Frame::Conflated { skipped, .. } => {
                tally.skipped.fetch_add(*skipped, Relaxed);
                &tally.notices
            }
            _ => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    fn fault(&mut self, fault: &Fault) {
        let (count, text) = match fault {
            Fault::Lost(text) => (&mut self.ended.lost, format!("LOST: {text}")),
            Fault::OutOfOrder(text) => (&mut self.ended.out_of_order, format!("OUT OF ORDER: {text}")),
        };
        *count += 1;
        if self.ended.faults.len() < FAULTS {
            let live = if self.ended.replica.is_live() { "live" } else { "not live" };
            let connection = self.connections;
            self.ended.faults.push(format!("{text} ({live}, connection {connection}, {:?})", self.habit));
        }
    }

    fn note(&mut self) {
        let Ended { replica, samples, .. } = &mut self.ended;
        let (position, digest) = (replica.reached(), replica.digest());
        if replica.is_live() && samples.len() < SAMPLES {
            samples.push(Sample { at: Instant::now(), position, digest });
        }
        let live = replica.is_live();
        let progress = self.progress();
        progress.reached.store(position, Relaxed);
        progress.live.store(live, Relaxed);
    }

    fn progress(&self) -> &Progress {
        &self.shared.progress[self.ended.number]
    }

    fn subscribe(&self) -> String {
        let after = self.ended.replica.cursor().map_or_else(String::new, |(epoch, position)| {
            format!(r#","after":{{"epoch":"{epoch}","position":{position}}}"#)
        });
        format!(r#"{{"type":"subscribe","ref":1,"topic":"items","snapshot":true{after}}}"#)
    }

    /// A time up to this.
    fn random(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.chance.below(most.saturating_add(1)))
    }
}
