//! The hub as a process: it stops when it is asked to, and tells its clients.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::{Database, Notifier, SocketClient, SocketOptions, process, settings};
use tokio::time::Instant;

/// The default of `shutdown.deadline_ms`.
const DEADLINE: Duration = Duration::from_secs(9);

#[tokio::test]
async fn asked_to_stop_it_says_goodbye_to_every_client_and_exits_cleanly() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let notifier = Notifier::start(&settings).await?;
    let mut environment = process::environment(&settings);
    environment.insert("STOCKWIRE__NOTIFIER__URL".to_owned(), notifier.url());
    environment.remove("STOCKWIRE__DATABASE__URL");
    for start in ["first", "second"] {
        let binary = env!("CARGO_BIN_EXE_hub");
        let mut hub = process::Service::start(binary, "STOCKWIRE__HUB__LISTEN", &environment).await?;
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = SocketClient::connect(hub.address(), &SocketOptions::default()).await?;
            client.expect("connected").await?;
            clients.push(client);
        }
        let begun = Instant::now();
        hub.ask_to_stop()?;
        for client in &mut clients {
            ensure!(client.closed().await?.code == Some(1012));
        }
        let status = hub.exit_status(DEADLINE).await?;
        println!("{start} start: drained within {:?}", begun.elapsed());
        ensure!(status.success(), "it ended with {status}");
    }
    Ok(())
}

#[tokio::test]
async fn it_does_not_start_without_secrets_or_open_to_everybody() -> Result<()> {
    let database = Database::create().await?;
    let mut environment = process::environment(&settings(&database)?);
    environment.remove("STOCKWIRE__AUTH__TOKEN_SECRET");
    let binary = env!("CARGO_BIN_EXE_hub");
    let mut refused = process::Service::spawn(binary, "STOCKWIRE__HUB__LISTEN", &environment)?;
    ensure!(refused.exit_status(DEADLINE).await?.code() == Some(2));
    Ok(())
}
