//! Clients that never read: many of them, against a hub whose memory can be looked at.

use anyhow::{Result, ensure};
use testkit::{Audience, LastingClient, Stack, waiting};

use super::{lively, noticed_nothing, start_hub_with};
use crate::{
    create_items,
    slow_clients::{flood, stubborn},
};

const STALLED: usize = 50;

/// The flood is larger, some 33 MB: whoever kept it for even one client would be found out.
const MOST_MEMORY: usize = 24 << 20;

#[tokio::test]
async fn fifty_clients_that_never_read_delay_nobody_cost_little_memory_and_are_closed() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    let ids = create_items(&stack.api, 10).await?;
    let settings = [("RING_BYTES", "4194304"), ("STALL_TIMEOUT_MS", "4000"), ("CONFLATE_AFTER", "100000")];
    let hub = start_hub_with(&stack, &settings).await?;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(stubborn(hub.address()).await?);
    }
    let live = async || Ok((hub.metric("stockwire_hub_live_subscriptions").await? >= 50.0).then_some(()));
    waiting::until(waiting::PATIENCE, "all of them to be live", live).await?;
    let mut prompt = LastingClient::connect(hub.address()).await?;
    let before = hub.resident_bytes()?;
    for wave in 1..=20 {
        // Less than two megabytes: the ring has room for whoever reads, however busy the machine is.
        flood(&stack, &ids, 10).await?;
        let arrived = |client: &LastingClient| client.mirror.changes >= wave * 100;
        prompt.until("a wave to reach whoever reads", arrived).await?;
    }
    let more = hub.resident_bytes()?.saturating_sub(before);
    println!("{} KiB more than before the flood", more / 1024);
    ensure!(more < MOST_MEMORY, "{more} bytes more");

    // It goes on reading, as its library would, while the others are waited for.
    let mut readers = Audience::gather(hub.address(), 0).await?;
    readers.join(prompt);
    let closed = async || {
        let closed = hub.metric("stockwire_hub_closes_total").await?;
        Ok((closed >= 50.0 && hub.metric("stockwire_hub_sockets").await? <= 1.0).then_some(()))
    };
    waiting::until(waiting::PATIENCE, "all of them to be closed", closed).await?;
    flood(&stack, &ids, 1).await?;
    for client in readers.until_equal(&stack.database).await? {
        noticed_nothing(&stack.database, &client).await?;
    }
    Ok(())
}
