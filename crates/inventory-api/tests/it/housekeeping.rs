//! Tidying up begins by itself; what it does is tested in `store`.

use std::time::Duration;

use testkit::waiting;

use crate::app::App;

#[tokio::test]
async fn a_service_that_starts_tidies_up_soon() {
    let app = App::spawn().await;
    app.sql
        .batch_execute("insert into tickets (hash, tenant_id, actor, scope, expires_at) values ('over', 1, 'x', '', now())")
        .await
        .unwrap();
    // The first one may have tidied up before there was something. Services begin at different moments, within ten
    // seconds of their start.
    let _other = App::spawn_on(app.settings.database.url.expose(), &[]).await;
    let limit = Duration::from_secs(10) + waiting::PATIENCE;
    let gone = async || {
        let count = "select count(*) from tickets";
        Ok((app.sql.query_one(count, &[]).await?.get::<_, i64>(0) == 0).then_some(()))
    };
    waiting::until(limit, "the old ticket to go", gone).await.unwrap();
}
