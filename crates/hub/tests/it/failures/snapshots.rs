//! inventory-api goes while clients ask for snapshots.

use anyhow::Result;
use testkit::{Hub, InventoryApi, LastingClient, ServiceName, Stack};
use tokio::task::JoinSet;

use super::lively;
use crate::settled;

#[tokio::test]
async fn snapshots_while_inventory_api_is_killed_and_replaced_come_whole_or_are_asked_for_again() -> Result<()>
{
    let mut stack = Stack::start_with(lively).await?;
    // Large enough for a kill to hit a snapshot on its way.
    let insert = "insert into items (tenant_id, name) select 1, 'item ' || number from generate_series(1, 3000) number";
    stack.database.sql().await?.batch_execute(insert).await?;
    settled(&stack).await?;
    let apis = ServiceName::new().await?;
    apis.lead_to(stack.api.address());
    let mut settings = stack.settings.clone();
    settings.api.url = format!("http://{}", apis.address());
    settings.hub.snapshot_reuse_ms = 0;
    stack.hub = Hub::start(&settings).await?;
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        for _ in 0..3 {
            asking.spawn(LastingClient::connect(stack.hub.address()));
            tokio::task::yield_now().await;
        }
        let next = InventoryApi::start(&settings).await?;
        std::mem::replace(&mut stack.api, next).kill().await;
        asking.spawn(LastingClient::connect(stack.hub.address()));
        apis.lead_to(stack.api.address());
    }
    while let Some(client) = asking.join_next().await {
        let mut client = client??;
        client.until_equal(&stack.database).await?;
    }
    Ok(())
}
