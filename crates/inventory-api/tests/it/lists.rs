//! Lists: pages, sorts, filters.

use serde_json::{Value, json};

use crate::app::App;

/// Walks all pages by their links and gives the items' ids.
async fn walk(app: &App, query: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut path = format!("/api/v1/items?{query}");
    for _ in 0..100 {
        let page = app.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        ids.extend(page.body["data"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
        if page.body["has_more"] == false {
            assert_eq!((page.header("link"), &page.body["next_cursor"]), ("", &Value::Null));
            return ids;
        }
        let cursor = page.body["next_cursor"].as_str().unwrap();
        let link = page.header("link").strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        assert!(link.ends_with(&format!("after={cursor}")), "{link} {cursor}");
        path = link.to_owned();
    }
    panic!("the pages don't end");
}

/// Twelve items with equal names, quantities and prices among them, and without sku or price.
async fn catalogue(app: &App) {
    for number in 0..12 {
        let mut item = json!({"name": format!("Item {}", number % 3), "quantity": number % 4});
        if number % 2 == 0 {
            item["sku"] = json!(format!("S-{:02}", 11 - number));
        }
        if number % 3 > 0 {
            item["price"] = json!(format!("{}.5", number % 3));
        }
        app.item(item).await;
    }
}

#[tokio::test]
async fn pages_in_any_order_show_every_item_once() {
    let app = App::spawn().await;
    catalogue(&app).await;
    for sort in ["id", "name", "sku", "quantity", "price", "updated_at"] {
        for direction in ["", "-"] {
            let whole = walk(&app, &format!("sort={direction}{sort}")).await;
            assert_eq!(whole.len(), 12);
            for limit in [1, 2, 5, 11, 12] {
                let paged = walk(&app, &format!("limit={limit}&sort={direction}{sort}")).await;
                assert_eq!(paged, whole, "{direction}{sort} by {limit}");
            }
        }
    }
    let by_id = walk(&app, "").await;
    assert_eq!(walk(&app, "sort=updated_at").await, by_id);
    let reversed: Vec<i64> = by_id.iter().rev().copied().collect();
    assert_eq!(walk(&app, "sort=-updated_at&limit=5").await, reversed);
    let by_quantity = app.get("/api/v1/items?sort=-quantity").await;
    let quantities: Vec<i64> = by_quantity.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["quantity"].as_i64().unwrap())
        .collect();
    assert_eq!(quantities, [3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]);
    assert_eq!(app.get("/api/v1/items?sort=price").await.body["data"][0]["price"], Value::Null);
    assert_eq!(app.get("/api/v1/items?sort=-price").await.body["data"][0]["price"], "2.5000");
}

#[tokio::test]
async fn a_walk_misses_nothing_that_stays_while_others_come_and_go() {
    let app = App::spawn().await;
    catalogue(&app).await;
    let stay = walk(&app, "").await;
    let first = app.get("/api/v1/items?sort=name&limit=4").await;
    app.delete(&format!("/api/v1/items/{}", first.body["data"][3]["id"])).await;
    app.item(json!({"name": "A newcomer"})).await;
    let mut seen: Vec<i64> =
        first.body["data"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
    let cursor = first.body["next_cursor"].as_str().unwrap();
    seen.extend(walk(&app, &format!("sort=name&limit=3&after={cursor}")).await);
    seen.sort_unstable();
    assert_eq!(seen, stay);
}

#[tokio::test]
async fn filters_are_combined_and_kept_from_page_to_page() {
    let app = App::spawn().await;
    for (name, sku, quantity, reorder_point) in [
        ("Hex bolt 100%", "HB-1", 5, Some(10)),
        ("Hex nut", "HN_1", 50, Some(10)),
        ("Washer", "hex-w", 10, Some(10)),
        ("Screw", "SC-1", 0, None),
        ("Bolt_x", "BX", 1, Some(0)),
    ] {
        let reorder_point: Value = reorder_point.map_or(Value::Null, Value::from);
        app.item(json!({"name": name, "sku": sku, "quantity": quantity, "reorder_point": reorder_point}))
            .await;
    }
    let all = walk(&app, "").await;
    let [bolt, nut, washer, screw, bolt_x] = all[..] else { panic!("{all:?}") };
    for (query, found) in [
        ("q=HEX", vec![bolt, nut, washer]),
        ("q=hex&limit=1", vec![bolt, nut, washer]),
        ("q=100%25", vec![bolt]),
        ("q=%25", vec![bolt]),
        ("q=_", vec![nut, bolt_x]),
        ("q=%5C", vec![]),
        ("q=hex+nut", vec![nut]),
        ("q=", all.clone()),
        ("sku=HB-1", vec![bolt]),
        ("sku=hb-1", vec![]),
        ("low_stock=true", vec![bolt, washer]),
        ("low_stock=false&sort=-id", vec![bolt_x, screw, nut]),
        ("low_stock=true&q=bolt", vec![bolt]),
        ("updated_since=2001-01-01T00:00:00Z&limit=2", all.clone()),
        ("updated_since=2999-01-01T00:00:00%2B01:00", vec![]),
    ] {
        assert_eq!(walk(&app, query).await, found, "{query}");
    }
    let since = app.get(&format!("/api/v1/items/{washer}")).await.body["updated_at"].clone();
    let since = since.as_str().unwrap();
    assert_eq!(walk(&app, &format!("updated_since={since}")).await, [washer, screw, bolt_x]);
}

#[tokio::test]
async fn a_page_says_which_moment_of_the_log_it_shows() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let empty = app.get("/api/v1/items").await;
    assert_eq!((&empty.body["data"], &empty.body["as_of"]["position"]), (&json!([]), &json!(0)));
    app.item(json!({"name": "Bolt"})).await;
    sequencer.step().await.unwrap();
    let page = app.get("/api/v1/items").await;
    assert_eq!(page.body["as_of"], json!({"epoch": sequencer.epoch().to_string(), "position": 1}));
}
