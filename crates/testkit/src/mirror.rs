//! What a client knows by now, and whether that is what the table says.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use domain::Cursor;
use serde_json::Value;
use tokio_postgres::{Client, Row};

use crate::{Database, SocketClient, waiting};

/// How long a client may take to know what the table says: a busy hub has much to tell.
pub(crate) const CATCHING_UP: Duration = Duration::from_secs(30);

/// What the database says: what every client must know in the end.
#[derive(Debug)]
pub struct Table {
    items: BTreeMap<i64, Value>,
    /// The newest position on the topic.
    newest: i64,
}

impl Table {
    /// From elsewhere: the items by id, and the newest position on the topic `items`.
    #[must_use]
    pub const fn new(items: BTreeMap<i64, Value>, newest: i64) -> Self {
        Self { items, newest }
    }

    /// The newest position on the topic.
    #[must_use]
    pub const fn newest(&self) -> i64 {
        self.newest
    }

    /// Reads it once every committed change has its position. Nobody may write meanwhile.
    ///
    /// # Errors
    /// Changes stay without a position, or the database is away.
    pub async fn settled(database: &Database) -> Result<Self> {
        database.all_sequenced().await?;
        let client = database.sql().await?;
        Ok(Self { items: items_in_table(&client).await?, newest: newest_of(&client, "item").await? })
    }

    /// The same of notifications.
    ///
    /// # Errors
    /// Changes stay without a position, or the database is away.
    pub async fn settled_notifications(database: &Database) -> Result<Self> {
        database.all_sequenced().await?;
        let client = database.sql().await?;
        let all = "select id, notification_document(notifications) from notifications where tenant_id = 1";
        let rows = client.query(all, &[]).await?;
        let items = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?;
        Ok(Self { items, newest: newest_of(&client, "notification").await? })
    }
}

/// The newest position of a change of the default tenant's.
async fn newest_of(client: &Client, resource: &str) -> Result<i64> {
    let newest = "select coalesce(max(position), 0)
        from change_log join changes on changes.id = change_log.change_id
        where tenant_id = 1 and resource = $1";
    Ok(client.query_one(newest, &[&resource]).await?.try_get(0)?)
}

