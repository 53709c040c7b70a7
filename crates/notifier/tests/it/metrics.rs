//! The numbers to run notifiers by: there from the start, described, and true.

use anyhow::{Context, Result, ensure};
use testkit::{Database, Notifier, settings, waiting};

async fn scrape(notifier: &Notifier) -> Result<String> {
    Ok(reqwest::get(format!("http://{}/metrics", notifier.address())).await?.text().await?)
}

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn the_leader_measures_the_log_and_the_server() -> Result<()> {
    let database = Database::create().await?;
    let notifier = Notifier::start(&settings(&database)?).await?;
    let sql = database.sql().await?;
    // Another test's notifier may have set the same gauges: they are one process' here. These are bounds.
    let measured = waiting::until(waiting::PATIENCE, "the leader to have measured", async || {
        // Again and again: what is there when it comes to lead for the first time is adopted, which is no step.
        sql.batch_execute("insert into items (tenant_id, name) values (1, 'Bolt')").await?;
        let text = scrape(&notifier).await?;
        let tables =
            value(&text, "stockwire_database_table_bytes{table=\"changes\"}").is_some_and(|size| size > 0.0);
        let most = value(&text, "stockwire_database_server_connections_max").is_some_and(|most| most >= 1.0);
        let placed = value(&text, "stockwire_sequencer_placed_total").is_some_and(|placed| placed >= 1.0);
        // The window follows the database a moment later.
        let seen = value(&text, "stockwire_log_head_position").is_some_and(|head| head >= 1.0);
        Ok((tables && most && placed && seen).then_some(text))
    });
    let (text, _) = measured.await?;
    for series in [
        "sequencer_leading",
        "sequencer_steps_total",
        "sequencer_placed_total",
        "sequencer_unplaced_changes",
        "sequencer_unplaced_seconds",
        "log_position",
        "log_head_position",
        "log_lag_positions",
        "log_lag_seconds",
        "feed_clients",
        "feed_entries_total",
        "feed_backfilled_entries_total",
        "database_notification_queue_ratio",
        "database_oldest_transaction_seconds",
        "database_server_connections",
        "database_vitals_age_seconds",
        "database_pool_in_use",
        "database_pool_waiting",
        "database_statement_seconds_count{statement=\"log_age\"}",
    ] {
        ensure!(value(&text, &format!("stockwire_{series}")).is_some(), "{series} is missing:\n{text}");
    }
    let at_least = |series: &str, least: f64| {
        let found = value(&text, &format!("stockwire_{series}")).context("missing")?;
        ensure!(found >= least, "{series} is {found}");
        Ok(())
    };
    at_least("sequencer_step_seconds_count", 1.0)?;
    at_least("database_server_connections", 1.0)?;
    let lines = |kind: &str| text.lines().filter(|line| line.starts_with(&format!("# {kind} "))).count();
    ensure!(lines("HELP") == lines("TYPE"), "a series without a description:\n{text}");
    Ok(())
}
