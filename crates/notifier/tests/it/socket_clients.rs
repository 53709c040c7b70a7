//! Notifiers that are killed with -9, as processes of their own, seen from a hub's clients.

use std::time::Duration;

use anyhow::{Result, ensure};
use service::Settings;
use testkit::{Audience, Database, Hub, InventoryApi, ServiceName, log_contents, process, settings};
use tokio_postgres::Client;

use crate::fleet;

/// How long writers go on before and after each kill.
const AWHILE: Duration = Duration::from_millis(300);

async fn stack(database: &Database) -> Result<(Settings, ServiceName, process::Service)> {
    let mut settings = settings(database)?;
    settings.hub.heartbeat_ms = 300;
    // Leaving something out would hide what is looked for here.
    settings.hub.conflate_after = 1_000_000;
    let first = fleet::start_binary(&settings).await?;
    let notifiers = ServiceName::new().await?;
    notifiers.add(first.address());
    settings.notifier.url = format!("ws://{}", notifiers.address());
    Ok((settings, notifiers, first))
}

/// Writes for ever: changes of one item after the other, and sometimes of all.
async fn keep_writing(client: &Client) -> Result<()> {
    client
        .batch_execute("insert into items (tenant_id, name) select 1, 'nut' from generate_series(1, 9)")
        .await?;
    let mut round = 0_i64;
    loop {
        round += 1;
        let some = "update items set quantity = quantity + 1 where id = $1 or $1 % 50 = 0";
        client.execute(some, &[&(round % 50)]).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn clients_notice_nothing_of_a_notifier_that_is_killed_but_a_pause() -> Result<()> {
    let database = Database::create().await?;
    let (mut settings, notifiers, mut leader) = stack(&database).await?;
    let api = InventoryApi::start(&settings).await?;
    settings.api.url = api.url();
    let hub = Hub::start(&settings).await?;
    let audience = Audience::gather(hub.address(), 5).await?;

    let sql = database.sql().await?;
    let kills = async {
        for _ in 0..3 {
            // It follows the log and waits for its turn to lead.
            let next = fleet::start_binary(&settings).await?;
            notifiers.add(next.address());
            tokio::time::sleep(AWHILE).await;
            let killed = std::mem::replace(&mut leader, next);
            notifiers.remove(killed.address());
            killed.kill().await?;
            tokio::time::sleep(AWHILE).await;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        killed = kills => killed?,
        written = keep_writing(&sql) => written?,
    }
    for client in audience.until_equal(&database).await? {
        ensure!(client.connection_ids.len() == 1 && client.read_anew == 1, "{client:?}");
        client.mirror.was_sent_the_log(&database.sql().await?).await?;
    }
    let log = log_contents::read_log(&database).await?;
    println!("{} changes", log.len());
    log_contents::each_change_has_one_dense_position(&database, &log).await?;
    log_contents::each_item_is_in_order(&log)
}
