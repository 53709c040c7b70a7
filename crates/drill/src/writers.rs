//! Who writes all the time: over REST through the gateway, and in `psql`. What was acknowledged is remembered; what
//! was not may have happened or not, and is counted.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    compose::Compose,
    database::Database,
    pauses::{Chronicle, Kind, Pen},
};

/// Writers over REST, each with items of its own.
const REST_WRITERS: usize = 4;
/// The breath that a writer takes after each write.
const BREATH: Duration = Duration::from_millis(20);
/// The same after a refusal.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Items that a writer has at most; then it deletes one.
const MOST_ITEMS: usize = 25;

/// What writers did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Item and version of each change that was acknowledged.
    pub(crate) acknowledged: BTreeSet<(i64, i64)>,
    /// Requests whose fate is unknown.
    pub(crate) unknown: usize,
    /// Scripts that were broken off; some of their statements have happened.
    pub(crate) broken_off: usize,
    /// Requests that were refused for now, so that nothing happened.
    pub(crate) refused: usize,
}

/// Writers at work.
#[derive(Debug)]
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    working: JoinSet<Result<Written>>,
}

impl Writers {
    /// Starts to write.
    ///
    /// # Errors
    /// There is no database.
    pub(crate) async fn start(compose: &Compose, chronicle: &Chronicle) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut working = JoinSet::new();
        for number in 0..REST_WRITERS {
            let writer = RestWriter::new(number, compose.gateway(), chronicle.observer(Kind::Write))?;
            working.spawn(writer.write_until(stop.clone()));
        }
        working.spawn(write_in_psql(Database::of(compose).await?, stop.clone()));
        Ok(Self { stop, working })
    }

    /// Stops, and says what was written.
    ///
    /// # Errors
    /// A writer met something that isn't explained by an accident.
    pub(crate) async fn stop(mut self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        while let Some(written) = self.working.join_next().await {
            let Written { acknowledged, unknown, broken_off, refused } = written??;
            all.acknowledged.extend(acknowledged);
            all.unknown += unknown;
            all.broken_off += broken_off;
            all.refused += refused;
        }
        Ok(all)
    }
}

struct RestWriter {
    number: usize,
    items: String,
    client: Client,
    pen: Pen,
    /// Id and version, as far as it is known.
    own: Vec<(i64, Option<i64>)>,
    round: usize,
    written: Written,
}

impl RestWriter {
    fn new(number: usize, gateway: SocketAddr, pen: Pen) -> Result<Self> {
        let client = Client::builder().timeout(Duration::from_secs(20)).build()?;
        let items = format!("http://{gateway}/api/v1/items");
        Ok(Self { number, items, client, pen, own: Vec::new(), round: 0, written: Written::default() })
    }

    async fn write_until(mut self, stop: Arc<AtomicBool>) -> Result<Written> {
        while !stop.load(Ordering::Relaxed) {
            self.round += 1;
            match self.round % 10 {
                _ if self.own.is_empty() => self.create().await?,
                // A deletion is acknowledged by the version behind the last one: that has to be known.
                0 if self.own.len() >= MOST_ITEMS && self.own[0].1.is_some() => self.delete().await?,
                0 => self.create().await?,
                _ => self.change().await?,
            }
            tokio::time::sleep(BREATH).await;
        }
        Ok(self.written)
    }

    async fn create(&mut self) -> Result<()> {
        let name = format!("writer {} item {}", self.number, self.round);
        let body = json!({"name": name, "quantity": self.round});
        if let Some(item) = self.send(Method::POST, "", Some(&body)).await? {
            let (id, version) = identity(&item)?;
            self.own.push((id, Some(version)));
            self.acknowledge(id, version);
        }
        Ok(())
    }

    async fn change(&mut self) -> Result<()> {
        let place = self.round % self.own.len();
        let (id, known) = self.own[place];
        let body = json!({"quantity": self.round});
        let unknown = self.written.unknown;
        match self.send(Method::PATCH, &format!("/{id}"), Some(&body)).await? {
            Some(item) => {
                let (_, version) = identity(&item)?;
                // The same quantity twice is no change: nothing to acknowledge.
                if known != Some(version) {
                    self.acknowledge(id, version);
                }
                self.own[place].1 = Some(version);
            }
            None if self.written.unknown > unknown => self.own[place].1 = None,
            None => {}
        }
        Ok(())
    }

    async fn delete(&mut self) -> Result<()> {
        let (id, known) = self.own.remove(0);
        if self.send(Method::DELETE, &format!("/{id}"), None).await?.is_some() {
            // A deletion counts too.
            if let Some(version) = known {
                self.acknowledge(id, version + 1);
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, id: i64, version: i64) {
        self.written.acknowledged.insert((id, version));
    }

    /// Sends a write: what it answered if it was done, nothing if it wasn't or nobody knows.
    async fn send(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.items));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok((status, document)) if status.is_success() => {
                self.pen.note();
                return Ok(Some(document));
            }
            // Nothing has happened: no service was there to begin with it, or it said so.
            Ok((StatusCode::SERVICE_UNAVAILABLE, _)) => self.written.refused += 1,
            Ok((status, document)) if !status.is_server_error() => {
                bail!("{method} {path}: {status} {document}")
            }
            Ok(_) | Err(_) => self.written.unknown += 1,
        }
        tokio::time::sleep(ASK_AGAIN).await;
        Ok(None)
    }
}

async fn read(response: Response) -> Result<(StatusCode, Value), reqwest::Error> {
    let status = response.status();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}

fn identity(item: &Value) -> Result<(i64, i64)> {
    let number = |field: &str| item[field].as_i64().with_context(|| format!("no {field} in {item}"));
    Ok((number("id")?, number("version")?))
}

/// Somebody at a terminal: some statements, some of them in a transaction, and one that is rolled back.
async fn write_in_psql(database: Database, stop: Arc<AtomicBool>) -> Result<Written> {
    const SCRIPT: &str = "
        insert into items (tenant_id, name, quantity) values (1, 'counted by hand', 1) returning id || ' ' || version;
        begin;
        update items set quantity = quantity + 1 where name = 'counted by hand' and id % 3 = 0
          returning id || ' ' || version;
        update items set quantity = quantity + 1 where id =
          (select max(id) from items where name = 'counted by hand') returning id || ' ' || version;
        select 'committed with the next line';
        commit;
        begin;
        update items set quantity = 0 where name = 'counted by hand';
        rollback;
        delete from items where id = (select min(id) from items where name = 'counted by hand')
          and (select count(*) from items where name = 'counted by hand') > 30
          returning id || ' ' || version + 1;";
    let mut written = Written::default();
    while !stop.load(Ordering::Relaxed) {
        match database.psql(SCRIPT).await {
            Ok(rows) => {
                for row in rows.lines() {
                    let Some((id, version)) = row.split_once(' ') else { continue };
                    if let (Ok(id), Ok(version)) = (id.parse(), version.parse()) {
                        written.acknowledged.insert((id, version));
                    }
                }
            }
            Err(_) => written.broken_off += 1,
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(written)
}
