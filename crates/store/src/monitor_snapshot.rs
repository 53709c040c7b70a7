//! What the topics of monitors show at one moment of the log.

use domain::{MonitorId, TenantId};
use futures_util::Stream;

use crate::{Error, Snapshot, Store, snapshot};

impl Store {
    /// All monitors of a tenant, or one of them, read in one statement and so at one moment.
    ///
    /// # Errors
    /// The database is away; the stream ends with an error if that happens on the way.
    pub async fn monitor_snapshot(
        &self,
        tenant: TenantId,
        only: Option<MonitorId>,
    ) -> Result<Snapshot<impl Stream<Item = Result<String, Error>> + use<>>, Error> {
        // The left join gives one row without a document where there are no monitors.
        const SNAPSHOT: &str = "/* store::monitor_snapshot */
            select sequencer.epoch, sequencer.last,
              case when monitors.id is not null then monitor_document(monitors)::text end as document
            from sequencer
              left join monitors on monitors.tenant_id = $1 and ($2::bigint is null or monitors.id = $2)
            order by monitors.id";
        let only = only.map(MonitorId::get);
        snapshot::stream(self.client().await?, SNAPSHOT, &[&tenant.get(), &only]).await
    }

    /// The newest notifications of a tenant, at most `most` and by id, read in one statement and so at one moment. There
    /// may be years of them: who wants more asks for pages.
    ///
    /// # Errors
    /// The database is away; the stream ends with an error if that happens on the way.
    pub async fn notification_snapshot(
        &self,
        tenant: TenantId,
        most: u16,
    ) -> Result<Snapshot<impl Stream<Item = Result<String, Error>> + use<>>, Error> {
        const SNAPSHOT: &str = "/* store::notification_snapshot */
            select sequencer.epoch, sequencer.last, newest.document
            from sequencer left join lateral (
              select notifications.id, notification_document(notifications)::text as document
              from notifications where notifications.tenant_id = $1
              order by notifications.id desc limit $2
            ) as newest on true
            order by newest.id";
        snapshot::stream(self.client().await?, SNAPSHOT, &[&tenant.get(), &i64::from(most)]).await
    }
}
