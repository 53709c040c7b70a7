//! The logins that were ended and whose tokens may not have expired: for services that start, and for those that don't
//! follow the log.

use domain::{EndedLogin, LONGEST_TOKEN, LogoutReason};
use tokio_postgres::Row;

use crate::{Error, Store};

/// What was ended, and how far that looks.
#[derive(Debug)]
pub struct EndedPage {
    /// In the order in which they were written.
    pub ended: Vec<EndedLogin>,
    /// Shows what is new to the next call.
    pub seen: EndedSeen,
}

/// A moment: which transactions had been committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSeen(String);

impl Store {
    /// What was ended since the last look, in any transaction that was committed since, however long ago it began. Without
    /// a last look: all that was ended within [`LONGEST_TOKEN`].
    ///
    /// # Errors
    /// The database is away.
    pub async fn ended_logins(&self, seen: Option<&EndedSeen>) -> Result<EndedPage, Error> {
        // One row more than there are logins, so that the snapshot is there also where nothing is new.
        const ALL: &str = "/* store::ended_logins */
            select pg_current_snapshot()::text as seen, page.login, page.reason
            from (values (1)) as one left join lateral (
              select id, login, reason from ended_logins where at > now() - make_interval(secs => $1)
            ) as page on true
            order by page.id";
        // Transactions that were under way at the last look begin at its xmin, which the index finds.
        const NEW: &str = "/* store::ended_logins */
            select pg_current_snapshot()::text as seen, page.login, page.reason
            from (values (1)) as one left join lateral (
              select id, login, reason from ended_logins
              where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
            ) as page on true
            order by page.id";
        let client = self.client().await?;
        let rows = match seen {
            None => client.rows(ALL, &[&LONGEST_TOKEN.as_secs_f64()]).await?,
            Some(EndedSeen(seen)) => client.rows(NEW, &[seen]).await?,
        };
        let seen = rows.first().map(|row| row.try_get("seen")).transpose()?.unwrap_or_default();
        let ended = rows.iter().filter_map(|row| read_ended(row).transpose()).collect::<Result<_, _>>()?;
        Ok(EndedPage { ended, seen: EndedSeen(seen) })
    }
}

/// Nothing in the row that only says how far the look went, and for a login that this program can't read.
fn read_ended(row: &Row) -> Result<Option<EndedLogin>, Error> {
    let Some(login) = row.try_get::<_, Option<&str>>("login")? else { return Ok(None) };
    let Ok(login) = login.parse() else {
        tracing::error!(login, "an ended login can't be read");
        return Ok(None);
    };
    let reason = LogoutReason::parse(row.try_get("reason")?).unwrap_or(LogoutReason::Revoked);
    Ok(Some(EndedLogin { login, reason }))
}
