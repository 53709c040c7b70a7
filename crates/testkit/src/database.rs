//! A database per test, copied from a migrated template in some 30 ms.

use std::{thread, time::Duration};

use anyhow::{Context, Result};
use domain::Position;
use store::{Options, Store, TrimEnd, TrimRules};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    server::{self, Address, TEMPLATE},
    waiting,
};

/// Dropping a database is best effort and must not hold the test up for long.
const DROP_LIMIT: Duration = Duration::from_secs(5);

/// A database that belongs to one test and goes away with it.
#[derive(Debug)]
pub struct Database {
    server: Address,
    name: String,
}

/// A role that may log in, as the database sees it and as a URL.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Connects to the database as this role.
    pub url: String,
}

impl Database {
    /// A fresh one, its schema up to date, its log never led.
    ///
    /// # Errors
    /// Postgres can't be started, or refuses.
    pub async fn create() -> Result<Self> {
        let database = Self::copy_of(TEMPLATE).await?;
        // The template's epoch would be the same in all databases, which no two logs ever share.
        let own_epoch = "update sequencer set epoch = gen_random_uuid()";
        database.sql().await?.batch_execute(own_epoch).await?;
        Ok(database)
    }

    /// As [`Database::create`], on a server without a template.
    pub(crate) async fn migrated_on(server: Address) -> Result<Self> {
        let database = Self { server, name: unique("test") };
        let options = database.options();
        store::create_database_if_missing(&options).await?;
        store::migrate(&options).await?;
        Ok(database)
    }

    /// A database with nothing in it, no schema either.
    ///
    /// # Errors
    /// Postgres can't be started, or refuses.
    pub async fn create_empty() -> Result<Self> {
        Self::copy_of("template0").await
    }

    /// A name that no database has yet; whatever gets it goes away with the test.
    ///
    /// # Errors
    /// Postgres can't be started.
    pub async fn only_named() -> Result<Self> {
        Ok(Self { server: server::shared().await?.address().clone(), name: unique("test") })
    }

    /// A copy as a restored backup would be: another database, the same content. Nobody may be connected to this one.
    ///
    /// # Errors
    /// Someone is connected, or Postgres refuses.
    pub async fn copy(&self) -> Result<Self> {
        Self::copy_of(&self.name).await
    }

