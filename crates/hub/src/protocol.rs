//! What a client's frame means, decided without any I/O: the frame and who the client is so far go in, what to do
//! comes out.

use domain::{API_KEY_MARK, ClientFrame, CloseCode, Cursor, Identity, Topic};
use service::access::Refused;

/// What to do about a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The client is known now.
    Welcome(Identity),
    /// The client has a newer token.
    Renew(Identity),
    /// It wants a topic.
    Subscribe { reference: Option<u64>, topic: Topic, snapshot: bool, after: Option<Cursor> },
    /// It doesn't want a topic any more.
    Unsubscribe(Topic),
    /// It wants to hear something.
    Pong(Option<u64>),
    /// It wants something that it can't have.
    Refuse { reference: Option<u64>, code: &'static str, detail: String },
    /// It must go.
    Close { code: CloseCode, reason: String },
}

/// Why credentials are not good, for developers. A key is looked up with the handshake only; it fits a
/// close frame.
pub(crate) fn why_refused(token: &str) -> &'static str {
    if token.starts_with(API_KEY_MARK) {
        "a key goes into the handshake's header, or is exchanged for a token at POST /api/v1/tokens"
    } else {
        "the access token is not valid"
    }
}

/// Decides about a frame's payload.
pub(crate) fn react(
    known: Option<&Identity>,
    payload: &[u8],
    verify: impl FnOnce(&str) -> Result<Identity, Refused>,
) -> Reaction {
    let frame = match ClientFrame::parse(payload) {
        Ok(frame) => frame,
        Err(error) => return Reaction::Close { code: CloseCode::BadFrame, reason: error.to_string() },
    };
    match (frame, known) {
        (ClientFrame::Auth { token }, known) => authenticate(known, verify(&token), why_refused(&token)),
        (_, None) => {
            let reason = "the first frame must be auth".to_owned();
            Reaction::Close { code: CloseCode::NotAuthenticated, reason }
        }
        (ClientFrame::Subscribe { reference, topic, snapshot, after }, Some(_)) => {
            match parse_topic(&topic) {
                Ok(topic) => Reaction::Subscribe { reference, topic, snapshot, after },
                Err(detail) => Reaction::Refuse { reference, code: "unknown_topic", detail },
            }
        }
        (ClientFrame::Unsubscribe { reference, topic }, Some(_)) => match parse_topic(&topic) {
            Ok(topic) => Reaction::Unsubscribe(topic),
            Err(detail) => Reaction::Refuse { reference, code: "unknown_topic", detail },
        },
        (ClientFrame::Ping { reference }, Some(_)) => Reaction::Pong(reference),
    }
}

fn authenticate(
    known: Option<&Identity>,
    verified: Result<Identity, Refused>,
    why_refused: &'static str,
) -> Reaction {
    match (verified, known) {
        (Ok(identity), None) => Reaction::Welcome(identity),
        // A socket belongs to one login for its whole life; only a token of the same one renews it. A client that
        // came without a token may say who it is once.
        (Ok(identity), Some(known)) if shows_nothing(known) || is_same_login(known, &identity) => {
            if known.tenant == identity.tenant {
                Reaction::Renew(identity)
            } else {
                let reason = "the token belongs to another tenant than this socket".to_owned();
                Reaction::Close { code: CloseCode::Policy, reason }
            }
        }
        (Ok(_), Some(_)) => {
            let reason = "the token belongs to another login than this socket".to_owned();
            Reaction::Close { code: CloseCode::Policy, reason }
        }
        (Err(Refused::Expired), _) => {
            Reaction::Close { code: CloseCode::TokenExpired, reason: Refused::Expired.to_string() }
        }
        (Err(_), _) => Reaction::Close { code: CloseCode::NotAuthenticated, reason: why_refused.to_owned() },
    }
}

/// Whether a client came without a token.
const fn shows_nothing(known: &Identity) -> bool {
    known.login.is_none() && known.expires_at.is_none()
}

fn is_same_login(known: &Identity, renewed: &Identity) -> bool {
    known.tenant == renewed.tenant && known.actor == renewed.actor && known.login == renewed.login
}

/// The topics that a client may ask for.
fn parse_topic(text: &str) -> Result<Topic, String> {
    match text.parse() {
        Ok(Topic::Session) => Err("the topic session is always there; it can't be subscribed to".to_owned()),
        Ok(topic) => Ok(topic),
        Err(error) => Err(domain::ParseTopicError::to_string(&error)),
    }
}

