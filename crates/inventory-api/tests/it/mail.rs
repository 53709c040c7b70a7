//! Letters, taken by a small mail server of the test's own.

use std::{sync::Arc, time::Duration};

use domain::Role;
use serde_json::json;
use testkit::waiting;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use crate::app::{Answer, App};

/// Speaks as much SMTP (RFC 5321) as it takes to be handed a letter.
pub(crate) struct MailServer {
    pub(crate) url: String,
    letters: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp+plain://{}", listener.local_addr().unwrap());
        let letters = Arc::<Mutex<Vec<String>>>::default();
        let kept = letters.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, kept.clone()));
            }
        });
        Self { url, letters }
    }

    /// The letter of this number, once it is there.
    pub(crate) async fn letter(&self, number: usize) -> String {
        let arrived = waiting::until(waiting::PATIENCE, "a letter", async || {
            Ok(self.letters.lock().await.get(number).cloned())
        });
        arrived.await.unwrap().0
    }
}

async fn converse(socket: TcpStream, letters: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    socket.get_mut().write_all(b"220 test\r\n").await?;
    let mut letter = String::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "DATA" => {
                socket.get_mut().write_all(b"354 go on\r\n").await?;
                loop {
                    let mut line = String::new();
                    socket.read_line(&mut line).await?;
                    if line == ".\r\n" {
                        break;
                    }
                    letter.push_str(&line);
                }
                // Long lines are broken (quoted-printable, RFC 2045, section 6.7).
                letters.lock().await.push(std::mem::take(&mut letter).replace("=\r\n", ""));
                socket.get_mut().write_all(b"250 taken\r\n").await?;
            }
            "QUIT" => return socket.get_mut().write_all(b"221 bye\r\n").await,
            // Who it is from and for is part of what was handed over.
            "MAIL" | "RCPT" => {
                letter.push_str(&line);
                socket.get_mut().write_all(b"250 ok\r\n").await?;
            }
            _ => socket.get_mut().write_all(b"250 ok\r\n").await?,
        }
    }
}

async fn app_with(server: &str) -> App {
    App::spawn_with(&[
        ("STOCKWIRE__MAIL__SERVER", server),
        ("STOCKWIRE__MAIL__FROM", "Stockwire <stock@shop.example>"),
        ("STOCKWIRE__HTTP__PUBLIC_URL", "https://stock.shop.example"),
    ])
    .await
}

async fn invite(app: &App) -> Answer {
    let body = json!({"email": "ann@shop.example", "name": "Ann", "role": "clerk"});
    app.act(&app.operator("cli", Role::Owner), "POST", "/api/v1/users", Some(body)).await
}

fn secret(letter: &str) -> &str {
    let (_, rest) = letter.split_once("https://stock.shop.example/sign-in#").unwrap();
    rest.lines().next().unwrap()
}

async fn choose(app: &App, secret: &str) -> Answer {
    app.post("/api/v1/password", json!({"link": secret, "password": "correct horse"})).await
}

#[tokio::test]
async fn an_invitation_comes_by_letter_and_not_in_the_answer() {
    let server = MailServer::start().await;
    let app = app_with(&server.url).await;
    let invited = invite(&app).await;
    assert_eq!((invited.status.as_u16(), &invited.body["invitation"]["delivery"]), (201, &json!("email")));
    assert!(!invited.body.to_string().contains("sign-in#"), "{invited:?}");
    let letter = server.letter(0).await;
    for line in ["FROM:<stock@shop.example>", "TO:<ann@shop.example>", "Hello Ann,", "as clerk"] {
        assert!(letter.contains(line), "{line}: {letter}");
    }
    assert_eq!(choose(&app, secret(&letter)).await.status, 201);
}

#[tokio::test]
async fn a_forgotten_password_is_answered_by_letter_and_nobody_learns_who_exists() {
    let server = MailServer::start().await;
    let app = app_with(&server.url).await;
    invite(&app).await;
    choose(&app, secret(&server.letter(0).await)).await;
    let reset = |email: &str| app.post("/api/v1/password-resets", json!({"email": email}));
    let (unknown, known) = (reset("nobody@shop.example").await, reset("ann@shop.example").await);
    assert_eq!((unknown.status.as_u16(), known.status.as_u16()), (202, 202));
    assert_eq!(known.body, unknown.body);
    let letter = server.letter(1).await;
    assert!(letter.contains("TO:<ann@shop.example>") && letter.contains("new password"), "{letter}");
    assert_eq!(choose(&app, secret(&letter)).await.status, 201);
    assert_eq!(server.letters.lock().await.len(), 2);
}

#[tokio::test]
async fn where_the_mail_server_is_away_the_inviter_hears_it_and_can_ask_again() {
    let app = app_with("smtp+plain://127.0.0.1:1").await;
    let invited = invite(&app).await;
    assert_eq!((invited.status.as_u16(), &invited.body["invitation"]["delivery"]), (201, &json!("failed")));
    assert!(!invited.body.to_string().contains("sign-in#"), "{invited:?}");
    let again = format!("/api/v1/users/{}/password-link", invited.body["id"]);
    let again = app.act(&app.operator("cli", Role::Owner), "POST", &again, None).await;
    assert_eq!((again.status.as_u16(), &again.body["delivery"]), (201, &json!("failed")));
    let metrics = app.get("/metrics").await;
    let text = metrics.body.as_str().unwrap();
    assert!(text.contains(r#"stockwire_letters_total{outcome="failed"}"#), "{text}");
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_holds_no_request_for_long() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = app_with(&format!("smtp+plain://{}", silent.local_addr().unwrap())).await;
    let invited = waiting::within(Duration::from_secs(18), "an answer", invite(&app)).await.unwrap();
    assert_eq!((invited.status.as_u16(), &invited.body["invitation"]["delivery"]), (201, &json!("failed")));
}
