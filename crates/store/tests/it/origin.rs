//! A statement that runs for a request says so to the server, and runs all the same.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::{ItemId, ItemPatch, NewItem, TenantId, WriteContext};
use futures_util::StreamExt;
use serde_json::json;
use store::{Comments, Expected, HistoryFilter, ItemFilter, ItemSort, Origin, Store, WhoAsks, WriteOutcome};
use testkit::{Database, waiting};

const HOSTILE: &str = "r-1*/ drop table items; --'";

fn traced() -> Option<Origin> {
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    Some(Origin { request_id: "r-1".into(), traceparent, sampled: true })
}

fn hostile() -> Option<Origin> {
    Some(Origin { request_id: HOSTILE.into(), traceparent: None, sampled: false })
}

fn context() -> WriteContext {
    WriteContext { actor: "test".into(), ..WriteContext::default() }
}

async fn create(store: &Store) -> Result<ItemId> {
    let new = NewItem::from_json(json!({"name": "Bolt"})).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let created = store.create_item(TenantId::DEFAULT, &new, &context()).await?;
    ItemId::new(created.id()).context("an id")
}

/// What the server shows of an update that waits for a lock, and the update's outcome once it doesn't any more.
async fn shown_while_waiting(database: &Database, comments: Comments, who_asks: WhoAsks) -> Result<String> {
    let store = database.store()?.attributed(comments, who_asks);
    let id = create(&store).await?;
    let holder = database.sql().await?;
    holder.batch_execute(&format!("begin; select from items where id = {id} for update")).await?;
    let update = tokio::spawn(async move {
        let patch = ItemPatch::from_json(json!({"quantity": 7}));
        let patch = patch.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        anyhow::Ok(store.update_item(TenantId::DEFAULT, id, &patch, &Expected::Exists, &context()).await?)
    });
    let observer = database.sql().await?;
    let waits = "select query from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '/* store::update_item */%'";
    let shown = waiting::until(waiting::PATIENCE, "the update to wait", async || {
        let row = observer.query_opt(waits, &[]).await?;
        Ok(row.map(|row| row.try_get::<_, String>(0)).transpose()?)
    });
    let (shown, _) = shown.await?;
    holder.batch_execute("rollback").await?;
    let outcome = waiting::within(Duration::from_secs(10), "the update", update).await???;
    ensure!(matches!(outcome, WriteOutcome::Done(_)), "{outcome:?}");
    Ok(shown)
}

#[tokio::test]
async fn a_statement_leads_back_to_its_request() -> Result<()> {
    let database = Database::create().await?;
    let expected = "/* store::update_item */ /*request_id='r-1',\
        traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/";
    for comments in [Comments::All, Comments::Sampled] {
        let shown = shown_while_waiting(&database, comments, traced).await?;
        ensure!(shown.starts_with(expected), "{shown}");
    }
    Ok(())
}

#[tokio::test]
async fn an_id_can_not_break_out_of_the_comment() -> Result<()> {
    let database = Database::create().await?;
    let shown = shown_while_waiting(&database, Comments::All, hostile).await?;
    let expected = "/* store::update_item */ /*request_id='r-1%2A%2F%20drop%20table%20items%3B%20--%27'*/";
    ensure!(shown.starts_with(expected), "{shown}");
    Ok(())
}

#[tokio::test]
async fn requests_that_are_not_chosen_use_the_prepared_text() -> Result<()> {
    let database = Database::create().await?;
    for comments in [Comments::Sampled, Comments::None] {
        let shown = shown_while_waiting(&database, comments, hostile).await?;
        ensure!(!shown.contains("request_id='"), "{shown}");
    }
    Ok(())
}

#[tokio::test]
async fn every_statement_answers_the_same_with_a_comment() -> Result<()> {
    let database = Database::create().await?;
    let plain = database.store()?;
    let commented = database.store()?.attributed(Comments::All, hostile);
    let tenant = TenantId::DEFAULT;
    let id = create(&commented).await?;
    let _second = create(&plain).await?;
    let (all, sort) = (ItemFilter::default(), ItemSort::default());
    for store in [&plain, &commented] {
        ensure!(store.item(tenant, id).await?.0.is_some());
        let first = store.item_list(tenant, &all, sort, None, 1).await?;
        ensure!(first.items.len() == 1);
        let second = store.item_list(tenant, &all, sort, first.next.as_ref(), 1).await?;
        ensure!(second.items.len() == 1 && second.next.is_none());
        let snapshot = store.item_snapshot(tenant, None).await?;
        let documents: Vec<_> = Box::pin(snapshot.documents).collect().await;
        ensure!(documents.len() == 2 && documents.iter().all(Result::is_ok), "{documents:?}");
        ensure!(store.item_history(tenant, id, HistoryFilter::default(), 10).await?.changes.len() == 1);
        store.log_head().await?;
        store.describe(TenantId::DEFAULT).await?;
        store.ping().await?;
        store.announce_log().await?;
    }
    let gone = commented.delete_item(tenant, id, &Expected::Exists, &context()).await?;
    ensure!(matches!(gone, WriteOutcome::Done(_)));
    Ok(())
}