/// The items of the default tenant as every reader sees them, by id.
///
/// # Errors
/// The database is away.
pub async fn items_in_table(client: &Client) -> Result<BTreeMap<i64, Value>> {
    let rows = client.query("select id, item_document(items) from items where tenant_id = 1", &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// A client's copy of the items on a topic, or of another resource: applies frames by version, and checks what the
/// protocol promises. Frames of other resources are only checked.
#[derive(Default, Clone)]
pub struct Mirror {
    /// What is copied, if it isn't items.
    resource: Option<&'static str>,
    items: BTreeMap<i64, Value>,
    /// The newest version of every item that was seen, deleted ones too.
    versions: BTreeMap<i64, i64>,
    /// Nothing up to here is missing.
    known: i64,
    epoch: Option<String>,
    live: bool,
    /// What came on the topic, one after the other, since this position: position, item, version, operation.
    since: Option<i64>,
    history: Vec<(i64, i64, i64, String)>,
    /// Changes were left out up to here.
    gaps_to: i64,
    /// Parts of a snapshot that isn't whole yet.
    initial: Option<BTreeMap<i64, Value>>,
    /// Frames that were applied.
    pub changes: u64,
    /// Changes that the hub left out.
    pub skipped: u64,
    /// Times that the hub told to read anew.
    pub resyncs: u64,
}

impl Mirror {
    /// A copy of another resource than items, such as `notification`.
    #[must_use]
    pub fn of(resource: &'static str) -> Self {
        Self { resource: Some(resource), ..Self::default() }
    }

    fn resource(&self) -> &'static str {
        self.resource.unwrap_or("item")
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// The frame breaks a promise: something is missing before it, it comes out of order, or it can't be read.
    pub fn take(&mut self, frame: &Value) -> Result<()> {
        match frame["type"].as_str().context("a frame without a type")? {
            // Who comes back still holds the log that it knew, until it is told otherwise.
            "connected" if self.epoch.is_none() => self.epoch = Some(text(frame, "epoch")?),
            "initial" => self.take_initial(frame)?,
            "subscribed" => {
                self.known = self.known.max(integer(frame, "position")?);
                self.epoch = Some(text(frame, "epoch")?);
                self.since.get_or_insert(self.known);
                self.live = true;
            }
            // Before it is subscribed, a heartbeat tells of the hub only.
            "heartbeat" if self.live => self.known = self.known.max(integer(frame, "position")?),
            "create" | "update" | "delete" | "notification" => self.take_change(frame)?,
            "conflated" => {
                self.skipped += frame["skipped"].as_u64().context("conflated without skipped")?;
                // What was picked is still to come: gaps are meant up to there, but nothing may be resumed from there.
                self.gaps_to = integer(frame, "position")?;
            }
            "resync" => {
                self.resyncs += 1;
                self.live = false;
                self.since = None;
                self.initial = None;
                self.gaps_to = 0;
                self.history.clear();
                self.epoch = Some(text(frame, "epoch")?);
                self.known = integer(frame, "position")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn take_initial(&mut self, frame: &Value) -> Result<()> {
        let part = self.initial.get_or_insert_default();
        for item in frame["data"].as_array().context("initial without data")? {
            part.insert(integer(item, "id")?, item.clone());
        }
        if frame["more"] == Value::Bool(false) {
            self.items = self.initial.take().unwrap_or_default();
            self.versions.clear();
            for (id, item) in &self.items {
                self.versions.insert(*id, integer(item, "version")?);
            }
            self.known = integer(&frame["as_of"], "position")?;
            self.gaps_to = 0;
            self.since = Some(self.known);
            self.history.clear();
            self.epoch = Some(text(&frame["as_of"], "epoch")?);
        }
        Ok(())
    }

    fn take_change(&mut self, frame: &Value) -> Result<()> {
        let (position, prev) = (integer(frame, "position")?, integer(frame, "prev")?);
        ensure!(prev < position, "prev {prev} is not before position {position}");
        let excused = self.known.max(self.gaps_to);
        ensure!(prev <= excused, "something is missing: prev {prev}, known up to {}", self.known);
        self.known = self.known.max(position);
        if frame["resource"] != self.resource() {
            return Ok(());
        }
        let (id, version) = (integer(frame, "id")?, integer(frame, "version")?);
        // What a monitor raises appears, like anything else that is new.
        let kind = text(frame, "type")?;
        let op = if kind == "notification" { "create".to_owned() } else { kind };
        self.history.push((position, id, version, op));
        let seen = self.versions.entry(id).or_default();
        if version <= *seen {
            return Ok(());
        }
        *seen = version;
        self.changes += 1;
        if self.resource() == "notification" && frame["type"] == "update" && !self.items.contains_key(&id) {
            // A snapshot has the newest of them only: one that isn't here is too old to be shown.
            return Ok(());
        }
        if frame["type"] == "delete" {
            self.items.remove(&id);
        } else {
            self.items.insert(id, frame["data"].clone());
        }
        Ok(())
    }

    /// The socket has ended: what it shows may be old by now.
    pub const fn lost_its_socket(&mut self) {
        self.live = false;
    }

    /// Checks that since it subscribed it was sent the log: every change once, in the order of positions, with none
    /// left out and nothing that isn't there.
    ///
    /// # Errors
    /// It wasn't, or the database is away.
    pub async fn was_sent_the_log(&self, client: &Client) -> Result<()> {
        let log = "select position, resource_id, version, op
            from change_log join changes on changes.id = change_log.change_id
            where tenant_id = 1 and resource = $1 order by position";
        let rows = client.query(log, &[&self.resource()]).await?;
        let read = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        self.was_sent(&rows.iter().map(read).collect::<Result<Vec<_>>>()?)
    }

    /// The same, with the log from elsewhere: position, item, version and operation of each entry on the topic, in order.
    ///
    /// # Errors
    /// It wasn't.
    pub fn was_sent(&self, log: &[(i64, i64, i64, String)]) -> Result<()> {
        let since = self.since.context("never subscribed")?;
        let mut seen = self.history.iter();
        for row in log.iter().filter(|(position, ..)| *position > since) {
            let found = seen.next();
            ensure!(found == Some(row), "the log goes on with {row:?}, and what was sent with {found:?}");
        }
        let more = seen.next();
        ensure!(more.is_none(), "sent and not in the log: {more:?}");
        Ok(())
    }

    /// Checks that it may be relied on, was sent everything, and shows what the table says.
    ///
    /// # Errors
    /// It doesn't: the first difference.
    pub fn equals(&self, table: &Table) -> Result<()> {
        let Table { items, newest } = table;
        ensure!(self.live, "not subscribed, known up to {} of {newest}", self.known);
        let ids = items.keys().chain(self.items.keys());
        if let Some(id) = ids.copied().find(|id| items.get(id) != self.items.get(id)) {
            let (says, known) = (items.get(&id), self.items.get(&id));
            bail!("the table says {says:?}, a client that knows up to {} of {newest} {known:?}", self.known);
        }
        ensure!(self.known >= *newest, "it knows everything up to {} of {newest}", self.known);
        Ok(())
    }

    /// Where to resume.
    ///
    /// # Errors
    /// It never connected.
    pub fn cursor(&self) -> Result<Cursor> {
        let epoch = self.epoch.as_deref().context("never connected")?;
        format!("{epoch}:{}", self.known).parse().context("not a cursor")
    }

    /// Whether it may be relied on: subscribed, and not told to read anew since.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What the client believes the table to be.
    #[must_use]
    pub const fn items(&self) -> &BTreeMap<i64, Value> {
        &self.items
    }
}

/// Without the items: an error that shows hundreds of documents shows nothing.
impl fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, known, epoch, live, changes, skipped, resyncs, .. } = self;
        write!(
            formatter,
            "{} items, known up to {epoch:?}:{known}, live {live}, {changes} changes, {skipped} skipped, {resyncs} \
             resyncs",
            items.len()
        )
    }
}

/// Takes frames until the mirror shows what the table says. Nobody may write meanwhile.
///
/// # Errors
/// It never does, or a frame breaks a promise.
pub async fn until_equal(database: &Database, client: &mut SocketClient, mirror: &mut Mirror) -> Result<()> {
    let table = Table::settled(database).await?;
    let equal = async {
        while mirror.equals(&table).is_err() {
            mirror.take(&client.next().await?)?;
        }
        Ok(())
    };
    let within = waiting::within(CATCHING_UP, "a client to know what the table says", equal).await;
    within.flatten().with_context(|| format!("{:?}", mirror.equals(&table)))
}

fn integer(value: &Value, field: &str) -> Result<i64> {
    value[field].as_i64().with_context(|| format!("no integer {field} in {value}"))
}

fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no text {field} in {value}"))?.to_owned())
}
