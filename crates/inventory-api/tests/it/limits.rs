//! Rate limits: for each login, else for each address, told in headers, and sooner for who guesses.

use serde_json::json;

use crate::{
    app::{Answer, App, answer},
    people::PASSWORD,
};

/// Slow enough that nothing comes back while a test runs.
const SLOW: [(&str, &str); 3] = [
    ("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "1"),
    ("STOCKWIRE__LIMITS__BURST", "600"),
    ("STOCKWIRE__HTTP__TRUSTED_PROXIES", "127.0.0.1"),
];

/// What a client is told it may still do, and when that changes.
fn told(answer: &Answer) -> (u32, u32) {
    let state =
        answer.header("ratelimit").strip_prefix("\"default\";r=").unwrap_or_else(|| panic!("{answer:?}"));
    let (remaining, seconds) = state.split_once(";t=").unwrap();
    (remaining.parse().unwrap(), seconds.parse().unwrap())
}

/// Asks as a client at another address.
async fn ask_from(app: &App, address: &str, token: Option<&str>) -> Answer {
    let request = app.request("GET", "/api/v1/items").header("x-forwarded-for", address);
    answer(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

fn anonymous_anywhere(settings: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [settings, &[("STOCKWIRE__AUTH__ANONYMOUS", "anywhere")]].concat()
}

#[tokio::test]
async fn a_client_is_told_how_it_stands_and_refused_when_nothing_is_left() {
    let settings = [("STOCKWIRE__LIMITS__REQUESTS_PER_SECOND", "1"), ("STOCKWIRE__LIMITS__BURST", "3")];
    let app = App::spawn_with(&settings).await;
    // Refilled at one a second: however slow the machine is, a refusal comes soon after three that passed.
    let mut passed = 0;
    let refused = loop {
        let answered = app.get("/db-check").await;
        assert_eq!(answered.header("ratelimit-policy"), "\"default\";q=3;w=3");
        let (remaining, seconds) = told(&answered);
        assert!(remaining < 3 && seconds <= 3, "{answered:?}");
        if answered.status != 200 {
            break answered;
        }
        passed += 1;
        assert!(passed < 100, "nothing is refused");
    };
    assert!(passed >= 3, "{passed}");
    refused.is_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(told(&refused), (0, 1));
    assert_eq!(refused.header("cache-control"), "no-store");
    // What nobody limits: supervisors and documents.
    for path in ["/ready", "/health", "/api/v1/openapi.json"] {
        let free = app.get(path).await;
        assert_eq!((free.status.as_u16(), free.header("ratelimit")), (200, ""), "{path}");
    }
    let wait = async || {
        let answered = app.get("/db-check").await;
        Ok((answered.status == 200).then_some(()))
    };
    testkit::waiting::until(testkit::waiting::PATIENCE, "a request to pass again", wait).await.unwrap();
    let metrics = app.request("GET", "/metrics").send().await.unwrap().text().await.unwrap();
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("stockwire_api_rate_limited_total{limit=\"address\"} "))
        .map(|value| value.parse::<f64>().unwrap());
    assert!(counted.is_some_and(|counted| counted >= 1.0), "{counted:?}");
}

#[tokio::test]
async fn each_login_has_its_own_limit_wherever_it_comes_from() {
    let app = App::spawn_with(&anonymous_anywhere(&SLOW)).await;
    app.allow_several_sessions().await;
    let ann = app.person("ann", "viewer").await;
    let sign_in = || async {
        let body = json!({"email": ann.email, "password": PASSWORD});
        let request = app.request("POST", "/api/v1/sessions").header("x-forwarded-for", "203.0.113.200");
        crate::people::Device::of(&answer(request.json(&body)).await)
    };
    let (laptop, phone) = (sign_in().await, sign_in().await);
    let mut least = 600;
    for _ in 0..20 {
        (least, _) = told(&ask_from(&app, "203.0.113.1", Some(&laptop.access)).await);
    }
    // At one a second, some may have come back; not twenty.
    assert!(least < 600 - 1, "{least}");
    let (elsewhere, _) = told(&ask_from(&app, "203.0.113.2", Some(&laptop.access)).await);
    assert!(elsewhere < 599, "it is the login's: {elsewhere}");
    assert_eq!(told(&ask_from(&app, "203.0.113.1", Some(&phone.access)).await).0, 599);
    assert_eq!(told(&ask_from(&app, "203.0.113.1", None).await).0, 599, "nobody else at that address pays");
    // One network of 64 bits is one address in IPv6.
    assert_eq!(told(&ask_from(&app, "2001:db8:1:2::1", None).await).0, 599);
    assert!(told(&ask_from(&app, "2001:db8:1:2:ffff::1", None).await).0 <= 599);
    assert_eq!(told(&ask_from(&app, "2001:db8:1:3::1", None).await).0, 599);
}

#[tokio::test]
async fn bad_credentials_count_ten_times_and_leave_others_at_the_address_alone() {
    let app = App::spawn_with(&anonymous_anywhere(&SLOW)).await;
    let ann = app.person("ann", "viewer").await;
    let device = app.sign_in(&ann).await;
    let here = "203.0.113.9";
    assert_eq!(told(&ask_from(&app, here, Some("guessed")).await).0, 590);
    let mut guesses = 1;
    let refused = loop {
        let answered = ask_from(&app, here, Some("guessed")).await;
        guesses += 1;
        if answered.status != 401 {
            break answered;
        }
        assert!(guesses < 300, "guessing goes on");
    };
    refused.is_problem(429, "rate_limited");
    assert!(guesses >= 60, "{guesses}");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(ask_from(&app, here, Some(&device.access)).await.status, 200);
    assert_eq!(ask_from(&app, "203.0.113.10", Some("guessed")).await.status, 401);
}
