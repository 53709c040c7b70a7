//! The data source that reads the demo's simulated market.

use std::net::SocketAddr;

use domain::{Source, SourceInput, WriteContext};
use serde_json::json;
use store::{Error, Expected, SealedHeaderChange, Store};

use super::TENANT;

const NAME: &str = "Simulated market";
/// Who made it: another one of the same name is somebody's own.
const MAKER: &str = "demo:market";

/// Has prices come from a market: the source is made where there is none yet. What somebody has changed about it stays, but
/// for where the market is this time.
///
/// # Errors
/// The database is away.
pub async fn follow_market(store: &Store, market: SocketAddr) -> Result<(), Error> {
    let url = format!("http://{market}/prices.json");
    if let Some(Source { id, mut definition, .. }) = find(store).await? {
        definition.url = Some(url);
        definition.enabled = true;
        let (keep, exists) = (SealedHeaderChange::Keep, Expected::Exists);
        store.update_source(TENANT, id, &definition, &keep, &exists, &context()).await?;
        return Ok(());
    }
    let document = json!({
        "name": NAME, "kind": "pull", "format": "json", "url": url, "interval_seconds": 5, "timeout_seconds": 10,
        "mapping": {"rows": "/prices", "item": {"field": "sku", "match": "sku"}, "price": "price"},
    });
    // A test sees to it that it can be read.
    if let Ok(SourceInput { definition, .. }) = SourceInput::from_json(document, |_| Ok(())) {
        store.create_source(TENANT, &definition, None, &context()).await?;
    }
    Ok(())
}

/// Stops the source of a demo that is over: there is no market any more.
///
/// # Errors
/// The database is away.
pub async fn leave_market(store: &Store) -> Result<(), Error> {
    if let Some(source) = find(store).await? {
        store.enable_source(TENANT, source.id, false, &context()).await?;
    }
    Ok(())
}

async fn find(store: &Store) -> Result<Option<Source>, Error> {
    let mut after = 0;
    loop {
        let page = store.sources(TENANT, after, 200).await?;
        let ours = |source: &Source| source.definition.name.as_str() == NAME && source.created_by == MAKER;
        if let Some(source) = page.sources.into_iter().find(ours) {
            return Ok(Some(source));
        }
        match page.next {
            Some(last) => after = last,
            None => return Ok(None),
        }
    }
}

fn context() -> WriteContext {
    WriteContext { actor: MAKER.to_owned(), ..WriteContext::default() }
}
