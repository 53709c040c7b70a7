//! What is tidied up, and what stays.

use std::time::Duration;

use anyhow::{Result, ensure};
use store::{Chore, Store};
use testkit::{Database, waiting};
use tokio_postgres::Client;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MOST: u32 = 1000;

async fn prepared(rows: &str) -> Result<(Database, Store, Client)> {
    let database = Database::create().await?;
    let sql = database.sql().await?;
    sql.batch_execute(
        "insert into users (tenant_id, email, name, role) values (1, 'ann@shop.example', 'Ann', 'owner')",
    )
    .await?;
    sql.batch_execute(rows).await?;
    let store = database.store()?;
    Ok((database, store, sql))
}

/// The first column of a query, as text.
async fn texts(sql: &Client, query: &str) -> Result<Vec<String>> {
    Ok(sql.query(query, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// A live session called `device`.
fn session(device: &str, rotated: &str, expires: &str) -> String {
    format!(
        "insert into sessions (tenant_id, user_id, nonce, refresh_hash, device, rotated_at, expires_at)
           select 1, id, convert_to('{device}', 'UTF8'), '', '{device}', {rotated}, {expires} from users;"
    )
}

#[tokio::test]
async fn sessions_whose_time_is_over_are_ended_and_everybody_is_told() -> Result<()> {
    let rows = session("live", "now()", "now() + interval '1 day'")
        + &session("too old", "now()", "now() - interval '1 second'")
        + &session("not used", "now() - interval '49 hours'", "now() + interval '1 day'")
        + &session("used lately", "now() - interval '47 hours'", "now() + interval '1 day'");
    let (_database, store, sql) = prepared(&rows).await?;
    let chore = Chore::EndSessions { idle: 2 * DAY };
    ensure!(store.tidy_up(chore, MOST).await? == Some(2));
    let ended = texts(&sql, "select device from sessions where end_reason = 'expired' order by id").await?;
    ensure!(ended == ["too old", "not used"], "{ended:?}");
    let told = "select data->>'reason' from changes where resource = 'session' and op = 'delete'";
    ensure!(texts(&sql, told).await? == ["expired", "expired"]);
    ensure!(texts(&sql, "select reason from ended_logins").await? == ["expired", "expired"]);
    let lines = "select actor from audit where event = 'session_ended'";
    ensure!(texts(&sql, lines).await? == ["nobody", "nobody"]);
    ensure!(store.tidy_up(chore, MOST).await? == Some(0));
    Ok(())
}

#[tokio::test]
async fn a_session_that_somebody_refreshes_right_now_is_not_waited_for() -> Result<()> {
    let rows = session("busy", "now()", "now() - interval '1 second'");
    let (_database, store, sql) = prepared(&rows).await?;
    sql.batch_execute("begin; select from sessions for update").await?;
    let tidied = store.tidy_up(Chore::EndSessions { idle: DAY }, MOST);
    ensure!(waiting::within(waiting::PATIENCE, "a round that waits for nobody", tidied).await?? == Some(0));
    sql.batch_execute("commit").await?;
    ensure!(store.tidy_up(Chore::EndSessions { idle: DAY }, MOST).await? == Some(1));
    Ok(())
}

#[tokio::test]
async fn sessions_are_kept_for_thirty_days_after_their_end() -> Result<()> {
    let rows = session("live", "now() - interval '40 days'", "now() + interval '1 day'")
        + &session("ended lately", "now()", "now()")
        + &session("ended long ago", "now()", "now()")
        + "update sessions set ended_at = now() - interval '29 days' where device = 'ended lately';
           update sessions set ended_at = now() - interval '31 days' where device = 'ended long ago'";
    let (_database, store, sql) = prepared(&rows).await?;
    let lines = "select id::text from audit";
    let before = texts(&sql, lines).await?;
    ensure!(store.tidy_up(Chore::Sessions, MOST).await? == Some(1));
    let left = texts(&sql, "select device from sessions order by id").await?;
    ensure!(left == ["live", "ended lately"], "{left:?}");
    ensure!(texts(&sql, lines).await? == before, "deleting what had ended is no event");
    Ok(())
}

#[tokio::test]
async fn tickets_and_links_go_when_they_have_ended() -> Result<()> {
    let rows = "insert into tickets (hash, tenant_id, actor, scope, expires_at) values
          ('good', 1, 'user:1', 'read', now() + interval '10 seconds'),
          ('over', 1, 'user:1', 'read', now() - interval '1 second');
        insert into users (tenant_id, email, name, role) values (1, 'bob@shop.example', 'Bob', 'clerk');
        insert into one_time_links (hash, tenant_id, user_id, purpose, expires_at)
          select convert_to(name, 'UTF8'), 1, id, 'invitation',
            now() + case name when 'Ann' then interval '1 hour' else interval '-1 second' end
          from users";
    let (_database, store, sql) = prepared(rows).await?;
    ensure!(store.tidy_up(Chore::Tickets, MOST).await? == Some(1));
    ensure!(store.tidy_up(Chore::Links, MOST).await? == Some(1));
    ensure!(texts(&sql, "select convert_from(hash, 'UTF8') from tickets").await? == ["good"]);
    ensure!(texts(&sql, "select convert_from(hash, 'UTF8') from one_time_links").await? == ["Ann"]);
    Ok(())
}

#[tokio::test]
async fn throttles_go_after_an_hour_without_a_try() -> Result<()> {
    let rows = "insert into sign_in_throttles (subject, allowance, refilled_at) values
        ('address:203.0.113.9', 0, now() - interval '61 minutes'), ('account:default/x', 0, now() - interval '59 minutes')";
    let (_database, store, sql) = prepared(rows).await?;
    ensure!(store.tidy_up(Chore::Throttles, MOST).await? == Some(1));
    ensure!(texts(&sql, "select subject from sign_in_throttles").await? == ["account:default/x"]);
    Ok(())
}

#[tokio::test]
async fn ended_logins_are_kept_for_longer_than_any_token() -> Result<()> {
    let rows = "insert into ended_logins (tenant_id, login, reason, at) values
        (1, 'session:1', 'revoked', now() - interval '119 minutes'), (1, 'session:2', 'revoked', now() - interval '121 minutes')";
    let (_database, store, sql) = prepared(rows).await?;
    ensure!(store.tidy_up(Chore::EndedLogins, MOST).await? == Some(1));
    ensure!(texts(&sql, "select login from ended_logins").await? == ["session:1"]);
    Ok(())
}

#[tokio::test]
async fn what_arrived_through_a_channel_is_kept_for_thirty_days_and_what_did_not_stays() -> Result<()> {
    let rows = "insert into channels (tenant_id, name, kind, recipients) values (1, 'Ann', 'email', '{ann@shop.example}');
        insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure, condition,
            message, change_position, change_at)
          select 1, 1, state, 1, 'Bolt', 'info', 'quantity', '{}', 'x', number, now()
          from (values (1, 'lately'), (2, 'long ago'), (3, 'dead'), (4, 'pending')) as states (number, state);
        insert into deliveries (tenant_id, notification_id, channel_id, state, created_at, delivered_at)
          select 1, notifications.id, channels.id,
            case monitor_name when 'dead' then 'dead' when 'pending' then 'pending' else 'delivered' end,
            now() - interval '40 days',
            case monitor_name when 'lately' then now() - interval '29 days' when 'long ago' then now() - interval '31 days' end
          from notifications, channels";
    let (_database, store, sql) = prepared(rows).await?;
    ensure!(store.tidy_up(Chore::Deliveries, MOST).await? == Some(1));
    let left = "select monitor_name from deliveries join notifications on notifications.id = notification_id order by 1";
    ensure!(texts(&sql, left).await? == ["dead", "lately", "pending"]);
    sql.batch_execute("delete from notifications where monitor_name = 'dead'").await?;
    ensure!(texts(&sql, left).await? == ["lately", "pending"], "it goes with its notification");
    Ok(())
}

#[tokio::test]
async fn values_of_data_sources_go_when_they_no_longer_count() -> Result<()> {
    let rows = r#"insert into sources (tenant_id, name, kind, format, mapping, fresh_for_seconds, created_by)
          values (1, 'x', 'push', 'json', '{"item": {"match": "sku"}, "price": "p"}', 2592000, 'test');
        insert into source_values (item_id, measure, source_id, value, at)
          select days, 'price', sources.id, 1, now() - make_interval(days => days, mins => 1)
          from sources cross join (values (30), (31)) as old (days)"#;
    let (_database, store, sql) = prepared(rows).await?;
    ensure!(store.tidy_up(Chore::SourceValues, MOST).await? == Some(1));
    ensure!(texts(&sql, "select item_id::text from source_values").await? == ["30"]);
    Ok(())
}

#[tokio::test]
async fn the_audit_trail_is_kept_for_as_long_as_is_asked() -> Result<()> {
    let rows = "delete from audit;
        insert into audit (tenant_id, event, actor, at)
          select nullif(days % 2, 0), days::text, 'nobody', now() - make_interval(days => days, mins => 1)
          from generate_series(0, 9) as days";
    let (_database, store, sql) = prepared(rows).await?;
    let chore = Chore::Audit { older_than: 3 * DAY };
    // In batches, the oldest first.
    ensure!(store.tidy_up(chore, 5).await? == Some(5));
    let left = texts(&sql, "select event from audit order by id").await?;
    ensure!(left == ["0", "1", "2", "3", "4"], "{left:?}");
    ensure!(store.tidy_up(chore, 5).await? == Some(2));
    ensure!(texts(&sql, "select event from audit order by id").await? == ["0", "1", "2"]);
    Ok(())
}

#[tokio::test]
async fn notifications_go_with_all_that_belongs_to_them_unless_something_is_still_to_be_sent() -> Result<()> {
    let rows = "insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_name, severity, measure,
          condition, message, change_position, change_at, created_at)
        select 1, 1, name, 1, 'Bolt', 'info', 'price', '{}', 'x', days, now(), now() - make_interval(days => days)
        from (values ('new', 1), ('old', 4), ('older', 5), ('unsent', 6), ('oldest', 7)) as raised (name, days);
        insert into channels (tenant_id, name, kind, recipients) values (1, 'Ann', 'email', '{ann@shop.example}');
        insert into deliveries (tenant_id, notification_id, channel_id, state)
          select 1, notifications.id, channels.id,
            case monitor_name when 'unsent' then 'pending' when 'old' then 'dead' else 'delivered' end
          from notifications cross join channels;
        insert into notification_reads (actor, notification_id) select 'user:1', id from notifications";
    let (_database, store, sql) = prepared(rows).await?;
    let log = "select id::text from changes order by id";
    let before = texts(&sql, log).await?;
    let chore = Chore::Notifications { older_than: 3 * DAY };
    // In batches, the oldest first.
    ensure!(store.tidy_up(chore, 2).await? == Some(2));
    let left = "select monitor_name from notifications order by id";
    ensure!(texts(&sql, left).await? == ["new", "old", "unsent"]);
    ensure!(store.tidy_up(chore, 2).await? == Some(1));
    ensure!(texts(&sql, left).await? == ["new", "unsent"]);
    ensure!(texts(&sql, "select state from deliveries order by id").await? == ["delivered", "pending"]);
    ensure!(texts(&sql, "select actor from notification_reads").await? == ["user:1", "user:1"]);
    ensure!(texts(&sql, log).await? == before, "nobody is told that something has become old");
    sql.batch_execute("update deliveries set state = 'dead'").await?;
    ensure!(store.tidy_up(chore, 2).await? == Some(1));
    ensure!(texts(&sql, left).await? == ["new"]);
    Ok(())
}

#[tokio::test]
async fn mutes_go_when_they_have_ended_or_their_item_is_gone() -> Result<()> {
    let rows = "insert into items (tenant_id, name) values (1, 'Bolt'), (1, 'Nut');
        insert into mutes (tenant_id, monitor_id, item_id, until, note, created_by) values
          (1, 1, null, now() - interval '1 second', 'over', 'user:1'),
          (1, 1, null, now() + interval '1 day', 'lasts', 'user:1'), (1, 1, null, null, 'for ever', 'user:1'),
          (1, 1, 1, null, 'of what is there', 'user:1'), (1, null, 2, null, 'of what is gone', 'user:1');
        delete from items where id = 2";
    let (_database, store, sql) = prepared(rows).await?;
    ensure!(store.tidy_up(Chore::Mutes, MOST).await? == Some(2));
    let left = texts(&sql, "select note from mutes order by id").await?;
    ensure!(left == ["lasts", "for ever", "of what is there"], "{left:?}");
    Ok(())
}

#[tokio::test]
async fn one_process_tidies_up_at_a_time() -> Result<()> {
    let rows =
        "insert into tickets (hash, tenant_id, actor, scope, expires_at) values ('over', 1, 'x', '', now())";
    let (database, store, sql) = prepared(rows).await?;
    // Who waits for a row holds its turn.
    sql.batch_execute("begin; select from tickets for update").await?;
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.tidy_up(Chore::Tickets, MOST).await }
    });
    let observer = database.sql().await?;
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let holds = async || Ok((observer.query_one(waits, &[]).await?.get::<_, i64>(0) > 0).then_some(()));
    waiting::until(waiting::PATIENCE, "somebody to be at it", holds).await?;
    let others = database.store()?;
    ensure!(others.tidy_up(Chore::Links, MOST).await?.is_none());
    sql.batch_execute("commit").await?;
    ensure!(first.await?? == Some(1));
    ensure!(others.tidy_up(Chore::Links, MOST).await? == Some(0));
    Ok(())
}
