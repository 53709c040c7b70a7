//! Which logins were ended before this hub followed the log: asked of the notifier beside its feed.

use std::time::Duration;

use domain::{EndedLogin, feed::EndedLogins};
use reqwest::StatusCode;
use service::{Call, Settings, settings::Secret};

/// Why nobody knows which.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndedError {
    #[error("the notifier doesn't say which logins were ended: {0}")]
    Http(#[source] reqwest::Error),
    #[error("what the notifier says of ended logins can't be read")]
    Json(#[from] serde_json::Error),
}

impl From<reqwest::Error> for EndedError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// Asks a notifier.
#[derive(Debug)]
pub(crate) struct EndedBefore {
    client: reqwest::Client,
    url: String,
    secret: Secret,
}

impl EndedBefore {
    pub(crate) fn new(settings: &Settings, secret: Secret) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            // It is asked when a feed was opened, often because the notifier before is gone: a connection to that one
            // would be waited for in vain, and the feed with it.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()?;
        Ok(Self { client, url: beside_the_feed(&settings.notifier.url, "/feed/ended"), secret })
    }

    /// All that were ended lately, as far as that is committed by now.
    ///
    /// # Errors
    /// The notifier, or its database, is away.
    pub(crate) async fn ask(&self) -> Result<Vec<EndedLogin>, EndedError> {
        let call = Call::begin("GET /feed/ended");
        let request = self.client.get(&self.url).bearer_auth(self.secret.expose());
        let request = call.headers().fold(request, |request, (name, value)| request.header(name, value));
        let receive = async {
            let answer = request.send().await?;
            // A notifier of the release before, which had no logins that could be ended.
            if answer.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            answer.error_for_status()?.bytes().await.map(Some)
        };
        let Some(body) = call.run(receive).await? else { return Ok(Vec::new()) };
        Ok(serde_json::from_slice::<EndedLogins>(&body)?.ended)
    }
}

/// Where a notifier answers questions, from where its feed is.
pub(crate) fn beside_the_feed(feed: &str, path: &str) -> String {
    let feed = feed.trim_end_matches('/');
    let http = match feed.split_once("://") {
        Some(("ws", rest)) => format!("http://{rest}"),
        Some(("wss", rest)) => format!("https://{rest}"),
        _ => feed.to_owned(),
    };
    format!("{http}{path}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use domain::{Login, LogoutReason};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn questions_are_asked_where_the_feed_is() {
        let entries = |feed| beside_the_feed(feed, "/feed/entries");
        assert_eq!(entries("ws://notifier:8081"), "http://notifier:8081/feed/entries");
        assert_eq!(entries("wss://notifier/"), "https://notifier/feed/entries");
    }

    /// What a hub makes of a notifier's answer.
    async fn asked(status: &str, body: &str) -> Result<Vec<EndedLogin>, EndedError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut settings = Settings::load(None, HashMap::new()).unwrap();
        settings.notifier.url = format!("ws://{}", listener.local_addr().unwrap());
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let read = socket.read(&mut [0; 4096]).await.unwrap();
            assert!(read > 0);
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        EndedBefore::new(&settings, Secret::new("a secret".to_owned())).unwrap().ask().await
    }

    #[tokio::test]
    async fn only_a_notifier_that_knows_no_logins_may_say_nothing() {
        let ended = asked("200 OK", r#"{"ended":[{"login":"key:3","reason":"revoked"}]}"#).await.unwrap();
        assert_eq!(ended, [EndedLogin { login: Login::Key(3), reason: LogoutReason::Revoked }]);
        assert!(asked("404 Not Found", "").await.unwrap().is_empty());
        assert!(matches!(asked("503 Service Unavailable", "").await, Err(EndedError::Http(_))));
        assert!(matches!(asked("200 OK", "{}").await, Err(EndedError::Json(_))));
    }
}
