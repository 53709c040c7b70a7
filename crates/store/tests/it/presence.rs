//! Who is connected, as hubs report it, several at once and again and again.

use anyhow::{Result, ensure};
use domain::{PresenceReport, TenantActor, TenantId};
use store::{Store, Taken};
use testkit::{Database, SeededNumbers, waiting};
use tokio::task::JoinSet;
use uuid::Uuid;

/// A hub, as far as the store can tell.
struct Reporter {
    store: Store,
    hub: Uuid,
    number: i64,
}

fn people(actors: &[&str]) -> Vec<TenantActor> {
    let person = |actor: &&str| TenantActor { tenant: TenantId::DEFAULT, actor: (*actor).to_owned() };
    actors.iter().map(person).collect()
}

impl Reporter {
    /// A hub that has said that nobody is connected.
    async fn start(store: &Store) -> Result<Self> {
        let mut reporter = Self { store: store.clone(), hub: Uuid::new_v4(), number: 0 };
        let first = PresenceReport { whole: Some(1), done: true, ..reporter.next(&[], &[]) };
        ensure!(store.take_presence_report(&first).await? == Taken::Yes);
        Ok(reporter)
    }

    fn next(&mut self, here: &[&str], gone: &[&str]) -> PresenceReport {
        self.number += 1;
        PresenceReport {
            hub: self.hub,
            number: self.number,
            lasts_ms: 60_000,
            whole: None,
            done: false,
            here: people(here),
            gone: people(gone),
        }
    }

    async fn say(&mut self, here: &[&str], gone: &[&str]) -> Result<Taken> {
        let report = self.next(here, gone);
        Ok(self.store.take_presence_report(&report).await?)
    }
}

/// What the log says of who came (`+`) and went (`-`), in the order in which it was written.
async fn log(database: &Database) -> Result<Vec<String>> {
    let query = "select case op when 'create' then '+' else '-' end || actor from changes
        where resource = 'presence' order by id";
    let rows = database.sql().await?.query(query, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn present(store: &Store) -> Result<Vec<String>> {
    let page = store.people(TenantId::DEFAULT, 0, 200).await?;
    let actor = |text: &str| -> Result<String> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        Ok(value["actor"].as_str().unwrap_or_default().to_owned())
    };
    page.people.iter().map(|person| actor(person.json())).collect()
}

#[tokio::test]
async fn someone_on_two_hubs_comes_once_and_leaves_with_the_last() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let sql = database.sql().await?;
    sql.batch_execute(
        "insert into users (tenant_id, email, name, role) values (1, 'anna@shop.example', 'Anna', 'clerk')",
    )
    .await?;
    let (mut one, mut other) = (Reporter::start(&store).await?, Reporter::start(&store).await?);
    one.say(&["user:1", "key:7"], &[]).await?;
    other.say(&["user:1"], &[]).await?;
    one.say(&[], &["user:1"]).await?;
    ensure!(log(&database).await? == ["+key:7", "+user:1"], "{:?}", log(&database).await?);
    let page = store.people(TenantId::DEFAULT, 0, 1).await?;
    ensure!(page.people.len() == 1 && page.next.is_some(), "{page:?}");
    let rest = store.people(TenantId::DEFAULT, page.next.unwrap_or_default(), 1).await?;
    ensure!(rest.next.is_none() && rest.people[0].json().contains(r#""name" : "Anna""#), "{rest:?}");
    other.say(&[], &["user:1"]).await?;
    ensure!(log(&database).await?[2..] == ["-user:1"], "{:?}", log(&database).await?);
    // Of another tenant, the same actor is someone else.
    let mut theirs = one.next(&["user:1"], &[]);
    theirs.here[0].tenant = TenantId::new(2);
    store.take_presence_report(&theirs).await?;
    ensure!(present(&store).await? == ["key:7"], "{:?}", present(&store).await?);
    Ok(())
}

#[tokio::test]
async fn a_report_that_comes_twice_or_late_changes_nothing_and_a_missing_one_is_noticed() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let mut hub = Reporter::start(&store).await?;
    let (come, go) = (hub.next(&["user:1"], &[]), hub.next(&[], &["user:1"]));
    for report in [&come, &come, &go, &go, &come] {
        ensure!(store.take_presence_report(report).await? == Taken::Yes);
    }
    ensure!(log(&database).await? == ["+user:1", "-user:1"], "{:?}", log(&database).await?);
    let _lost = hub.next(&["user:2"], &[]);
    ensure!(hub.say(&["user:3"], &[]).await? == Taken::Unknown);
    ensure!(present(&store).await?.is_empty());
    let mut stranger = Reporter { store: store.clone(), hub: Uuid::new_v4(), number: 0 };
    ensure!(stranger.say(&["user:1"], &[]).await? == Taken::Unknown);
    Ok(())
}

#[tokio::test]
async fn a_whole_list_in_parts_changes_only_what_is_different() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let mut hub = Reporter::start(&store).await?;
    hub.say(&["user:1", "user:2", "user:3"], &[]).await?;
    hub.number += 10;
    let first = PresenceReport { whole: Some(hub.number + 1), ..hub.next(&["user:3"], &[]) };
    store.take_presence_report(&first).await?;
    ensure!(present(&store).await?.len() == 3, "nobody has left before the list is done");
    let last = PresenceReport { whole: first.whole, done: true, ..hub.next(&["user:4"], &[]) };
    store.take_presence_report(&last).await?;
    let mut found = log(&database).await?.split_off(3);
    found.sort();
    ensure!(found == ["+user:4", "-user:1", "-user:2"], "{found:?}");
    ensure!(hub.say(&[], &["user:3"]).await? == Taken::Yes);
    ensure!(present(&store).await? == ["user:4"]);
    Ok(())
}

