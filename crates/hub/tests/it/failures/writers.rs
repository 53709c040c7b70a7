//! Writers that keep a transaction open, roll back, collide: seen from sockets.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{
    Audience, LastingClient, SeededNumbers, Stack, log_contents,
    writer::{SharedItems, Tally, Writer},
};
use tokio::{task::JoinSet, time::Instant};

use super::{lively, noticed_nothing};
use crate::create_items;

/// Longer than anything that a sequencer might wait for by accident: its bell, its poll, its pauses.
const LONG: Duration = Duration::from_secs(2);
const WRITING: Duration = Duration::from_secs(3);
const WRITERS: usize = 12;

fn shows(client: &LastingClient, name: &str) -> bool {
    client.mirror.items().values().any(|item| item["name"] == name)
}

#[tokio::test]
async fn while_a_transaction_is_open_others_changes_flow_and_its_own_follow_when_it_commits() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    let ids = create_items(&stack.api, 3).await?;
    let mut client = LastingClient::connect(stack.hub.address()).await?;
    let (long, dump, other) =
        (stack.database.sql().await?, stack.database.sql().await?, stack.database.sql().await?);
    long.batch_execute("begin; insert into items (tenant_id, name) values (1, 'long')").await?;
    dump.batch_execute("begin isolation level repeatable read; select count(*) from items").await?;
    let (begun, mut round) = (Instant::now(), 0);
    while begun.elapsed() < LONG {
        round += 1;
        long.execute("update items set quantity = quantity + 1 where id = $1", &[&ids[0]]).await?;
        stack.api.patch_item(ids[1], &json!({"quantity": 100 + round})).await?;
        // Some dozens at once wake the sequencer, one alone finds it asleep.
        let insert =
            "insert into items (tenant_id, name) select 1, 'short' from generate_series(1, $1::bigint)";
        other.execute(insert, &[&(1 + round % 2 * 30)]).await?;
        client.until_equal(&stack.database).await?;
        ensure!(!shows(&client, "long"), "it was shown before it was committed");
    }
    let before = client.mirror.cursor()?;
    long.batch_execute("commit").await?;
    client.until_equal(&stack.database).await?;
    ensure!(shows(&client, "long"));
    let after = client.mirror.cursor()?;
    println!("{round} rounds beside it, then {} of its own", after.position.get() - before.position.get());
    ensure!(after.position.get() == before.position.get() + round + 1, "{before} became {after}");
    dump.batch_execute("commit").await?;
    noticed_nothing(&stack.database, &client).await
}

/// What all writers committed together, and how it went.
async fn write(stack: &Stack, mut numbers: SeededNumbers) -> Result<(BTreeSet<(i64, i64)>, Tally)> {
    let seed = "insert into items (tenant_id, name) select 1, 'seed' from generate_series(1, 30)
        returning id, version";
    let created = stack.database.sql().await?.query(seed, &[]).await?;
    let mut committed: BTreeSet<(i64, i64)> = created.iter().map(|row| (row.get(0), row.get(1))).collect();
    let items = SharedItems::default();
    items.add(committed.iter().map(|(item, _)| *item));
    let deadline = Instant::now() + WRITING;
    let mut writing = JoinSet::new();
    for index in 0..WRITERS {
        let says_who = index % 2 == 1;
        let mut writer = Writer::connect(&stack.database, numbers.branch(), items.clone(), says_who).await?;
        writing.spawn(async move {
            writer.write_until(deadline).await?;
            anyhow::Ok(writer)
        });
    }
    let mut tally = Tally::default();
    while let Some(writer) = writing.join_next().await {
        let writer = writer??;
        committed.extend(writer.committed);
        tally += writer.tally;
    }
    Ok((committed, tally))
}

#[tokio::test]
async fn of_writers_that_collide_and_roll_back_clients_get_each_committed_change_once_and_in_order()
-> Result<()> {
    let stack = Stack::start_with(|settings| {
        lively(settings);
        // Leaving something out would hide what this test looks for.
        settings.hub.conflate_after = 1_000_000;
    })
    .await?;
    let seed = SeededNumbers::fresh_seed();
    println!("seed {seed}");
    let mut audience = Audience::gather(stack.hub.address(), 3).await?;
    let joining = async {
        let deadline = Instant::now() + WRITING;
        while Instant::now() < deadline {
            audience.join(LastingClient::connect(stack.hub.address()).await?);
            tokio::time::sleep(WRITING / 8).await;
        }
        anyhow::Ok(())
    };
    let ((committed, tally), ()) = tokio::try_join!(write(&stack, SeededNumbers::new(seed)), joining)?;
    println!("{} changes, {tally:?}", committed.len());
    ensure!(tally.rolled_back > 0 && tally.rolled_back_to_savepoint > 0, "{tally:?}");

    for client in audience.until_equal(&stack.database).await? {
        noticed_nothing(&stack.database, &client).await?;
    }
    let log = log_contents::read_log(&stack.database).await?;
    log_contents::each_change_has_one_dense_position(&stack.database, &log).await?;
    log_contents::each_item_is_in_order(&log)?;
    log_contents::nothing_but_what_was_committed(&log, &committed)
}
