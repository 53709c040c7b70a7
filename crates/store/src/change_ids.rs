//! Where in the table of changes a time lies. There is no index on times, which every write would pay for: ids are drawn
//! when changes are made, so they grow with time, and some forty probes of the primary key find a time's place.

use std::time::Duration;

use jiff::Timestamp;

use crate::{Error, pooled::Pooled};

/// Changes that are made at the same time draw ids and look at the clock in any order, and another server's clock may
/// differ: whoever asks for a range gets this much more, and leaves out what doesn't belong to it.
const MARGIN: Duration = Duration::from_secs(60);

/// Ids of changes: from the first, up to but without the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChangeIds {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl ChangeIds {
    /// Ids that all changes of a range of time have, and few others.
    pub(crate) async fn between(
        client: &Pooled,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Self, Error> {
        let from = match since {
            Some(since) => find(client, since.checked_sub(MARGIN).unwrap_or(since)).await?,
            None => 0,
        };
        let to = match until {
            Some(until) => find(client, until.checked_add(MARGIN).unwrap_or(until)).await?,
            None => i64::MAX,
        };
        Ok(Self { from, to })
    }

    /// Fewer than all changes have that became visible after a moment, in transactions of at most an hour.
    pub(crate) async fn long_before(client: &Pooled, moment: Timestamp) -> Result<i64, Error> {
        const HOUR: Duration = Duration::from_hours(1);
        find(client, moment.checked_sub(HOUR).unwrap_or(moment)).await
    }
}

/// The id of the first change that was made at or after a moment; one past the last if there is none. It begins where
/// the log does, because in front of that a probe walks over all that was deleted since the last VACUUM.
async fn find(client: &Pooled, moment: Timestamp) -> Result<i64, Error> {
    const FIND: &str = "/* store::change_ids */
        with recursive ends as materialized (
          select
            coalesce((
              select change_log.change_id from change_log join log_start on log_start.first = change_log.position
            ), 0) as first,
            coalesce((select max(id) from changes), 0) + 1 as behind
        ),
        halves as (
          select first as low, behind as high from ends
          union all
          select case when probe.at < $1 then probe.id + 1 else halves.low end,
            case when probe.at < $1 then halves.high else (halves.low + halves.high) / 2 end
          from halves left join lateral (
            select changes.id, changes.at from changes
            where changes.id >= (halves.low + halves.high) / 2 and changes.id < halves.high
            order by changes.id limit 1
          ) as probe on true
          where halves.low < halves.high
        )
        select case when halves.low > ends.first then halves.low else 0 end as id
        from halves cross join ends where halves.low >= halves.high";
    Ok(client.row(FIND, &[&moment]).await?.try_get("id")?)
}
