//! Tidies up every few minutes: sessions whose time is over are ended, and what has ended and is too old is deleted. Every
//! process does, and one at a time: batches are small and have pauses between them, so nothing waits for them.

use std::time::Duration;

use service::{Context, Settings};
use store::{Chore, Error, Store};

/// After so long at the latest it begins: services that start together take turns from the first.
const FIRST: Duration = Duration::from_secs(10);
/// How often it tidies up, give or take a quarter.
const EVERY: Duration = Duration::from_secs(300);
/// Rows of one batch. Ending a session writes to the log and the audit trail, so those are fewer.
const BATCH: u32 = 1000;
const BATCH_OF_SESSIONS: u32 = 100;
/// After so many batches of a kind it is the next one's turn.
const MOST_BATCHES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

const DONE: &str = "stockwire_housekeeping_rows_total";

/// Tidies up until the service stops.
pub(crate) fn start(context: &Context, store: Store) {
    let chores = chores(&context.settings);
    let text = "Rows that were ended or deleted because their time was over, by what they are.";
    metrics::describe_counter!(DONE, metrics::Unit::Count, text);
    for chore in &chores {
        metrics::counter!(DONE, "what" => chore.as_str()).increment(0);
    }
    let stop = context.stop.clone();
    context.spawn_essential("housekeeping", async move {
        stop.run_until_cancelled(keep_house(store, chores)).await;
    });
}

fn chores(settings: &Settings) -> Vec<Chore> {
    let auth = &settings.auth;
    let idle = Duration::from_secs(u64::from(auth.session_idle_hours) * 3600);
    let mut chores = vec![
        Chore::EndSessions { idle },
        Chore::Sessions,
        Chore::Tickets,
        Chore::Links,
        Chore::Throttles,
        Chore::EndedLogins,
        Chore::Deliveries,
        Chore::Mutes,
        Chore::SourceValues,
    ];
    if auth.audit_days > 0 {
        chores.push(Chore::Audit { older_than: Duration::from_secs(u64::from(auth.audit_days) * 24 * 3600) });
    }
    if let Some(older_than) = settings.notifications.older_than() {
        chores.push(Chore::Notifications { older_than });
    }
    chores
}

async fn keep_house(store: Store, chores: Vec<Chore>) {
    tokio::time::sleep(FIRST.mul_f64(chance())).await;
    loop {
        for &chore in &chores {
            if let Err(error) = work_off(&store, chore).await {
                let source = &error as &dyn std::error::Error;
                tracing::debug!(source, chore = chore.as_str(), "can't tidy up, trying again later");
            }
        }
        tokio::time::sleep(EVERY.mul_f64(0.75 + chance() / 2.0)).await;
    }
}

async fn work_off(store: &Store, chore: Chore) -> Result<(), Error> {
    let batch = if matches!(chore, Chore::EndSessions { .. }) { BATCH_OF_SESSIONS } else { BATCH };
    for _ in 0..MOST_BATCHES {
        // Whoever else is at it does the rest, too.
        let Some(done) = store.tidy_up(chore, batch).await? else { return Ok(()) };
        metrics::counter!(DONE, "what" => chore.as_str()).increment(done);
        if done < u64::from(batch) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// From 0 to 1. Without randomness, which no system lacks, all begin at once.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_audit_trail_that_is_kept_for_ever_is_left_alone() {
        let chores_with = |days: &str| {
            let variable = ("STOCKWIRE__AUTH__AUDIT_DAYS".to_owned(), days.to_owned());
            chores(&Settings::load(None, HashMap::from([variable])).unwrap())
        };
        let year = Chore::Audit { older_than: Duration::from_secs(365 * 24 * 3600) };
        assert!(chores_with("365").contains(&year));
        assert!(!chores_with("0").iter().any(|chore| matches!(chore, Chore::Audit { .. })));
    }

    #[test]
    fn notifications_are_kept_for_ninety_days_unless_told_otherwise() {
        let kept = |days: Option<&str>| {
            let variable = days.map(|days| ("STOCKWIRE__NOTIFICATIONS__DAYS".to_owned(), days.to_owned()));
            let settings = Settings::load(None, variable.into_iter().collect()).unwrap();
            chores(&settings).into_iter().find_map(|chore| match chore {
                Chore::Notifications { older_than } => Some(older_than.as_secs() / (24 * 3600)),
                _ => None,
            })
        };
        assert_eq!((kept(None), kept(Some("7")), kept(Some("0"))), (Some(90), Some(7), None));
    }
}
