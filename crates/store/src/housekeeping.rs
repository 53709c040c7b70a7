//! Deletes what has ended and serves nobody any more: a batch of one kind at a time, each in a transaction of its own, by
//! one process of several.

use std::time::Duration;

use domain::{LONGEST_TOKEN, WriteContext};

use crate::{Error, Store, transaction::begin};

/// The advisory lock that whoever tidies up holds for the length of a batch.
const TIDYING_LOCK: i64 = 0x5357_5449_4459;

/// Sessions are kept for so long after their end: whoever asks why they were signed out finds the answer.
const SESSIONS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// As long as nobody tries a password, a throttle is full again after this.
const THROTTLES_KEPT: Duration = Duration::from_secs(3600);
/// Longer than any token of a login that was ended, whatever clocks say.
const ENDED_LOGINS_KEPT: Duration = LONGEST_TOKEN.saturating_add(Duration::from_secs(3600));
/// What was delivered is kept for so long; what couldn't be, for as long as its notification.
const DELIVERED_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longer than any value of a data source counts: what is older belongs to items that are gone, or to rows that are no longer
/// given.
const SOURCE_VALUES_KEPT: Duration = Duration::from_secs(31 * 24 * 3600);

/// What there is to tidy up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// End the sessions whose time is over, and those that weren't refreshed for so long.
    EndSessions {
        /// How long.
        idle: Duration,
    },
    /// Delete sessions that ended 30 days ago.
    Sessions,
    /// Delete tickets that have ended.
    Tickets,
    /// Delete one-time links that have ended.
    Links,
    /// Delete throttles of sign-ins that nothing happened to for an hour.
    Throttles,
    /// Delete ended logins that no token can name any more.
    EndedLogins,
    /// Delete deliveries that arrived 30 days ago.
    Deliveries,
    /// Delete values of data sources that no longer count.
    SourceValues,
    /// Delete lines of the audit trail.
    Audit {
        /// That are older than this.
        older_than: Duration,
    },
    /// Delete notifications with what was sent of them and who has read them. Those of which something is still to be
    /// sent stay.
    Notifications {
        /// That were raised longer ago than this.
        older_than: Duration,
    },
    /// Delete mutes that have ended, and those of items that are gone.
    Mutes,
}

impl Chore {
    /// A word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndSessions { .. } => "overdue_sessions",
            Self::Sessions => "sessions",
            Self::Tickets => "tickets",
            Self::Links => "one_time_links",
            Self::Throttles => "sign_in_throttles",
            Self::EndedLogins => "ended_logins",
            Self::Deliveries => "deliveries",
            Self::SourceValues => "source_values",
            Self::Audit { .. } => "audit",
            Self::Notifications { .. } => "notifications",
            Self::Mutes => "mutes",
        }
    }

    /// What does it: $1 is how many rows at most, $2 an age in seconds.
    const fn statement(self) -> &'static str {
        match self {
            // As a refresh would find it. Who refreshes or ends a session at this moment is not waited for.
            Self::EndSessions { .. } => {
                "/* store::tidy_up */
                update sessions set ended_at = clock_timestamp(), end_reason = 'expired'
                where id in (
                  select id from sessions
                  where ended_at is null
                    and least(expires_at, rotated_at + make_interval(secs => $2)) <= clock_timestamp()
                  limit $1 for no key update skip locked
                ) and ended_at is null"
            }
            // Whoever deletes a user deletes their sessions in another order: neither waits for the other.
            Self::Sessions => {
                "/* store::tidy_up */
                delete from sessions where id in (
                  select id from sessions where ended_at < now() - make_interval(secs => $2)
                  order by ended_at limit $1 for update skip locked
                )"
            }
            Self::Tickets => {
                "/* store::tidy_up */
                delete from tickets where hash in (
                  select hash from tickets where expires_at <= now() - make_interval(secs => $2)
                  order by expires_at limit $1
                )"
            }
            Self::Links => {
                "/* store::tidy_up */
                delete from one_time_links where hash in (
                  select hash from one_time_links where expires_at <= now() - make_interval(secs => $2) limit $1
                )"
            }
            // One that was touched meanwhile is spared: the condition is looked at again under the row's lock.
            Self::Throttles => {
                "/* store::tidy_up */
                delete from sign_in_throttles where subject in (
                  select subject from sign_in_throttles where refilled_at < now() - make_interval(secs => $2) limit $1
                ) and refilled_at < now() - make_interval(secs => $2)"
            }
            Self::EndedLogins => {
                "/* store::tidy_up */
                delete from ended_logins where id in (
                  select id from ended_logins where at < now() - make_interval(secs => $2) order by at limit $1
                )"
            }
            Self::Deliveries => {
                "/* store::tidy_up */
                delete from deliveries where id in (
                  select id from deliveries
                  where state = 'delivered' and delivered_at < now() - make_interval(secs => $2)
                  order by delivered_at limit $1
                )"
            }
            Self::SourceValues => {
                "/* store::tidy_up */
                delete from source_values where (item_id, measure, source_id) in (
                  select item_id, measure, source_id from source_values
                  where at < now() - make_interval(secs => $2) limit $1
                ) and at < now() - make_interval(secs => $2)"
            }
            Self::Audit { .. } => {
                "/* store::tidy_up */
                delete from audit where id in (
                  select id from audit where at < now() - make_interval(secs => $2) order by at limit $1
                )"
            }
            Self::Notifications { .. } => {
                "/* store::tidy_up */
                delete from notifications where id in (
                  select id from notifications
                  where created_at < now() - make_interval(secs => $2)
                    and not exists (
                      select from deliveries where notification_id = notifications.id and state = 'pending'
                    )
                  order by created_at limit $1
                )"
            }
            Self::Mutes => {
                "/* store::tidy_up */
                delete from mutes where id in (
                  select id from mutes
                  where until <= now() - make_interval(secs => $2)
                    or item_id is not null and not exists (select from items where items.id = mutes.item_id)
                  limit $1
                )"
            }
        }
    }

    const fn age(self) -> Duration {
        match self {
            Self::EndSessions { idle } => idle,
            Self::Sessions => SESSIONS_KEPT,
            Self::Tickets | Self::Links | Self::Mutes => Duration::ZERO,
            Self::Throttles => THROTTLES_KEPT,
            Self::EndedLogins => ENDED_LOGINS_KEPT,
            Self::Deliveries => DELIVERED_KEPT,
            Self::SourceValues => SOURCE_VALUES_KEPT,
            Self::Audit { older_than } | Self::Notifications { older_than } => older_than,
        }
    }
}

impl Store {
    /// Does at most `most` rows of a chore, of all tenants, and says how many; `None` if another process is at it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn tidy_up(&self, chore: Chore, most: u32) -> Result<Option<u64>, Error> {
        const MY_TURN: &str = "/* store::tidy_up */ select pg_try_advisory_xact_lock($1) as mine";
        let mut client = self.client().await?;
        // Nobody asked for it.
        let nobody = WriteContext { actor: "nobody".to_owned(), ..WriteContext::default() };
        let transaction = begin(&mut client, &nobody).await?;
        let statement = transaction.prepare_cached(MY_TURN).await?;
        if !transaction.query_one(&statement, &[&TIDYING_LOCK]).await?.try_get::<_, bool>("mine")? {
            return Ok(None);
        }
        let statement = transaction.prepare_cached(chore.statement()).await?;
        let done = transaction.execute(&statement, &[&i64::from(most), &chore.age().as_secs_f64()]).await?;
        transaction.commit().await?;
        Ok(Some(done))
    }
}