    /// A copy while others are connected: they lose their connections, and come back as soon as they can.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn back_up(&self) -> Result<Self> {
        let backup = Self { server: self.server.clone(), name: unique("backup") };
        self.without_anybody(&[format!("create database {} template {}", backup.name, self.name)]).await?;
        Ok(backup)
    }

    /// Replaces this database by a copy of the backup, under everybody who is connected.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn restore(&self, backup: &Self) -> Result<()> {
        let name = &self.name;
        let statements = [
            format!("drop database {name} with (force)"),
            format!("create database {name} template {}", backup.name),
        ];
        self.without_anybody(&statements).await
    }

    /// Runs statements that need a database to themselves, while nobody gets in.
    async fn without_anybody(&self, statements: &[String]) -> Result<()> {
        let client = self.server.maintenance().await?;
        let name = &self.name;
        client.batch_execute(&format!("alter database {name} allow_connections false")).await?;
        self.terminate("%").await?;
        self.deserted().await?;
        for statement in statements {
            client.batch_execute(statement).await.with_context(|| statement.clone())?;
        }
        // A database that was made anew lets everybody in.
        client.batch_execute(&format!("alter database {name} allow_connections true")).await?;
        Ok(())
    }

    async fn copy_of(template: &str) -> Result<Self> {
        let server = server::shared().await?.address().clone();
        let database = Self { server, name: unique("test") };
        let create = format!("create database {} template {template}", database.name);
        database.server.maintenance().await?.batch_execute(&create).await.with_context(|| create.clone())?;
        Ok(database)
    }

    /// Connects as the owner of everything.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// What a store needs.
    #[must_use]
    pub fn options(&self) -> Options {
        server::store_options(self.url())
    }

    /// A store with a pool of its own.
    ///
    /// # Errors
    /// Never in practice: the URL is ours.
    pub fn store(&self) -> Result<Store> {
        Ok(Store::new(&self.options())?)
    }

    /// A plain connection without any setting of ours, as `psql` makes it.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn sql(&self) -> Result<Client> {
        server::connect(&self.url()).await
    }

    /// A plain connection as another role.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn sql_as(&self, role: &Role) -> Result<Client> {
        server::connect(&role.url).await
    }

    /// Makes a role that may log in and has the rights of these grants, such as
    /// `select, insert, update, delete on items`.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn login_role(&self, grants: &[&str]) -> Result<Role> {
        let role = unique("clerk");
        let password = Uuid::new_v4().simple();
        let mut statements = format!("create role {role} login password '{password}';");
        for grant in grants {
            statements.push_str(&format!("grant {grant} to {role};"));
        }
        self.sql().await?.batch_execute(&statements).await?;
        let url = self.url();
        let (_, address) = url.split_once('@').context("the server's URL has no address")?;
        Ok(Role { url: format!("postgres://{role}:{password}@{address}"), name: role })
    }

    /// Ends connections whose application name is like the pattern, as an administrator or a crash would, and says
    /// how many there were.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn terminate(&self, application_name: &str) -> Result<i64> {
        let terminate = "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
            where datname = $1 and application_name like $2 and pid <> pg_backend_pid()";
        let client = self.server.maintenance().await?;
        Ok(client.query_one(terminate, &[&self.name, &application_name]).await?.try_get(0)?)
    }

    /// Who is connected, what they do and which advisory locks they hold or want: for the error of a test that waited
    /// in vain.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn activity(&self) -> Result<String> {
        let activity = "select coalesce(string_agg(format(E'\n%s %s %s/%s for %s ms, lock %s, snapshot %s: %s',
              activity.pid, application_name, state, wait_event, (1000 * extract(epoch from
              clock_timestamp() - coalesce(query_start, backend_start)))::bigint, coalesce(granted::text, '-'),
              coalesce(backend_xmin::text, '-'), left(regexp_replace(query, E'\\s+', ' ', 'g'), 90)), ''), '')
            from pg_stat_activity as activity
            left join pg_locks on pg_locks.pid = activity.pid and locktype = 'advisory'
            where datname = $1 and activity.pid <> pg_backend_pid()";
        let client = self.server.maintenance().await?;
        Ok(client.query_one(activity, &[&self.name]).await?.try_get(0)?)
    }

    /// Waits until nobody is connected any more.
    ///
    /// # Errors
    /// Somebody stays.
    pub async fn deserted(&self) -> Result<()> {
        let client = self.server.maintenance().await?;
        let connected = "select coalesce(string_agg(application_name, ', '), '') from pg_stat_activity where datname = $1";
        let awaited = format!("{} to be deserted", self.name);
        let empty = waiting::until(waiting::PATIENCE, &awaited, async || {
            let who: String = client.query_one(connected, &[&self.name]).await?.try_get(0)?;
            Ok(who.is_empty().then_some(()))
        });
        empty.await.map(drop)
    }

    /// Waits until the log has reached a position.
    ///
    /// # Errors
    /// It doesn't.
    pub async fn sequenced(&self, position: i64) -> Result<Position> {
        let client = self.sql().await?;
        let awaited = format!("the log to reach position {position}");
        let head = waiting::until(waiting::PATIENCE, &awaited, async || {
            let last: i64 = client.query_one("select last from sequencer", &[]).await?.try_get(0)?;
            Ok(Position::new(last).filter(|last| last.get() >= position))
        });
        head.await.map(|(head, _)| head)
    }

    /// Waits until every committed change has its place in the log, so that a snapshot's position says all that is in
    /// it.
    ///
    /// # Errors
    /// Some have none, or the database is away.
    pub async fn all_sequenced(&self) -> Result<()> {
        let client = self.sql().await?;
        let placed = "select last - first + 1 = (select count(*) from changes)
            from sequencer cross join log_start";
        let all = waiting::until(waiting::PATIENCE, "all changes to be placed", async || {
            Ok(client.query_one(placed, &[]).await?.try_get::<_, bool>(0)?.then_some(()))
        });
        all.await.map(drop)
    }

    /// Deletes all of the log but the newest so many entries, as retention does once they are old and hubs have held them
    /// for too long.
    ///
    /// # Errors
    /// The database is away.
    pub async fn keep_newest(&self, least_entries: u32) -> Result<()> {
        let rules =
            TrimRules { older_than: Duration::ZERO, least_entries, batch: 1_000_000, heed_holds: false };
        let store = self.store()?;
        let trimmed = waiting::until(waiting::PATIENCE, "monitors to have seen what goes", async || {
            Ok((store.trim_log(&rules).await?.end != TrimEnd::Unseen).then_some(()))
        });
        trimmed.await.map(drop)
    }
}

/// Names of databases and roles are shared by the whole server.
fn unique(kind: &str) -> String {
    format!("{kind}_{}", Uuid::new_v4().simple())
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, name) = (self.server.url("postgres"), self.name.clone());
        // The runtime of the test may be on its way out, so this has its own.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let drop_database = async {
                    let statement = format!("drop database if exists {name} with (force)");
                    server::connect(&url).await?.batch_execute(&statement).await?;
                    anyhow::Ok(())
                };
                // What stays goes away with the server.
                let _ = tokio::time::timeout(DROP_LIMIT, drop_database).await;
            });
        });
        let _ = dropping.join();
    }
}
