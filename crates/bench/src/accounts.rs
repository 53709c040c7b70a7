//! What it costs to know who asks: of a request to inventory-api, of a handshake with a hub, of a sign-in. Each kind of
//! credentials takes turns with asking as nobody, so that whatever else the machine does meets all of them.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use argon2::{Argon2, PasswordHasher};
use clap::Args;
use domain::SUBPROTOCOL;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    http_connection::HttpConnection,
    report::{Figure, Report, Table, say},
    stage::{STOCKWIRE, Stage},
    usage,
    websocket::handshake,
};

/// Items that are read.
const ITEMS: u32 = 100;
/// How often each kind has its turn.
const ROUNDS: u32 = 6;
const EMAIL: &str = "bench@localhost";
const PASSWORD: &str = "a password that everybody may know";
const JSON: &str = "application/json";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Requests with each kind of credentials in a round.
    #[arg(long, default_value_t = 4000)]
    requests: u32,
    /// Keep-alive connections that send them at once.
    #[arg(long, default_value_t = 4)]
    connections: u32,
    /// Handshakes of each kind in a round.
    #[arg(long, default_value_t = 500)]
    handshakes: u32,
    /// Sign-ins of each kind.
    #[arg(long, default_value_t = 20)]
    sign_ins: u32,
}

/// A way to say who one is.
struct Credentials {
    name: &'static str,
    header: (&'static str, String),
}

/// What something cost.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let counts = [options.requests, options.connections, options.handshakes, options.sign_ins];
    ensure!(counts.iter().all(|count| *count > 0), "there must be some of each");
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, ITEMS).await?;
    let notifier = stage.notifier().await?;
    let api = stage.api().await?;
    // It asks inventory-api about keys.
    let hub = stage.start(&stage.hub_plan(notifier.address(), Some(api.address()))?).await?;
    create_owner(&stage).await?;
    let ways = credentials(api.address()).await?;
    let mut report = requests(options, &ways, (api.address(), api.id())).await?;
    report.add(handshakes(options, &ways, (hub.address(), hub.id())).await?);
    report.add(sign_ins(options, api.address()).await?);
    Ok(report)
}

async fn create_owner(stage: &Stage) -> Result<()> {
    let hash = Argon2::default().hash_password(PASSWORD.as_bytes());
    let hash = hash.map_err(|error| anyhow::anyhow!("the password can't be hashed: {error}"))?.to_string();
    let sql = stage.connect(STOCKWIRE).await?;
    let insert = "insert into users (tenant_id, email, name, role, password_hash) values (1, $1, 'Bench', 'owner', $2)";
    sql.execute(insert, &[&EMAIL, &hash]).await?;
    Ok(())
}

/// Nobody, an access token, the same as a cookie, and a key.
async fn credentials(api: SocketAddr) -> Result<[Credentials; 4]> {
    let mut nobody = HttpConnection::open(api).await?;
    let signed_in =
        post(&mut nobody, "/api/v1/sessions", &json!({"email": EMAIL, "password": PASSWORD})).await?;
    let token = signed_in["access_token"].as_str().context("no access token")?;
    let bearer = format!("Bearer {token}");
    let mut owner = HttpConnection::open(api).await?.with_header("Authorization", &bearer);
    let key = post(&mut owner, "/api/v1/api-keys", &json!({"name": "bench", "scopes": ["read"]})).await?;
    let key = key["key"].as_str().context("no key")?;
    Ok([
        Credentials { name: "nobody", header: ("X-Nothing", "x".repeat(bearer.len())) },
        Credentials { name: "an access token", header: ("Authorization", bearer.clone()) },
        Credentials { name: "a cookie", header: ("Cookie", format!("stockwire_access={token}")) },
        Credentials { name: "a key", header: ("Authorization", format!("Bearer {key}")) },
    ])
}

async fn post(connection: &mut HttpConnection, path: &str, body: &Value) -> Result<Value> {
    let answered = connection.request("POST", path, JSON, &body.to_string()).await?;
    ensure!(answered.status == 201, "{path} answered {}: {}", answered.status, answered.body);
    Ok(serde_json::from_str(&answered.body)?)
}

async fn requests(options: &Options, ways: &[Credentials], api: (SocketAddr, u32)) -> Result<Report> {
    let mut costs = vec![Cost::default(); ways.len()];
    for round in 0..=ROUNDS {
        for place in turns(round, ways.len()) {
            let (way, cost) = (&ways[place], &mut costs[place]);
            let this = reads(options, way, api).await?;
            // The first round prepares statements and fills caches.
            if round > 0 {
                cost.add(this);
            }
        }
    }
    let count = f64::from(options.requests * ROUNDS);
    Ok(tell("a request for one item, as", count, ways, &costs))
}

/// Who is first has a turn as last as well: what comes behind a pause, or behind the others, is not as quick.
fn turns(round: u32, ways: usize) -> Vec<usize> {
    let forward = 0..ways;
    if round.is_multiple_of(2) { forward.collect() } else { forward.rev().collect() }
}

