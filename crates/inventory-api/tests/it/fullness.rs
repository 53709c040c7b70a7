//! How much a tenant may have of what it makes.

use domain::{Role, TenantId};
use serde_json::json;

use crate::{app::App, sources::prices};

#[tokio::test]
async fn a_tenant_has_so_many_channels_sources_and_mutes_and_no_more() {
    let app = App::spawn().await;
    let fill = "insert into tenants (name) values ('other');
        insert into channels (tenant_id, name, kind, url, secret_seed)
          select 1, 'c', 'webhook', 'https://a.example/', '' from generate_series(1, 199);
        insert into sources (tenant_id, name, kind, format, mapping, fresh_for_seconds, created_by)
          select 1, 's', 'push', 'json', '{\"item\":{\"match\":\"sku\"},\"price\":\"p\"}', 60, 'test' from generate_series(1, 199);
        insert into mutes (tenant_id, monitor_id, until, created_by)
          select 1, 1, now() + interval '1 day' * (number - 9000), 'test' from generate_series(1, 18999) as number";
    app.sql.batch_execute(fill).await.unwrap();
    let source = {
        let mut source = prices("https://supplier.example/");
        source["enabled"] = json!(false);
        source
    };
    let channel = json!({"name": "x", "kind": "webhook", "url": "https://shop.example/"});
    let theirs: i64 =
        app.sql.query_one("select id from monitors where tenant_id = 2", &[]).await.unwrap().get(0);
    let (ours, others) =
        (app.operator("user:7", Role::Owner), app.operator_of(TenantId::new(2), "user:9", Role::Owner));
    for (path, body, of_others) in [
        ("/api/v1/channels", channel.clone(), channel),
        ("/api/v1/sources", source.clone(), source),
        ("/api/v1/mutes", json!({"monitor_id": 1}), json!({"monitor_id": theirs})),
    ] {
        let make = || app.act(&ours, "POST", path, Some(body.clone()));
        let at_once = futures_util::future::join_all((0..3).map(|_| make())).await;
        let mut statuses: Vec<u16> = at_once.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409], "{path}");
        make().await.is_problem(409, "too_many");
        assert_eq!(app.act(&others, "POST", path, Some(of_others)).await.status, 201, "{path}");
        let made = at_once.iter().find(|answer| answer.status == 201).unwrap();
        assert_eq!(app.act(&ours, "DELETE", made.header("location"), None).await.status, 204);
        assert_eq!(make().await.status, 201, "{path}");
    }
}
