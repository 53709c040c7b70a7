//! How the quantity or the price of an item went.

use serde_json::{Value, json};

use crate::app::App;

/// An item whose changes were made at noon on the first, second, … of November.
async fn item(app: &App, quantities: &[i64]) -> String {
    let path = app.item(json!({"name": "Bolt", "quantity": quantities[0], "price": "2.50"})).await;
    for quantity in &quantities[1..] {
        app.patch(&path, json!({"quantity": quantity})).await;
    }
    spread(app).await;
    path
}

async fn spread(app: &App) {
    const SPREAD: &str =
        "update changes set at = timestamptz '2026-11-01T12:00:00Z' + (version - 1) * interval '1 day'";
    app.sql.batch_execute(SPREAD).await.unwrap();
}

async fn series(app: &App, path: &str, query: &str) -> Value {
    let answer = app.get(&format!("{path}/series?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn column(series: &Value, name: &str) -> Vec<Value> {
    series["points"].as_array().unwrap().iter().map(|point| point[name].clone()).collect()
}

#[tokio::test]
async fn few_changes_are_told_one_by_one() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let path = item(&app, &[5, 7, 3]).await;
    app.patch(&path, json!({"name": "Nut"})).await;
    app.patch(&path, json!({"price": null})).await;
    app.delete(&path).await;
    spread(&app).await;
    sequencer.step().await.unwrap();

    let quantity = series(&app, &path, "measure=quantity").await;
    assert_eq!(
        (&quantity["measure"], &quantity["since"]),
        (&json!("quantity"), &json!("2026-11-01T12:00:00Z"))
    );
    assert_eq!((&quantity["before"], &quantity["complete"]), (&Value::Null, &json!(true)));
    assert_eq!(quantity["as_of"]["position"], 6);
    assert_eq!(column(&quantity, "last"), [json!(5), json!(7), json!(3), Value::Null]);
    for name in ["first", "low", "high"] {
        assert_eq!(column(&quantity, name), column(&quantity, "last"), "{name}");
    }
    assert_eq!(column(&quantity, "changes"), [1, 1, 1, 1]);
    let last = json!("2026-11-06T12:00:00Z");
    assert_eq!(column(&quantity, "at")[3], last);

    let price = series(&app, &path, "measure=price").await;
    assert_eq!(column(&price, "last"), [json!("2.5000"), Value::Null, Value::Null]);

    let part = "measure=quantity&since=2026-11-02T12:00:00.000001Z&until=2026-11-06T12:00:00Z";
    let part = series(&app, &path, part).await;
    assert_eq!((&part["before"], column(&part, "last")), (&json!(7), vec![json!(3)]));
    assert_eq!((&part["until"], &part["complete"]), (&last, &json!(true)));
    let later =
        series(&app, &path, "measure=price&since=2026-11-04T00:00:00Z&until=2026-11-04T13:00:00Z").await;
    assert_eq!((&later["before"], &later["points"]), (&json!("2.5000"), &json!([])));
}

#[tokio::test]
async fn many_changes_are_told_in_stretches() {
    let app = App::spawn().await;
    let quantities: Vec<i64> = (0..60).map(|place| (place * 7) % 50).collect();
    let path = item(&app, &quantities).await;
    let range = "since=2026-11-01T12:00:00Z&until=2026-12-31T12:00:00Z";
    let one_by_one = series(&app, &path, &format!("measure=quantity&{range}&points=60")).await;
    assert_eq!(column(&one_by_one, "last"), quantities);

    // Six days each.
    let told = series(&app, &path, &format!("measure=quantity&{range}&points=10")).await;
    let stretches: Vec<&[i64]> = quantities.chunks(6).collect();
    let expected =
        |pick: fn(&[i64]) -> i64| stretches.iter().map(|stretch| pick(stretch)).collect::<Vec<_>>();
    assert_eq!(column(&told, "first"), expected(|stretch| stretch[0]));
    assert_eq!(column(&told, "last"), expected(|stretch| stretch[5]));
    assert_eq!(column(&told, "low"), expected(|stretch| *stretch.iter().min().unwrap()));
    assert_eq!(column(&told, "high"), expected(|stretch| *stretch.iter().max().unwrap()));
    assert_eq!(column(&told, "changes"), [6; 10]);
    assert_eq!(column(&told, "at")[1], "2026-11-07T12:00:00Z");
    // Without an end, what is made just now counts, too.
    assert_eq!(column(&series(&app, &path, "measure=quantity&points=10").await, "changes").len(), 10);
}

#[tokio::test]
async fn what_is_no_longer_kept_is_said_to_be_missing() {
    let app = App::spawn().await;
    let sequencer = app.lead().await;
    let path = item(&app, &[5, 7, 3, 8]).await;
    sequencer.step().await.unwrap();
    app.keep_newest(2).await;
    let all = series(&app, &path, "measure=quantity").await;
    assert_eq!((&all["before"], &all["complete"]), (&json!(7), &json!(false)));
    assert_eq!(
        (&all["since"], column(&all, "last")),
        (&json!("2026-11-03T12:00:00Z"), vec![json!(3), json!(8)])
    );
    let kept = series(&app, &path, "measure=quantity&since=2026-11-03T13:00:00Z").await;
    assert_eq!((&kept["before"], &kept["complete"]), (&json!(3), &json!(true)));
    app.keep_newest(0).await;
    let none = series(&app, &path, "measure=quantity&since=2026-11-03T13:00:00Z").await;
    assert_eq!((&none["before"], &none["points"], &none["complete"]), (&json!(8), &json!([]), &json!(false)));
}

#[tokio::test]
async fn a_series_of_nothing_and_a_question_without_sense_are_refused() {
    let app = App::spawn().await;
    let path = app.item(json!({"name": "Bolt"})).await;
    app.get("/api/v1/items/4711/series?measure=price").await.is_problem(404, "not_found");
    for query in [
        "",
        "measure=name",
        "measure=price&points=9",
        "measure=price&points=2001",
        "measure=price&since=x",
        "measure=price&since=2026-11-02T00:00:00Z&until=2026-11-02T00:00:00Z",
        "measure=price&step=1",
    ] {
        app.get(&format!("{path}/series?{query}")).await.is_problem(400, "invalid_parameter");
    }
}
