//! Brings a message to where a channel leads, once: a letter, or a signed request.

use std::{fmt, sync::Arc, time::Duration};

use domain::{ChannelKind, Email};
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use service::{Fatal, Settings};
use store::ChannelAddress;

use crate::{
    Mail, Outgoing, OutgoingError,
    message::Message,
    signature::{Secrets, WebhookSecret, signatures},
};

/// Brings messages to where channels lead. Clones share everything.
#[derive(Clone)]
pub struct Courier {
    outgoing: Outgoing,
    mail: Option<Mail>,
    secrets: Secrets,
    public_url: Option<Arc<str>>,
    patience: Duration,
}

/// Why a message didn't arrive: in words for whoever manages the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// Perhaps it does later.
    Failed {
        /// What went wrong.
        why: String,
        /// For how long the other side asks for quiet.
        quiet: Option<Duration>,
    },
    /// Repeating it wouldn't help: the other side is gone for good, or nothing may be sent there.
    Refused(String),
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { why, .. } | Self::Refused(why) => f.write_str(why),
        }
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Courier {
    /// Letters go by `mail`, if there is any.
    ///
    /// # Errors
    /// What it makes requests with.
    #[must_use]
    pub const fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// The key of tokens is missing or too short, or the settings of outgoing requests can't be used.
    pub fn new(settings: &Settings, mail: Option<Mail>) -> Result<Self, Fatal> {
        Ok(Self {
            outgoing: Outgoing::new(&settings.outgoing)?,
            mail,
            secrets: Secrets::new(&settings.token_secret()?),
            public_url: Some(settings.http.public_url.as_str()).filter(|url| !url.is_empty()).map(Arc::from),
            patience: settings.connector.patience(),
        })
    }

    /// Whether letters can be sent.
    #[must_use]
    pub const fn sends_letters(&self) -> bool {
        self.mail.is_some()
    }

    /// The secret that belongs to a seed.
    #[must_use]
    pub fn secret(&self, seed: &[u8]) -> WebhookSecret {
        self.secrets.of(seed)
    }

    /// Sends a message once, within the time that a try may take.
    ///
    /// # Errors
    /// See [`Undelivered`].
    pub async fn send(&self, to: &ChannelAddress, message: &Message) -> Result<(), Undelivered> {
        let sending = async {
            match to.kind {
                ChannelKind::Email => self.write(to, message).await,
                ChannelKind::Webhook => self.post(to, message).await,
            }
        };
        let overdue = || OutgoingError::TimedOut(self.patience).into();
        tokio::time::timeout(self.patience, sending).await.unwrap_or_else(|_| Err(overdue()))
    }

    async fn write(&self, to: &ChannelAddress, message: &Message) -> Result<(), Undelivered> {
        let Some(mail) = &self.mail else {
            return Err(failed("no mail server is set: mail.server"));
        };
        let recipients = to.recipients.iter().map(|text| {
            Email::parse(text).map_err(|error| Undelivered::Refused(format!("a recipient {error}")))
        });
        let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
        let letter = message.letter(self.public_url.as_deref()).map_err(failed)?;
        // With its causes: the server's own words are among them.
        mail.send(&recipients, letter).await.map_err(|error| failed(format!("{error:#}")))
    }

    async fn post(&self, to: &ChannelAddress, message: &Message) -> Result<(), Undelivered> {
        let (Some(url), Some(seed)) = (&to.url, &to.seed) else {
            return Err(Undelivered::Refused("the channel has no URL or no secret".to_owned()));
        };
        let seeds = [Some(seed), to.previous_seed.as_ref()];
        let secrets: Vec<_> = seeds.into_iter().flatten().map(|seed| self.secrets.of(seed)).collect();
        let body = message.body().map_err(failed)?;
        let now = Timestamp::now();
        let signed = signatures(&secrets, &message.id, now.as_second(), &body);
        let request = self.outgoing.confidential(Method::POST, url)?;
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", signed)
            .body(body);
        let (status, headers) = self.outgoing.hand_over(request, self.patience).await?;
        judge(status, &headers, now)
    }
}

/// What a status says. Only 410 says that nobody wants to hear any more: whatever else a client is told, wrong paths and
/// missing credentials too, is put right on the other side all the time, and a repetition then arrives.
fn judge(status: u16, headers: &HeaderMap, now: Timestamp) -> Result<(), Undelivered> {
    let answered = format!("it answered with status {status}");
    match status {
        200..=299 => Ok(()),
        300..=399 => Err(failed(format!("{answered}: redirects aren't followed, so name the new URL"))),
        410 => Err(Undelivered::Refused(format!("{answered}: it is gone for good"))),
        429 | 503 => Err(Undelivered::Failed { why: answered, quiet: retry_after(headers, now) }),
        _ => Err(failed(answered)),
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a time.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::parse(text).ok()?.timestamp();
    until.duration_since(now).try_into().ok()
}

fn failed(why: impl fmt::Display) -> Undelivered {
    Undelivered::Failed { why: why.to_string(), quiet: None }
}

impl From<OutgoingError> for Undelivered {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Refused(why) => Self::Refused(why),
            other => failed(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, retry_after.parse().unwrap())])
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        let now = Timestamp::now();
        let judged = |status| judge(status, &HeaderMap::new(), now);
        for status in [200, 202, 204, 299] {
            assert_eq!(judged(status), Ok(()), "{status}");
        }
        for status in [301, 308, 400, 401, 404, 422, 429, 500, 503] {
            assert!(matches!(judged(status), Err(Undelivered::Failed { quiet: None, .. })), "{status}");
        }
        assert!(matches!(judged(410), Err(Undelivered::Refused(_))));
        assert!(judged(302).unwrap_err().to_string().contains("redirects"));
    }

    #[test]
    fn quiet_is_asked_for_in_seconds_or_until_a_time() {
        let now: Timestamp = "2026-11-22T08:30:00Z".parse().unwrap();
        let quiet = |status, text| match judge(status, &headers(text), now) {
            Err(Undelivered::Failed { quiet, .. }) => quiet.map(|quiet| quiet.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(quiet(429, "120"), Some(120));
        assert_eq!(quiet(503, "Sun, 22 Nov 2026 08:31:00 GMT"), Some(60));
        for text in ["Sun, 22 Nov 2026 08:29:00 GMT", "soon", "-5", "1.5", ""] {
            assert_eq!(quiet(503, text), None, "{text}");
        }
        assert_eq!(quiet(500, "120"), None);
    }
}
