//! A connection that nobody has ended and that carries nothing any more. `slow_clients` has the client's side.

use anyhow::Result;
use testkit::{Hub, LastingClient, ServiceName, Stack};

use super::{lively, noticed_nothing};
use crate::create_items;

#[tokio::test]
async fn a_feed_that_falls_silent_is_opened_again_and_clients_miss_nothing() -> Result<()> {
    let mut stack = Stack::start_with(lively).await?;
    create_items(&stack.api, 2).await?;
    let notifiers = ServiceName::new().await?;
    notifiers.add(stack.notifier.address());
    let mut settings = stack.settings.clone();
    settings.notifier.url = format!("ws://{}", notifiers.address());
    stack.hub = Hub::start(&settings).await?;
    let mut client = LastingClient::connect(stack.hub.address()).await?;
    client.until_equal(&stack.database).await?;
    notifiers.silence_open_connections();
    create_items(&stack.api, 2).await?;
    // The hub gives a feed up that was silent for twelve seconds.
    client.until_equal(&stack.database).await?;
    noticed_nothing(&stack.database, &client).await
}
