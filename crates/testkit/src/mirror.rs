//! What a client knows by now, and whether that is what the table says.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use tokio_postgres::Client;

/// The items of the default tenant as every reader sees them, by id.
///
/// # Errors
/// The database is away.
pub async fn items_in_table(client: &Client) -> Result<BTreeMap<i64, Value>> {
    let rows = client.query("select id, item_document(items) from items where tenant_id = 1", &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
