//! A topic's state at one moment of the log, as a stream of documents.

use domain::Cursor;
use futures_util::{Stream, StreamExt};
use tokio_postgres::types::ToSql;

use crate::{Error, pooled::Pooled, row};

/// What a topic shows, as it was at one moment of the log: every change up to `as_of` is in it, and perhaps some that
/// were committed and had no position yet. Their versions tell.
pub struct Snapshot<S> {
    /// The state contains every change up to here.
    pub as_of: Cursor,
    /// The documents by id, as JSON text, as the database wrote them.
    pub documents: S,
}

/// Runs a statement that reads `sequencer.epoch`, `sequencer.last` and `document`: one row without a document where there
/// is none.
pub(crate) async fn stream(
    client: Pooled,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Snapshot<impl Stream<Item = Result<String, Error>> + use<>>, Error> {
    let rows = client.stream(statement, parameters).await?;
    let mut rows = Box::pin(rows);
    let Some(first) = rows.next().await.transpose()? else {
        return Err(Error::Corrupt {
            table: "sequencer",
            column: "singleton",
            id: 0,
            detail: "the row is missing".into(),
        });
    };
    let as_of = row::head(&first)?;
    let first: Option<String> = first.try_get("document")?;
    let documents = futures_util::stream::iter(first.map(Ok)).chain(rows.map(move |row| {
        // The pooled connection goes back when the stream is dropped, not before.
        let _connection = &client;
        Ok(row?.try_get("document")?)
    }));
    // Asked once more after its end, the row stream reports a closed connection.
    Ok(Snapshot { as_of, documents: documents.fuse() })
}
