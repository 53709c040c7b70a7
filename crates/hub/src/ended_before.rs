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
    use super::*;

    #[test]
    fn questions_are_asked_where_the_feed_is() {
        let entries = |feed| beside_the_feed(feed, "/feed/entries");
        assert_eq!(entries("ws://notifier:8081"), "http://notifier:8081/feed/entries");
        assert_eq!(entries("wss://notifier/"), "https://notifier/feed/entries");
    }
}
