//! Who may write what monitors came to: whoever took the evaluation over last, and only on the log that was looked at.

use anyhow::{Context, Result, ensure};
use domain::Position;
use store::{Committed, MonitorClaim, MonitorEffects, Sequencer};
use testkit::Database;

fn position(value: i64) -> Result<Position> {
    Position::new(value).context("a position")
}

#[tokio::test]
async fn only_the_last_one_writes_and_only_on_the_same_log() -> Result<()> {
    let database = Database::create().await?;
    let (store, sql) = (database.store()?, database.sql().await?);
    let sequencer = Sequencer::lead(&store).await?;
    sql.batch_execute("insert into items (tenant_id, name) select 1, 'x' from generate_series(1, 9)").await?;
    let head = sequencer.step().await?.head;
    let nothing = MonitorEffects::default();
    let earlier = store.take_over_monitors().await?.claim;
    let claim = store.take_over_monitors().await?.claim;
    ensure!(claim.epoch == head.epoch && claim.term == earlier.term + 1, "{claim:?}");
    let done = Committed::Done { raised: 0 };
    ensure!(store.commit_monitors(earlier, head.position, &nothing).await? == Committed::Overtaken);
    ensure!(store.commit_monitors(claim, head.position, &nothing).await? == done);
    // The database is an older one by now: this was written there never.
    ensure!(store.commit_monitors(claim, head.position, &nothing).await? == Committed::Overtaken);
    let claim = MonitorClaim { position: head.position, ..claim };
    // The log's end is lost, as it is when a replica takes over that hadn't got it.
    let beyond = position(head.position.get() + 1)?;
    ensure!(store.commit_monitors(claim, beyond, &nothing).await? == Committed::Overtaken);
    sql.batch_execute("update sequencer set epoch = gen_random_uuid()").await?;
    ensure!(store.commit_monitors(claim, head.position, &nothing).await? == Committed::Overtaken);
    let epoch: uuid::Uuid = sql.query_one("select epoch from sequencer", &[]).await?.get(0);
    let claim = MonitorClaim { epoch: domain::Epoch::new(epoch), ..claim };
    ensure!(store.commit_monitors(claim, head.position, &nothing).await? == done);
    Ok(())
}
