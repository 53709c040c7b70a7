//! Who changes items during a soak, in every way that there is: one row, many rows, several statements, creates,
//! deletes, transactions that stay open for seconds, and some that are rolled back.

use std::time::Duration;

use anyhow::Result;
use testkit::SeededNumbers;
use tokio_postgres::{Client, error::SqlState};
use tokio_util::sync::CancellationToken;

use crate::stage::{STOCKWIRE, Stage};

/// A transaction that stays open holds nobody up but those who want the same rows.
const OPEN: Duration = Duration::from_secs(3);

/// What writers did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) committed: u64,
    pub(super) rolled_back: u64,
    /// Postgres chose them as the victim of a deadlock.
    pub(super) deadlocked: u64,
}

impl Written {
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            committed: self.committed + other.committed,
            rolled_back: self.rolled_back + other.rolled_back,
            deadlocked: self.deadlocked + other.deadlocked,
        }
    }
}

pub(super) struct Writer {
    client: Client,
    number: u64,
    /// The items that are there from the beginning.
    items: u64,
    chance: SeededNumbers,
    created: u64,
    written: Written,
}

impl Writer {
    pub(super) async fn new(stage: &Stage, number: u64, items: u64, seed: u64) -> Result<Self> {
        let client = stage.connect(STOCKWIRE).await?;
        let chance = SeededNumbers::new(seed.wrapping_add(number << 32));
        Ok(Self { client, number, items, chance, created: 0, written: Written::default() })
    }

    /// So many transactions a second, until told to stop.
    pub(super) async fn write(mut self, rate: f64, stop: CancellationToken) -> Result<Written> {
        let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(pace.tick()).await.is_some() {
            let (statements, commit, open) = self.think_of_something();
            match self.transaction(&statements, commit, open).await {
                Ok(()) if commit => self.written.committed += 1,
                Ok(()) => self.written.rolled_back += 1,
                Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {
                    self.client.batch_execute("rollback").await?;
                    self.written.deadlocked += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.written)
    }

    async fn transaction(
        &self,
        statements: &[String],
        commit: bool,
        open: Duration,
    ) -> Result<(), tokio_postgres::Error> {
        if let ([statement], true) = (statements, commit && open.is_zero()) {
            return self.client.batch_execute(statement).await;
        }
        self.client.batch_execute("begin").await?;
        for statement in statements {
            self.client.batch_execute(statement).await?;
        }
        tokio::time::sleep(open).await;
        self.client.batch_execute(if commit { "commit" } else { "rollback" }).await
    }

    /// Statements, whether they shall last, and how long the transaction stays open.
    fn think_of_something(&mut self) -> (Vec<String>, bool, Duration) {
        match self.chance.below(1000) {
            0..580 => (vec![self.update()], true, Duration::ZERO),
            580..720 => (vec![self.update_many()], true, Duration::ZERO),
            720..800 => (self.several(), true, Duration::ZERO),
            800..860 => (self.several(), false, Duration::ZERO),
            860..930 => (vec![self.create()], true, Duration::ZERO),
            930..996 => (vec![self.delete()], true, Duration::ZERO),
            // Its changes get their places long after later ones.
            _ => (vec![self.create()], true, OPEN),
        }
    }

    fn several(&mut self) -> Vec<String> {
        let mut statements: Vec<String> = (0..1 + self.chance.below(3)).map(|_| self.update()).collect();
        statements.push(self.create());
        statements
    }

    fn update(&mut self) -> String {
        let id = 1 + self.chance.below(self.items);
        format!("update items set quantity = quantity + 1 where id = {id}")
    }

    fn update_many(&mut self) -> String {
        let (from, many) = (1 + self.chance.below(self.items), 1 + self.chance.below(20));
        let to = from + many;
        format!(
            "update items set name = name || '.', quantity = quantity + 1 where id between {from} and {to}"
        )
    }

    fn create(&mut self) -> String {
        self.created += 1;
        let sku = format!("NEW-{}-{}", self.number, self.created);
        format!(
            "insert into items (tenant_id, sku, name, quantity, unit) values (1, '{sku}', 'New {sku}', 5, 'piece')"
        )
    }

    /// One of those that were created, if it is still there.
    fn delete(&mut self) -> String {
        let number = 1 + self.chance.below(self.created.max(1));
        format!("delete from items where tenant_id = 1 and sku = 'NEW-{}-{number}'", self.number)
    }
}
