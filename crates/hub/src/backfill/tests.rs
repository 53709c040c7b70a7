//! The worker that fetches pages, tried against a log that answers as it is told.

use std::collections::HashMap;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::ring::tests::at;

/// The number behind a parameter of a request.
fn parameter(request: &str, name: &str) -> i64 {
    let (_, rest) = request.split_once(name).unwrap();
    rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// A log of `head` entries that answers, and where it was asked to start.
async fn log(head: i64) -> (String, Arc<Mutex<Vec<i64>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<i64>>> = Arc::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let (after, limit) = (parameter(&request, "after="), parameter(&request, "limit="));
            seen.lock().unwrap().push(after);
            let entries: Vec<String> = (after + 1..=head.min(after + limit))
                .map(|position| format!(r#"{{"position":{position},"tenant":1,"op":"create","topics":["items"],"key":"item:5","at_us":3,"frame":{{}}}}"#))
                .collect();
            let body = format!(r#"{{"entries":{{"head":{head},"entries":[{}]}}}}"#, entries.join(","));
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

fn backfill(url: String, pages_per_second: u32) -> Arc<Backfill> {
    let mut settings = Settings::load(None, HashMap::new()).unwrap();
    settings.notifier.url = url;
    settings.hub.backfill_pages_per_second = pages_per_second;
    Arc::new(Backfill::new(&settings, Secret::new("a secret".to_owned())).unwrap())
}

fn epoch() -> Epoch {
    "00000000000000000000000000000001".parse().unwrap()
}

#[tokio::test]
async fn a_page_is_fetched_once_in_turn_and_not_for_those_who_have_gone() {
    let (url, asked) = log(3500).await;
    let backfill = backfill(url, 1000);
    let ask = |start: i64| {
        let backfill = backfill.clone();
        tokio::spawn(async move { backfill.page(epoch(), at(start)).await })
    };
    let waiting: Vec<_> = [2000, 2001, 2999, 7, 3400].into_iter().map(ask).collect();
    let leaving = [ask(1000), ask(1001)];
    let last = ask(999);
    tokio::task::yield_now().await;
    for gone in &leaving {
        gone.abort();
    }
    tokio::task::yield_now().await;
    let fetching = backfill.clone();
    tokio::spawn(async move { fetching.run().await });
    for page in waiting.into_iter().chain([last]) {
        page.await.unwrap().unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), [2000, 0, 3000]);
    // From the shelf.
    backfill.page(epoch(), at(500)).await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_herd_in_different_places_gets_so_many_pages_in_a_second() {
    let (url, asked) = log(6000).await;
    let backfill = backfill(url, 20);
    let fetching = backfill.clone();
    tokio::spawn(async move { fetching.run().await });
    let begun = Instant::now();
    let starts = (0..6000).step_by(100).map(|start| backfill.page(epoch(), at(start)));
    for page in futures_util::future::join_all(starts).await {
        page.unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), [0, 1000, 2000, 3000, 4000, 5000]);
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
}
