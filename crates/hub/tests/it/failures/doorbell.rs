//! The bell is broken: everything is found by looking.

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{LastingClient, Stack, waiting};

use super::{lively, noticed_nothing};
use crate::create_items;

#[tokio::test]
async fn a_listen_connection_that_is_killed_again_and_again_costs_a_delay_and_nothing_else() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    let ids = create_items(&stack.api, 3).await?;
    let mut client = LastingClient::connect(stack.hub.address()).await?;
    let sql = stack.database.sql().await?;
    for round in 0_i64..5 {
        let killed = waiting::until(waiting::PATIENCE, "somebody to listen", async || {
            let killed = stack.database.terminate("stockwire notifier doorbell").await?;
            Ok((killed > 0).then_some(killed))
        });
        println!("round {round}: {} bells killed", killed.await?.0);
        // Nobody hears these.
        for number in 0..20 {
            let update = "update items set quantity = quantity + 1 where id = $1";
            sql.execute(update, &[&ids[number % 2]]).await?;
        }
        stack.api.patch_item(ids[2], &json!({"quantity": 1000 + round})).await?;
        client.until_equal(&stack.database).await?;
    }
    ensure!(client.mirror.changes >= 5 * 21, "only {} changes", client.mirror.changes);
    noticed_nothing(&stack.database, &client).await
}

#[tokio::test]
async fn where_notifications_never_arrive_changes_do() -> Result<()> {
    let stack = Stack::start_with(|settings| {
        lively(settings);
        settings.notifier.doorbell = false;
    })
    .await?;
    let mut client = LastingClient::connect(stack.hub.address()).await?;
    let sql = stack.database.sql().await?;
    // One at a time finds the sequencer asleep, many at once wake it for a while.
    for changes in [1_i64, 1, 500, 1, 1] {
        let insert =
            "insert into items (tenant_id, name) select 1, 'unheard' from generate_series(1, $1::bigint)";
        sql.execute(insert, &[&changes]).await?;
        client.until_equal(&stack.database).await?;
    }
    noticed_nothing(&stack.database, &client).await
}
