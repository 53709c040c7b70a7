//! A receiver of webhooks, which answers as it is told and remembers what it got; and what there is to send.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::Role;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::waiting;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::app::App;

/// What lets a service reach a receiver.
pub(crate) const REACH: (&str, &str) = ("STOCKWIRE__OUTGOING__ALLOWED_NETWORKS", "127.0.0.0/8");

/// How a request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// With this status, and this line among the headers.
    With(u16, &'static str),
    /// With 200, after so long.
    After(Duration),
    /// Never.
    Never,
}

pub(crate) const OK: Reply = Reply::With(200, "x-nothing: to say");

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Debug)]
struct State {
    received: Vec<Received>,
    first: VecDeque<Reply>,
    usual: Reply,
}

/// Dropped, it goes on until the test ends.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        found.unwrap_or_else(|| panic!("{name} is missing: {}", self.head))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn signatures(&self) -> Vec<&str> {
        self.header("webhook-signature").split(' ').collect()
    }

    /// Checks a signature as receivers by the Standard Webhooks specification do.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let seconds: i64 = self.header("webhook-timestamp").parse().unwrap();
        assert!((jiff::Timestamp::now().as_second() - seconds).abs() < 300, "{seconds} is long ago");
        let signed = format!("{}.{seconds}.{}", self.header("webhook-id"), self.body);
        self.signatures().iter().any(|signature| {
            let code = BASE64_STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
            Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&signed).verify_slice(&code).is_ok()
        })
    }
}

impl Receiver {
    pub(crate) async fn start(usual: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { received: Vec::new(), first: VecDeque::new(), usual }));
        let kept = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, kept.clone()));
            }
        });
        Self { url, state }
    }

    /// Answers the next requests like this.
    pub(crate) fn first(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().first.extend(replies);
    }

    /// Answers from now on like this.
    pub(crate) fn usually(&self, reply: Reply) {
        self.state.lock().unwrap().usual = reply;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// What came, once there are so many.
    pub(crate) async fn receives(&self, count: usize) -> Vec<Received> {
        let limit = waiting::PATIENCE * 2;
        let awaited = format!("{count} webhooks");
        let arrived = waiting::until(limit, &awaited, async || {
            Ok(Some(self.received()).filter(|received| received.len() >= count))
        });
        arrived.await.unwrap().0
    }
}

async fn converse(mut stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8(bytes.drain(..end).collect()).unwrap();
        let mut request = Received { head, body: String::new() };
        let length: usize = request.header("content-length").parse().unwrap();
        while bytes.len() < length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        request.body = String::from_utf8(bytes.drain(..length).collect()).unwrap();
        let reply = {
            let mut state = state.lock().unwrap();
            state.received.push(request);
            let usual = state.usual;
            state.first.pop_front().unwrap_or(usual)
        };
        let (status, line) = match reply {
            Reply::With(status, line) => (status, line),
            Reply::After(pause) => {
                tokio::time::sleep(pause).await;
                (200, "x-late: yes")
            }
            Reply::Never => std::future::pending().await,
        };
        let answer = format!("HTTP/1.1 {status} Test\r\n{line}\r\ncontent-length: 2\r\n\r\nok");
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// A channel that was made just now.
pub(crate) struct MadeChannel {
    pub(crate) id: i64,
    pub(crate) secret: String,
}

impl App {
    pub(crate) fn manager(&self) -> String {
        self.operator("user:7", Role::Manager)
    }

    /// Makes a webhook.
    pub(crate) async fn webhook(&self, url: &str) -> MadeChannel {
        let body = json!({"name": "shop", "kind": "webhook", "url": url});
        let made = self.act(&self.manager(), "POST", "/api/v1/channels", Some(body)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let secret = made.body["secret"].as_str().unwrap().to_owned();
        MadeChannel { id: made.body["id"].as_i64().unwrap(), secret }
    }

    /// Raises a notification as the evaluation does, once for each channel and number, and gives the ids of the deliveries.
    pub(crate) async fn raise_for(&self, channel: i64, count: i64) -> Vec<i64> {
        const RAISE: &str = "with raised as (
              insert into notifications (tenant_id, monitor_id, monitor_name, item_id, item_sku, item_name, severity,
                measure, condition, value, threshold, message, change_position, change_at)
              select 1, 4711, 'Low stock', 12, 'B-1', 'Bolt', 'critical', 'quantity',
                '{\"kind\": \"below\", \"threshold\": 10}', 3, 10, 'Bolt is low: 3', number + random() * 1e9, now()
              from generate_series(1, $2::bigint) as number
              returning id
            )
            insert into deliveries (tenant_id, notification_id, channel_id) select 1, id, $1 from raised returning id";
        let rows = self.sql.query(RAISE, &[&channel, &count]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(crate) async fn delivery(&self, id: i64) -> Value {
        let answer = self.act(&self.manager(), "GET", &format!("/api/v1/deliveries/{id}"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The delivery, once it is in this state.
    pub(crate) async fn delivery_is(&self, id: i64, state: &str) -> Value {
        let awaited = format!("a delivery to be {state}");
        let found = waiting::until(waiting::PATIENCE * 2, &awaited, async || {
            Ok(Some(self.delivery(id).await).filter(|delivery| delivery["state"] == state))
        });
        found.await.unwrap().0
    }

    /// The delivery, once a try has failed and another is to come.
    pub(crate) async fn delivery_failed(&self, id: i64) -> Value {
        let found = waiting::until(waiting::PATIENCE, "a try to fail", async || {
            Ok(Some(self.delivery(id).await).filter(|delivery| delivery["last_error"].is_string()))
        });
        found.await.unwrap().0
    }
}