/// How many of something are still allowed: refills steadily, holds so many seconds' worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance<const SECONDS: u32> {
    /// In thousandths.
    left: u32,
    refilled_at_ms: u64,
}

impl<const SECONDS: u32> Allowance<SECONDS> {
    pub(crate) const fn full(per_second: u32, now_ms: u64) -> Self {
        Self { left: Self::most(per_second), refilled_at_ms: now_ms }
    }

    const fn most(per_second: u32) -> u32 {
        per_second.saturating_mul(1000 * SECONDS)
    }

    /// Takes one; says whether there was one.
    pub(crate) fn take(&mut self, per_second: u32, now_ms: u64) -> bool {
        let elapsed = u32::try_from(now_ms.saturating_sub(self.refilled_at_ms)).unwrap_or(u32::MAX);
        let refilled = self.left.saturating_add(elapsed.saturating_mul(per_second));
        self.left = refilled.min(Self::most(per_second));
        self.refilled_at_ms = self.refilled_at_ms.max(now_ms);
        match self.left.checked_sub(1000) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn user(actor: &str) -> Identity {
        Identity { actor: Arc::from(actor), expires_at: Some(jiff_epoch()), ..Identity::anonymous() }
    }

    fn jiff_epoch() -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn nobody(_: &str) -> Result<Identity, Refused> {
        Err(Refused::Invalid)
    }

    fn close_code(reaction: Reaction) -> Option<CloseCode> {
        match reaction {
            Reaction::Close { code, .. } => Some(code),
            _ => None,
        }
    }

    #[test]
    fn before_auth_nothing_else_is_heard() {
        let subscribe = br#"{"type":"subscribe","topic":"items"}"#;
        assert_eq!(close_code(react(None, subscribe, nobody)), Some(CloseCode::NotAuthenticated));
        let auth = br#"{"type":"auth","token":"x"}"#;
        assert_eq!(close_code(react(None, auth, nobody)), Some(CloseCode::NotAuthenticated));
        assert_eq!(react(None, auth, |_| Ok(user("user:1"))), Reaction::Welcome(user("user:1")));
    }

    #[test]
    fn who_shows_an_api_key_is_told_what_to_do_with_it() {
        let auth = br#"{"type":"auth","token":"sw_0123456789_secret"}"#;
        for known in [None, Some(&user("user:1"))] {
            let reaction = react(known, auth, nobody);
            let Reaction::Close { code: CloseCode::NotAuthenticated, reason } = reaction else {
                panic!("{reaction:?}")
            };
            assert!(reason.contains("/api/v1/tokens") && !reason.contains("secret"), "{reason}");
            assert!(reason.len() <= 123, "it would be cut");
        }
    }

    #[test]
    fn a_socket_stays_with_its_login() {
        let auth = br#"{"type":"auth","token":"x"}"#;
        let known = user("user:1");
        assert_eq!(react(Some(&known), auth, |_| Ok(user("user:1"))), Reaction::Renew(user("user:1")));
        let other = react(Some(&known), auth, |_| Ok(user("user:2")));
        assert_eq!(close_code(other), Some(CloseCode::Policy));
        let ended = react(Some(&known), auth, |_| Err(Refused::Expired));
        assert_eq!(close_code(ended), Some(CloseCode::TokenExpired));
        let nobody_yet = Identity::anonymous();
        assert_eq!(react(Some(&nobody_yet), auth, |_| Ok(user("user:2"))), Reaction::Renew(user("user:2")));
    }

    #[test]
    fn an_unknown_topic_is_refused_and_a_bad_frame_is_final() {
        let known = user("user:1");
        for topic in ["item", "items:0", "session", "tenants"] {
            let payload = format!(r#"{{"type":"subscribe","ref":3,"topic":"{topic}"}}"#);
            let reaction = react(Some(&known), payload.as_bytes(), nobody);
            assert!(
                matches!(reaction, Reaction::Refuse { reference: Some(3), code: "unknown_topic", .. }),
                "{reaction:?}"
            );
        }
        assert_eq!(close_code(react(Some(&known), b"{", nobody)), Some(CloseCode::BadFrame));
    }

    #[test]
    fn an_allowance_holds_some_seconds_worth_and_refills() {
        let mut allowance = Allowance::<10>::full(2, 0);
        assert_eq!((0..30).filter(|_| allowance.take(2, 0)).count(), 20);
        assert!(!allowance.take(2, 400));
        assert!(allowance.take(2, 600));
        assert!(!allowance.take(2, 700));
        assert_eq!((0..30).filter(|_| allowance.take(2, 1_000_000)).count(), 20);
    }
}
