//! Somebody who writes items in all the ways that a database allows, and remembers what was committed.

use std::{
    collections::BTreeSet,
    ops::AddAssign,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use tokio_postgres::{Client, Row, error::SqlState};

use crate::{Database, SeededNumbers};

/// The items that all writers fight over.
#[derive(Debug, Clone, Default)]
pub struct SharedItems(Arc<Mutex<Vec<i64>>>);

impl SharedItems {
    /// More of them.
    pub fn add(&self, items: impl IntoIterator<Item = i64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(items);
    }

    /// One of the last few, so that writers meet.
    fn pick(&self, numbers: &mut SeededNumbers) -> i64 {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hot = &items[items.len().saturating_sub(40)..];
        *numbers.pick(hot)
    }
}

/// What a writer did, for the test's report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Transactions that were committed.
    pub committed: usize,
    /// Transactions that were rolled back.
    pub rolled_back: usize,
    /// Statements that a savepoint took back.
    pub rolled_back_to_savepoint: usize,
    /// Transactions that a deadlock ended.
    pub deadlocked: usize,
    /// Transactions that had read what others changed.
    pub not_serializable: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.committed += other.committed;
        self.rolled_back += other.rolled_back;
        self.rolled_back_to_savepoint += other.rolled_back_to_savepoint;
        self.deadlocked += other.deadlocked;
        self.not_serializable += other.not_serializable;
    }
}

/// A writer with a connection of its own.
#[derive(Debug)]
pub struct Writer {
    client: Client,
    numbers: SeededNumbers,
    items: SharedItems,
    says_who: bool,
    /// Item and version of every change that was committed.
    pub committed: BTreeSet<(i64, i64)>,
    /// How it went.
    pub tally: Tally,
}

/// Changes that a transaction made and that count if it commits.
type Written = Vec<(i64, i64)>;

impl Writer {
    /// One that says who it is, through the settings, or one that is just connected, as `psql` is.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn connect(
        database: &Database,
        numbers: SeededNumbers,
        items: SharedItems,
        says_who: bool,
    ) -> Result<Self> {
        let client = database.sql().await?;
        let (committed, tally) = (BTreeSet::new(), Tally::default());
        Ok(Self { client, numbers, items, says_who, committed, tally })
    }

    /// One transaction after the other until `deadline`.
    ///
    /// # Errors
    /// Something else than deadlocks and failed serialisations.
    pub async fn write_until(&mut self, deadline: tokio::time::Instant) -> Result<()> {
        while tokio::time::Instant::now() < deadline {
            let outcome = if self.numbers.percent(50) {
                // Without `begin`: every statement is a transaction.
                self.statement().await.map(Some)
            } else {
                self.transaction().await
            };
            match outcome {
                Ok(Some(written)) => {
                    self.committed.extend(written);
                    self.tally.committed += 1;
                }
                Ok(None) => self.tally.rolled_back += 1,
                Err(error) => self.give_way(error).await?,
            }
            self.pause(12).await;
        }
        Ok(())
    }

    /// Deadlocks and serialization failures are part of the game; the transaction is lost.
    async fn give_way(&mut self, error: tokio_postgres::Error) -> Result<()> {
        match error.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED) => self.tally.deadlocked += 1,
            Some(&SqlState::T_R_SERIALIZATION_FAILURE) => self.tally.not_serializable += 1,
            _ => return Err(error.into()),
        }
        Ok(self.client.batch_execute("rollback").await?)
    }

    /// What was written, or nothing if it was rolled back.
    async fn transaction(&mut self) -> Result<Option<Written>, tokio_postgres::Error> {
        let isolation = *self.numbers.pick(&["read committed", "read committed", "repeatable read"]);
        self.client.batch_execute(&format!("begin isolation level {isolation}")).await?;
        if isolation == "repeatable read" {
            self.client.batch_execute("select count(*) from items").await?;
            self.pause(5).await;
        }
        if self.says_who {
            self.client.batch_execute("select set_config('stockwire.actor', 'user:7', true)").await?;
        }
        let mut written = Written::new();
        for _ in 0..=self.numbers.below(4) {
            if self.numbers.percent(20) {
                self.rolled_back_to_savepoint().await?;
            } else {
                written.extend(self.statement().await?);
            }
            self.pause(10).await;
        }
        if self.numbers.percent(20) {
            self.client.batch_execute("rollback").await?;
            return Ok(None);
        }
        self.client.batch_execute("commit").await?;
        Ok(Some(written))
    }

    async fn rolled_back_to_savepoint(&mut self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("savepoint before").await?;
        self.statement().await?;
        self.tally.rolled_back_to_savepoint += 1;
        self.client.batch_execute("rollback to savepoint before").await
    }

    /// One statement: what it wrote, as item and version.
    async fn statement(&mut self) -> Result<Written, tokio_postgres::Error> {
        let item = self.items.pick(&mut self.numbers);
        let rows = match self.numbers.below(100) {
            0..50 => {
                let update = "update items set quantity = quantity + 1 where id = $1 returning id, version";
                self.client.query(update, &[&item]).await?
            }
            50..65 => {
                let update = "update items set quantity = quantity + 1, description = 'counted anew'
                    where id = any ($1) returning id, version";
                let several: Vec<i64> = (0..5).map(|_| self.items.pick(&mut self.numbers)).collect();
                self.client.query(update, &[&several]).await?
            }
            65..75 => {
                let create = "insert into items (tenant_id, name, quantity)
                    select 1, 'item ' || number, number from generate_series(1, $1::bigint) as number
                    returning id, version";
                let created =
                    self.client.query(create, &[&i64::from(self.numbers.percent(50)).max(3)]).await?;
                self.items.add(created.iter().map(|row| row.get::<_, i64>(0)));
                created
            }
            75..82 => {
                let delete = "delete from items where id = $1 returning id, version + 1";
                self.client.query(delete, &[&item]).await?
            }
            82..92 => {
                let upsert = "insert into items (tenant_id, sku, name) values (1, $1, 'upserted')
                    on conflict on constraint items_sku_unique do update set quantity = items.quantity + 1
                    returning id, version";
                let sku = format!("sku-{}", self.numbers.below(20));
                self.client.query(upsert, &[&sku]).await?
            }
            _ => {
                // Changes nothing, and so is no change.
                self.client.query("update items set quantity = quantity where id = $1", &[&item]).await?
            }
        };
        Ok(rows.iter().map(|row: &Row| (row.get(0), row.get(1))).collect())
    }

    async fn pause(&mut self, most_ms: u64) {
        let pause = Duration::from_millis(self.numbers.below(most_ms));
        tokio::time::sleep(pause).await;
    }
}
