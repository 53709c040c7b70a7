//! Requests under way when the service stops.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_write_under_way_is_finished_although_the_other_workers_stop_at_once() {
    let app = App::spawn_with(&[("STOCKWIRE__HTTP__WORKERS", "4")]).await;
    let path = app.item(json!({"name": "Bolt"})).await;
    // Every worker opens connections; any of them may serve the write.
    join_all((0..40).map(|_| app.get("/api/v1/items"))).await;
    app.sql.batch_execute("begin; select from items for update").await.unwrap();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        app.stop.cancel();
        tokio::time::sleep(Duration::from_millis(500)).await;
        app.sql.batch_execute("commit").await.unwrap();
    };
    let (written, ()) = tokio::join!(app.patch(&path, json!({"quantity": 7})), stop);
    assert_eq!((written.status.as_u16(), &written.body["quantity"]), (200, &json!(7)), "{written:?}");
}
