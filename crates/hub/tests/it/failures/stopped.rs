//! A hub that is asked to stop while changes flow.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::{Audience, ServiceName, Stack};

use super::{lively, start_hub};
use crate::{create_items, settled};

/// The default of `shutdown.deadline_ms`.
const DEADLINE: Duration = Duration::from_secs(9);

#[tokio::test]
async fn a_hub_that_is_asked_to_stop_under_load_sends_its_clients_on_and_they_miss_nothing() -> Result<()> {
    let stack = Stack::start_with(lively).await?;
    let ids = create_items(&stack.api, 5).await?;
    settled(&stack).await?;
    let hubs = ServiceName::new().await?;
    let (mut stopped, next) = (start_hub(&stack).await?, start_hub(&stack).await?);
    hubs.lead_to(stopped.address());
    let clients = Audience::gather(hubs.address(), 30).await?;
    hubs.lead_to(next.address());
    let sql = stack.database.sql().await?;
    let write = async || {
        let update = "update items set quantity = quantity + 1 where id = any ($1)";
        sql.execute(update, &[&ids]).await
    };
    write().await?;
    stopped.ask_to_stop()?;
    let ended = async { stopped.exit_status(DEADLINE).await };
    tokio::pin!(ended);
    let status = loop {
        tokio::select! {
            status = &mut ended => break status?,
            written = write() => drop(written?),
        }
    };
    ensure!(status.success(), "it ended with {status}");
    for client in clients.until_equal(&stack.database).await? {
        let codes: Vec<_> = client.closes.iter().map(|closed| closed.code).collect();
        ensure!(codes == [Some(1012)], "{client:?}");
        ensure!((client.recovered, client.read_anew) == (1, 1), "{client:?}");
        client.mirror.was_sent_the_log(&stack.database.sql().await?).await?;
    }
    Ok(())
}
