//! The laws that hold for every client whatever happens, tried on a shard's state without any I/O: clients that read a
//! little, are cut off anywhere, resume with what they have seen, while entries, snapshots, pages and restores come
//! in any order, and their logins are ended. At the end each client must know what the log says.

mod chance;
mod client;
mod sign_ins;

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use domain::{Cursor, Epoch, Position, ResyncReason, Topic};
use jiff::Timestamp;
use serde_json::Value;
use service::{
    EndedLogins,
    access::Access,
    settings::{Anonymous, Secret},
};
use uuid::Uuid;

use self::{
    chance::Chance,
    client::{Client, Known, View, covers, item},
    sign_ins::SignIns,
};
use crate::{
    admission::Admission,
    config::HubConfig,
    connection::Phase,
    due::Beats,
    entry::Entry,
    history::WantedPage,
    link::Link,
    page::Page,
    presence::Presence,
    ring::tests::{at, entry},
    snapshot::Snapshot,
    state::{State, Wanted},
    wire::Encoding,
};

const ITEMS: i64 = 3;

/// The log as Postgres has it, a shard that follows it, and its clients.
struct World {
    chance: Chance,
    epoch: Epoch,
    log: Vec<Arc<Entry>>,
    /// So many of them has the hub.
    followed: usize,
    state: State,
    admission: Arc<Admission>,
    snapshots: VecDeque<Wanted>,
    pages: VecDeque<WantedPage>,
    clients: Vec<Client>,
    sign_ins: SignIns,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut hub = service::Settings::load(None, HashMap::new()).unwrap().hub;
        hub.ring_entries = 6;
        hub.conflate_after = 3;
        hub.backfill_entries = 40;
        hub.heartbeat_ms = 1000;
        hub.stall_timeout_ms = 6000;
        let secret = Secret::new("a key of thirty-two characters!!".into());
        let access = Arc::new(Access::new(&secret, Anonymous::Anywhere));
        let ended = Arc::<EndedLogins>::default();
        let presence = Arc::new(Presence::new(std::time::Duration::ZERO));
        let config = Rc::new(HubConfig::from(&hub));
        let state = State::new(config, access, ended.clone(), presence, Box::new(|| false));
        let mut world = Self {
            chance: Chance(seed),
            epoch: Epoch::new(Uuid::from_u128(1)),
            log: Vec::new(),
            followed: 0,
            state,
            admission: Arc::new(Admission::new(&hub).unwrap()),
            snapshots: VecDeque::new(),
            pages: VecDeque::new(),
            clients: Vec::new(),
            sign_ins: SignIns::new(ended),
        };
        world.state.restart(Cursor { epoch: world.epoch, position: Position::START }, None);
        for number in 0..6 {
            let client = world.client(number);
            world.clients.push(client);
            world.connect(usize::try_from(number).unwrap());
        }
        world
    }

    fn client(&mut self, number: i64) -> Client {
        let topics = [vec![Topic::Items], vec![Topic::Items, item(1)], vec![item(1), item(2)]];
        let topics = topics[usize::try_from(number).unwrap() % 3].clone();
        let encoding = if number < 3 { Encoding::Events } else { Encoding::Socket };
        let snapshot = self.chance.below(3) > 0;
        let link = Rc::new(Link::body(0));
        let views = topics.iter().map(|topic| (topic.to_string(), View::default())).collect();
        let (last_id, unread) = (None, Vec::new());
        Client { key: usize::MAX, link, encoding, topics, snapshot, views, last_id, unread }
    }

    /// Opens a client's connection anew; it resumes wherever it can.
    fn connect(&mut self, number: usize) {
        let most = 1 + self.chance.below(600);
        let client = &mut self.clients[number];
        client.link = Rc::new(Link::body(most));
        client.unread.clear();
        let admitted = self.admission.admit(None, &actix_http::header::HeaderMap::new()).unwrap();
        client.key = self.state.open(client.link.clone(), client.encoding, admitted);
        let connection = &mut self.state.connections[client.key];
        connection.reload = client.snapshot && client.encoding == Encoding::Events;
        self.state.welcome(client.key, self.sign_ins.identity(number));
        for topic in client.topics.clone() {
            self.subscribe(number, topic);
        }
        self.state.advance(self.clients[number].key);
    }

    fn subscribe(&mut self, number: usize, topic: Topic) {
        let client = &mut self.clients[number];
        let view = client.views.get_mut(&topic.to_string()).unwrap();
        let (snapshot, after) = match client.encoding {
            // Without a cursor a stream begins now; what was before, its page has read elsewhere.
            Encoding::Events => (client.snapshot, client.last_id),
            _ => {
                let cursor = view.cursor.zip(view.epoch).filter(|_| !view.lost);
                let after = cursor.map(|(position, epoch)| Cursor { epoch, position: at(position) });
                (after.is_none() || client.snapshot, after)
            }
        };
        view.initial.clear();
        view.reference += 1;
        view.waits = client.encoding == Encoding::Socket;
        self.state.subscribe(client.key, Some(view.reference), topic, snapshot, after);
    }

    fn truth(&self, topic: Topic, up_to: usize) -> Known {
        let mut known = Known::new();
        for entry in &self.log[..up_to] {
            let Topic::Item(id) = entry.topics[1] else { unreachable!() };
            if covers(topic, id.get()) {
                known.insert(id.get(), entry.position.get());
            }
        }
        known
    }

    fn write(&mut self) {
        for _ in 0..=self.chance.below(8) {
            let number = 1 + i64::try_from(self.chance.below(usize::try_from(ITEMS).unwrap())).unwrap();
            let position = i64::try_from(self.log.len()).unwrap() + 1;
            self.log.push(entry(position, number));
        }
    }

    fn follow(&mut self, most: usize) {
        let until = self.log.len().min(self.followed.saturating_add(most));
        let batch: Arc<[Arc<Entry>]> = self.log[self.followed..until].into();
        self.followed = until;
        self.state.fan_out_in_parts(&[batch]);
    }

    fn serve_snapshot(&mut self) {
        let Some(wanted) = self.snapshots.pop_front() else { return };
        if self.chance.below(8) == 0 {
            return self.state.snapshot_arrived(&wanted, None);
        }
        // The hub takes none that lies before its ring.
        let floor = usize::try_from(self.state.ring.floor().get()).unwrap();
        let as_of = floor + self.chance.below(self.log.len() - floor + 1);
        let truth = self.truth(wanted.topic, as_of);
        let items = truth.iter().map(|(id, position)| format!(r#"[{{"id":{id},"position":{position}}}]"#));
        let mut parts: Vec<Bytes> = items.map(Bytes::from).collect();
        if parts.is_empty() {
            parts.push(Bytes::from_static(b"[]"));
        }
        let as_of = domain::AsOf { epoch: self.epoch, position: at(i64::try_from(as_of).unwrap()) };
        self.state.snapshot_arrived(&wanted, Some(Arc::new(Snapshot { as_of, parts })));
    }

    fn serve_page(&mut self) {
        let Some(wanted) = self.pages.pop_front() else { return };
        let start = usize::try_from(wanted.start.get()).unwrap();
        if wanted.epoch != self.epoch || start >= self.log.len() || self.chance.below(10) == 0 {
            return self.state.page_arrived(wanted, Err(ResyncReason::TooOld));
        }
        let until = self.log.len().min(start + 1 + self.chance.below(12));
        let head = at(i64::try_from(self.log.len()).unwrap());
        let page = Page::new(wanted.start, head, self.log[start..until].to_vec()).unwrap();
        self.state.page_arrived(wanted, Ok(Arc::new(page)));
    }

    fn restore(&mut self) {
        self.epoch = Epoch::new(Uuid::from_u128(self.epoch.get().as_u128() + 1));
        self.log.truncate(self.chance.below(self.log.len() + 1));
        self.followed = self.log.len();
        let position = at(i64::try_from(self.followed).unwrap());
        self.state.restart(Cursor { epoch: self.epoch, position }, Some(ResyncReason::Epoch));
    }

    fn tick(&mut self) {
        self.state.now_ms += 700;
        let mut beats = Beats::default();
        while let Some(due) = self.state.timers.next(self.state.now_ms) {
            self.state.on_due(due, Timestamp::now(), &mut beats);
        }
    }

    /// A client takes some of what waits for it, and comes back if it was sent away.
    fn read(&mut self, number: usize, chunks: usize) -> bool {
        let mut read = false;
        for _ in 0..chunks {
            let client = &mut self.clients[number];
            let Some(chunk) = client.link.take_chunk() else {
                self.state.advance(client.key);
                break;
            };
            client.unread.extend_from_slice(&chunk);
            read = true;
            while let Some((frame, id)) = self.clients[number].next_frame() {
                self.take(number, &frame, id);
            }
        }
        let client = &self.clients[number];
        let connection = &self.state.connections[client.key];
        let goodbye = matches!(connection.phase, Phase::Closing { .. } | Phase::Ended);
        if !client.link.has_chunks() && connection.outbox.is_empty() && goodbye {
            self.cut(number);
            return true;
        }
        read
    }

    /// Cuts a connection at any byte.
    fn cut_amid(&mut self, number: usize) {
        if let Some(chunk) = self.clients[number].link.take_chunk() {
            let some = self.chance.below(chunk.len() + 1);
            self.clients[number].unread.extend_from_slice(&chunk[..some]);
            while let Some((frame, id)) = self.clients[number].next_frame() {
                self.take(number, &frame, id);
            }
        }
        self.cut(number);
    }

    fn cut(&mut self, number: usize) {
        let key = self.clients[number].key;
        self.state.end(key);
        self.state.connections.remove(key);
        self.connect(number);
    }

    fn take(&mut self, number: usize, frame: &Value, id: Option<Cursor>) {
        let all = self.log.len();
        let client = &mut self.clients[number];
        // A stream's last id is what it knows of all its topics; after a resync that is made good by resuming, too.
        if let Some(last) = client.last_id {
            let same = |view: &&mut View| view.cursor.is_some() && view.epoch == Some(last.epoch);
            for view in client.views.values_mut().filter(same) {
                view.cursor = view.cursor.max(Some(last.position.get()));
            }
        }
        if let Some(id) = id {
            if let Some(last) = client.last_id.filter(|last| last.epoch == id.epoch) {
                assert!(last.position <= id.position, "ids go back: {last} then {id} at {frame}");
            }
            client.last_id = Some(id);
        }
        let integer = |name: &str| frame[name].as_i64().unwrap_or_else(|| panic!("no {name} in {frame}"));
        let kind = frame["type"].as_str().unwrap();
        match kind {
            "connected" => {}
            "force_logout" => self.sign_ins.logged_out(number, frame),
            "heartbeat" => {
                for view in client.views.values_mut().filter(|view| view.cursor.is_some() && !view.waits) {
                    view.cursor = view.cursor.max(Some(integer("position")));
                }
            }
            "error" => {
                if frame["code"] == "snapshot_unavailable" {
                    let topics = client.topics.clone();
                    topics.into_iter().for_each(|topic| self.subscribe(number, topic));
                    self.state.advance(self.clients[number].key);
                }
            }
            _ => {
                let topic: Topic = frame["topic"].as_str().unwrap().parse().unwrap();
                let from_elsewhere = matches!(kind, "resync" | "subscribed").then(|| self.truth(topic, all));
                let client = &mut self.clients[number];
                let (streams, snapshot) = (client.encoding == Encoding::Events, client.snapshot);
                let view = client.views.get_mut(&topic.to_string()).unwrap();
                if !streams && frame["ref"].as_u64().is_some_and(|asked| asked != view.reference) {
                    return;
                }
                view.take(frame, kind, from_elsewhere.filter(|_| streams && !snapshot));
                if matches!(kind, "subscribed" | "resync") || frame["more"] == Value::Bool(false) {
                    let epoch = frame["as_of"]["epoch"].as_str().or(frame["epoch"].as_str());
                    (view.waits, view.epoch) = (false, epoch.map(|text| text.parse().unwrap()));
                }
                if kind == "resync" && view.lost && !streams {
                    self.subscribe(number, topic);
                    self.state.advance(self.clients[number].key);
                }
            }
        }
    }

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let number = self.chance.below(self.clients.len());
            match self.chance.below(40) {
                0..4 => self.write(),
                4..10 => {
                    let most = 1 + self.chance.below(10);
                    self.follow(most);
                }
                10..27 => {
                    let chunks = 1 + self.chance.below(6);
                    self.read(number, chunks);
                }
                27..31 => self.serve_snapshot(),
                31..34 => self.serve_page(),
                34..37 => self.cut_amid(number),
                37 if self.chance.below(8) == 0 => self.restore(),
                38 => {
                    let topic = self.clients[number].topics[0];
                    if self.clients[number].encoding == Encoding::Socket {
                        self.subscribe(number, topic);
                        self.state.advance(self.clients[number].key);
                    }
                }
                39 if self.chance.below(6) == 0 => self.end_a_login(),
                _ => self.tick(),
            }
            if self.chance.below(10) == 0 {
                self.hear_of_ended_logins();
            }
            self.collect();
        }
    }

    fn collect(&mut self) {
        self.check_logins();
        self.snapshots.extend(std::mem::take(&mut self.state.wanted));
        self.pages.extend(std::mem::take(&mut self.state.wanted_pages));
    }

    /// Lets everything that is under way come to its end, and asks every client what it knows.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 5000, "it never comes to rest");
            self.follow(usize::MAX);
            self.hear_of_ended_logins();
            self.serve_snapshot();
            self.serve_page();
            let mut moved = false;
            for number in 0..self.clients.len() {
                moved |= self.read(number, 1000);
            }
            self.collect();
            let live = self.clients.iter().all(|client| self.state.connections[client.key].is_live());
            if live && !moved && self.snapshots.is_empty() && self.pages.is_empty() {
                break;
            }
            if !live {
                self.tick();
            }
        }
        for client in &self.clients {
            for topic in &client.topics {
                let view = &client.views[&topic.to_string()];
                let who = format!("{topic} of a client with {:?} {:?}", client.encoding, client.topics);
                assert_eq!(view.known, self.truth(*topic, self.log.len()), "{who}");
                assert_eq!(view.misses(*topic, &self.log), None, "{who} missed one");
            }
        }
    }
}

#[test]
fn whatever_happens_every_client_ends_with_what_the_log_says() {
    for seed in 0..400 {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..4 {
                world.run(150);
                world.settle();
            }
        });
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
