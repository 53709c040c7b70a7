//! Notifications for tests of what becomes of them, without the evaluation that raises them.

use anyhow::Result;
use tokio_postgres::Client;

/// A notification that shall be there.
#[derive(Debug, Clone, Copy)]
pub struct Raise {
    /// Whose.
    pub tenant: i64,
    /// By which monitor; 1 is the built-in one of the first tenant. It need not exist.
    pub monitor: i64,
    /// About which item; it need not exist.
    pub item: i64,
    /// `info`, `warning` or `critical`.
    pub severity: &'static str,
    /// Whether nobody wanted to hear of it.
    pub muted: bool,
}

impl Default for Raise {
    fn default() -> Self {
        Self { tenant: 1, monitor: 1, item: 1, severity: "warning", muted: false }
    }
}

impl Raise {
    /// Raises it and says its id.
    ///
    /// # Errors
    /// The database is away, or has rules against it.
    pub async fn on(self, client: &Client) -> Result<i64> {
        let raise = "insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_sku, item_name, severity,
              measure, condition, value, previous_value, threshold, message, change_position, change_at, muted)
            select $1, $2, 'Low', $3, 'B-1', 'Bolt', $4, 'quantity', '{\"kind\":\"below\",\"threshold\":10}', 9, 10, 10,
              'Bolt is below 10.', coalesce(max(id), 0) + 1, now(), $5
            from notifications
            returning id";
        let Self { tenant, monitor, item, severity, muted } = self;
        Ok(client.query_one(raise, &[&tenant, &monitor, &item, &severity, &muted]).await?.try_get(0)?)
    }
}
