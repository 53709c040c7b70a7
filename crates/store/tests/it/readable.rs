//! What a direct writer may write at the bounds, the store can read.

use anyhow::{Result, ensure};
use domain::TenantId;
use store::{ItemFilter, ItemSort};
use testkit::Database;

#[tokio::test]
async fn what_a_direct_writer_may_write_is_listed() -> Result<()> {
    let database = Database::create().await?;
    let extremes = "insert into items (tenant_id, sku, name, description, quantity, unit, price, reorder_point, attributes)
        values
          (1, 'Ä', repeat('ü', 200), repeat('x', 4000), 9007199254740991, 'kg', 999999999999999.9999, 0, '{}'),
          (1, repeat('s', 64), '\"quoted\" \\ and <tagged>', E'two\nlines', 0, repeat('u', 32), 0.00005, null,
            '{\"a\": [1, 2.5, null, {\"b\": \"\\u00e9\"}]}')";
    database.sql().await?.batch_execute(extremes).await?;
    let store = database.store()?;
    let all = ItemFilter::default();
    let list = store.item_list(TenantId::DEFAULT, &all, ItemSort::default(), None, 10).await?;
    ensure!(list.items.len() == 2 && list.next.is_none(), "{list:?}");
    Ok(())
}
