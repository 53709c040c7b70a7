//! A client of the hub's socket, as an integrator would write one.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use domain::{Cursor, SUBPROTOCOL};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use service::access::ACCESS_COOKIE;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error as SocketError, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

use crate::waiting;

/// What the handshake says besides the address.
#[derive(Debug, Clone, Default)]
pub struct SocketOptions {
    /// An access token for the `Authorization` header.
    pub token: Option<String>,
    /// An access token in the cookie of browsers.
    pub cookie: Option<String>,
    /// A ticket for the query.
    pub ticket: Option<String>,
    /// The page that a browser would be on.
    pub origin: Option<String>,
    /// The subprotocol instead of ours.
    pub subprotocol: Option<String>,
}

/// The hub refused the handshake.
#[derive(Debug, thiserror::Error)]
#[error("no socket: status {status:?}, {body}")]
pub struct SocketRefused {
    /// The HTTP status; none if nobody answered.
    pub status: Option<u16>,
    /// The problem document, or why there is none.
    pub body: String,
    /// Seconds, from `Retry-After`.
    pub retry_after: Option<String>,
}

/// The hub closed the socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the socket was closed: {code:?} {reason}")]
pub struct SocketClosed {
    /// The close code; none if the connection just ended.
    pub code: Option<u16>,
    /// The close frame's reason.
    pub reason: String,
}

/// A connected socket.
#[derive(Debug)]
pub struct SocketClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl SocketClient {
    /// Connects; the `connected` frame is the first that [`SocketClient::next`] gives.
    ///
    /// # Errors
    /// The hub refuses.
    pub async fn connect(hub: SocketAddr, options: &SocketOptions) -> Result<Self, SocketRefused> {
        let refused = |error: &dyn std::fmt::Display| SocketRefused {
            status: None,
            body: error.to_string(),
            retry_after: None,
        };
        let ticket = options.ticket.as_ref().map(|ticket| format!("?ticket={ticket}")).unwrap_or_default();
        let mut request =
            format!("ws://{hub}/ws{ticket}").into_client_request().map_err(|error| refused(&error))?;
        let subprotocol = options.subprotocol.clone().unwrap_or_else(|| SUBPROTOCOL.to_owned());
        let given = [
            ("sec-websocket-protocol", Some(subprotocol)),
            ("authorization", options.token.as_ref().map(|token| format!("Bearer {token}"))),
            ("cookie", options.cookie.as_ref().map(|token| format!("{ACCESS_COOKIE}={token}"))),
            ("origin", options.origin.clone()),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                let value = HeaderValue::from_str(&value).map_err(|error| refused(&error))?;
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        match tokio::time::timeout(waiting::PATIENCE, connect_async(request)).await {
            Ok(Ok((socket, _))) => Ok(Self { socket }),
            Ok(Err(SocketError::Http(response))) => Err(SocketRefused {
                status: Some(response.status().as_u16()),
                retry_after: response
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok().map(ToOwned::to_owned)),
                body: response
                    .body()
                    .as_deref()
                    .map(|body| String::from_utf8_lossy(body).into_owned())
                    .unwrap_or_default(),
            }),
            Ok(Err(error)) => Err(refused(&error)),
            Err(elapsed) => Err(refused(&elapsed)),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The socket is gone.
    pub async fn send(&mut self, frame: &Value) -> Result<()> {
        self.send_message(Message::text(frame.to_string())).await
    }

    /// Sends anything, also what the protocol forbids.
    ///
    /// # Errors
    /// The socket is gone.
    pub async fn send_message(&mut self, message: Message) -> Result<()> {
        waiting::within(waiting::PATIENCE, "the socket to take a frame", self.socket.send(message)).await??;
        Ok(())
    }

    /// Asks for a topic with its state first.
    ///
    /// # Errors
    /// The socket is gone.
    pub async fn subscribe_with_snapshot(&mut self, topic: &str) -> Result<()> {
        self.send(&json!({"type": "subscribe", "ref": 1, "topic": topic, "snapshot": true})).await
    }

    /// Asks for what happened on a topic behind a cursor.
    ///
    /// # Errors
    /// The socket is gone.
    pub async fn resume(&mut self, topic: &str, after: Cursor, snapshot: bool) -> Result<()> {
        self.send(
            &json!({"type": "subscribe", "ref": 1, "topic": topic, "after": after, "snapshot": snapshot}),
        )
        .await
    }

    /// The next frame, heartbeats included.
    ///
    /// # Errors
    /// None came, or the socket was closed ([`SocketClosed`]).
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            let message =
                waiting::within(waiting::PATIENCE, "a frame from the hub", self.socket.next()).await?;
            match message {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(text.as_str()).context("a frame is not JSON");
                }
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame
                        .map(|frame| (Some(u16::from(frame.code)), frame.reason.as_str().to_owned()))
                        .unwrap_or_default();
                    // Answers the close.
                    let _ = self.socket.flush().await;
                    return Err(SocketClosed { code, reason }.into());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(SocketClosed { code: None, reason: error.to_string() }.into()),
                None => return Err(SocketClosed { code: None, reason: "ended".to_owned() }.into()),
            }
        }
    }

    /// The next frame that is no heartbeat; it must have this type.
    ///
    /// # Errors
    /// Another one came, none came, or the socket was closed.
    pub async fn expect(&mut self, kind: &str) -> Result<Value> {
        loop {
            let frame = self.next().await?;
            match frame["type"].as_str() {
                Some(found) if found == kind => return Ok(frame),
                Some("heartbeat") => {}
                _ => bail!("expected {kind}, got {frame}"),
            }
        }
    }

    /// Reads on until the hub closes the socket, and says how it did.
    ///
    /// # Errors
    /// It doesn't.
    pub async fn closed(&mut self) -> Result<SocketClosed> {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(error) => return error.downcast::<SocketClosed>(),
            }
        }
    }

    /// Reads on until the hub says that the login was ended, and closes with 4003 and nothing between; says why.
    ///
    /// # Errors
    /// It doesn't, or closes with something else.
    pub async fn logged_out(&mut self) -> Result<String> {
        let frame = loop {
            let frame = self.next().await?;
            if frame["type"] == "force_logout" {
                break frame;
            }
        };
        let reason = frame["reason"].as_str().with_context(|| format!("no reason: {frame}"))?;
        ensure!(frame["message"].as_str().is_some_and(|message| !message.is_empty()), "{frame}");
        match self.next().await {
            Ok(frame) => bail!("expected the end, got {frame}"),
            Err(error) => {
                let closed = error.downcast::<SocketClosed>()?;
                ensure!(closed.code == Some(4003) && closed.reason == reason, "{closed:?}");
            }
        }
        Ok(reason.to_owned())
    }

    /// Whether the hub answers: the socket goes on.
    ///
    /// # Errors
    /// It doesn't, or something else came.
    pub async fn goes_on(&mut self) -> Result<()> {
        self.send(&json!({"type": "ping"})).await?;
        self.expect("pong").await.map(drop)
    }

    /// Whether nothing but heartbeats comes for a while.
    ///
    /// # Errors
    /// Something else came, or the socket was closed.
    pub async fn stays_quiet(&mut self, during: Duration) -> Result<()> {
        match tokio::time::timeout(during, self.expect("nothing")).await {
            Ok(Ok(frame)) => bail!("expected nothing, got {frame}"),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(()),
        }
    }
}