#[tokio::test]
async fn who_was_with_a_hub_that_is_gone_is_swept_up_once() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let (mut dead, mut alive) = (Reporter::start(&store).await?, Reporter::start(&store).await?);
    let many: Vec<String> = (1..=1200).map(|number| format!("user:{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    dead.say(&many, &[]).await?;
    alive.say(&["user:7"], &[]).await?;
    ensure!(store.sweep_presence().await? == 0, "it still lives");
    let last = PresenceReport { lasts_ms: 0, ..dead.next(&[], &[]) };
    store.take_presence_report(&last).await?;
    let mut sweeping = JoinSet::new();
    for _ in 0..3 {
        let store = store.clone();
        sweeping.spawn(async move { store.sweep_presence().await });
    }
    let mut gone = 0;
    while let Some(swept) = sweeping.join_next().await {
        gone += swept??;
    }
    gone += store.sweep_presence().await?;
    ensure!(gone == 1199 && present(&store).await? == ["user:7"], "{gone}");
    ensure!(log(&database).await?.len() == 1200 + 1199);
    ensure!(dead.say(&["user:1"], &[]).await? == Taken::Unknown, "it must say everything anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubs_that_report_the_same_people_at_once_lose_nobody_and_double_nobody() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let mut hubs = JoinSet::new();
    for seed in 0..4 {
        let mut hub = Reporter::start(&store).await?;
        hubs.spawn(async move {
            let mut random = SeededNumbers::new(seed);
            for _ in 0..60 {
                let (mut here, mut gone) = (Vec::new(), Vec::new());
                for actor in ["user:5", "user:3", "user:1", "key:1", "user:2", "user:4"] {
                    match random.below(3) {
                        0 => here.push(actor),
                        1 => gone.push(actor),
                        _ => {}
                    }
                }
                ensure!(hub.say(&here, &gone).await? == Taken::Yes);
            }
            Ok(())
        });
    }
    while let Some(told) = hubs.join_next().await {
        told??;
    }
    let sql = database.sql().await?;
    let differs = "select count(*) from (select distinct tenant_id, actor from hub_people) as here
        full join presence on presence.tenant_id = here.tenant_id and presence.actor = here.actor
        where here.actor is null or presence.actor is null";
    let differs: i64 = sql.query_one(differs, &[]).await?.get(0);
    ensure!(differs == 0, "{differs} people are wrong");
    let log = log(&database).await?;
    for actor in ["user:1", "user:2", "user:3", "user:4", "user:5", "key:1"] {
        let signs: String = log.iter().filter(|line| line[1..] == *actor).map(|line| &line[..1]).collect();
        ensure!(signs.len() > 2 && !signs.contains("++") && !signs.contains("--"), "{actor}: {signs}");
    }
    Ok(())
}

/// Commits of these changes take a moment from now on.
async fn slow_commits(database: &Database, changes: &str) -> Result<()> {
    let slow = format!(
        "create function slow() returns trigger language plpgsql as
           $$ begin perform pg_sleep(0.5); return null; end $$;
         create constraint trigger slow after {changes} deferrable initially deferred
           for each row execute function slow()"
    );
    Ok(database.sql().await?.batch_execute(&slow).await?)
}

/// Runs the second report while the first one is being committed.
async fn one_within_the_other(
    database: &Database,
    first: PresenceReport,
    second: PresenceReport,
) -> Result<()> {
    let store = database.store()?;
    let committing = {
        let store = store.clone();
        tokio::spawn(async move { store.take_presence_report(&first).await })
    };
    let sql = database.sql().await?;
    let sleeps =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let begun = waiting::until(waiting::PATIENCE, "the first report to be committed", async || {
        let sleeping: i64 = sql.query_one(sleeps, &[]).await?.get(0);
        Ok((sleeping > 0).then_some(()))
    });
    begun.await?;
    ensure!(store.take_presence_report(&second).await? == Taken::Yes);
    ensure!(committing.await?? == Taken::Yes);
    Ok(())
}

#[tokio::test]
async fn who_goes_from_one_hub_while_another_one_says_that_they_came_stays() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let (mut old, mut new) = (Reporter::start(&store).await?, Reporter::start(&store).await?);
    old.say(&["user:1"], &[]).await?;
    slow_commits(&database, "insert on hub_people").await?;
    one_within_the_other(&database, new.next(&["user:1"], &[]), old.next(&[], &["user:1"])).await?;
    ensure!(present(&store).await? == ["user:1"] && log(&database).await? == ["+user:1"]);
    Ok(())
}

#[tokio::test]
async fn who_comes_to_a_hub_while_another_one_says_that_they_left_comes_again() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store()?;
    let (mut old, mut new) = (Reporter::start(&store).await?, Reporter::start(&store).await?);
    old.say(&["user:1"], &[]).await?;
    slow_commits(&database, "delete on presence").await?;
    one_within_the_other(&database, old.next(&[], &["user:1"]), new.next(&["user:1"], &[])).await?;
    ensure!(present(&store).await? == ["user:1"]);
    ensure!(log(&database).await? == ["+user:1", "-user:1", "+user:1"]);
    Ok(())
}
