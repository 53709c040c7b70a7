//! An entry of the log in the hub's memory: what the feed said, with the frame's bytes as they came.

use std::{borrow::Cow, sync::Arc};

use domain::{
    Cursor, EndedLogin, LogoutReason, Position, ResyncReason, TenantId, Topic,
    feed::{FeedEntry, FrameType},
};
use serde::Deserialize;

/// One change; shared by all shards.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) tenant: TenantId,
    pub(crate) frame_type: FrameType,
    pub(crate) topics: Box<[Topic]>,
    /// Of several entries with the same key, a client that fell behind needs only the newest.
    pub(crate) key: Box<str>,
    pub(crate) at_us: i64,
    /// The frame's fields behind `type`, `topic` and `prev`: a JSON object.
    pub(crate) frame: Box<[u8]>,
    /// The login that was ended, if that is what happened: rare, and no burden to the others.
    pub(crate) ended: Option<Box<EndedLogin>>,
}

impl Entry {
    /// About how much memory it takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Self>() + self.frame.len() + self.key.len() + size_of_val(&*self.topics)
    }
}

impl From<FeedEntry<'_>> for Entry {
    fn from(entry: FeedEntry<'_>) -> Self {
        let concerns_logins = entry.topics.contains(&Topic::Session);
        let ended = concerns_logins.then(|| ended_login(&entry)).flatten().map(Box::new);
        Self {
            position: entry.position,
            tenant: entry.tenant,
            frame_type: entry.frame_type(),
            topics: entry.topics.into_boxed_slice(),
            key: entry.key.into(),
            at_us: entry.at_us,
            frame: entry.frame.get().as_bytes().into(),
            ended,
        }
    }
}

/// Which login an entry of the topic `session` says was ended. The table may be written by hand: what can't be read ends
/// nothing, and is no reason to stop.
fn ended_login(entry: &FeedEntry<'_>) -> Option<EndedLogin> {
    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        data: Option<Ended<'a>>,
    }
    #[derive(Deserialize)]
    struct Ended<'a> {
        #[serde(borrow)]
        login: Cow<'a, str>,
        #[serde(borrow)]
        reason: Cow<'a, str>,
    }
    let read = serde_json::from_str::<Frame<'_>>(entry.frame.get()).ok().and_then(|frame| frame.data);
    let ended = read.and_then(|Ended { login, reason }| {
        // A reason of a later release ends the login all the same.
        let reason = LogoutReason::parse(&reason).unwrap_or(LogoutReason::Revoked);
        login.parse().ok().map(|login| EndedLogin { login, reason })
    });
    if ended.is_none() {
        tracing::error!(log.position = %entry.position, "an ended login can't be read");
    }
    ended
}

/// What the feed tells every shard.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// The next entries, in order, without a gap.
    Entries(Arc<[Arc<Entry>]>),
    /// The hub's stream starts anew behind this cursor; the reason is missing at the very first start.
    Restart(Cursor, Option<ResyncReason>),
    /// Logins were ended that no entry told of.
    Logins,
}

#[cfg(test)]
mod tests {
    use domain::Login;

    use super::*;

    #[test]
    fn what_was_raised_is_told_apart_and_a_notifier_of_before_says_nothing_of_it() {
        for (raised, expected) in [
            (r#","raised":true"#, FrameType::Notification),
            (r#","raised":false"#, FrameType::Create),
            ("", FrameType::Create),
        ] {
            let text = format!(
                r#"{{"position":1,"tenant":1,"op":"create"{raised},"topics":["notifications"],"key":"notification:5",
                  "at_us":3,"frame":{{"id":5}}}}"#
            );
            let entry = Entry::from(serde_json::from_str::<FeedEntry<'_>>(&text).unwrap());
            assert_eq!(entry.frame_type, expected);
        }
    }

    #[test]
    fn an_ended_login_is_read_and_what_is_none_is_ignored() {
        let ended = |data: &str| {
            let text = format!(
                r#"{{"position":1,"tenant":1,"op":"delete","topics":["session"],"key":"session:17","at_us":3,
                  "frame":{{"resource":"session","id":17,"data":{data}}}}}"#
            );
            let entry = Entry::from(serde_json::from_str::<FeedEntry<'_>>(&text).unwrap());
            entry.ended.map(|ended| *ended)
        };
        let of = |login, reason| Some(EndedLogin { login, reason });
        let (session, key) = (Login::Session(17), Login::Key(3));
        assert_eq!(
            ended(r#"{"login":"session:17","reason":"password_changed"}"#),
            of(session, LogoutReason::PasswordChanged)
        );
        assert_eq!(ended(r#"{"reason":"by_fate","login":"key:3","x":1}"#), of(key, LogoutReason::Revoked));
        for malformed in ["null", "7", "{}", r#"{"login":"user:17","reason":"revoked"}"#, r#"{"login":17}"#] {
            assert_eq!(ended(malformed), None, "{malformed}");
        }
    }
}
