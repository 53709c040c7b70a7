//! Transactions of several statements, for accounts: what is read decides what is written, under a lock. Writing items
//! needs none.

use deadpool_postgres::Transaction;
use domain::WriteContext;

use crate::{Error, pooled::Pooled};

/// Begins one that tells the triggers who writes, why, and from where.
pub(crate) async fn begin<'a>(
    client: &'a mut Pooled,
    context: &WriteContext,
) -> Result<Transaction<'a>, Error> {
    const WRITER: &str = "/* store::transaction::begin */
        select set_config('stockwire.actor', $1, true), set_config('stockwire.reason', $2, true),
          set_config('stockwire.request_id', $3, true), set_config('stockwire.address', $4, true)";
    let transaction = client.transaction().await?;
    let statement = transaction.prepare_cached(WRITER).await?;
    transaction
        .execute(
            &statement,
            &[
                &context.actor,
                &context.reason.as_deref().unwrap_or_default(),
                &context.request_id.as_deref().unwrap_or_default(),
                &context.address.as_deref().unwrap_or_default(),
            ],
        )
        .await?;
    Ok(transaction)
}
