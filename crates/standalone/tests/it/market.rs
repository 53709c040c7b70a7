//! The simulated market, and the demo's data source that reads it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use standalone::{demo, market::Market};
use testkit::{Database, InventoryApi, free_listener, settings, waiting};
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(30);

/// A market on a thread of its own, until the guard is dropped.
fn open() -> Result<(SocketAddr, tokio_util::sync::DropGuard)> {
    let listener = free_listener()?;
    let at = listener.local_addr()?;
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    std::thread::spawn(move || actix_web::rt::System::new().block_on(Market::new(7).serve(listener, stop)));
    Ok((at, guard))
}

#[tokio::test]
async fn prices_come_as_json_and_as_csv_and_only_where_they_have_moved() -> Result<()> {
    let (at, _open) = open()?;
    let client = reqwest::Client::new();
    let list: Value = client.get(format!("http://{at}/prices.json")).send().await?.json().await?;
    let prices = list["prices"].as_array().context("prices")?;
    ensure!((10..=60).contains(&prices.len()), "{list}");
    let csv = format!("http://{at}/prices.csv?skus=A,B");
    let first = client.get(&csv).send().await?;
    let tag = first.headers()["etag"].clone();
    let text = first.text().await?;
    ensure!(text.starts_with("sku,price\nA,") && text.lines().count() == 3, "{text}");
    let asked = || client.get(&csv).header("if-none-match", &tag).send();
    let moved = waiting::until(LONG, "prices to move", async || {
        let answer = asked().await?;
        ensure!([200, 304].contains(&answer.status().as_u16()), "{answer:?}");
        Ok((answer.status() == 200).then_some(answer.text().await?))
    });
    ensure!(moved.await?.0 != text, "the same again under another tag");
    client.post(format!("http://{at}/down")).send().await?.error_for_status()?;
    ensure!(client.get(&csv).send().await?.status() == 503);
    client.post(format!("http://{at}/up")).send().await?.error_for_status()?;
    ensure!(client.get(&csv).send().await?.status() == 200);
    let refused = client.get(format!("http://{at}/prices.json?skus=%22")).send().await?;
    ensure!(refused.status() == 400);
    Ok(())
}

#[tokio::test]
async fn the_demo_follows_its_market_says_when_it_is_down_and_is_left_alone_when_it_is_over() -> Result<()> {
    let (at, _open) = open()?;
    let database = Database::create().await?;
    let mut settings = settings(&database)?;
    settings.outgoing.allowed_networks.push("127.0.0.1".to_owned());
    let api = InventoryApi::start(&settings).await?;
    let store = database.store()?;
    demo::fill(&store).await?;
    // Twice, as by two starts: there is one source.
    demo::follow_market(&store, SocketAddr::from(([127, 0, 0, 1], 1))).await?;
    demo::follow_market(&store, at).await?;
    let sql = database.sql().await?;
    let moved = waiting::until(LONG, "prices to move", async || {
        let changes =
            "select count(*) from changes where actor like 'source:%' and reason = 'Simulated market'";
        Ok((sql.query_one(changes, &[]).await?.get::<_, i64>(0) > 20).then_some(()))
    });
    moved.await?;
    let client = reqwest::Client::new();
    let url = format!("{}/api/v1/sources", api.url());
    let state = async |wanted: &str| {
        let found = waiting::until(LONG, wanted, async || {
            let list: Value = client.get(&url).send().await?.error_for_status()?.json().await?;
            ensure!(list["data"].as_array().map(Vec::len) == Some(1), "{list}");
            Ok((list["data"][0]["state"] == wanted).then_some(()))
        });
        found.await.map(drop)
    };
    state("ok").await?;
    client.post(format!("http://{at}/down")).send().await?.error_for_status()?;
    state("failing").await?;
    client.post(format!("http://{at}/up")).send().await?.error_for_status()?;
    state("ok").await?;
    demo::leave_market(&store).await?;
    state("stopped").await
}