/// Reads items over several connections.
async fn reads(options: &Options, way: &Credentials, (address, process): (SocketAddr, u32)) -> Result<Cost> {
    let each = options.requests / options.connections;
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(HttpConnection::open(address).await?.with_header(way.header.0, &way.header.1));
    }
    let (began, before) = (Instant::now(), usage::cpu(process)?);
    let running: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            tokio::spawn(async move {
                for number in 0..each {
                    let answered = connection.get(&format!("/api/v1/items/{}", number % ITEMS + 1)).await?;
                    ensure!(answered.status == 200, "answered {}: {}", answered.status, answered.body);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for connection in running {
        connection.await??;
    }
    Ok(Cost { wall: began.elapsed(), cpu: usage::cpu(process)?.saturating_sub(before) })
}

async fn handshakes(options: &Options, ways: &[Credentials], hub: (SocketAddr, u32)) -> Result<Report> {
    let mut costs = vec![Cost::default(); ways.len()];
    for round in 0..=ROUNDS {
        for place in turns(round, ways.len()) {
            let (way, cost) = (&ways[place], &mut costs[place]);
            let (began, before) = (Instant::now(), usage::cpu(hub.1)?);
            for _ in 0..options.handshakes {
                greet(hub.0, way).await?;
            }
            let this = Cost { wall: began.elapsed(), cpu: usage::cpu(hub.1)?.saturating_sub(before) };
            if round > 0 {
                cost.add(this);
            }
        }
    }
    let count = f64::from(options.handshakes * ROUNDS);
    Ok(tell("a handshake until connected, as", count, ways, &costs))
}

/// Opens a socket, waits for its first frame, and goes.
async fn greet(hub: SocketAddr, way: &Credentials) -> Result<()> {
    let mut stream = TcpStream::connect(hub).await?;
    stream.set_nodelay(true)?;
    let request = handshake(hub, "/ws", Some(SUBPROTOCOL));
    let (head, end) = request.split_at(request.len() - 2);
    stream.write_all(format!("{head}{}: {}\r\n{end}", way.header.0, way.header.1).as_bytes()).await?;
    let mut received = Vec::new();
    let connected = br#""type":"connected""#;
    while !received.windows(connected.len()).any(|bytes| bytes == connected) {
        ensure!(received.len() < 64 * 1024, "too much came before connected");
        ensure!(stream.read_buf(&mut received).await? > 0, "the hub closed the socket");
    }
    Ok(())
}

/// A right password, a wrong one, and nobody's address: the last two must look the same from outside.
async fn sign_ins(options: &Options, api: SocketAddr) -> Result<Report> {
    let mut connection = HttpConnection::open(api).await?;
    let kinds = [
        ("the right password", EMAIL, PASSWORD),
        ("a wrong password", EMAIL, "not the password"),
        ("an unknown user", "nobody@localhost", PASSWORD),
    ];
    let mut took = [Duration::ZERO; 3];
    for _ in 0..options.sign_ins {
        for ((name, email, password), took) in kinds.iter().zip(&mut took) {
            let body = json!({"email": email, "password": password}).to_string();
            let began = Instant::now();
            let answered = connection.request("POST", "/api/v1/sessions", JSON, &body).await?;
            *took += began.elapsed();
            ensure!(matches!(answered.status, 201 | 401), "{name}: {} {}", answered.status, answered.body);
        }
    }
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3 / f64::from(options.sign_ins);
    let mut table = Table::new("a sign-in with", &["", "ms"]);
    for ((name, _, _), took) in kinds.iter().zip(took) {
        table.row([(*name).to_owned(), format!("{:.1}", milliseconds(took))]);
    }
    table.print();
    let ratio = took[2].as_secs_f64() / took[1].as_secs_f64();
    Ok(Report::new(vec![
        Figure::for_information("a sign-in", format!("{:.1} ms", milliseconds(took[0]))),
        Figure::for_information("an unknown user, of a wrong password's time", format!("{ratio:.2} ×")),
    ]))
}

fn tell(what: &str, count: f64, ways: &[Credentials], costs: &[Cost]) -> Report {
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6 / count;
    let mut table = Table::new(what, &["", "µs", "of it the service's CPU", "against nobody"]);
    let mut figures = Vec::new();
    let nobody = costs.first().copied().unwrap_or_default();
    for (way, cost) in ways.iter().zip(costs) {
        let ratio = cost.wall.as_secs_f64() / nobody.wall.as_secs_f64();
        let cells = [
            way.name.to_owned(),
            format!("{:.1}", microseconds(cost.wall)),
            format!("{:.1}", microseconds(cost.cpu)),
            format!("{ratio:.2} ×"),
        ];
        table.row(cells);
        let more = microseconds(cost.cpu) - microseconds(nobody.cpu);
        figures.push(Figure::for_information(
            format!("{what} {}", way.name),
            format!("{ratio:.2} ×, {more:+.1} µs of CPU"),
        ));
    }
    table.print();
    say(
        "processor time is counted in ticks of 10 ms: over all rounds together it is good to a microsecond or so",
    );
    Report::new(figures)
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}
