//! Reading monitors: one, or a page of them.

use domain::{Cursor, ItemId, MonitorDocument, MonitorId, MonitorState, TenantId};
use tokio_postgres::{Row, types::ToSql};

use crate::{Error, Store, history::missing_sequencer, row};

/// Which monitors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonitorFilter {
    /// In this state.
    pub state: Option<MonitorState>,
    /// Whose scope is this item, and no other.
    pub item: Option<ItemId>,
}

/// A page of monitors.
#[derive(Debug, Clone)]
pub struct MonitorList {
    /// By id.
    pub monitors: Vec<MonitorDocument>,
    /// The last one's id, if more follow.
    pub next: Option<MonitorId>,
    /// The moment of the log that the page shows.
    pub as_of: Cursor,
}

impl Store {
    /// A page of at most `limit` monitors behind the one with the id `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn monitors(
        &self,
        tenant: TenantId,
        filter: MonitorFilter,
        after: i64,
        limit: u16,
    ) -> Result<MonitorList, Error> {
        const MONITORS: &str = "/* store::monitors */
            select sequencer.epoch, sequencer.last, page.id, page.version, page.document
            from sequencer left join lateral (
              select monitors.id, monitors.version, monitor_document(monitors)::text as document
              from monitors
              where monitors.tenant_id = $1 and monitors.id > $2 and ($4::text is null or monitors.state = $4)
              order by monitors.id limit $3
            ) as page on true
            order by page.id";
        // A statement of its own, so that the index by item is used.
        const OF_ITEM: &str = "/* store::monitors */
            select sequencer.epoch, sequencer.last, page.id, page.version, page.document
            from sequencer left join lateral (
              select monitors.id, monitors.version, monitor_document(monitors)::text as document
              from monitors
              where monitors.tenant_id = $1 and monitors.id > $2 and ($4::text is null or monitors.state = $4)
                and monitors.scope ->> 'kind' = 'item' and monitors.scope ->> 'item_id' = $5
              order by monitors.id limit $3
            ) as page on true
            order by page.id";
        let client = self.client().await?;
        let (tenant, rows) = (tenant.get(), i64::from(limit) + 1);
        let state = filter.state.map(MonitorState::as_str);
        let item = filter.item.map(|item| item.to_string());
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&tenant, &after, &rows, &state];
        let statement = if item.is_some() { OF_ITEM } else { MONITORS };
        parameters.extend(item.iter().map(|item| item as &(dyn ToSql + Sync)));
        read_page(&client.rows(statement, &parameters).await?, usize::from(limit))
    }

    /// One monitor.
    ///
    /// # Errors
    /// The database is away.
    pub async fn monitor(&self, tenant: TenantId, id: MonitorId) -> Result<Option<MonitorDocument>, Error> {
        const MONITOR: &str = "/* store::monitor */
            select id, version, monitor_document(monitors)::text as document
            from monitors where tenant_id = $1 and id = $2";
        let client = self.client().await?;
        client.row_if_any(MONITOR, &[&tenant.get(), &id.get()]).await?.as_ref().map(row::monitor).transpose()
    }
}

fn read_page(rows: &[Row], limit: usize) -> Result<MonitorList, Error> {
    let as_of = row::head(rows.first().ok_or_else(missing_sequencer)?)?;
    let mut monitors = Vec::with_capacity(limit.min(rows.len()));
    for found in rows.iter().take(limit) {
        if found.try_get::<_, Option<i64>>("id")?.is_some() {
            monitors.push(row::monitor(found)?);
        }
    }
    let next = monitors.last().map(MonitorDocument::id).filter(|_| rows.len() > limit);
    Ok(MonitorList { monitors, next, as_of })
}
