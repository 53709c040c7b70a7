//! What clients do below HTTP's surface.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::app::{App, answer};

/// Sends bytes, says that no more will come, and reads the answer to its end.
async fn exchange(app: &App, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // Where the service keeps the connection open, what has come so far is the answer.
    let _ = tokio::time::timeout(Duration::from_secs(3), read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_is_far_too_large_is_refused_with_a_problem() {
    let app = App::spawn().await;
    let state = app.state().await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(10_000_000));
    let sized = app.request("POST", "/api/v1/items").header("content-type", "application/json");
    answer(sized.body(large.clone())).await.is_problem(413, "body_too_large");
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        large.as_bytes().chunks(50_000).map(|piece| Ok(piece.to_vec())).collect();
    let chunked = app.request("POST", "/api/v1/items").header("content-type", "application/json");
    let chunked = chunked.body(reqwest::Body::wrap_stream(futures_util::stream::iter(pieces)));
    answer(chunked).await.is_problem(413, "body_too_large");
    assert_eq!(app.state().await, state);
    // The connection is still good.
    assert_eq!(app.post("/api/v1/items", json!({"name": "Bolt"})).await.status, 201);
}

#[tokio::test]
async fn a_body_that_is_cut_off_changes_nothing() {
    let app = App::spawn().await;
    let state = app.state().await;
    let head = "POST /api/v1/items HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
    let mut stream = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(br#"{"name":"Bolt"}"#).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answered = String::new();
    let read = stream.read_to_string(&mut answered);
    tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
    assert!(answered.starts_with("HTTP/1.1 400") && answered.contains("malformed_body"), "{answered}");
    assert_eq!(app.state().await, state);
}

#[tokio::test]
async fn an_offer_of_http_2_is_answered_in_http_1() {
    let app = App::spawn().await;
    let head = "GET /api/v1/items HTTP/1.1\r\nHost: localhost\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
        http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    let answered = exchange(&app, head, b"").await;
    assert!(answered.starts_with("HTTP/1.1 200 OK") && answered.contains("\"data\":[]"), "{answered}");
    let head = "POST /api/v1/items HTTP/1.1\r\nHost: localhost\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
        http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n";
    let answered = exchange(&app, head, br#"{"name":"Bolt"}"#).await;
    assert!(answered.starts_with("HTTP/1.1 201 Created"), "{answered}");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let app = App::spawn().await;
    let answered = exchange(&app, "GET /api/v1/items\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"").await;
    assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
    let answered = exchange(&app, "\x16\x03\x01\x02\r\n\r\n", b"").await;
    assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
}
