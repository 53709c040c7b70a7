//! What the database says, asked as an operator would: through `psql` in its container.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::compose::{Compose, Container};

/// The database of the stack.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    compose: Compose,
    container: Container,
}

/// A row of the log with its change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRow {
    /// Its place.
    pub(crate) position: i64,
    /// Which item changed.
    pub(crate) item: i64,
    /// The version that the change made.
    pub(crate) version: i64,
    /// `create`, `update` or `delete`.
    pub(crate) op: String,
    /// Who made it, such as `db:stockwire` for `psql`.
    pub(crate) actor: String,
}

impl Database {
    /// The one of the stack.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn of(compose: &Compose) -> Result<Self> {
        Ok(Self { compose: compose.clone(), container: compose.container("postgres").await? })
    }

    /// Runs a script and gives its rows, as text.
    ///
    /// # Errors
    /// The database is away, or a statement fails; what came before it stays.
    pub(crate) async fn psql(&self, script: &str) -> Result<String> {
        let psql = ["psql", "-U", "stockwire", "-d", "stockwire", "-qAt", "-v", "ON_ERROR_STOP=1", "-f", "-"];
        self.compose.inside(&self.container, &psql, script).await
    }

    async fn number(&self, query: &str) -> Result<i64> {
        let text = self.psql(query).await?;
        text.trim().parse().with_context(|| format!("{query}: not a number: {text:?}"))
    }

    /// The address of the notifier that gives positions: the one whose session has the name of the sequencer and holds
    /// an advisory lock. Nobody's, for a moment, while another one takes over.
    ///
    /// # Errors
    /// The database is away.
    pub(crate) async fn leader(&self) -> Result<Option<String>> {
        const LEADER: &str =
            "select distinct host(client_addr) from pg_stat_activity join pg_locks using (pid)
            where application_name like '%sequencer' and locktype = 'advisory' and granted;";
        let text = self.psql(LEADER).await?;
        Ok(text.lines().next().map(ToOwned::to_owned))
    }

    /// How many committed changes have no position yet.
    ///
    /// # Errors
    /// The database is away.
    pub(crate) async fn unplaced(&self) -> Result<i64> {
        self.number("select (select count(*) from changes) - (select last from sequencer);").await
    }

    /// The items' part of the log, in its order, after a check that every change has exactly one dense position.
    ///
    /// # Errors
    /// It isn't so, or the database is away.
    pub(crate) async fn log(&self) -> Result<Vec<LogRow>> {
        const LOG: &str =
            "select position || ' ' || case resource when 'item' then resource_id else 0 end || ' ' || version || ' ' || op || ' ' || actor
            from change_log join changes on changes.id = change_log.change_id order by position;";
        let text = self.psql(LOG).await?;
        let mut log = text.lines().map(LogRow::read).collect::<Result<Vec<_>>>()?;
        for (expected, row) in (1_i64..).zip(&log) {
            ensure!(row.position == expected, "position {} where {expected} belongs", row.position);
        }
        let entries = i64::try_from(log.len())?;
        let placed = "select count(distinct change_id) from change_log;";
        for (what, query) in [
            ("changes", "select count(*) from changes;"),
            ("changes with a position", placed),
            ("positions, says the sequencer", "select last from sequencer;"),
        ] {
            let found = self.number(query).await?;
            ensure!(found == entries, "{entries} entries in the log, {found} {what}");
        }
        log.retain(|row| row.item > 0);
        Ok(log)
    }

    /// All items as every reader sees them, by id.
    ///
    /// # Errors
    /// The database is away.
    pub(crate) async fn items(&self) -> Result<BTreeMap<i64, Value>> {
        let text = self.psql("select item_document(items) from items order by id;").await?;
        let read = |line: &str| {
            let item: Value = serde_json::from_str(line)?;
            Ok((item["id"].as_i64().context("an item without an id")?, item))
        };
        text.lines().map(read).collect()
    }
}

impl LogRow {
    fn read(line: &str) -> Result<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next().with_context(|| format!("not a row of the log: {line:?}"));
        Ok(Self {
            position: word()?.parse()?,
            item: word()?.parse()?,
            version: word()?.parse()?,
            op: word()?.to_owned(),
            actor: word()?.to_owned(),
        })
    }
}
